"""The built-in example: images that are drawn, and the configuration that analyses them."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from barlow_report import demo as demo_package
from barlow_report.config import Config, load_config
from barlow_report.demo.releases import ANALYSED_CUE_RATES, RELEASES, Release
from barlow_report.demo.scene_folder import MULTI_LABELS, OVERLAPPING, SCENE_TABLE, write_scenes
from barlow_report.demo.scenes import CLASSES
from barlow_report.progress import Progress

__all__ = ["demo_config", "draw", "draw_for_training"]

N_PER_CLASS = 160
CUE_RATE = 0.5
NOISE_RATE = 0.25
DECOYS: Mapping[str, float] = MappingProxyType({"car": 0.9, "purse": 0.9})
"""Classes in which a decoy goes along with the cue, and in which share of the pictures."""

SEED = 6
"""Six seeds were tried, and all planted failures found with each; with this one most rules name the cue's own feature,
which is easier to see in pictures than a feature that is strong where the cue is missing."""


def demo_config(images: Path, *, release: Release = RELEASES[0], baseline: Path | None = None) -> Config:
    """Return the configuration of a release of the demo.

    Args:
        images: Folder of the scenes.
        release: Which one.
        baseline: The run of the release before, of a release that has one.
    """
    config = load_config(Path(demo_package.__file__).with_name(f"{release.name}.yaml"))
    folder = images.resolve()
    sections: dict[str, Any] = {"data": config.data.model_copy(update={"manifest": folder / SCENE_TABLE})}
    files = {"overlapping": folder / OVERLAPPING, "multi_labels": folder / MULTI_LABELS}
    sections["taxonomy"] = config.section("taxonomy").model_copy(update=files)
    if baseline is not None:
        sections["changes"] = config.section("changes").model_copy(update={"baseline": baseline.resolve()})
    return config.model_copy(update=sections)


def draw(
    images: Path,
    *,
    n_per_class: int = N_PER_CLASS,
    cue_rate: float = CUE_RATE,
    noise_rate: float = NOISE_RATE,
    cue_rates: Mapping[str, float] = ANALYSED_CUE_RATES,
    decoys: Mapping[str, float] = DECOYS,
    seed: int = SEED,
    progress: Progress,
) -> None:
    """Draw the scenes that are missing in the folder `images`; see `write_scenes`. The defaults are the demo's.

    Raises:
        DataError: The folder holds something else.
        OutputError: It cannot be written.
    """
    with progress.task("Drawing scenes", total=n_per_class * len(CLASSES), unit="images") as advance:
        write_scenes(
            images,
            n_per_class=n_per_class,
            cue_rate=cue_rate,
            seed=seed,
            noise_rate=noise_rate,
            cue_rates=cue_rates,
            decoys=decoys,
            advance=advance,
        )


def draw_for_training(
    folder: Path, *, release: int, n_per_class: int, cue_rate: float, seed: int, progress: Progress
) -> None:
    """Draw scenes as the inspected model of a release, from 1, learned from: without decoys and label noise."""
    draw(
        folder,
        n_per_class=n_per_class,
        cue_rate=cue_rate,
        noise_rate=0.0,
        cue_rates=RELEASES[release - 1].training_cue_rates,
        decoys={},
        seed=seed,
        progress=progress,
    )
