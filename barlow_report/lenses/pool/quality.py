"""How many of the chosen images the model fails on, where the labels of a pool tell.

The candidates of a mode with the highest estimated probability to fail stand beside as many images of the same classes
with the lowest confidence, and beside all of these images, which is what a random choice among them gives on average.
Whether the label is the prediction is not known to any choice. The same is measured with the labels hidden: candidates
are then those that the predictions allow, and so are the images that the other choices are made from.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from barlow_report.config.further import NO_LABEL
from barlow_report.lenses.pool.best import Best
from barlow_report.lenses.pool.candidates import BASES, Images, Mode, may_be_of_class, reasons
from barlow_report.significance import wilson_interval

__all__ = ["KS", "Quality"]

KS = (10, 20, 50, 100)
"""Numbers of chosen images; where there are fewer candidates than the first, all of them."""

Booleans = npt.NDArray[np.bool_]


@dataclass(eq=False)
class _Count:
    """Images of the classes, and what was chosen among them."""

    n_images: int = 0
    n_failures: int = 0
    n_mode_failures: int = 0
    n_candidates: int = 0
    ranked: Best = field(default_factory=lambda: Best(KS[-1]))
    lowest: Best = field(default_factory=lambda: Best(KS[-1]))


class Quality:
    """What the labelled images of a pool say of the candidates of one mode."""

    def __init__(self, mode: Mode) -> None:
        self._mode = mode
        self._counts = {"labels": _Count(), "predictions": _Count()}

    def add(self, images: Images, meets_rule: Booleans, predictors: npt.NDArray[np.float64]) -> None:
        """Look at further images, (n,); whether they meet the rule, and their predictors (n, n_predictors)."""
        is_labelled = images.labels >= 0
        images, meets_rule, predictors = images[is_labelled], meets_rule[is_labelled], predictors[is_labelled]
        hidden = np.full(len(images), NO_LABEL, dtype=np.int64)
        for known, labels in (("labels", images.labels), ("predictions", hidden)):
            self._add(self._counts[known], images, labels, meets_rule, predictors)

    def _add(
        self,
        count: _Count,
        images: Images,
        labels: npt.NDArray[np.int64],
        meets_rule: Booleans,
        predictors: npt.NDArray[np.float64],
    ) -> None:
        codes = reasons(may_be_of_class(self._mode, labels, images.predictions))
        fails = images.labels != images.predictions
        may_be = codes >= 0
        count.n_images += int(may_be.sum())
        count.n_failures += int((may_be & fails).sum())
        count.n_mode_failures += int((may_be & fails & meets_rule).sum())
        count.n_candidates += int((may_be & meets_rule).sum())
        for code, basis in enumerate(BASES):
            chosen = (codes == code) & meets_rule
            count.ranked.add(
                score=self._mode.calibrations[basis].probabilities(predictors[chosen]),
                digest=images.digests[chosen],
                fails=fails[chosen],
                meets=meets_rule[chosen],
            )
        is_known = may_be & np.isfinite(images.confidences)
        count.lowest.add(
            score=-images.confidences[is_known],
            digest=images.digests[is_known],
            fails=fails[is_known],
            meets=meets_rule[is_known],
        )

    def rows(self, *, level: float) -> Iterator[dict[str, Any]]:
        """Yield rows of table `pool_quality`, with intervals of this level."""
        for known, count in self._counts.items():
            n = len(count.ranked)
            if not n:
                continue
            for k in [k for k in KS if k <= n] or [n]:
                for choice, best in (("ranked", count.ranked), ("lowest_confidence", count.lowest)):
                    if len(best) >= k:
                        fails, meets = (best.columns[name][:k].astype(np.bool_) for name in ("fails", "meets"))
                        found = (k, int(fails.sum()), int((fails & meets).sum()))
                        yield self._row(known, choice, k, found, level=level)
                everything = (count.n_images, count.n_failures, count.n_mode_failures)
                yield self._row(known, "random", k, everything, level=level)

    def _row(self, known: str, choice: str, k: int, found: tuple[int, int, int], *, level: float) -> dict[str, Any]:
        n_images, n_failures, n_mode_failures = found
        low, high = wilson_interval(n_failures, n_images, level=level)
        return {
            "rule_id": self._mode.rule_id,
            "known": known,
            "choice": choice,
            "k": k,
            "n_images": n_images,
            "n_failures": n_failures,
            "n_mode_failures": n_mode_failures,
            "precision": n_failures / n_images,
            "precision_low": float(low),
            "precision_high": float(high),
        }
