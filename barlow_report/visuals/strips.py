"""What is shown along one condition of a failure mode: a histogram with the threshold, and images on both sides."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from barlow_report.visuals.histograms import is_sparse

__all__ = ["bins_at_threshold", "choose_successes", "images_at_threshold"]

N_BINS = 28
_OTHER_SIDE = 2  # of the seeds of a rule; 0 and 1 are those of its galleries


def bins_at_threshold(
    activations: npt.NDArray[np.floating], is_failure: npt.NDArray[np.bool_], *, threshold: float, n_bins: int = N_BINS
) -> pd.DataFrame:
    """Count images and failures in about `n_bins` bins of one width, one of which ends at the threshold.

    So the bins up to the threshold hold exactly the images with activation <= threshold. The outermost bins reach no
    further than the images do. Where many images have exactly the lowest activation, see `histograms.is_sparse`, and
    it is not beyond the threshold, they have a bin of width 0 of their own before the others.

    Args:
        activations: Shape (n_images,), of one feature; float32 values are compared as float64, as trees do.
        is_failure: Shape (n_images,).
        threshold: Where the condition cuts.
        n_bins: How many bins the range of activations would fill.

    Returns:
        Columns bin, low, high, n_images, n_failures; no rows without images.
    """
    if not len(activations):
        return pd.DataFrame({"bin": [], "low": [], "high": [], "n_images": [], "n_failures": []})
    values = activations.astype(np.float64)
    is_lowest = values == values.min()
    if values.min() <= threshold and is_sparse(is_lowest.sum(), len(values)):
        others = _bins(values[~is_lowest], is_failure[~is_lowest], threshold, n_bins)
        found = pd.concat([_bin_of_lowest(values.min(), is_failure[is_lowest]), others], ignore_index=True)
        return found.assign(bin=np.arange(len(found)))
    return _bins(values, is_failure, threshold, n_bins)


def _bins(
    values: npt.NDArray[np.float64], is_failure: npt.NDArray[np.bool_], threshold: float, n_bins: int
) -> pd.DataFrame:
    """Bins of one width for at least one image."""
    low, high = min(values.min(), threshold), max(values.max(), threshold)
    width = (high - low) / n_bins or 1.0
    n_below = max(int(np.ceil((threshold - low) / width)), 1 if (values <= threshold).any() else 0)
    n_above = max(int(np.ceil((high - threshold) / width)), 1 if (values > threshold).any() else 0)
    places = np.ceil((values - threshold) / width).astype(np.int64) - 1 + n_below
    # rounding must not take an image across the threshold or out of the range
    places = np.where(
        values <= threshold, places.clip(0, n_below - 1), places.clip(n_below, max(n_below + n_above - 1, n_below))
    )
    n = n_below + n_above
    edges = threshold + np.arange(-n_below, n_above + 1) * width
    edges[n_below] = threshold
    if low < threshold:
        edges[0] = low
    if high > threshold:
        edges[-1] = high
    return pd.DataFrame(
        {
            "bin": np.arange(n),
            "low": edges[:-1],
            "high": edges[1:],
            "n_images": np.bincount(places, minlength=n),
            "n_failures": np.bincount(places[is_failure], minlength=n),
        }
    )


def _bin_of_lowest(value: float, is_failure: npt.NDArray[np.bool_]) -> pd.DataFrame:
    counts = {"n_images": [len(is_failure)], "n_failures": [int(is_failure.sum())]}
    return pd.DataFrame({"bin": [0], "low": [value], "high": [value], **counts})


def images_at_threshold(
    activations: npt.NDArray[np.floating], image_ids: npt.NDArray[np.int64], *, threshold: float, n: int
) -> pd.DataFrame:
    """Choose the `n` images closest to the threshold on each side, ties by id.

    Args:
        activations: Shape (n_images,), of one feature.
        image_ids: Shape (n_images,), ascending.
        threshold: Where the condition cuts.
        n: How many on each side at most.

    Returns:
        Columns place (below: at most the threshold; above: more), rank (1 for the closest), image_id, activation.
    """
    values = activations.astype(np.float64)
    parts = []
    for place, side in (("below", values <= threshold), ("above", values > threshold)):
        candidates = np.flatnonzero(side)
        order = candidates[np.argsort(np.abs(values[candidates] - threshold), kind="stable")][:n]
        parts.append(_rows(place, image_ids[order], values[order]))
    return pd.concat(parts, ignore_index=True)


def choose_successes(
    activations: npt.NDArray[np.floating], image_ids: npt.NDArray[np.int64], *, n: int, seed: int, rule_id: int
) -> pd.DataFrame:
    """Draw at most `n` of the successes that do not meet a rule's last condition; columns as above.

    The draw depends on the seed and the rule only, as those of galleries do.
    """
    drawn = np.random.default_rng([seed, rule_id, _OTHER_SIDE]).permutation(len(image_ids))[:n]
    return _rows("other_side", image_ids[drawn], activations.astype(np.float64)[drawn])


def _rows(place: str, image_ids: npt.NDArray[np.int64], activations: npt.NDArray[np.float64]) -> pd.DataFrame:
    return pd.DataFrame(
        {"place": place, "rank": np.arange(1, len(image_ids) + 1), "image_id": image_ids, "activation": activations}
    )
