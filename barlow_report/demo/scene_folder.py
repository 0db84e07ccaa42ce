"""A folder of the demo's scenes, with what was planted in them, and all their labels as people would give them."""

import csv
import io
import json
import multiprocessing
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import pandas as pd
from PIL import Image

from barlow_report.demo.classes import CLASSES
from barlow_report.demo.scenes import IMAGE_SIZE, draw_scene, has_cue, has_label_noise
from barlow_report.errors import DataError
from barlow_report.files import atomic_write
from barlow_report.progress import Advance, ignore_advance

__all__ = ["MULTI_LABELS", "OVERLAPPING", "SCENE_TABLE", "read_scene_table", "write_scenes"]

SCENE_TABLE = "scenes.csv"
"""What was planted in each picture."""

MULTI_LABELS = "multi_labels.csv"
"""All labels that are right for each picture: a file for `taxonomy.multi_labels`."""

OVERLAPPING = "overlapping.csv"
"""Classes that overlap: a file for `taxonomy.overlapping`."""

_SETTINGS = "scenes.json"
_FORMAT = 2
_JPEG_QUALITY = 90
_WORTH_PROCESSES = 300
_COLUMNS = ("path", "label", "cue_present", "label_noise")


@dataclass(frozen=True)
class _Settings:
    """What the pictures in a folder depend on."""

    format: int
    n_per_class: int
    cue_rate: float
    noise_rate: float
    seed: int
    size: int


@dataclass(frozen=True)
class _Scene:
    """One picture of a folder."""

    class_name: str
    index: int
    with_cue: bool
    with_noise: bool
    seed: int

    @property
    def path(self) -> str:
        return f"{self.class_name}/{self.index:04d}.jpg"

    @property
    def label_noise(self) -> str:
        """The kind of label noise in the scene; empty: none."""
        noise = CLASSES[self.class_name].label_noise
        return noise.error_type if noise is not None and self.with_noise else ""

    @property
    def labels(self) -> tuple[str, ...]:
        """Every class that a person would see in the picture; of overlapping classes the label alone."""
        noise = CLASSES[self.class_name].label_noise
        if noise is None or self.label_noise != "multi_label":
            return (self.class_name,)
        return self.class_name, noise.other


def write_scenes(
    folder: Path,
    *,
    n_per_class: int,
    cue_rate: float,
    seed: int,
    noise_rate: float = 0.0,
    advance: Advance = ignore_advance,
) -> Path:
    """Write `folder/<class>/<nnnn>.jpg` for every class, and what was planted in them as `folder/scenes.csv`.

    Beside it stand the classes that overlap, `folder/overlapping.csv`, and all labels that are right for each picture,
    `folder/multi_labels.csv`. Pictures that are already there are kept, so an interrupted call can be repeated.

    Args:
        folder: Made if it is not there.
        n_per_class: Pictures per class, at least 1.
        cue_rate: Share of pictures that show their class's cue, 0 to 1.
        seed: Another seed gives other pictures.
        noise_rate: Share of pictures with label noise, 0 to 1, in the classes that have any.
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
    settings = _Settings(
        format=_FORMAT, n_per_class=n_per_class, cue_rate=cue_rate, noise_rate=noise_rate, seed=seed, size=IMAGE_SIZE
    )
    _claim(folder, settings)
    scenes = _plan(settings)
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


def _plan(settings: _Settings) -> list[_Scene]:
    """Every picture of a folder."""
    seed = settings.seed
    return [
        _Scene(
            name,
            index,
            with_cue=has_cue(name, seed=seed, index=index, cue_rate=settings.cue_rate),
            with_noise=has_label_noise(name, seed=seed, index=index, noise_rate=settings.noise_rate),
            seed=seed,
        )
        for name in CLASSES
        for index in range(settings.n_per_class)
    ]


def read_scene_table(folder: Path) -> pd.DataFrame:
    """Return `folder/scenes.csv`, one row per scene.

    Columns path, label and label_noise (text; empty: none) and cue_present (bool).

    Raises:
        DataError: The table is missing or cannot be read.
    """
    path = folder / SCENE_TABLE
    try:
        frame = pd.read_csv(path, keep_default_na=False)
        types = {"path": "str", "label": "str", "cue_present": "bool", "label_noise": "str"}
        return frame.astype(types)[list(_COLUMNS)]
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"{path}: cannot be read ({error}). Draw the scenes again.") from error


def _claim(folder: Path, settings: _Settings) -> None:
    """Note the settings in the folder, or check that they are those of the pictures there."""
    path = folder / _SETTINGS
    expected = asdict(settings)
    if not path.exists():
        if folder.exists() and any(folder.iterdir()):
            raise DataError(f"{folder}: holds other files; expected an empty folder or one of earlier scenes.")
        atomic_write(path, json.dumps(expected, indent=1))
        return
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(f"{path}: cannot be read ({error}). Delete the folder {folder}, or give another.") from error
    without_noise = {key: value for key, value in expected.items() if key != "noise_rate"} | {"format": 1}
    if found == without_noise:  # drawn by an earlier version, which had no label noise; the other pictures are the same
        for scene in _plan(settings):
            if scene.with_noise:
                (folder / scene.path).unlink(missing_ok=True)
        atomic_write(path, json.dumps(expected, indent=1))
    elif found != expected:
        raise DataError(
            f"{folder}: holds scenes drawn with {found}, expected {expected}. Delete the folder, or give another."
        )


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


def _table_row(scene: _Scene) -> tuple[object, ...]:
    return scene.path, scene.class_name, scene.with_cue, scene.label_noise


def _draw_file(folder: Path, scene: _Scene) -> None:
    image = draw_scene(
        scene.class_name, with_cue=scene.with_cue, seed=scene.seed, with_noise=scene.with_noise, index=scene.index
    )
    atomic_write(folder / scene.path, _encode(image), durable=False)
