"""Verdicts of all effects of a run together: tests of features, q-values."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from barlow_report.config import Config
from barlow_report.lenses.causes.effects import Effect, judge_effect
from barlow_report.lenses.causes.feature_tests import feature_tests
from barlow_report.lenses.causes.tables import KEY, TABLES
from barlow_report.significance import adjust_p_values

__all__ = ["judged"]


def judged(frame: pd.DataFrame, controls: pd.DataFrame, config: Config) -> pd.DataFrame:
    """Return the table `causes` with p-values, q-values and verdicts.

    Args:
        frame: The table, at least one row, with `p_images` where an effect was tested.
        controls: The table `cause_controls` of the same effects.
        config: With the limits of verdicts.
    """
    numbers = [column.name for column in TABLES[0].columns if column.type == "float"]
    frame = frame.astype(dict.fromkeys(numbers, "float64") | {"verdict": "object", "reason": "object"})
    tested = frame["p_images"].notna().to_numpy()
    frame.loc[tested, "p_features"] = _p_features(frame[tested], controls)
    frame["p_value"] = frame[["p_images", "p_features"]].max(axis=1)
    frame["q_value"] = adjust_p_values(frame["p_value"].to_numpy())
    frame["verdict"] = [
        judge_effect(
            Effect(value=row.effect, low=row.effect_low, high=row.effect_high),
            Effect(value=row.confidence_effect, low=row.confidence_effect_low, high=row.confidence_effect_high),
            row.q_value,
            max_q_value=config.rules.max_q_value,
            least=config.rules.rho,
        )
        if is_tested
        else "not_tested"
        for row, is_tested in zip(frame.itertuples(), tested, strict=True)
    ]
    return frame.astype({"reason": "object"}).where(frame.notna(), None).astype(dict.fromkeys(numbers, "float64"))


def _p_features(tested: pd.DataFrame, controls: pd.DataFrame) -> npt.NDArray[np.float64]:
    """Of each effect that was tested."""
    by_effect = dict(iter(controls[controls["kind"] == "other"].groupby(list(KEY))))
    others = [by_effect[key] for key in tested[list(KEY)].itertuples(index=False, name=None)]
    signs = np.where(tested["direction"] == "repair", -1.0, 1.0)
    n_images = tested["n_images"].to_numpy(dtype=np.float64)
    return feature_tests(
        signs * tested["n_failures_moved"].to_numpy(dtype=np.float64) / n_images,
        [
            s * rows["n_failures"].to_numpy(dtype=np.float64) / n
            for s, rows, n in zip(signs, others, n_images, strict=True)
        ],
        n_images=n_images,
    )
