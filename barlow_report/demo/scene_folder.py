"""A folder of the demo's scenes, with what was planted in them, and all their labels as people would give them."""

import csv
import io
import json
import multiprocessing
from collections.abc import Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from PIL import Image

from barlow_report.demo.classes import CLASSES
from barlow_report.demo.planning import Scene, Settings, draw_planned, plan_scene, plan_scenes
from barlow_report.demo.scenes import IMAGE_SIZE
from barlow_report.errors import DataError
from barlow_report.files import atomic_write
from barlow_report.progress import Advance, ignore_advance

__all__ = ["MULTI_LABELS", "OVERLAPPING", "SCENE_TABLE", "read_scene_table", "redraw", "write_scenes"]

SCENE_TABLE = "scenes.csv"
"""What was planted in each picture."""

MULTI_LABELS = "multi_labels.csv"
"""All labels that are right for each picture: a file for `taxonomy.multi_labels`."""

OVERLAPPING = "overlapping.csv"
"""Classes that overlap: a file for `taxonomy.overlapping`."""

_SETTINGS = "scenes.json"
_FORMAT = 4
_JPEG_QUALITY = 90
_WORTH_PROCESSES = 300
_COLUMNS = ("path", "label", "cue_present", "label_noise", "decoy_present")


def write_scenes(
    folder: Path,
    *,
    n_per_class: int,
    cue_rate: float,
    seed: int,
    noise_rate: float = 0.0,
    cue_rates: Mapping[str, float] | None = None,
    decoys: Mapping[str, float] | None = None,
    advance: Advance = ignore_advance,
) -> Path:
    """Write `folder/<class>/<nnnn>.jpg` for every class, and what was planted in them as `folder/scenes.csv`.

    Beside it stand the classes that overlap, `folder/overlapping.csv`, and all labels that are right for each picture,
    `folder/multi_labels.csv`. Pictures that are already there are kept, so an interrupted call can be repeated.

    Args:
        folder: Made if it is not there.
        n_per_class: Pictures per class, at least 1.
        cue_rate: Share of pictures that show their class's cue, 0 to 1; where a cue is optional, none does.
        seed: Another seed gives other pictures.
        noise_rate: Share of pictures with label noise, 0 to 1, in the classes that have any.
        cue_rates: Classes of which another share, 0 to 1, shows the cue. Default: none.
        decoys: Classes in which decoys are drawn; in that share of their pictures, 0 to 1, the decoy goes along with
            the cue: both are there, or both missing. Default: none.
        advance: Called with 1 after each picture, whether it was drawn or kept.

    Returns:
        `folder`.

    Raises:
        DataError: `folder` holds scenes of other settings, or a setting is out of range.
        OutputError: A file cannot be written.
    """
    if n_per_class < 1 or not 0 <= cue_rate <= 1 or not 0 <= noise_rate <= 1:
        raise DataError(
            f"found n_per_class {n_per_class}, cue_rate {cue_rate} and noise_rate {noise_rate}; expected at least 1, "
            "and rates from 0 to 1."
        )
    settings = Settings(
        format=_FORMAT,
        n_per_class=n_per_class,
        cue_rate=cue_rate,
        noise_rate=noise_rate,
        seed=seed,
        size=IMAGE_SIZE,
        cue_rates=dict(cue_rates or {}),
        decoys=dict(decoys or {}),
    )
    _claim(folder, settings)
    scenes = plan_scenes(settings)
    missing = [scene for scene in scenes if not (folder / scene.path).exists()]
    advance(len(scenes) - len(missing))
    if len(missing) < _WORTH_PROCESSES:
        for scene in missing:
            _draw_file(folder, scene)
            advance(1)
    else:
        # Started afresh and not forked: the caller may hold threads of other libraries.
        with ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn")) as pool:
            for _ in pool.map(partial(_draw_file, folder), missing, chunksize=20):
                advance(1)
    noises = {name: scene.label_noise for name, scene in CLASSES.items() if scene.label_noise is not None}
    pairs = ((name, noise.other) for name, noise in noises.items() if noise.error_type == "overlapping")
    atomic_write(folder / OVERLAPPING, _csv(["label", "prediction"], pairs))
    atomic_write(folder / MULTI_LABELS, _csv(["path", "labels"], ((s.path, ";".join(s.labels)) for s in scenes)))
    atomic_write(folder / SCENE_TABLE, _csv(_COLUMNS, (_table_row(scene) for scene in scenes)))
    return folder


def redraw(folder: Path, path: str, *, changes: Literal["cue", "decoy"]) -> Image.Image:
    """Draw a scene of a folder again, with one thing changed: left out where it is shown, drawn where it is not.

    Args:
        folder: Of `write_scenes`.
        path: Of the scene in it, as in its table.
        changes: What is changed.

    Returns:
        The picture as it would be read from the folder.

    Raises:
        DataError: The folder's settings or the scene are not there.
    """
    settings = _read_settings(folder)
    name, _, file = path.partition("/")
    index = file.removesuffix(".jpg")
    if name not in CLASSES or not index.isdecimal():
        raise DataError(f"{folder}: found no scene {path!r}; expected a path of {SCENE_TABLE}.")
    scene = plan_scene(settings, name, int(index))
    changed = (
        replace(scene, with_cue=not scene.with_cue)
        if changes == "cue"
        else replace(scene, with_decoy=not scene.with_decoy)
    )
    with Image.open(io.BytesIO(_encode(draw_planned(changed)))) as image:
        return image.convert("RGB")


def read_scene_table(folder: Path) -> pd.DataFrame:
    """Return `folder/scenes.csv`, one row per scene.

    Columns path, label and label_noise (text; empty: none), cue_present and decoy_present (bool).

    Raises:
        DataError: The table is missing or cannot be read.
    """
    path = folder / SCENE_TABLE
    try:
        frame = pd.read_csv(path, keep_default_na=False)
        types = dict(zip(_COLUMNS, ("str", "str", "bool", "str", "bool"), strict=True))
        return frame.astype(types)[list(_COLUMNS)]
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"{path}: cannot be read ({error}). Draw the scenes again.") from error


def _claim(folder: Path, settings: Settings) -> None:
    """Note the settings in the folder, or check that they are those of the pictures there."""
    path = folder / _SETTINGS
    expected = asdict(settings)
    if not path.exists():
        if folder.exists() and any(folder.iterdir()):
            raise DataError(f"{folder}: holds other files; expected an empty folder or one of earlier scenes.")
        atomic_write(path, json.dumps(expected, indent=1))
        return
    found = _read_json(path)
    earlier = _as_noted_earlier(expected)
    if found in earlier:  # drawn by an earlier version; all but what it lacked is the same
        version = 1 + earlier.index(found)
        for scene in plan_scenes(settings):
            lacked = (scene.with_noise, scene.with_decoy, scene.class_name in settings.cue_rates)
            if any(lacked[version - 1 :]):
                (folder / scene.path).unlink(missing_ok=True)
        atomic_write(path, json.dumps(expected, indent=1))
    elif found != expected:
        raise DataError(
            f"{folder}: holds scenes drawn with {found}, expected {expected}. Delete the folder, or give another."
        )


def _as_noted_earlier(settings: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The settings as versions 1, 2 and 3 noted them, which did not know all of them."""
    added = ("noise_rate", "decoys", "cue_rates")
    return [
        {key: value for key, value in settings.items() if key not in added[version - 1 :]} | {"format": version}
        for version in range(1, _FORMAT)
    ]


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(
            f"{path}: cannot be read ({error}). Delete the folder {path.parent}, or give another."
        ) from error


def _read_settings(folder: Path) -> Settings:
    path = folder / _SETTINGS
    try:
        return Settings(**_read_json(path))
    except TypeError as error:
        raise DataError(f"{path}: holds other settings ({error}). Draw the scenes again.") from error


def _encode(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=_JPEG_QUALITY, subsampling=0)
    return buffer.getvalue()


def _csv(header: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return buffer.getvalue()


def _table_row(scene: Scene) -> tuple[object, ...]:
    return scene.path, scene.class_name, scene.with_cue, scene.label_noise, scene.with_decoy


def _draw_file(folder: Path, scene: Scene) -> None:
    atomic_write(folder / scene.path, _encode(draw_planned(scene)), durable=False)
