"""What was planted in the demo beside what its run has found."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from barlow_report.config import Config
from barlow_report.demo.releases import RELEASES, Release
from barlow_report.demo.scene_folder import read_scene_table, redraw
from barlow_report.lenses.planted.changing import compare_changes
from barlow_report.lenses.planted.comparing import compare_with_planted
from barlow_report.lenses.planted.truth import Kind, measure_true_effects
from barlow_report.progress import Progress
from barlow_report.run_folder import Run

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["write_planted"]

N_REDRAWN = 24
"""Scenes for each cue or decoy and each direction: as many as images are changed to estimate the effect."""


def write_planted(config: Config, run: Run, *, images: Path, release: Release, progress: Progress) -> None:
    """Write what was planted in the scenes of folder `images`, what of it the run found, and what it truly does.

    Of a release after the first also what was planted to change since the one before, beside what the comparison says.
    """
    from barlow_report.rules import leaf_members

    conditions = dict(tuple(run.read_table("conditions").groupby("rule_id")))
    features = run.features()
    planted = compare_with_planted(
        classes=run.read_table("classes"),
        images=run.read_table("images"),
        splits=run.read_table("splits"),
        groups=run.read_table("groups"),
        rules=run.read_table("rules"),
        scene_table=read_scene_table(images),
        directions=run.read_table("directions") if run.has_table("directions") else None,
        error_types=run.read_table("error_types") if run.has_table("error_types") else None,
        members=lambda rule_id: leaf_members(features, conditions[rule_id]),
        relies_on=release.relies_on,
    )
    run.write_table("planted", planted)
    if release is not RELEASES[0]:
        _write_changes(run, images=images, release=release)
    if not run.has_table("true_effects"):  # dropped with what it rests on; drawing takes a while
        _write_true_effects(config, run, images=images, release=release, progress=progress)


def _write_changes(run: Run, *, images: Path, release: Release) -> None:
    changes = compare_changes(
        classes=run.read_table("classes"),
        images=run.read_table("images"),
        scene_table=read_scene_table(images),
        earlier=RELEASES[release.number - 2].relies_on,
        relies_on=release.relies_on,
        mode_changes=run.read_table("mode_changes") if run.has_table("mode_changes") else None,
        flipped_images=run.read_table("flipped_images") if run.has_table("flipped_images") else None,
    )
    run.write_table("planted_changes", changes)


def _write_true_effects(config: Config, run: Run, *, images: Path, release: Release, progress: Progress) -> None:
    from barlow_report.rules import leaf_members

    features = run.features()
    model = _Redrawn(config, images, paths=run.read_table("images")["path"].tolist())
    progress.message("Redrawing scenes with one thing changed")
    effects = measure_true_effects(
        classes=run.read_table("classes"),
        images=run.read_table("images"),
        groups=run.read_table("groups"),
        rules=run.read_table("rules"),
        conditions=run.read_table("conditions"),
        scene_table=read_scene_table(images),
        members=lambda rows: leaf_members(features, rows),
        redraw=model.predict,
        cues_of=frozenset().union(*(known.relies_on for known in RELEASES[: release.number])),
        n_redrawn=N_REDRAWN,
    )
    run.write_table("true_effects", effects)


class _Redrawn:
    """Asks the inspected model about scenes that are not as they were drawn."""

    def __init__(self, config: Config, folder: Path, *, paths: Sequence[str]) -> None:
        from barlow_report.vision.devices import choose_device
        from barlow_report.vision.loading import load_model

        if config.inspected_model is None:
            raise ValueError("the demo's configuration names no inspected model.")
        self._folder, self._paths = folder, paths
        self._model = load_model(config.inspected_model, device=choose_device(config.device), role="inspected_model")

    def predict(self, image_ids: Sequence[int], kind: Kind) -> "npt.NDArray[np.int64]":
        """Return the predictions, class ids, on the scenes with their cue or decoy drawn, or left out, instead."""
        from barlow_report.vision.predictions import predict_classes

        return predict_classes(self._model, [redraw(self._folder, self._paths[i], changes=kind) for i in image_ids])
