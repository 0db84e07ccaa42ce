"""What is beside the pages: data scripts, downloads, charts."""

from collections.abc import Iterable
from pathlib import Path

from barlow_report.files import output_errors
from barlow_report.report.datatable import DataTable, Picture, Sample
from barlow_report.report.downloads import feature_json, rules_csv, rules_json
from barlow_report.report.image_lists import failures_csv, mode_files
from barlow_report.report.jump import jump_script
from barlow_report.report.media import MediaLibrary
from barlow_report.report.pages import Site
from barlow_report.report.pages.annotate import annotate_files
from barlow_report.report.pages.mode_table import mode_table
from barlow_report.report.table_script import table_script

__all__ = ["write_data"]


def write_data(site: Site, media: MediaLibrary, folder: Path, *, has_scripts: bool) -> None:
    """Write what is beside the pages, and note the pictures that only scripts show; `has_scripts` as in `Profile`."""
    catalog = site.catalog
    files: dict[str, Iterable[str]] = {}  # most are made while they are written: all at once would fill the memory
    if has_scripts:
        files |= {f"data/{name}.js": table_script(table) for name, table in site.tables.items()}
        files["data/jump.js"] = [jump_script(site)]
    files |= {path: [text] for path, text in annotate_files(site, has_scripts=has_scripts).items()}
    files["data/failures.csv"] = failures_csv(site)
    files["data/rules.csv"] = rules_csv(catalog)
    files["data/rules.json"] = rules_json(catalog)
    for lens, view in site.lenses:
        files |= {f"data/{name}": parts for name, parts in lens.downloads(site, view).items()}
    for name, chart in site.charts.items():
        files[f"assets/figures/{name}-light.svg"] = [chart.light]
        if has_scripts:
            files[f"assets/figures/{name}-dark.svg"] = [chart.dark]
    for feature_id in catalog.feature_ids:
        _write(folder / "features" / str(feature_id) / "feature.json", [feature_json(catalog, feature_id)])
    for path, parts in files.items():
        _write(folder / path, parts)
    if has_scripts:
        for table in site.tables.values():
            _note_pictures(table, media)
    _write_modes(site, media, folder, has_scripts=has_scripts)


def _write_modes(site: Site, media: MediaLibrary, folder: Path, *, has_scripts: bool) -> None:
    """Write what is beside the pages of failure modes, one after the other."""
    for rule in site.catalog.failure_modes():
        found = site.catalog.mode_images.get(rule.rule_id)
        if found is None:
            continue
        place = (folder / site.mode_path(rule)).parent
        for name, parts in mode_files(site, rule, found).items():
            _write(place / name, parts)
        if has_scripts:
            table = mode_table(site, rule, found)
            _write(place / "images.js", table_script(table))
            _note_pictures(table, media)


def _note_pictures(table: DataTable, media: MediaLibrary) -> None:
    """Note the pictures that only the script shows, so that they are copied, too."""
    for i, column in enumerate(table.columns):
        if column.kind in ("picture", "sample"):
            cells = (row[i] for row in table.rows)
            pictures = (cell.picture if isinstance(cell, Sample) else cell for cell in cells)
            for picture in pictures:
                if isinstance(picture, Picture):
                    media.picture(picture.name)


def _write(path: Path, parts: Iterable[str]) -> None:
    with output_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            file.writelines(part.encode() for part in parts)
