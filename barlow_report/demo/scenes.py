"""Draw one of the demo's scenes from its class, its cue and its seed.

The first class of each pair shows its cue in nearly all training images, so a model learns to tell the pair
apart by it; where the cue is missing later, the model takes the first class for the second. That is a failure
mode known beforehand. A scene depends on its own seed alone, so any one can be redrawn, in any order and
process.

Two classes can hold label noise: scenes for which another class is as right as the label.

A scene can be *redrawn* with its cue or its decoy alone drawn or left out, and everything else as it was: what a model
then answers otherwise is the true effect of the cue, or of the decoy.
"""

import zlib

import numpy as np
from PIL import Image

from barlow_report.demo.canvas import Canvas
from barlow_report.demo.classes import CLASSES, SceneClass
from barlow_report.errors import DataError

__all__ = ["CLASSES", "IMAGE_SIZE", "SceneClass", "draw_scene", "has_cue", "has_decoy", "has_label_noise"]

IMAGE_SIZE = 128


def draw_scene(
    class_name: str,
    *,
    with_cue: bool,
    seed: int,
    with_noise: bool = False,
    with_decoy: bool = False,
    index: int = 0,
    size: int = IMAGE_SIZE,
) -> Image.Image:
    """Draw one scene.

    Args:
        class_name: A key of `CLASSES`.
        with_cue: Whether the class's cue is shown. The rest of the picture does not depend on it; a class without
            a cue ignores it.
        seed: The seed of a set of scenes.
        with_noise: Draw it so that another class is as right as the label; a class without label noise ignores it.
        with_decoy: Whether the class's decoy is shown, in front of everything else; a class without one ignores it.
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
    if with_noise and scene.label_noise is not None:
        scene.label_noise.draw(canvas, rng)
    elif scene.partner is None:
        scene.draw(canvas, rng)
    else:
        scene.draw(canvas, rng, with_cue=with_cue and scene.cue is not None)
    if with_decoy and scene.decoy is not None:
        scene.decoy.draw(canvas, _generator(class_name, seed=seed, index=index, purpose=4))
    return canvas.finish()


def has_cue(class_name: str, *, seed: int, index: int, cue_rate: float) -> bool:
    """Return whether scene `index` of a class shows its cue when a share `cue_rate` (0 to 1) of them does."""
    if CLASSES[class_name].cue is None:
        return False
    return bool(_generator(class_name, seed=seed, index=index, purpose=1).random() < cue_rate)


def has_label_noise(class_name: str, *, seed: int, index: int, noise_rate: float) -> bool:
    """Return whether another class is as right for scene `index` when that holds for a share `noise_rate` (0 to 1)."""
    if CLASSES[class_name].label_noise is None:
        return False
    return bool(_generator(class_name, seed=seed, index=index, purpose=2).random() < noise_rate)


def has_decoy(class_name: str, *, seed: int, index: int, with_cue: bool, association: float) -> bool:
    """Return whether scene `index` of a class shows its decoy, which goes along with the cue.

    In a share `association` (0 to 1) of the scenes it is there with the cue, or missing with it.
    """
    if CLASSES[class_name].decoy is None:
        return False
    goes_along = bool(_generator(class_name, seed=seed, index=index, purpose=3).random() < association)
    return with_cue == goes_along


def _generator(class_name: str, *, seed: int, index: int, purpose: int) -> np.random.Generator:
    return np.random.default_rng([seed, zlib.crc32(class_name.encode()), index, purpose])
