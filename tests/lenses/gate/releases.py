"""Two releases of a tiny task, explained without a network: one takes red squares with a green mark for blue ones."""

from pathlib import Path

import numpy as np
import pandas as pd

from barlow_report.config import Config
from barlow_report.progress import SilentProgress
from barlow_report.run_folder import Run
from barlow_report.stages.explain import explain
from barlow_report.tables import all_tables

__all__ = ["MODE", "write_releases"]

MODE = "red-with-f1-"
"""How the name of the only failure mode by label begins: red squares that carry a green mark."""

_N = 60  # of each colour; every third red one is marked
_RED, _BLUE = 0, 1


def write_releases(folder: Path) -> dict[str, Path]:
    """Explain both releases below `folder` and return the run folders of the good and of the bad one.

    In neither is the pass over images done, which takes far longer than all else: features are what the tiny network of
    `tests.pipeline.toy` would give, the mean red, green and blue of an image.
    """
    return {name: _write(folder / name, marks_fail=name == "bad") for name in ("good", "bad")}


def _write(folder: Path, *, marks_fail: bool) -> Path:
    rng = np.random.default_rng(0)
    labels = np.repeat([_RED, _BLUE], _N)
    is_marked = (labels == _RED) & (np.arange(2 * _N) % 3 == 0)
    colours = np.column_stack([labels == _RED, is_marked, labels == _BLUE])
    features = (0.6 * colours + rng.uniform(0.0, 0.1, (2 * _N, 3))).astype(np.float32)
    settings = {"data": {"folder": "images"}, "inspected_model": {"factory": "none.py:none"}}
    config = Config.model_validate({"name": folder.name, "rules": {"n_resamples": 0}, **settings})
    models = {"feature": {"sha256": "cd" * 32, "n_features": 3, "preprocessing": None}}
    run = Run.create(folder, info={"name": folder.name, "models": models})
    run.begin("extract", fingerprint=folder.name)
    run.record_config(config.model_dump(mode="json", include={"seed", "rules"}))
    ids = np.arange(2 * _N)
    _write_table(run, "classes", class_id=[_RED, _BLUE], name=["red", "blue"], slug=["red", "blue"])
    predictions = np.where(is_marked & marks_fail, _BLUE, labels)
    _write_table(run, "images", image_id=ids, label=labels, prediction=predictions)
    _write_table(run, "contents", image_id=ids, digest=[f"{i:032x}" for i in ids])
    run.write_features([features], shape=features.shape, dtype="float32")
    run.finish("extract", fingerprint=folder.name)
    explained = explain(config, run, extracted=folder.name, progress=SilentProgress())
    run.identify(explained, created_at="2026-01-01T00:00:00+00:00")
    return folder


def _write_table(run: Run, table: str, /, **values: object) -> None:
    """Write a table whose other columns say nothing."""
    filled = {
        column.name: None if column.nullable else {"int": 0, "float": 0.0, "bool": False, "text": ""}[column.type]
        for column in all_tables()[table].columns
    }
    frame = pd.DataFrame(values)
    run.write_table(table, frame.assign(**{key: value for key, value in filled.items() if key not in values}))
