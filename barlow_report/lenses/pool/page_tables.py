"""Tables of what to collect: all failure modes, and how good a choice of images is."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from barlow_report.lenses.pool.page_words import CHOICE_WORDS, KNOWN_WORDS
from barlow_report.lenses.pool.records import Choice, ModeCandidates, PoolView
from barlow_report.report.datatable import Cell, DataTable, Filter, Link, TableColumn
from barlow_report.report.mode_words import mode_name
from barlow_report.report.pages.page import Site
from barlow_report.report.records import Rule, Share

__all__ = ["QualityRow", "mode_table", "quality_rows"]

_COLUMNS = (
    TableColumn(key="mode", label="Failure mode", kind="link"),
    TableColumn(
        key="candidates", label="Candidates", kind="count", starts="descending", title="Images of the pool to collect."
    ),
    TableColumn(
        key="pool",
        label="In the pool",
        kind="rate",
        starts="descending",
        title="Images that meet the rule, of those of the pool that may be of the class.",
    ),
    TableColumn(
        key="analysed",
        label="Analysed",
        kind="rate",
        starts="descending",
        title="Images that meet the rule, of the analysed images of the class.",
    ),
    TableColumn(
        key="best",
        label="Best",
        kind="percent",
        starts="descending",
        title="The highest estimated probability to fail among the candidates.",
    ),
)
_TRAINING = TableColumn(
    key="training",
    label="Training",
    kind="rate",
    starts="descending",
    title="Images that meet the rule, of the training images of the class.",
)


@dataclass(frozen=True, kw_only=True)
class QualityRow:
    """How often the model fails on `k` images of each choice; None where a choice has fewer."""

    known: str
    k: int
    choices: tuple[tuple[str, Choice | None], ...]


def mode_table(
    site: Site, view: PoolView, rules: Sequence[Rule], *, path: Callable[[int], str], training: Mapping[int, Share]
) -> DataTable:
    """The table of all failure modes; those with a candidate lead to the page of `path`.

    Args:
        site: The whole run.
        view: What the run says of the pool.
        rules: Of the failure modes.
        path: Page of a rule.
        training: See `pool_pages`.
    """
    return DataTable(
        name="collect",
        caption="Failure modes and candidates",
        columns=(*_COLUMNS, _TRAINING) if training else _COLUMNS,
        rows=[
            [*_row(site, view.modes[rule.rule_id], rule, path), *([_known(training[rule.rule_id])] if training else [])]
            for rule in rules
        ],
        filters=(Filter(key="mode", label="Failure mode contains", kind="contains"),),
        sorted_by="",
        empty="No failure mode by label was verified, so there is nothing to collect for.",
        noun="failure modes",
    )


def quality_rows(mode: ModeCandidates) -> tuple[QualityRow, ...]:
    """The quality of the choices of a mode, a row for each number of images."""
    found: dict[tuple[str, int], dict[str, Choice]] = {}
    for choice in mode.quality:
        found.setdefault((choice.known, choice.k), {})[choice.choice] = choice
    return tuple(
        QualityRow(
            known=KNOWN_WORDS[known],
            k=k,
            choices=tuple((words, choices.get(choice)) for choice, words in CHOICE_WORDS.items()),
        )
        for (known, k), choices in found.items()
    )


def _row(site: Site, mode: ModeCandidates, rule: Rule, path: Callable[[int], str]) -> list[Cell]:
    name = mode_name(site.catalog.groups[rule.group_id], rule)
    best = mode.candidates[0].probability if mode.candidates else None
    return [
        Link(name, path(rule.rule_id) if mode.candidates else site.rule_path(rule)),
        mode.n_candidates,
        _known(mode.pool),
        mode.analysed,
        best,
    ]


def _known(share: Share) -> Share:
    """A share, without a value where there is nothing to divide by."""
    return share if share.n else Share(None, None)
