"""What failure directions have to say on the pages of others: a class, a failure mode, the method page."""

import math
from dataclasses import dataclass, replace

from barlow_report.formatting import count, counted, percent
from barlow_report.lenses.directions.config import DirectionsConfig
from barlow_report.lenses.directions.records import PLACES, CaptionEntry, ClassDirection, DirectionTables, ModePlace
from barlow_report.report.evidence import VERDICTS
from barlow_report.report.histogram import HistogramDrawing, draw_histogram
from barlow_report.report.pages.page import Heading, Site
from barlow_report.report.records import Rule, Share
from barlow_report.report.slots import Block, MethodPart, PagePart, Sentence
from barlow_report.report.words import STATUSES
from barlow_report.visible import visible

__all__ = [
    "DIRECTION_ANCHOR",
    "LABELS",
    "DirectionMethod",
    "DirectionSection",
    "ImageAlong",
    "PlaceView",
    "class_section",
    "embeddings_words",
    "method_part",
    "mode_sentence",
    "mode_words",
]

DIRECTION_ANCHOR = "direction"

LABELS = {**VERDICTS, **STATUSES, "too_few_of_one_outcome": "too few of one outcome"}

_WHY = {
    "too_few_images": "this class has fewer images to fit on than directions.min_images.",
    "no_failures": "the model recognises every image of this class that could be used for the fit.",
    "only_failures": "the model recognises no image of this class that could be used for the fit.",
    "too_few_of_one_outcome": "there are too few failures, or too few successes, to divide them into folds.",
}

_TITLES = {"hardest": "Hardest", "middle": "In the middle", "easiest": "Easiest"}


@dataclass(frozen=True, kw_only=True)
class ImageAlong:
    """An image along a direction with what the model said about it."""

    thumbnail: str
    name: str
    prediction: str
    is_failure: bool
    decision_value: float


@dataclass(frozen=True, kw_only=True)
class PlaceView:
    """The images of one place along a direction."""

    title: str
    images: tuple[ImageAlong, ...]


@dataclass(frozen=True, kw_only=True)
class DirectionSection:
    """The direction of a class, ready to be shown; `why` says why there is none, `captions` may be empty.

    Decision values have no unit of their own: those of a class are shown in the power of ten `exponent`.
    """

    anchor: str
    direction: ClassDirection
    class_name: str
    label: str
    why: str
    quality: str
    embeddings: str
    histogram: HistogramDrawing | None
    places: tuple[PlaceView, ...]
    hardest: tuple[CaptionEntry, ...]
    easiest: tuple[CaptionEntry, ...]
    reference_score: float | None
    exponent: int


@dataclass(frozen=True, kw_only=True)
class DirectionMethod:
    """What the method page says of directions depends on."""

    settings: DirectionsConfig
    embeddings: str
    n_held_out: int


def embeddings_words(settings: DirectionsConfig) -> str:
    """Say what the embeddings are."""
    if settings.clip is not None:
        name = settings.clip.model
        return f"embeddings of the image-text model {visible(name)}" if name else "embeddings of an image-text model"
    return "the features of the feature model" if settings.embeddings is None else "embeddings from a file"


def class_section(site: Site, directions: DirectionTables, class_id: int) -> PagePart | None:
    """The part of a class's page; None where the class has no direction."""
    entry = directions.classes.get(class_id)
    if entry is None:
        return None
    heading = Heading("Failure direction", DIRECTION_ANCHOR)
    block = Block(template="lenses/directions/class.html", view=_class_view(site, directions, entry))
    return PagePart(heading=heading, block=block)


def _class_view(site: Site, directions: DirectionTables, entry: ClassDirection) -> DirectionSection:
    n = (len(entry.captions) + 1) // 2
    exponent = _exponent(max((abs(end) for b in entry.bins for end in (b.low, b.high)), default=0.0))
    unit = 10.0**exponent
    captions = tuple(replace(caption, score=caption.score / unit) for caption in entry.captions)
    bins = tuple(replace(b, low=b.low / unit, high=b.high / unit) for b in entry.bins)
    return DirectionSection(
        anchor=DIRECTION_ANCHOR,
        direction=entry,
        class_name=site.class_name(entry.class_id),
        label=LABELS[entry.label],
        why=_WHY.get(entry.status, ""),
        quality=quality_words(entry),
        embeddings=embeddings_words(directions.settings),
        histogram=draw_histogram(bins, thresholds=[(0.0, 0.0)]),
        places=tuple(_place(site, entry, place, unit=unit) for place in PLACES),
        hardest=captions[:n],
        easiest=tuple(reversed(captions[n:])),
        reference_score=None if entry.reference_score is None else entry.reference_score / unit,
        exponent=exponent,
    )


def _exponent(largest: float) -> int:
    """The power of ten in which values up to `largest` are easy to read: 0 where they are so as they are."""
    return 0 if largest == 0 or 0.001 <= largest < 100_000 else math.floor(math.log10(largest))


def _place(site: Site, entry: ClassDirection, place: str, *, unit: float) -> PlaceView:
    images = site.catalog.images
    return PlaceView(
        title=_TITLES[place],
        images=tuple(
            ImageAlong(
                thumbnail=image.thumbnail,
                name=images.name(image.image_id),
                prediction=site.class_name(int(images.prediction[image.image_id])),
                is_failure=bool(images.label[image.image_id] != images.prediction[image.image_id]),
                decision_value=image.decision_value / unit,
            )
            for image in entry.images[place]
        ),
    )


def quality_words(entry: ClassDirection) -> str:
    """Say what the held-out images say about a direction."""
    if entry.status != "fitted":
        return ""
    if entry.verdict == "in_sample_only":
        return "No image was held out, so nothing was tested: the fit may have memorised the order."
    if entry.balanced_accuracy is None:
        missing = "failures" if not entry.held_out.k else "successes"
        return f"The held-out images of this class have no {missing}, so the direction could not be tested."
    found = (
        f"Of the held-out images, {_of(entry.failures, 'failure')} {'lies' if entry.failures.k == 1 else 'lie'} on the "
        f"hard side and {_of(entry.successes, 'success')} on the easy side. "
    )
    if entry.verdict == "verified":
        return f"{found}That is more than chance."
    if entry.verdict == "too_few_images":
        return f"{found}That is too few images to tell: no outcome could have been more than chance."
    return f"{found}That may be chance: do not rely on the order below."


def _of(share: Share, what: str) -> str:
    return f"{count(share.k)} of {counted(share.n, what)}"


def mode_sentence(directions: DirectionTables, rule: Rule) -> Sentence | None:
    """Say where the failures of a rule lie along the directions of their classes."""
    words = mode_words(directions.modes.get(rule.rule_id), is_in_sample=not directions.n_held_out)
    return Sentence(text=words) if words else None


def mode_words(place: ModePlace | None, *, is_in_sample: bool) -> str:
    """Say where the failures of a rule lie along the direction of their class."""
    if place is None or not place.hard.n:
        return ""
    which = "" if is_in_sample else " that no direction was fitted to"
    if place.hard.n == 1:
        return f"Its failure{which} lies on the {'hard' if place.hard.k else 'easy'} side of its class's direction."
    lie = "lies" if place.hard.k == 1 else "lie"
    return (
        f"Of its {count(place.hard.n)} failures{which}, {count(place.hard.k)} {lie} on the hard side of their class's "
        f"direction; half of the failures are harder than {percent(place.median_hardness, decimals=0)} of the class's "
        "other images."
    )


def method_part(directions: DirectionTables) -> MethodPart:
    """The part of the method page."""
    view = DirectionMethod(
        settings=directions.settings,
        embeddings=embeddings_words(directions.settings),
        n_held_out=directions.n_held_out,
    )
    return MethodPart(
        section=PagePart(
            heading=Heading("Failure directions", "directions"),
            block=Block(template="lenses/directions/method.html", view=view),
        ),
        sources=Block(template="lenses/directions/sources.html", view=None),
    )
