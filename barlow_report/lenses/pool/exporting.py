"""The listed candidates of a pool as files: a folder for each failure mode, a table, and tasks for Label Studio.

Images that are files are linked, or copied where that is asked for; images in archives, tables and data sets of
torchvision are written as PNG. Every image is compared with what the pass saw of it. The folder appears as a whole or
not at all.
"""

import csv
import io
import json
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree as ET

import pandas as pd

from barlow_report.config import DataConfig
from barlow_report.errors import DataError, OutputError, RunFolderError
from barlow_report.files import output_errors
from barlow_report.lenses.pool.config import PoolConfig
from barlow_report.progress import Progress
from barlow_report.run_folder import Run

__all__ = ["CSV_COLUMNS", "export_candidates"]

CSV_COLUMNS = (
    *("rule_id", "group", "rank", "file", "path", "digest", "label", "prediction", "confidence", "basis"),
    "probability",
)
_LABEL_STUDIO = "/data/local-files/?d="
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\0")


@dataclass(frozen=True, kw_only=True)
class _Export:
    """What is exported: a row for each candidate of each mode, in order, with its file."""

    rows: pd.DataFrame
    class_names: list[str]


def export_candidates(run_folder: Path, folder: Path, *, copies: bool, n: int | None, progress: Progress) -> int:
    """Write the candidates of a run's pool below `folder`, and return how many images that are.

    Args:
        run_folder: A run with a pool.
        folder: Where to; it must not exist, or be empty.
        copies: Copy files instead of linking them.
        n: The best `n` of each failure mode; default: all that are listed.
        progress: Where to report to.

    Raises:
        RunFolderError: There is no run, or it has no pool.
        DataError: An image of the pool cannot be read any more, or has changed.
        OutputError: The folder cannot be written, or holds something.
    """
    run = Run.open(run_folder)
    if not run.is_finished("pool"):
        raise RunFolderError(
            f"{run_folder}: has no pool. Add a section pool to its configuration and run barlow-report collect."
        )
    with output_errors(folder):
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise OutputError(f"{folder}: holds something already. Give a new or empty folder.")
    found = _collect(run, n)
    partial = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}")
    with output_errors(folder):
        partial.mkdir(parents=True)
        try:
            _write_images(run, found, partial, copies=copies, progress=progress)
            (partial / "candidates.csv").write_text(_table(found), encoding="utf-8")
            (partial / "label-studio.json").write_text(_tasks(found, folder.name), encoding="utf-8")
            (partial / "label-studio.xml").write_text(_labelling(found.class_names), encoding="utf-8")
            if folder.exists():
                folder.rmdir()
            partial.rename(folder)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
    return int(found.rows["pool_image_id"].nunique())


def _collect(run: Run, n: int | None) -> _Export:
    names = run.read_table("classes").sort_values("class_id")["name"].tolist()
    slugs = run.read_table("classes").set_index("class_id")["slug"]
    rules = run.read_table("rules")[["rule_id", "group_id"]]
    groups = run.read_table("groups")[["group_id", "class_id", "name"]].rename(columns={"name": "group"})
    rows = run.read_table("pool_candidates")
    rows = rows if n is None else rows[rows["rank"] <= n]
    rows = rows.merge(run.read_table("pool_images"), on="pool_image_id").merge(rules, on="rule_id")
    rows = rows.merge(groups, on="group_id").sort_values(["rule_id", "rank"], ignore_index=True)
    folders = [
        f"mode-{row.rule_id}{'' if pd.isna(row.class_id) else '-' + slugs[row.class_id]}" for row in rows.itertuples()
    ]
    rows["file"] = [
        f"{folder}/{rank:04d}-{_file_name(path)}"
        for folder, rank, path in zip(folders, rows["rank"], rows["path"], strict=True)
    ]
    rows["prediction"] = [names[i] for i in rows["prediction"]]
    rows["label"] = ["" if pd.isna(i) else names[int(i)] for i in rows["label"]]
    return _Export(rows=rows, class_names=names)


def _file_name(path: str) -> str:
    """The last part of a path, short enough for every file system."""
    pure = PurePosixPath(path)
    return f"{pure.stem[:80]}{pure.suffix[:16]}"


def _write_images(run: Run, found: _Export, folder: Path, *, copies: bool, progress: Progress) -> None:
    from barlow_report.vision.datasets import open_source
    from barlow_report.vision.reading import UnreadableImage
    from barlow_report.vision.sources.folder import FolderSource

    sections = run.info["config"]
    config = PoolConfig.model_validate(sections["pool"]).completed(DataConfig.model_validate(sections["data"]))
    source = open_source(config)
    is_file = isinstance(source, FolderSource)
    if not is_file:
        found.rows["file"] = [str(PurePosixPath(file).with_suffix(".png")) for file in found.rows["file"]]
    with progress.task("Writing candidates", total=len(found.rows), unit="images") as advance:
        for row in found.rows.itertuples():
            try:
                loaded = source.read(str(row.path))
            except UnreadableImage as error:
                raise DataError(
                    f"pool: {row.path} could be read before and cannot be read now ({error}). Restore the file, or run "
                    "barlow-report collect again."
                ) from error
            if loaded.digest != row.digest:
                raise DataError(
                    f"pool: {row.path} has changed since its features were computed. Run barlow-report collect again."
                )
            target = folder / str(row.file)
            target.parent.mkdir(exist_ok=True)
            if not is_file:
                loaded.image.save(target)
            elif copies:
                shutil.copyfile(source.root / str(row.path), target)
            else:
                target.symlink_to((source.root / str(row.path)).absolute())
            advance(1)


def _table(found: _Export) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for row in found.rows[list(CSV_COLUMNS)].itertuples(index=False):
        values = [None if isinstance(value, float) and value != value else value for value in row]
        writer.writerow([_neutral(value) for value in values])
    return text.getvalue()


def _neutral(value: Any) -> Any:
    """Text that a spreadsheet would take for a formula, with an apostrophe in front."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA_STARTS) else value


def _tasks(found: _Export, name: str) -> str:
    """A task for each image, however many failure modes it is listed for."""
    return json.dumps([{"data": data} for data in _task_data(found, name)], indent=1, ensure_ascii=False) + "\n"


def _task_data(found: _Export, name: str) -> Iterator[dict[str, Any]]:
    for _, rows in found.rows.groupby("digest", sort=False):
        first = rows.iloc[0]
        yield {
            "image": f"{_LABEL_STUDIO}{quote(f'{name}/{first.file}')}",
            "title": ", ".join(dict.fromkeys(rows["group"])),
            "rule_ids": " ".join(str(rule_id) for rule_id in rows["rule_id"]),
            "path": first.path,
            "digest": first.digest,
            "prediction": first.prediction,
            "probability": float(rows["probability"].max()),
        }


def _labelling(class_names: list[str]) -> str:
    """Label Studio's labelling configuration: one choice for each class of the run, and one for none of them."""
    view = ET.Element("View")
    ET.SubElement(view, "Image", name="image", value="$image", zoom="true")
    choices = ET.SubElement(view, "Choices", name="label", toName="image", choice="single-radio", showInline="true")
    for name in class_names:
        ET.SubElement(choices, "Choice", value=name)
    ET.SubElement(choices, "Choice", value="none of these")
    ET.indent(view)
    return ET.tostring(view, encoding="unicode") + "\n"
