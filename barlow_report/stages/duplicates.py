"""Exact duplicates among the images: how many there are, and whether they make the evidence look better than it is.

An image that is in the fitted part and again in the held-out part tests a rule on what it was fitted on, and two
labels for one image make one of them a failure whatever the model says. Where rules are tested on all images, one that
is there twice counts twice, which makes evidence look stronger than it is. None of it is repaired: it is counted and
told.
"""

import pandas as pd

from barlow_report.run_folder import Run

__all__ = ["count_duplicates"]


def count_duplicates(run: Run) -> dict[str, int]:
    """Count exact duplicates in a run whose stage `extract` has finished.

    Returns:
        `n_images` that equal an earlier one; `n_with_other_labels`: images that equal one with another label; and,
        where the images are split, `n_held_out_in_fit`: held-out images that equal a fitted one, or, where rules are
        tested on all images, `n_tested_again`: those that equal an earlier one and count in the tests once more.
    """
    if not run.has_table("contents"):
        return {}
    frame = run.read_table("contents").merge(run.read_table("images")[["image_id", "label"]], on="image_id")
    labels = frame.groupby("digest", sort=False)["label"]
    found = {
        "n_images": int(frame["digest"].duplicated().sum()),
        "n_with_other_labels": int((labels.transform("nunique") > 1).sum()),
    }
    if run.has_table("splits"):
        splits = run.read_table("splits")
        if (splits["split"] == "held_out").any():
            found["n_held_out_in_fit"] = _n_held_out_in_fit(frame.merge(splits, on="image_id"))
        else:
            found["n_tested_again"] = found["n_images"]
    return found


def _n_held_out_in_fit(frame: pd.DataFrame) -> int:
    is_held_out = frame["split"] == "held_out"
    return int(frame.loc[is_held_out, "digest"].isin(frame.loc[~is_held_out, "digest"]).sum())
