"""What people answered about the features of this report, and how well they agree; nothing about who they are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from barlow_report.report.datatable import Link
from barlow_report.report.names import NAME_STATUSES
from barlow_report.report.pages.page import Heading, Site, SitePage
from barlow_report.report.records import Share

__all__ = ["Distribution", "Measured", "NamedFeature", "PeopleView", "people_page"]

_QUESTIONS = {
    "ease": ("Ease of understanding", {str(i): str(i) for i in range(1, 6)}, "1 very hard, 5 very easy"),
    "confidence": ("Confidence", {str(i): str(i) for i in range(1, 6)}, "1 not at all, 5 very confident"),
    "most_useful": (
        "Most useful rows",
        {
            "A": "A, images",
            "B": "B, heatmaps",
            "C": "C, feature attack",
            "A and B": "A and B",
            "B and C": "B and C",
            "none": "none",
        },
        "In the published study of this kind, which did not offer A and B: B 43 %, B and C 32 %, C 18 %, none 7 %.",
    ),
    "relation": (
        "What the feature is to the class or object",
        {
            "part_of_object": "part of it",
            "separate_object": "a separate object",
            "background": "background",
            "cannot_tell": "cannot tell",
        },
        "",
    ),
}
_FLAGS = {
    "duplicate_text": "repeats the person's words about another feature",
    "pasted_text": "pasted text",
    "too_fast": "answered very fast",
}
_VERDICTS = {"core": "core: part of the object", "spurious": "spurious: not part of it", "undecided": "undecided"}


@dataclass(frozen=True, kw_only=True)
class Distribution:
    """How one question was answered: a share of the answers per choice, all of them and the unflagged ones."""

    title: str
    note: str
    rows: tuple[tuple[str, Share, Share], ...]


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A measure of agreement with its interval, for all answers and for the unflagged ones."""

    title: str
    explanation: str
    everything: Mapping[str, Any]
    unflagged: Mapping[str, Any]
    is_bold: bool = False


@dataclass(frozen=True, kw_only=True)
class NamedFeature:
    """A feature with its name in one group."""

    feature: Link
    group: Link
    name: str
    look: str
    label: str
    said_by: str
    agreement: float | None
    relation: str


@dataclass(frozen=True, kw_only=True)
class PeopleView:
    """The study's figures for this report."""

    n_people: int
    n_answers: int
    n_items: int
    embedding: str
    cannot_tell: Share
    several: Share
    distributions: tuple[Distribution, ...]
    agreement: tuple[Measured, ...]
    alphas: tuple[Measured, ...]
    statuses: tuple[tuple[str, Share], ...]
    verdicts: tuple[tuple[str, Share], ...]
    flags: tuple[tuple[str, Share], ...]
    features: tuple[NamedFeature, ...]


def people_page(site: Site) -> SitePage:
    """How people answered."""
    return SitePage(
        path="people/index.html",
        title="People",
        section="Describe features",
        description="How people described the features of this report, and how well they agree.",
        search="People: descriptions, agreement, names, spurious features.",
        template="pages/people.html",
        view=lambda: _view(_Figures(site), site),
        headings=(
            Heading("Agreement", "agreement"),
            Heading("Answers", "answers"),
            Heading("Names", "names"),
            Heading("Quality", "quality"),
        ),
        crumbs=(Link("Overview", "index.html"), Link("Describe features", "annotate/index.html")),
        has_contents=True,
    )


class _Figures:
    """Looks figures up; one that is not there has no value."""

    def __init__(self, site: Site) -> None:
        self._rows = site.catalog.study_figures

    def row(self, measure: str, category: str = "", subset: str = "all") -> Mapping[str, Any]:
        nothing = {"value": None, "low": None, "high": None, "n": 0, "category": ""}
        return self._rows.get((measure, category, subset), nothing)

    def n(self, measure: str) -> int:
        return int(self.row(measure)["n"])

    def text(self, measure: str) -> str:
        return next((category for name, category, _ in self._rows if name == measure), "")

    def shares(self, measure: str, words: Mapping[str, str], subset: str = "all") -> list[tuple[str, Share]]:
        counts = [int(self.row(measure, category, subset)["n"]) for category in words]
        return [(text, Share(k, sum(counts))) for text, k in zip(words.values(), counts, strict=True)]

    def measured(self, measure: str, title: str, explanation: str, *, is_bold: bool = False) -> Measured:
        found = (self.row(measure, subset=subset) for subset in ("all", "unflagged"))
        everything, unflagged = found
        return Measured(
            title=title, explanation=explanation, everything=everything, unflagged=unflagged, is_bold=is_bold
        )


def _view(figures: _Figures, site: Site) -> PeopleView:
    n_answers = figures.n("answers")
    return PeopleView(
        n_people=figures.n("people"),
        n_answers=n_answers,
        n_items=figures.n("items"),
        embedding=figures.text("embedding"),
        cannot_tell=Share(figures.n("cannot_tell"), n_answers),
        several=Share(figures.n("several"), n_answers),
        distributions=tuple(_distribution(figures, measure) for measure in _QUESTIONS),
        agreement=tuple(_agreement(figures)),
        alphas=tuple(
            figures.measured(f"alpha_{measure}", title, "ordinal" if measure in ("ease", "confidence") else "nominal")
            for measure, (title, _, _) in _QUESTIONS.items()
        ),
        statuses=tuple(figures.shares("status", NAME_STATUSES)),
        verdicts=tuple(figures.shares("verdict", _VERDICTS)),
        flags=tuple(
            (text, Share(int(figures.row("flag", category)["n"]), n_answers)) for category, text in _FLAGS.items()
        ),
        features=tuple(_named(site)),
    )


def _distribution(figures: _Figures, measure: str) -> Distribution:
    title, words, note = _QUESTIONS[measure]
    everything, unflagged = (figures.shares(measure, words, subset) for subset in ("all", "unflagged"))
    rows = [(text, a, b) for (text, a), (_, b) in zip(everything, unflagged, strict=True)]
    return Distribution(title=title, note=note, rows=tuple(rows))


def _agreement(figures: _Figures) -> list[Measured]:
    found = []
    for kind in ("short", "long"):
        found += [
            figures.measured(f"agreement_{kind}", f"{kind.capitalize()} descriptions", "of the same feature"),
            figures.measured(
                f"agreement_{kind}_baseline", "Shuffled baseline", "of different features, by different people"
            ),
            figures.measured(f"agreement_{kind}_above_baseline", "Difference", "agreement beyond chance", is_bold=True),
        ]
    return found


def _named(site: Site) -> Sequence[NamedFeature]:
    rows = []
    for (group_id, feature_id), name in sorted(site.catalog.names.items()):
        group = site.catalog.groups.get(group_id)
        if group is None:
            continue
        shown = feature_id in site.catalog.tile_groups_of_feature or feature_id in site.catalog.rules_of_feature
        path = site.feature_path(feature_id) if shown else site.group_path(group)
        rows.append(
            NamedFeature(
                feature=Link(f"feature {feature_id}", path),
                group=Link(group.name, site.group_path(group)),
                name=name.name or "",
                look=name.look,
                label=name.label,
                said_by=name.said_by,
                agreement=name.agreement,
                relation=name.relation_words or "–",
            )
        )
    return rows
