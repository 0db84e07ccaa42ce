"""Which of the suspected cues go together with failure modes and directions."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from barlow_report.lenses.attributes.association import auroc_association, phi_association
from barlow_report.significance import adjust_p_values

__all__ = ["MIN_IMAGES", "Values", "judged", "measure_direction", "measure_mode", "values_of"]

MIN_IMAGES = 5
"""Images that must have a value, lack it, and be on either side, so that anything is tested."""

Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]

Values = Mapping[str, tuple[Integers, tuple[str, ...]]]
"""Of each column: (n_images,) the position of each image's value, -1 without one, and the values in order."""


def values_of(attributes: pd.DataFrame, columns: tuple[str, ...], *, n_images: int) -> dict[str, Any]:
    """Return the values of columns of table `attributes`, as `Values`."""
    found: dict[str, tuple[Integers, tuple[str, ...]]] = {}
    for name in columns:
        rows = attributes[attributes["column"] == name]
        codes, values = pd.factorize(rows["value"], sort=True)
        of_images = np.full(n_images, -1, dtype=np.int64)
        of_images[rows["image_id"].to_numpy()] = codes
        found[name] = (of_images, tuple(str(value) for value in values))
    return found


def measure_mode(
    values: Values, *, image_ids: Integers, is_inside: Booleans, level: float
) -> Iterator[dict[str, object]]:
    """Yield the rows of a failure mode in table `mode_attributes`, without ids and q-values.

    Args:
        values: The suspected cues.
        image_ids: (n,) the images of the group to count.
        is_inside: (n,) which of them are of the failure mode.
        level: Of intervals, 0 to 1.
    """
    for column, value, codes, has_it in _questions(values, image_ids):
        known = codes >= 0
        n1, k1 = int((known & is_inside).sum()), int((has_it & is_inside).sum())
        n2, k2 = int((known & ~is_inside).sum()), int((has_it & ~is_inside).sum())
        status = _status(n_with=k1 + k2, n=n1 + n2, smaller=min(n1, n2))
        found = phi_association((k1, n1), (k2, n2), level=level) if status == "tested" else (np.nan,) * 4
        yield {
            **_head(column, value, status, n_missing=int((~known).sum())),
            "n_inside": n1,
            "n_inside_with": k1,
            "n_outside": n2,
            "n_outside_with": k2,
            **dict(zip(("phi", "phi_low", "phi_high", "p_value"), found, strict=True)),
        }


def measure_direction(
    values: Values, *, image_ids: Integers, decision_values: npt.NDArray[np.float64], level: float
) -> Iterator[dict[str, object]]:
    """Yield the rows of a class in table `direction_attributes`, without ids and q-values.

    Args:
        values: The suspected cues.
        image_ids: (n,) the images of the class to count.
        decision_values: (n,) where they lie along its direction; the lower, the harder.
        level: Of intervals, 0 to 1.
    """
    for column, value, codes, has_it in _questions(values, image_ids):
        lacks = (codes >= 0) & ~has_it
        n_with, n_without = int(has_it.sum()), int(lacks.sum())
        n = n_with + n_without
        status = _status(n_with=n_with, n=n, smaller=n)
        found: tuple[float, ...] = (np.nan,) * 4
        if status == "tested":
            found = auroc_association(decision_values[has_it], decision_values[lacks], level=level)
        yield {
            **_head(column, value, status, n_missing=int((codes < 0).sum())),
            "n_with": n_with,
            "n_without": n_without,
            **dict(zip(("auroc", "auroc_low", "auroc_high", "p_value"), found, strict=True)),
        }


def judged(rows: list[dict[str, object]]) -> pd.DataFrame:
    """Return the rows as a table with q-values over all of them; there is at least one."""
    frame = pd.DataFrame(rows)
    return frame.assign(q_value=adjust_p_values(frame["p_value"].to_numpy(dtype=np.float64)))


def _questions(values: Values, image_ids: Integers) -> Iterator[tuple[str, str, Integers, Booleans]]:
    """Yield column, value, the codes of images, and which have the value; two values are one question."""
    for column, (of_images, names) in values.items():
        codes = of_images[image_ids]
        for code in [1] if len(names) == 2 else range(len(names)):
            yield column, names[code], codes, codes == code


def _status(*, n_with: int, n: int, smaller: int) -> str:
    if n == 0:
        return "no_values"
    if n_with in (0, n):
        return "constant"
    return "tested" if min(n_with, n - n_with, smaller) >= MIN_IMAGES else "too_few_images"


def _head(column: str, value: str, status: str, *, n_missing: int) -> dict[str, object]:
    return {"column": column, "value": value, "status": status, "n_missing": n_missing}
