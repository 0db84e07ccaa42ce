"""From the training images of each failure mode to all weights and the rows of the tables."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from barlow_report.lenses.weights.weighing import Counted, compare_shares, factor_of, weigh, weight_share

__all__ = ["ModeMembers", "Weighed", "weigh_modes"]

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class ModeMembers:
    """A failure mode among the training images.

    Attributes:
        rule_id: Of its rule.
        of_class: Positions of the images of its class that could be read.
        inside: Of these, images that meet the rule.
        n_class_analysed, n_meets_analysed: The same of the analysed images, how many.
        is_label_noise: Whether its failures are mostly label noise.
    """

    rule_id: int
    of_class: Integers
    inside: Integers
    n_class_analysed: int
    n_meets_analysed: int
    is_label_noise: bool

    @property
    def counted(self) -> Counted:
        """How many there are."""
        return Counted(
            n_class=len(self.of_class),
            n_meets=len(self.inside),
            n_class_analysed=self.n_class_analysed,
            n_meets_analysed=self.n_meets_analysed,
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Weighed:
    """The weight of each image (n_images,), rows of table `training_modes`, and how many images are and count more."""

    weights: npt.NDArray[np.float64]
    rows: Sequence[dict[str, object]]
    n_members: int
    n_raised: int


def weigh_modes(
    n_images: int, modes: Sequence[ModeMembers], *, asked: float | None, max_factor: float, max_q_value: float
) -> Weighed:
    """Weight all images by the failure modes that they are in; see `weighing`.

    Args:
        n_images: At least 1.
        modes: Each failure mode.
        asked: The factor that was asked for, 1 at least; None: balance.
        max_factor: The largest with balance, 1 at least.
        max_q_value: Of what is called rarer or more common, 0 to 1.
    """
    factors = {
        mode.rule_id: factor_of(mode.counted, asked=asked, max_factor=max_factor, is_label_noise=mode.is_label_noise)
        for mode in modes
    }
    weights = weigh(n_images, {mode.rule_id: mode.inside for mode in modes}, factors)
    compared = compare_shares([mode.counted for mode in modes], max_q_value=max_q_value)
    rows = [
        {
            "rule_id": mode.rule_id,
            "n_class": len(mode.of_class),
            "n_meets": len(mode.inside),
            "n_class_analysed": mode.n_class_analysed,
            "n_meets_analysed": mode.n_meets_analysed,
            **comparison,
            "factor": factors[mode.rule_id].value,
            "reason": factors[mode.rule_id].reason,
            "weight_share": weight_share(weights, of_class=mode.of_class, inside=mode.inside),
        }
        for mode, comparison in zip(modes, compared, strict=True)
    ]
    return Weighed(
        weights=weights,
        rows=rows,
        n_members=_n_different(mode.inside for mode in modes),
        n_raised=_n_different(mode.inside for mode in modes if factors[mode.rule_id].value > 1),
    )


def _n_different(parts: Iterable[Integers]) -> int:
    return len(np.unique(np.concatenate([np.empty(0, dtype=np.int64), *parts])))
