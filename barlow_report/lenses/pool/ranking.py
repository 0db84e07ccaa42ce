"""The candidates of one failure mode, from a stream of images: how many there are, the best, and how good they are."""

from typing import Any

import numpy as np
import numpy.typing as npt

from barlow_report.lenses.pool.best import Best
from barlow_report.lenses.pool.candidates import BASES, Images, Mode, may_be_of_class, reasons
from barlow_report.lenses.pool.quality import Quality

__all__ = ["Ranking"]


class Ranking:
    """What a pool has for one mode; memory depends on how many images are listed, not on how many come by."""

    def __init__(self, mode: Mode, *, n: int) -> None:
        self.mode = mode
        self.best = Best(n)
        self.quality = Quality(mode)
        self._n_may_be = 0
        self._n_of = np.zeros(len(BASES), dtype=np.int64)

    def add(self, images: Images) -> npt.NDArray[np.bool_]:
        """Look at further images, and return which of them are candidates, (n,)."""
        meets_rule = self.mode.meets(images.features)
        codes = reasons(may_be_of_class(self.mode, images.labels, images.predictions))
        self._n_may_be += int((codes >= 0).sum())
        is_candidate = meets_rule & (codes >= 0)
        of_classes = np.concatenate([self.mode.class_ids, self.mode.taken_for])
        needed = meets_rule & (np.isin(images.labels, of_classes) | np.isin(images.predictions, of_classes))
        of_those = self.mode.predictors.of(images.features[needed], images.confidences[needed])
        predictors = np.full((len(images), of_those.shape[1]), np.nan)
        predictors[needed] = of_those
        self.quality.add(images, meets_rule, predictors)
        for code, basis in enumerate(BASES):
            chosen = is_candidate & (codes == code)
            self._n_of[code] += int(chosen.sum())
            self.best.add(
                score=self.mode.calibrations[basis].probabilities(predictors[chosen]),
                digest=images.digests[chosen],
                row=images.rows[chosen],
                basis=codes[chosen],
                label=images.labels[chosen],
                prediction=images.predictions[chosen],
                confidence=images.confidences[chosen],
            )
        return is_candidate

    @property
    def counts(self) -> dict[str, Any]:
        """The columns of table `pool_modes` that the pool says."""
        by_basis = {f"n_by_{basis}": int(n) for basis, n in zip(BASES, self._n_of, strict=True)}
        return {
            "n_may_be_of_class": self._n_may_be,
            "n_candidates": int(self._n_of.sum()),
            "n_listed": len(self.best),
            **by_basis,
        }
