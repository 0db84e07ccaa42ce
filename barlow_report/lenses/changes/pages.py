"""The page of what changed since an earlier run, and the list of images that fail with one model alone."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from barlow_report.formatting import count, counted, percent
from barlow_report.lenses.changes.page_charts import SlopePanel, draw_slopes
from barlow_report.lenses.changes.page_history import history_page
from barlow_report.lenses.changes.page_tables import CHANGES_PATH, class_table, flipped_table, mode_table
from barlow_report.lenses.changes.page_words import (
    REPAIR_WORDS,
    STATE_WORDS,
    answer,
    images_that,
    repair_meanings,
    state_meanings,
    whole_sentence,
)
from barlow_report.lenses.changes.records import ChangeView, FlippedImage
from barlow_report.report.datatable import DataTable, Link
from barlow_report.report.pages.page import Heading, Site, SitePage

__all__ = ["ChangesPage", "FlippedGallery", "FlippedPage", "FlippedPicture", "OldMode", "changes_pages"]

IMAGES_PATH = "changes/images/index.html"
_N_PICTURES = 24
_N_OLD_MODES = 100


@dataclass(frozen=True, kw_only=True)
class FlippedPicture:
    """An image that fails with one model alone, what both said, and the names of the failure modes that it is in."""

    thumbnail: str
    path: str
    label: str
    old: str
    new: str
    sure_old: str
    sure_new: str
    is_newly_wrong: bool
    modes: str

    @property
    def words(self) -> str:
        """What stands for the picture where it cannot be seen."""
        if self.is_newly_wrong:
            return f"labelled {self.label}, right before, now taken for {self.new}"
        return f"labelled {self.label}, taken for {self.old} before, now right"

    @property
    def caption(self) -> str:
        """What the viewer says."""
        sure = f", {self.sure}" if self.sure else ""
        return f"{self.path}: {self.words}{sure}{f', in {self.modes}' if self.modes else ''}"

    @property
    def sure(self) -> str:
        """How sure both models are of what they said, as far as that is known."""
        if self.sure_old and self.sure_new:
            return f"{self.sure_old} sure, now {self.sure_new}"
        return f"{self.sure_old or self.sure_new} sure" if self.sure_old or self.sure_new else ""


@dataclass(frozen=True, kw_only=True)
class FlippedGallery:
    """Images that fail with one model alone: how many there are, and the first ones that have a picture."""

    title: str
    anchor: str
    n_images: int
    pictures: tuple[FlippedPicture, ...]


@dataclass(frozen=True, kw_only=True)
class OldMode:
    """A failure mode that only the earlier run has: its name, and its images by that run's numbers of features."""

    name: str
    words: str


@dataclass(frozen=True, kw_only=True)
class ChangesPage:
    """What became of the failure modes, the images and the classes."""

    changes: ChangeView
    answer: str
    whole: str
    compared: str
    panels: tuple[SlopePanel, ...]
    modes: DataTable
    meanings: tuple[tuple[str, str], ...]
    state_words: Mapping[str, str]
    repairs: tuple[tuple[str, str], ...]
    repair_words: Mapping[str, str]
    n_by_prediction: int
    has_estimates: bool
    is_other_feature_model: bool
    galleries: tuple[FlippedGallery, ...]
    classes: DataTable
    only_old: tuple[OldMode, ...]
    n_only_old: int
    not_compared: tuple[tuple[str, int], ...]
    has_history: bool


@dataclass(frozen=True, kw_only=True)
class FlippedPage:
    """All images that fail with one model alone."""

    changes: ChangeView
    table: DataTable
    n_images: int


def changes_pages(site: Site, changes: ChangeView) -> Iterator[SitePage]:
    """The page of changes, then that of images, then that of the history where there is one."""
    modes, classes = mode_table(site, changes), class_table(site, changes)
    for table in (modes, classes):
        site.tables[table.name] = table
    yield SitePage(
        path=CHANGES_PATH,
        title="Changes",
        section="Changes",
        description=f"What changed from {changes.old.name} to {changes.new.name}. {answer(changes)}",
        search="Changes since the last release: failure modes that got worse, are new, got better, or are gone; "
        "whether repairs worked; images "
        "that now fail or are now right; classes.",
        template="lenses/changes/page.html",
        view=lambda: _view(site, changes, modes, classes),
        headings=(
            Heading("Failure modes", "modes"),
            Heading("Images", "images"),
            Heading("Classes", "classes"),
            Heading("What could not be compared", "limits"),
        ),
        crumbs=(Link("Overview", "index.html"),),
        data=(f"data/{modes.name}.js", f"data/{classes.name}.js"),
    )
    if changes.has_same_images:
        yield _images_page(site, changes)
    if changes.history is not None:
        yield history_page(site, changes, changes.history)


def _images_page(site: Site, changes: ChangeView) -> SitePage:
    table = flipped_table(site, changes, _ordered(site, changes))
    site.tables[table.name] = table
    n = len(changes.flipped)
    return SitePage(
        path=IMAGES_PATH,
        title="Changed images",
        section="Changes",
        description=f"{counted(n, 'image')} that {'fails' if n == 1 else 'fail'} with only one of the models, "
        f"{changes.old.name} or {changes.new.name}.",
        search="Images that fail with one model alone: now fail, now right.",
        template="lenses/changes/images.html",
        view=lambda: FlippedPage(changes=changes, table=table, n_images=len(changes.flipped)),
        crumbs=(Link("Overview", "index.html"), Link("Changes", CHANGES_PATH)),
        data=(f"data/{table.name}.js",),
    )


def _view(site: Site, changes: ChangeView, modes: DataTable, classes: DataTable) -> ChangesPage:
    only_old = [mode for mode in changes.modes if mode.rule_id_new not in site.catalog.rules]
    reasons: dict[str, int] = {}
    for mode in changes.modes:
        if mode.change.state == "not_comparable" and mode.change.reason:
            reasons[mode.change.reason] = reasons.get(mode.change.reason, 0) + 1
    old, new = changes.old, changes.new
    return ChangesPage(
        changes=changes,
        answer=answer(changes),
        whole=whole_sentence(changes),
        compared=_compared(changes),
        panels=draw_slopes(site, changes),
        modes=modes,
        meanings=state_meanings(changes),
        state_words=STATE_WORDS,
        repairs=repair_meanings(changes) if changes.is_repair else (),
        repair_words=REPAIR_WORDS,
        n_by_prediction=sum(mode.change.has_other_images for mode in changes.modes),
        has_estimates=any(mode.change.is_estimated for mode in changes.modes),
        is_other_feature_model=old.feature_sha256 != new.feature_sha256,
        galleries=_galleries(site, changes),
        classes=classes,
        only_old=tuple(
            OldMode(name=mode.name, words=images_that(mode, exact=True)) for mode in only_old[:_N_OLD_MODES]
        ),
        n_only_old=len(only_old),
        not_compared=tuple(sorted(reasons.items(), key=lambda item: (-item[1], item[0]))),
        has_history=changes.history is not None,
    )


def _compared(changes: ChangeView) -> str:
    """Say which images were compared, and how."""
    n_old, n_new, n = changes.old.n_images, changes.new.n_images, changes.n_matched
    if changes.has_same_images:
        if n_old == n_new == n:
            return f"Both ran on the same {counted(n, 'image')}, so every image is compared with itself."
        return (
            f"{count(n)} of {counted(n_new, 'image')} {'is' if n == 1 else 'are'} also among the {count(n_old)} of "
            f"{changes.old.name}; only {'this is' if n == 1 else 'these are'} compared, each with itself."
        )
    images = f"The runs have other images ({count(n_old)} and {count(n_new)}, {count(n)} in both)"
    if changes.kind == "same_feature_model":
        return f"{images} and the same feature model, so every rule is applied to the images of each run by itself."
    return f"{images} and other feature models, so no rule can be applied to both. Only rates of classes are compared."


def _ordered(site: Site, changes: ChangeView) -> list[FlippedImage]:
    """Newly wrong images first, of these the ones in failure modes that got worse or are new; then the surest."""
    confidence = site.catalog.images.confidence
    bad = {mode.name for mode in changes.modes if mode.change.state in ("worse", "new")}

    def key(image: FlippedImage) -> tuple[bool, bool, float, int]:
        sure = float(confidence[image.image_id])
        return not image.is_newly_wrong, bad.isdisjoint(image.modes), -sure if sure == sure else 0.0, image.image_id

    return sorted(changes.flipped, key=key)


def _galleries(site: Site, changes: ChangeView) -> tuple[FlippedGallery, ...]:
    """What is newly wrong and what is newly right; nothing where images are others."""
    if not changes.has_same_images:
        return ()
    ordered = _ordered(site, changes)
    return tuple(
        FlippedGallery(
            title=title,
            anchor=anchor,
            n_images=sum(image.is_newly_wrong == is_newly_wrong for image in ordered),
            pictures=_pictures(site, [image for image in ordered if image.is_newly_wrong == is_newly_wrong]),
        )
        for title, anchor, is_newly_wrong in (
            ("Now fail", "newly-wrong", True),
            ("Now right", "newly-right", False),
        )
    )


def _pictures(site: Site, images: Sequence[FlippedImage]) -> tuple[FlippedPicture, ...]:
    found: list[FlippedPicture] = []
    for image in images:
        thumbnail = site.catalog.thumbnails.get(image.image_id)
        if thumbnail is not None:
            found.append(_picture(site, image, thumbnail))
        if len(found) == _N_PICTURES:
            break
    return tuple(found)


def _picture(site: Site, image: FlippedImage, thumbnail: str) -> FlippedPicture:
    images, i = site.catalog.images, image.image_id
    confidence = float(images.confidence[i])
    return FlippedPicture(
        thumbnail=thumbnail,
        path=images.name(i),
        label=site.class_name(int(images.label[i])),
        old=image.prediction_old,
        new=site.class_name(int(images.prediction[i])),
        sure_old="" if image.confidence_old is None else percent(image.confidence_old, decimals=0),
        sure_new="" if confidence != confidence else percent(confidence, decimals=0),
        is_newly_wrong=image.is_newly_wrong,
        modes=" and ".join(image.modes),
    )
