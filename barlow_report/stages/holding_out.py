"""The images that a lens may test with: those that nothing it shows was fitted on."""

import numpy as np
import numpy.typing as npt

from barlow_report.config import Config
from barlow_report.run_folder import Run

__all__ = ["chooses_threshold", "draw_split", "images_to_test_with"]


def chooses_threshold(run: Run) -> bool:
    """Whether the inspected model's failures follow from a threshold that was chosen for them."""
    positive = (run.info.get("outputs") or {}).get("positive") or {}
    return positive.get("maximises") is not None


def draw_split(
    config: Config, labels: npt.NDArray[np.int64], failure: npt.NDArray[np.bool_] | None
) -> npt.NDArray[np.bool_]:
    """Draw the images to hold out, stratified by label and failure.

    Args:
        config: The configuration.
        labels: (n_images,) class_id of the true class.
        failure: (n_images,) bool; None where failures depend on a threshold that is chosen on the images that are not
            held out: the split is then stratified by label alone.

    Returns:
        (n_images,) bool.
    """
    from barlow_report.rules.groups import split_images

    if failure is None:
        failure = np.zeros(len(labels), dtype=np.bool_)
    return split_images(labels, failure, held_out_fraction=config.rules.held_out_fraction, seed=config.seed)


def images_to_test_with(config: Config, run: Run) -> npt.NDArray[np.bool_]:
    """Tell which images of a run a lens holds out.

    They are those that the rules were not fitted on, so that everything a report shows of an image stands on one split.
    Rules that are tested by shuffles hold none out; a lens then draws a split of its own, the same for all lenses.

    Args:
        config: The configuration.
        run: The run folder, with the stage `explain` finished.

    Returns:
        (n_images,) bool; True nowhere in an in-sample run.
    """
    if config.rules.evidence_kind != "shuffles":
        return np.asarray(run.read_table("splits")["split"] == "held_out", dtype=np.bool_)
    images = run.read_table("images")
    labels = images["label"].to_numpy(dtype=np.int64)
    failure = labels != images["prediction"].to_numpy(dtype=np.int64)
    return draw_split(config, labels, None if chooses_threshold(run) else failure)
