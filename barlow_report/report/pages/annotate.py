"""The form in which people describe features: one page, its items in a data script."""

from dataclasses import dataclass

from barlow_report.formatting import count
from barlow_report.report.datatable import Link
from barlow_report.report.form import FormBatch
from barlow_report.report.pages.page import Site, SitePage
from barlow_report.report.table_script import as_script_value
from barlow_report.report.words import images_of, relation_question

__all__ = ["AnnotateView", "annotate_files", "annotate_page", "item_path", "n_asked"]

_PATH = "annotate/index.html"
_ROWS = ("A", "B", "C", "A and B", "B and C", "none")


@dataclass(frozen=True, kw_only=True)
class AnnotateView:
    """The form.

    `empty` says why there is nothing to describe, `is_mapped` whether triptychs have a row of heatmaps, `is_attacked`
    whether they have one of attacks, `is_partly` whether this is of their first images only.
    """

    n_items: int
    n_parts: int
    part_size: int
    anchors: tuple[str, ...]
    empty: str
    is_mapped: bool
    is_attacked: bool
    is_partly: bool

    @property
    def rows(self) -> tuple[tuple[str, str], ...]:
        """What may have helped most: value and words."""
        left_out = {row for row, is_there in (("B", self.is_mapped), ("C", self.is_attacked)) if not is_there}
        return tuple((rows, rows) for rows in _ROWS if not left_out & set(rows))

    @property
    def n_rows(self) -> int:
        """The rows of pictures of a triptych."""
        return 1 + self.is_mapped + self.is_attacked


def annotate_page(site: Site) -> SitePage:
    """The form."""
    batch = _shown(site)
    n = 0 if batch is None else len(batch.items)
    tiles = [] if batch is None else [tile for key in batch.items for tile in site.catalog.tiles[key]]
    view = AnnotateView(
        n_items=n,
        n_parts=0 if batch is None else batch.n_parts,
        part_size=0 if batch is None else batch.part_size,
        anchors=() if batch is None else tuple(f"item-{g}-{f}" for g, f in batch.items),
        empty=_empty(site),
        is_mapped=any(t.heatmap for t in tiles),
        is_attacked=any(t.attack for t in tiles),
        is_partly=any(t.attack is None for t in tiles),
    )
    return SitePage(
        path=_PATH,
        title="Describe features",
        section="Describe features",
        description=f"A form to describe {count(n)} feature{'s' * (n != 1)} in words.",
        search="Describe features in words: the form for annotators.",
        template="pages/annotate.html",
        view=lambda: view,
        crumbs=(Link("Overview", "index.html"),),
        data=("data/collector.js", "data/annotate.js") if n else (),
        script="assets/barlow/annotate.js",
    )


def _shown(site: Site) -> FormBatch | None:
    """The batch, where the site may show its pictures."""
    batch = site.batch
    return batch if batch is not None and batch.items and site.images == "full" else None


def _empty(site: Site) -> str:
    if site.images != "full":
        return "This report shows no photographs, so there is nothing to describe."
    return (
        "There is nothing to describe: no failure mode is verified, and no other features were chosen. "
        "barlow-report annotations template chooses features."
    )


def item_path(site: Site, group_id: int, feature_id: int) -> str | None:
    """Address of an item in the form; None where it is not asked about."""
    batch = _shown(site)
    asked = batch is not None and (group_id, feature_id) in batch.asked
    return f"{_PATH}#item-{group_id}-{feature_id}" if asked else None


def n_asked(site: Site) -> int:
    """Number of features that the form asks about."""
    batch = _shown(site)
    return 0 if batch is None else len(batch.items)


def annotate_files(site: Site, *, has_scripts: bool) -> dict[str, str]:
    """The form's items as a data script, the place where a collector introduces itself, and the batch for it."""
    batch = _shown(site)
    if batch is None or not has_scripts:
        return {}
    data = {
        "report_id": batch.report_id,
        "feature_model": batch.feature_model,
        "batch_id": batch.batch_id,
        "part_size": batch.part_size,
        "items": [_item(site, group_id, feature_id) for group_id, feature_id in batch.items],
    }
    return {
        "data/annotate.js": f"window.BARLOW_BATCH={as_script_value(data)};\n",
        "data/collector.js": "window.BARLOW_COLLECTOR=null;\n",
        "annotate/batch.json": batch.text,
    }


def _item(site: Site, group_id: int, feature_id: int) -> dict[str, object]:
    group = site.catalog.groups[group_id]
    words = images_of(group)
    tiles = site.catalog.tiles[group_id, feature_id]
    suggested = site.ask(lambda lens, view: lens.form_words(site, view, group_id, feature_id))
    return {
        "group_id": group_id,
        "feature_id": feature_id,
        "title": words[0].upper() + words[1:],
        "asks": relation_question(group.grouping, [entry.name for entry in group.classes] or [group.name]),
        "tiles": [[tile.thumbnail, tile.heatmap, tile.attack] for tile in tiles],
        **({"suggested": ", ".join(suggested)} if suggested else {}),
    }
