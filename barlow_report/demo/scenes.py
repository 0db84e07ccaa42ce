"""Draw the demo's scenes: one picture from its class, its cue and its seed, or a folder of them.

The first class of each pair shows its cue in nearly all training images, so a model learns to tell the pair
apart by it; where the cue is missing later, the model takes the first class for the second. That is a failure
mode known beforehand. A scene depends on its own seed alone, so any one can be redrawn, in any order and
process.
"""

import csv
import io
import json
import multiprocessing
import zlib
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from barlow_report.demo.canvas import Canvas
from barlow_report.demo.classes import CLASSES, SceneClass
from barlow_report.errors import DataError
from barlow_report.files import atomic_write
from barlow_report.progress import Advance, ignore_advance

__all__ = [
    "CLASSES",
    "IMAGE_SIZE",
    "SCENE_TABLE",
    "SceneClass",
    "draw_scene",
    "has_cue",
    "read_scene_table",
    "write_scenes",
]

IMAGE_SIZE = 128
SCENE_TABLE = "scenes.csv"

_SETTINGS = "scenes.json"
_FORMAT = 1
_JPEG_QUALITY = 90
_WORTH_PROCESSES = 300


@dataclass(frozen=True)
class _Settings:
    """What the pictures in a folder depend on."""

    format: int
    n_per_class: int
    cue_rate: float
    seed: int
    size: int


@dataclass(frozen=True)
class _Scene:
    """One picture of a folder."""

    class_name: str
    index: int
    with_cue: bool
    seed: int

    @property
    def path(self) -> str:
        return f"{self.class_name}/{self.index:04d}.jpg"


def draw_scene(class_name: str, *, with_cue: bool, seed: int, index: int = 0, size: int = IMAGE_SIZE) -> Image.Image:
    """Draw one scene.

    Args:
        class_name: A key of `CLASSES`.
        with_cue: Whether the class's cue is shown. The rest of the picture does not depend on it; a class without
            a cue ignores it.
        seed: The seed of a set of scenes.
        index: Number of the scene within its class.
        size: Side of the picture in pixels.

    Returns:
        An RGB image of `size` × `size` pixels.

    Raises:
        DataError: There is no such class.
    """
    if class_name not in CLASSES:
        raise DataError(f"the demo has no class {class_name!r}; expected one of {', '.join(CLASSES)}.")
    scene = CLASSES[class_name]
    canvas = Canvas(size)
    rng = _generator(class_name, seed=seed, index=index, purpose=0)
    if scene.partner is None:
        scene.draw(canvas, rng)
    else:
        scene.draw(canvas, rng, with_cue=with_cue and scene.cue is not None)
    return canvas.finish()


def has_cue(class_name: str, *, seed: int, index: int, cue_rate: float) -> bool:
    """Return whether scene `index` of a class shows its cue when a share `cue_rate` (0 to 1) of them does."""
    if CLASSES[class_name].cue is None:
        return False
    return bool(_generator(class_name, seed=seed, index=index, purpose=1).random() < cue_rate)


def write_scenes(
    folder: Path, *, n_per_class: int, cue_rate: float, seed: int, advance: Advance = ignore_advance
) -> Path:
    """Write `folder/<class>/<nnnn>.jpg` for every class, and which of them show their cue as `folder/scenes.csv`.

    Pictures that are already there are kept, so an interrupted call can be repeated.

    Args:
        folder: Made if it is not there.
        n_per_class: Pictures per class, at least 1.
        cue_rate: Share of pictures that show their class's cue, 0 to 1.
        seed: Another seed gives other pictures.
        advance: Called with 1 after each picture, whether it was drawn or kept.

    Returns:
        `folder`.

    Raises:
        DataError: `folder` holds scenes of other settings, or a setting is out of range.
        OutputError: A file cannot be written.
    """
    if n_per_class < 1 or not 0 <= cue_rate <= 1:
        raise DataError(f"found n_per_class {n_per_class} and cue_rate {cue_rate}; expected at least 1, and 0 to 1.")
    _claim(folder, _Settings(format=_FORMAT, n_per_class=n_per_class, cue_rate=cue_rate, seed=seed, size=IMAGE_SIZE))
    scenes = [
        _Scene(name, index, has_cue(name, seed=seed, index=index, cue_rate=cue_rate), seed)
        for name in CLASSES
        for index in range(n_per_class)
    ]
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
    atomic_write(folder / SCENE_TABLE, _table(scenes))
    return folder


def read_scene_table(folder: Path) -> pd.DataFrame:
    """Return `folder/scenes.csv`: columns path and label (text) and cue_present (bool), one row per scene.

    Raises:
        DataError: The table is missing or cannot be read.
    """
    path = folder / SCENE_TABLE
    try:
        frame = pd.read_csv(path)
        return frame.astype({"path": "str", "label": "str", "cue_present": "bool"})[["path", "label", "cue_present"]]
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"{path}: cannot be read ({error}). Draw the scenes again.") from error


def _generator(class_name: str, *, seed: int, index: int, purpose: int) -> np.random.Generator:
    return np.random.default_rng([seed, zlib.crc32(class_name.encode()), index, purpose])


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
    if found != expected:
        raise DataError(
            f"{folder}: holds scenes drawn with {found}, expected {expected}. Delete the folder, or give another."
        )


def _encode(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=_JPEG_QUALITY, subsampling=0)
    return buffer.getvalue()


def _table(scenes: list[_Scene]) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["path", "label", "cue_present"])
    writer.writerows((scene.path, scene.class_name, scene.with_cue) for scene in scenes)
    return buffer.getvalue()


def _draw_file(folder: Path, scene: _Scene) -> None:
    image = draw_scene(scene.class_name, with_cue=scene.with_cue, seed=scene.seed, index=scene.index)
    atomic_write(folder / scene.path, _encode(image), durable=False)
