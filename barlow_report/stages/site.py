"""The last stage: pages from the run folder. Neither the images nor the models nor torch are needed."""

from pathlib import Path

import pandas as pd
import pyarrow as pa
from markupsafe import escape

from barlow_report.chart import Chart
from barlow_report.config import Photographs, RulesConfig, SiteConfig
from barlow_report.errors import OutputError
from barlow_report.files import atomic_write, output_errors
from barlow_report.lenses import registry
from barlow_report.progress import Progress
from barlow_report.report import Profile, ReportSource
from barlow_report.report.build import prepare
from barlow_report.report.build import write_site as write_pages
from barlow_report.report.calibration import Calibration, calibration_of
from barlow_report.report.card import card_metadata, card_section, with_section
from barlow_report.report.datatable import Link
from barlow_report.report.evidence import EVIDENCE, EvidenceWords
from barlow_report.report.pages import Site
from barlow_report.report.source import RELIABILITY, gain_chart
from barlow_report.report.words import GROUPINGS
from barlow_report.run_folder import Run, stage_tables
from barlow_report.stages.asking import form_batch
from barlow_report.stages.names import current_tables
from barlow_report.stages.privacy import blurred, without_photographs
from barlow_report.tables import all_tables
from barlow_report.visuals.charts import gain_by_base_rate, reliability_curve

__all__ = ["lists_source", "site_title", "write_card", "write_site"]

_NOT_SHOWN = ("attributes", "scores")


def site_title(run: Run) -> str:
    """Return the title of a run's site."""
    title = run.info.get("config", {}).get("site", {}).get("title")
    return str(title or run.info.get("name", run.folder.name))


def write_site(
    run: Run,
    *,
    site: Path,
    profile: Profile = "standalone",
    images: Photographs | None = None,
    above: Link | None = None,
    progress: Progress,
) -> Path:
    """Build the site of a finished run in folder `site` and return its front page.

    Args:
        run: The run folder.
        site: The folder of the site, which is replaced as a whole.
        profile: What the pages are for, see `Profile`.
        images: How much of the photographs to show; default: what the run's configuration says.
        above: See `ReportSource`.
        progress: Where to report to.

    Raises:
        SiteError: A page cannot be built.
        OutputError: The site cannot be written, or its folder holds something else.
    """
    prepared = prepare(_source(run, images=images, above=above, progress=progress))  # which lets go of the tables
    pa.default_memory_pool().release_unused()
    # MkDocs copies files of its own, and reports a full disk in its own way
    with progress.task("Building the site", total=prepared.n_pages, unit="pages") as advance, output_errors(site):
        return write_pages(prepared, site=site, profile=profile, advance=advance)


def write_card(run: Run, file: Path, *, progress: Progress) -> bool:
    """Write what was found into a model card, and return whether the file was there before.

    A new file gets metadata, too. In one that is there only the section is replaced, or put at its end.

    Raises:
        OutputError: The file cannot be read as text or written, or has half a section.
    """
    site = Site.from_source(_source(run, images="none", progress=progress))
    inspected = run.info.get("models", {}).get("inspected")
    model = str(inspected["name"]) if inspected else site_title(run)
    section = card_section(site, model=model)
    is_there = file.exists()
    if not is_there:
        metadata = card_metadata(site, model=model, run=str(run.info.get("name", run.folder.name)))
        atomic_write(file, f"{metadata}\n# {escape(model)}\n\n{section}")
        return False
    try:
        text = with_section(file.read_text(encoding="utf-8"), section)
    except (OSError, ValueError) as error:
        raise OutputError(f"{file}: {error}. Correct it, or give the name of a new file.") from error
    atomic_write(file, text)
    return True


def lists_source(run: Run, *, progress: Progress) -> Site:
    """Return everything that pages are made of but pictures, for lists of images by their paths."""
    return Site.from_source(_source(run, images="none", has_paths=True, progress=progress))


def _source(
    run: Run, *, images: Photographs | None, above: Link | None = None, has_paths: bool = False, progress: Progress
) -> ReportSource:
    """Read the run folder, with as much of the photographs as the site may show."""
    info = run.info
    promised = {name for stage in stage_tables() for name in run.promised_tables(stage)} - {"scores"}  # a lost one
    shown = [name for name in all_tables() if name in promised or (run.has_table(name) and name not in _NOT_SHOWN)]
    settings = SiteConfig.model_validate(info["config"]["site"])
    has_images = (info["config"].get("data") or {}).get("images") != "none"
    shown_images = (images or settings.images) if has_images else "none"
    settings = settings.model_copy(update={"images": shown_images, "show_paths": has_paths or settings.show_paths})
    tables = {name: _without_what_no_page_shows(name, run.read_table(name), settings) for name in shown}
    tables = current_tables(run, tables)
    if settings.images == "none":
        tables = without_photographs(tables)
    elif settings.images == "blur":
        tables = blurred(run, tables, progress=progress)
    return ReportSource(
        info=info,
        tables=tables,
        media=run.media,
        charts=_charts(tables, RulesConfig.model_validate(info["config"]["rules"])),
        settings=settings,
        lenses=registry.LENSES,
        batch=form_batch(run, tables),
        above=above,
    )


def _without_what_no_page_shows(name: str, table: pd.DataFrame, settings: SiteConfig) -> pd.DataFrame:
    """Let go of long texts of which there is one for each image."""
    if name == "images" and not settings.show_paths:
        return table.assign(path="")
    return table.astype({"split": "category"}) if name == "splits" else table


def _charts(tables: dict[str, pd.DataFrame], rules: RulesConfig) -> dict[str, Chart]:
    images = tables["images"]
    charts: dict[str, Chart] = {}
    found = calibration_of(images["confidence"], images["prediction"] == images["label"], level=rules.confidence_level)
    if found is not None:
        charts[RELIABILITY] = reliability_curve(_points(found), n_images=found.n_images)
    if {"evaluation", "evaluations"} <= tables.keys():
        charts |= _gain_charts(tables, EVIDENCE[rules.evidence_kind])
    for lens in registry.LENSES:
        charts |= lens.charts(tables)
    return charts


def _points(found: Calibration) -> pd.DataFrame:
    """One row per bin of confidences, as the chart has them."""
    return pd.DataFrame(
        {
            "low": [bin_.low for bin_ in found.bins],
            "high": [bin_.high for bin_ in found.bins],
            "n_images": [bin_.right.n for bin_ in found.bins],
            "confidence": [bin_.mean_confidence for bin_ in found.bins],
            "accuracy": [bin_.right.value for bin_ in found.bins],
            "accuracy_low": [bin_.right.low for bin_ in found.bins],
            "accuracy_high": [bin_.right.high for bin_ in found.bins],
        }
    )


def _gain_charts(tables: dict[str, pd.DataFrame], evidence: EvidenceWords) -> dict[str, Chart]:
    """One chart for each row of table `evaluation` that has trees."""
    trees = tables["evaluations"].merge(tables["groups"][["group_id", "grouping"]], on="group_id")
    trees = trees.rename(columns=lambda name: name.removeprefix("tree_"))
    points = dict(tuple(trees.groupby("grouping")))
    return {
        gain_chart(position): gain_by_base_rate(
            points[row.grouping],
            depth=row.depth,
            grouping=GROUPINGS.get(row.grouping, row.grouping),
            parts=EVIDENCE["in_sample" if evidence.kind == "in_sample" else "held_out"].parts,
        )
        for position, row in enumerate(tables["evaluation"].itertuples())
        if row.n_trees
    }
