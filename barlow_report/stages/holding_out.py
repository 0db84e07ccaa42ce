"""The images that a lens may test with: those that nothing it shows was fitted on."""

import numpy as np
import numpy.typing as npt

from barlow_report.config import Config
from barlow_report.run_folder import Run

__all__ = ["images_to_test_with"]


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
    from barlow_report.rules.groups import split_images

    images = run.read_table("images")
    labels = images["label"].to_numpy(dtype=np.int64)
    failure = labels != images["prediction"].to_numpy(dtype=np.int64)
    return split_images(labels, failure, held_out_fraction=config.rules.held_out_fraction, seed=config.seed)
