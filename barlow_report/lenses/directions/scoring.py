"""The directions of all classes, the place of every image along them, and the evidence on held-out images.

The cross-validated quality is the best of several, on the images that are fitted: it is no evidence. The sign of the
decision values is therefore compared with the outcomes of the held-out images, which had no part in the whitening or
the fit: balanced accuracy with an interval, an exact test that the hard side fails more often, and q-values over all
directions of the run.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import rankdata

from barlow_report.engine import SharedArray, current_engine
from barlow_report.errors import DataError
from barlow_report.lenses.directions.class_work import ClassUnit, DirectionWork, Found
from barlow_report.lenses.directions.config import DirectionsConfig
from barlow_report.lenses.directions.fitting import Direction
from barlow_report.lenses.directions.whitening import Whitening, fit_whitening
from barlow_report.progress import Advance, ignore_advance
from barlow_report.rules.evidence import judge
from barlow_report.significance import adjust_p_values, balanced_accuracy_interval, exact_test, smallest_p_value
from barlow_report.tables import empty_table

__all__ = ["Directions", "find_directions"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]

_N_BINS = 24


@dataclass(frozen=True, kw_only=True, eq=False)
class Directions:
    """What was found.

    Attributes:
        by_class: The directions of the classes that have one.
        whitening: What embeddings go through before them.
        class_directions: Table `class_directions`.
        directions: Table `directions`.
        direction_histograms: Table `direction_histograms`.
    """

    by_class: dict[int, Direction]
    whitening: Whitening
    class_directions: pd.DataFrame
    directions: pd.DataFrame
    direction_histograms: pd.DataFrame


def find_directions(
    embeddings: npt.NDArray[np.floating],
    labels: Integers,
    predictions: Integers,
    *,
    is_held_out: Booleans,
    n_classes: int,
    settings: DirectionsConfig,
    seed: int = 0,
    max_q_value: float = 0.05,
    confidence_level: float = 0.95,
    advance: Advance = ignore_advance,
) -> Directions:
    """Find the failure direction of every class.

    Args:
        embeddings: Shape (n_images, n_dimensions), real numbers; may be memory-mapped.
        labels: Shape (n_images,), class ids from 0 to n_classes − 1.
        predictions: Likewise; an image fails where the two differ.
        is_held_out: Shape (n_images,); the images that have no part in the fit.
        n_classes: Number of classes.
        settings: See `DirectionsConfig`.
        seed: Of the samples of very large classes.
        max_q_value: False-discovery rate of verified directions.
        confidence_level: Of the intervals.
        advance: Called with 1 after each class.

    Raises:
        DataError: The embeddings do not fit the images, or hold values that are not finite.
    """
    _check(embeddings, labels)
    fit_ids = np.flatnonzero(~is_held_out)
    whitening = fit_whitening(embeddings, fit_ids if len(fit_ids) else np.arange(len(labels)))
    is_failure = np.not_equal(labels, predictions)
    order, starts = np.argsort(labels, kind="stable"), np.searchsorted(np.sort(labels), np.arange(n_classes + 1))
    classes = [
        ClassUnit(class_id=c, image_ids=ids, is_failure=is_failure[ids], is_held_out=is_held_out[ids])
        for c, ids in ((c, order[starts[c] : starts[c + 1]]) for c in range(n_classes))
    ]

    work = DirectionWork(embeddings=SharedArray(embeddings), whitening=whitening, settings=settings, seed=seed)
    with current_engine().team(work, n_units=len(classes)) as team:
        found: list[Found] = list(team.map(classes, advance=advance))
    placed = [(members, values) for members, (_, _, values) in zip(classes, found, strict=True) if values is not None]
    rows = pd.DataFrame([row for row, _, _ in found])
    return Directions(
        by_class={c.class_id: d for c, (_, d, _) in zip(classes, found, strict=True) if d is not None},
        whitening=whitening,
        class_directions=_judged(rows, bool(is_held_out.any()), max_q_value=max_q_value, level=confidence_level),
        directions=_places(placed),
        direction_histograms=_histograms(placed),
    )


def _check(embeddings: npt.NDArray[np.floating], labels: Integers) -> None:
    if embeddings.ndim != 2 or len(embeddings) != len(labels) or 0 in embeddings.shape:
        raise DataError(
            f"embeddings: found shape {embeddings.shape}, expected ({len(labels)}, n_dimensions): a row for each image "
            "of images.parquet, in its order."
        )
    if embeddings.dtype.kind not in "fiu":
        raise DataError(f"embeddings: found type {embeddings.dtype}, expected real numbers such as float32.")


def _judged(rows: pd.DataFrame, has_held_out: bool, *, max_q_value: float, level: float) -> pd.DataFrame:
    """Add the evidence on held-out images to the rows of all classes."""
    if rows.empty:
        return rows
    is_fitted = rows["status"].to_numpy() == "fitted"
    n, k = (rows[name].to_numpy(dtype=np.int64) for name in ("n_images_held_out", "n_failures_held_out"))
    hard = rows["n_hard_failures_held_out"].fillna(0).to_numpy(dtype=np.int64)
    easy = rows["n_easy_successes_held_out"].fillna(0).to_numpy(dtype=np.int64)
    is_known = is_fitted & (k > 0) & (k < n)
    with np.errstate(invalid="ignore", divide="ignore"):
        accuracy = (hard / k + easy / (n - k)) / 2
    interval = balanced_accuracy_interval((hard, easy), (k, n - k), level=level)
    p_values = exact_test(hard + (n - k - easy), hard, n_group_images=n, n_group_failures=k)
    p_values = np.where(is_known, p_values, np.nan)
    q_values = adjust_p_values(p_values)
    verdict = judge(
        is_fitted,
        np.ones(len(rows), dtype=np.bool_),
        q_values,
        max_q_value=max_q_value,
        in_sample=not has_held_out,
        # of any side, the one that holds the failures and nothing else says most
        smallest_p_values=smallest_p_value(k, n_group_images=n, n_group_failures=k),
    )
    counted = is_fitted & (n > 0)
    return rows.assign(
        n_hard_failures_held_out=rows["n_hard_failures_held_out"].where(counted).astype("Int64"),
        n_easy_successes_held_out=rows["n_easy_successes_held_out"].where(counted).astype("Int64"),
        penalty=rows["penalty"].astype("float64"),
        balanced_accuracy_cross_validated=rows["balanced_accuracy_cross_validated"].astype("float64"),
        balanced_accuracy_held_out=np.where(is_known, accuracy, np.nan),
        balanced_accuracy_held_out_low=np.where(is_known, interval.low, np.nan),
        balanced_accuracy_held_out_high=np.where(is_known, interval.high, np.nan),
        p_value=p_values,
        q_value=q_values,
        verdict=verdict,
        reference_score=np.nan,
    )


def _places(placed: Sequence[tuple[ClassUnit, Floats]]) -> pd.DataFrame:
    """Table `directions`."""
    parts = [
        pd.DataFrame(
            {
                "image_id": members.image_ids,
                "decision_value": values,
                "hardness": _hardness(values),
                "is_held_out": members.is_held_out,
            }
        )
        for members, values in placed
    ]
    if not parts:
        return empty_table("directions")
    return pd.concat(parts, ignore_index=True).sort_values("image_id", ignore_index=True)


def _hardness(values: Floats) -> Floats:
    """Share of the other images with a higher decision value, ties counted half."""
    ranks: Floats = rankdata(-values)
    return (ranks - 1) / max(len(values) - 1, 1)


def _histograms(placed: Sequence[tuple[ClassUnit, Floats]]) -> pd.DataFrame:
    """Table `direction_histograms`: of the held-out images of a class, or of all where none are held out."""
    parts = []
    for members, values in placed:
        shown = members.is_held_out if members.is_held_out.any() else np.ones(len(values), dtype=bool)
        low, high = float(values[shown].min()), float(values[shown].max())
        edges = np.linspace(low, high, _N_BINS + 1) if high > low else np.array([low, high])
        n_images = np.histogram(values[shown], bins=edges)[0]
        n_failures = np.histogram(values[shown & members.is_failure], bins=edges)[0]
        parts.append(
            pd.DataFrame(
                {
                    "class_id": members.class_id,
                    "position": np.arange(len(edges) - 1),
                    "low": edges[:-1],
                    "high": edges[1:],
                    "n_images": n_images,
                    "n_failures": n_failures,
                }
            )
        )
    columns = ["class_id", "position", "low", "high", "n_images", "n_failures"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame({c: np.zeros(0) for c in columns})
