"""Suggested words: their page, and what they say on the pages of others."""

from dataclasses import dataclass

from barlow_report.lenses.words.page_words import STATE_WORDS, TAG, quoted_words, suggestion
from barlow_report.lenses.words.records import FeatureWords, WordView
from barlow_report.report.datatable import Cell, DataTable, Filter, Link, Picture, TableColumn
from barlow_report.report.pages.page import Heading, Site, SitePage
from barlow_report.report.records import Rule
from barlow_report.report.slots import Block, MethodPart, PagePart
from barlow_report.report.words import group_short

__all__ = ["ModeWords", "WordsPage", "method_part", "mode_block", "words_page"]

NO_WORD = "no word fits"

_COLUMNS = (
    TableColumn(key="picture", label="Picture", kind="picture"),
    TableColumn(key="feature", label="Feature", kind="link"),
    TableColumn(
        key="group",
        label="In",
        kind="text",
        title="The images that were looked at: words belong to a feature in a group.",
    ),
    TableColumn(
        key="words",
        label="Suggested by a model",
        kind="text",
        title="Words that fit better than the best of all words by chance, the best first.",
    ),
    TableColumn(
        key="score",
        label="Score",
        kind="number",
        starts="descending",
        title="How much closer the best word is to the images that activate the feature most than to all of the "
        "group, in standard deviations.",
    ),
    TableColumn(
        key="chance",
        label="By chance",
        kind="number",
        title="What the best of all words exceeds in one of twenty random choices of images.",
    ),
    TableColumn(key="q", label="q", kind="q", title="Benjamini–Hochberg q-value over all features of this table."),
)
_PEOPLE = TableColumn(
    key="people", label="People say", kind="text", title="What people call it in this group, and whether they agree."
)


@dataclass(frozen=True, kw_only=True)
class WordsPage:
    """Every feature that was asked about."""

    table: DataTable
    n_named: int
    n_features: int
    has_people: bool


@dataclass(frozen=True, kw_only=True)
class ModeWords:
    """What is suggested for the features of a failure mode: feature, whether a word fits, and a sentence."""

    lines: tuple[tuple[Link, bool, str], ...]
    tag: str = TAG


def words_page(site: Site, view: WordView) -> SitePage:
    """The page of suggested words."""
    found = sorted(
        view.features.values(), key=lambda f: (f.p_value is None, f.p_value or 0.0, -_score(f), f.feature_id)
    )
    has_people = any(name.name for name in site.catalog.names.values())
    table = DataTable(
        name="suggested-words",
        caption="Features and suggested words",
        columns=(*_COLUMNS, *([_PEOPLE] * has_people)),
        rows=[_row(site, feature, has_people=has_people) for feature in found],
        filters=(
            Filter(key="words", label="Word contains", kind="contains"),
            Filter(key="group", label="Group contains", kind="contains"),
        ),
        sorted_by="",
        empty="No failure mode was verified, so there is no feature to find words for.",
        noun="features",
    )
    site.tables[table.name] = table
    page = WordsPage(
        table=table,
        n_named=sum(bool(feature.fitting) for feature in found),
        n_features=len(found),
        has_people=has_people,
    )
    return SitePage(
        path="suggested-words/index.html",
        title="Suggested words",
        section="Suggested words",
        description="Words that a model of images and text suggests for features.",
        search="Suggested words: what a model of images and text calls the features of failure modes.",
        template="lenses/words/page.html",
        view=lambda: page,
        crumbs=(Link("Overview", "index.html"),),
        data=(f"data/{table.name}.js",),
    )


def mode_block(site: Site, view: WordView, rule: Rule) -> Block | None:
    """The words for the features of a failure mode."""
    ids = dict.fromkeys(condition.feature_id for condition in rule.conditions)
    found = [view.features[key] for feature_id in ids if (key := (rule.group_id, feature_id)) in view.features]
    if not found:
        return None
    lines = tuple((site.feature_link(f.feature_id), bool(f.fitting), suggestion(f)) for f in found)
    return Block(template="lenses/words/mode.html", view=ModeWords(lines=lines))


def method_part() -> MethodPart:
    """The part of the method page."""
    block = Block(template="lenses/words/method.html", view=None)
    return MethodPart(
        section=PagePart(heading=Heading("Suggested words", "suggested-words"), block=block),
        sources=Block(template="lenses/words/sources.html", view=None),
    )


def _score(found: FeatureWords) -> float:
    return found.words[0].score if found.words else 0.0


def _row(site: Site, found: FeatureWords, *, has_people: bool) -> list[Cell]:
    tile = site.top_tile(found.feature_id, found.group_id)
    words = STATE_WORDS[found.status] if found.status != "tested" else quoted_words(found) or NO_WORD
    row: list[Cell] = [
        None if tile is None else Picture(tile.thumbnail, f"Image that activates feature {found.feature_id} most"),
        site.feature_link(found.feature_id),
        group_short(site.catalog.groups[found.group_id]),
        words,
        found.words[0].score if found.words else None,
        found.chance_score,
        found.q_value,
    ]
    if has_people:
        name = site.catalog.names.get((found.group_id, found.feature_id))
        row.append(None if name is None else name.summary)
    return row
