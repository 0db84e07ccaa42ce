"""The demo's releases: two inspected models of one recipe that learned from different pictures.

The first learned from pictures that nearly always show the cue of six classes, and relies on each. For the second, two
of these cues are as often missing in training as in the analysed images, so it no longer relies on them. But every vase
of its training images holds flowers, so that it takes a vase without flowers for a mug: one new failure.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

__all__ = ["ANALYSED_CUE_RATES", "RELEASES", "Release"]

ANALYSED_CUE_RATES: Mapping[str, float] = MappingProxyType({"ball": 1.0, "vase": 0.5})
"""In the analysed images: classes whose cue is shown in another share of the pictures than usual."""


@dataclass(frozen=True)
class Release:
    """One release of the demo's inspected model.

    Attributes:
        number: From 1.
        name: Of its run.
        training_cue_rates: In its training images: classes whose cue is shown in another share than usual.
        relies_on: The classes that it knows by their cue, and fails on where the cue is missing.
    """

    number: int
    name: str
    training_cue_rates: Mapping[str, float]
    relies_on: frozenset[str]


_FIRST = Release(1, "demo", MappingProxyType({}), frozenset({"car", "gift", "mug", "orange", "purse", "toadstool"}))
_SECOND = Release(
    2,
    "demo-2",
    MappingProxyType({"mug": 0.5, "orange": 0.5, "vase": 1.0, "ball": 1.0}),
    _FIRST.relies_on - {"mug", "orange"} | {"vase"},
)

RELEASES: tuple[Release, ...] = (_FIRST, _SECOND)
