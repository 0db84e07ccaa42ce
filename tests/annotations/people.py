"""A finished run whose tables fit together, and people who answer."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from barlow_report.annotations.answers import Answer, parse_answer
from barlow_report.run_folder import Run
from tests.report.synthetic import Recipe, synthetic_source

__all__ = ["REPORT", "answer", "batch_items", "finished_run", "record", "write_lines"]

REPORT, MODEL = "0123456789abcdef", "cd" * 32


def finished_run(folder: Path, recipe: Recipe | None = None) -> Run:
    """Make up a run in which every stage has finished."""
    source = synthetic_source(folder, recipe or Recipe(n_classes=4, image_size=48, n_pictures=8, n_tiles=3))
    run = Run(folder)
    for name, frame in source.tables.items():
        if name != "evaluation":  # its charts need a table that a made-up run does not have
            run.write_table(name, frame)
    info = run.info
    site = source.settings.model_dump(mode="json")
    stages = {"extract": "done", "explain": "done", "visualize": "done"}
    run.update_info(stages=stages, config={**info["config"], "site": site}, name=folder.name)
    return run


def batch_items(run: Run) -> list[tuple[int, int]]:
    """The (group, feature) pairs that there are pictures of."""
    tiles: pd.DataFrame = run.read_table("tiles")
    return sorted(set(zip(tiles["group_id"].tolist(), tiles["feature_id"].tolist(), strict=True)))


def record(annotator: str = "ada", *, item: tuple[int, int] = (0, 0), revision: int = 1, **answers: Any) -> Answer:
    """One record; without answers a plain description."""
    return parse_answer(answer(annotator, item=item, revision=revision, **answers))


def answer(
    annotator: str = "ada",
    *,
    item: tuple[int, int] = (0, 0),
    revision: int = 1,
    fields: dict[str, Any] | None = None,
    **answers: Any,
) -> dict[str, Any]:
    """The same as the JSON of a record, with `fields` replaced."""
    return {
        "schema_version": 1,
        "record_id": f"{annotator}-{item[0]}-{item[1]}",
        "revision": revision,
        "report_id": REPORT,
        "feature_model": MODEL,
        "group_id": item[0],
        "feature_id": item[1],
        "annotator": annotator,
        "order_seed": 7,
        "position": 0,
        "active_seconds": 40.5,
        "n_pastes": 0,
        "source": "form",
        "answers": answers or {"short": "white spots", "ease": 4, "confidence": 4, "most_useful": "B"},
        **(fields or {}),
    }


def write_lines(path: Path, records: Iterable[dict[str, Any] | str]) -> Path:
    """Write records as JSON Lines."""
    lines = [line if isinstance(line, str) else json.dumps(line) for line in records]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path
