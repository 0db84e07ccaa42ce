"""The page of a history: every failure mode over releases, and accuracy beside them."""

from dataclasses import dataclass

from barlow_report.formatting import count
from barlow_report.lenses.changes.page_charts import ReleaseDrawing, axis_end, draw_accuracy, draw_releases, right_share
from barlow_report.lenses.changes.page_tables import CHANGES_PATH, mode_link
from barlow_report.lenses.changes.page_words import STATE_WORDS, images_of, mode_words
from barlow_report.lenses.changes.records import ChangeView
from barlow_report.lenses.changes.release_records import History, ModeHistory, Release
from barlow_report.report.datatable import Cell, DataTable, Filter, Link, TableColumn
from barlow_report.report.pages.page import Site, SitePage
from barlow_report.report.records import Share

__all__ = ["HistoryPage", "HistoryPanel", "history_page"]

HISTORY_PATH = "changes/history/index.html"
_N_PANELS = 60
_N_COLUMNS = 8  # releases in the table, the last ones


@dataclass(frozen=True, kw_only=True)
class HistoryPanel:
    """A failure mode over releases."""

    title: str
    link: Link
    drawing: ReleaseDrawing
    state: str | None


@dataclass(frozen=True, kw_only=True)
class HistoryPage:
    """All releases with their accuracy, and the failure modes in panels and in a table."""

    releases: tuple[tuple[Release, Share], ...]
    accuracy: ReleaseDrawing
    panels: tuple[HistoryPanel, ...]
    table: DataTable
    state_words: dict[str, str]
    n_modes: int
    n_columns: int


def history_page(site: Site, changes: ChangeView, history: History) -> SitePage:
    """Every failure mode over the releases of a history."""
    table = _table(site, changes, history)
    site.tables[table.name] = table
    n = len(history.releases)
    return SitePage(
        path=HISTORY_PATH,
        title="History",
        section="Changes",
        description=f"{count(len(history.modes))} failure modes and the accuracy over {count(n)} releases.",
        search="History: error rates of failure modes and accuracy over releases.",
        template="lenses/changes/history.html",
        view=lambda: _view(site, changes, history, table),
        crumbs=(Link("Overview", "index.html"), Link("Changes", CHANGES_PATH)),
        data=(f"data/{table.name}.js",),
    )


def _view(site: Site, changes: ChangeView, history: History, table: DataTable) -> HistoryPage:
    shown = history.modes[:_N_PANELS]
    top = axis_end([point.rate.high for mode in shown for point in mode.points if point.rate is not None])
    return HistoryPage(
        releases=tuple((release, right_share(release.failures)) for release in history.releases),
        accuracy=draw_accuracy(history.releases),
        panels=tuple(
            HistoryPanel(
                title=_title(site, changes, mode),
                link=_link(site, changes, mode),
                drawing=draw_releases(history.releases, mode.points, top=top),
                state=mode.points[-1].state,
            )
            for mode in shown
        ),
        table=table,
        state_words=dict(STATE_WORDS),
        n_modes=len(history.modes),
        n_columns=_N_COLUMNS,
    )


def _title(site: Site, changes: ChangeView, mode: ModeHistory) -> str:
    """Name the images of a failure mode; of one that neither of the last two runs has, those of its group."""
    found = changes.by_name.get(mode.name)
    if found is not None:
        return mode_words(site, found)
    words = images_of(mode.grouping, mode.group_name).rstrip(",")
    return f"{words[:1].upper()}{words[1:]}"


def _link(site: Site, changes: ChangeView, mode: ModeHistory) -> Link:
    found = changes.by_name.get(mode.name)
    return Link(mode.name, f"{HISTORY_PATH}#all") if found is None else mode_link(site, found)


def _table(site: Site, changes: ChangeView, history: History) -> DataTable:
    shown = history.releases[-_N_COLUMNS:]
    rows: list[list[Cell]] = []
    for mode in history.modes:
        rates = {point.release: point.rate for point in mode.points}
        row: list[Cell] = [_title(site, changes, mode), _link(site, changes, mode)]
        rows.append([*row, *(rates.get(release.release) for release in shown)])
    return DataTable(
        name="mode-history",
        caption="Failure modes over releases",
        columns=(
            TableColumn(key="mode", label="Failure mode", kind="text"),
            TableColumn(key="name", label="Permanent name", kind="link"),
            *(
                TableColumn(
                    key=f"release-{release.release}",
                    label=release.name,
                    kind="estimate",
                    starts="descending",
                    title="Share of the failure mode's images that fail",
                )
                for release in shown
            ),
        ),
        rows=rows,
        filters=(Filter(key="", label="Failure mode or name contains", kind="contains"),),
        sorted_by="",
        page_size=50,
        empty="No release has a verified failure mode.",
        noun="failure modes",
    )
