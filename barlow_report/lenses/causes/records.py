"""What a run says about causes, ready to be asked for by failure mode."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from barlow_report.lenses.causes.tables import DIRECTIONS
from barlow_report.report.records import Estimate, Share
from barlow_report.report.rows import rows
from barlow_report.report.source import ReportSource
from barlow_report.significance import wilson_interval

__all__ = ["CauseEffect", "CausePair", "CauseView", "Dose", "read_causes"]

Key = tuple[int, int, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dose:
    """How many images fail after a part of the way, 0 to 1: of the move, and of a control."""

    dose: float
    moved: Share
    control: Share


@dataclass(frozen=True, slots=True, kw_only=True)
class CausePair:
    """An image before and after a move; see table `cause_pairs`."""

    image_id: int
    prediction_before: int
    prediction_after: int
    confidence_before: float
    confidence_after: float
    activation_before: float
    activation_after: float
    is_reached: bool
    gain: float
    before: str
    after: str
    difference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CauseEffect:
    """What changing the feature of one condition did; see table `causes`.

    `control` counts each image once for each control feature; `controls` is the mean of these features, with the lowest
    and the highest of them as its ends. Numbers are None where nothing was tested; `reason` then says why.
    """

    rule_id: int
    position: int
    direction: str
    feature_id: int
    branch: str
    verdict: str
    reason: str | None
    reached: Share
    before: Share
    moved: Share
    noise: Share
    control: Share
    controls: Estimate | None
    effect: Estimate | None
    confidence_effect: Estimate | None
    specificity: Estimate | None
    target: float | None
    radius: float | None
    mean_length: float | None
    p_images: float | None
    p_features: float | None
    p_value: float | None
    q_value: float | None
    doses: tuple[Dose, ...]
    pairs: tuple[CausePair, ...]
    n_controls: int

    @property
    def is_raised(self) -> bool:
        """Whether the move raises the feature."""
        return (self.branch == "le") == (self.direction == "repair")


@dataclass(frozen=True, kw_only=True)
class CauseView:
    """The effects of every verified failure mode, by rule, in the order of conditions and directions."""

    effects: Mapping[int, tuple[CauseEffect, ...]]

    def verdict(self, rule_id: int) -> str | None:
        """The strongest verdict of a rule; None for a rule that was not looked at.

        Weak is only said where every effect that was tested is.
        """
        found = [effect.verdict for effect in self.effects.get(rule_id, ())]
        order = ("causal", "undecided", "weak", "not_tested")
        return next((verdict for verdict in order if verdict in found), None)

    def best(self, rule_id: int) -> CauseEffect | None:
        """The effect to speak of: that of the strongest verdict, repair before break, then the largest."""
        found = self.effects.get(rule_id, ())
        verdict = self.verdict(rule_id)
        same = [effect for effect in found if effect.verdict == verdict]
        return min(
            same,
            key=lambda e: (DIRECTIONS.index(e.direction), -(e.effect.value if e.effect else 0.0), e.position),
            default=None,
        )

    def count(self, verdict: str) -> int:
        """How many rules have a verdict."""
        return sum(self.verdict(rule_id) == verdict for rule_id in self.effects)


def read_causes(source: ReportSource) -> CauseView | None:
    """Link the tables of causes; None where the run has none."""
    tables = source.tables
    if "causes" not in tables or tables["causes"].empty:
        return None
    branches = {(row["rule_id"], row["position"]): row["branch"] for row in rows(tables["conditions"])}
    level = float(source.info["config"]["rules"].get("confidence_level", 0.95))
    doses, pairs, controls = _doses(tables, level), _pairs(tables), _controls(tables)
    effects: dict[int, list[CauseEffect]] = {}
    frame = tables["causes"]
    frame = frame.assign(order=frame["direction"].map(DIRECTIONS.index)).sort_values(["rule_id", "position", "order"])
    for row in rows(frame.drop(columns="order")):
        key = (row["rule_id"], row["position"], row["direction"])
        effects.setdefault(row["rule_id"], []).append(
            _effect(
                row,
                branch=branches[key[:2]],
                doses=doses.get(key, ()),
                pairs=pairs.get(key, ()),
                controls=controls.get(key, []),
                level=level,
            )
        )
    return CauseView(effects={rule_id: tuple(found) for rule_id, found in effects.items()})


def _effect(
    row: Mapping[str, Any],
    *,
    branch: str,
    doses: tuple[Dose, ...],
    pairs: tuple[CausePair, ...],
    controls: Sequence[tuple[int, int]],
    level: float,
) -> CauseEffect:
    plain = ("rule_id", "position", "direction", "feature_id", "verdict", "reason", "target", "radius", "mean_length")
    n = row["n_images"]
    return CauseEffect(
        **{name: row[name] for name in (*plain, "p_images", "p_features", "p_value", "q_value")},
        branch=branch,
        reached=Share(row["n_reached"], n),
        before=_share(row["n_failures_before"], n, level),
        moved=_share(row["n_failures_moved"], n, level),
        noise=_share(row["n_failures_noise"], n, level),
        control=Share(sum(k for k, _ in controls), sum(n for _, n in controls)),
        controls=_estimate(row, "control_rate"),
        effect=_estimate(row, "effect"),
        confidence_effect=_estimate(row, "confidence_effect"),
        specificity=_estimate(row, "specificity"),
        doses=doses,
        pairs=pairs,
        n_controls=len(controls),
    )


def _share(k: int, n: int, level: float) -> Share:
    if not n:
        return Share(k, n)
    low, high = (float(end) for end in wilson_interval(k, n, level=level))
    return Share(k, n, low, high)


def _estimate(row: Mapping[str, Any], name: str) -> Estimate | None:
    return None if row[name] is None else Estimate(row[name], row[f"{name}_low"], row[f"{name}_high"])


def _key(row: Mapping[str, Any]) -> Key:
    return row["rule_id"], row["position"], row["direction"]


def _doses(tables: Mapping[str, pd.DataFrame], level: float) -> dict[Key, tuple[Dose, ...]]:
    found: dict[Key, list[Dose]] = {}
    for row in rows(tables["cause_doses"].sort_values("dose", kind="stable")):
        n = row["n_images"]
        moved, control = _share(row["n_failures_moved"], n, level), _share(row["n_failures_control"], n, level)
        found.setdefault(_key(row), []).append(Dose(dose=row["dose"], moved=moved, control=control))
    return {key: tuple(doses) for key, doses in found.items()}


def _pairs(tables: Mapping[str, pd.DataFrame]) -> dict[Key, tuple[CausePair, ...]]:
    found: dict[Key, list[CausePair]] = {}
    names = CausePair.__slots__
    for row in rows(tables["cause_pairs"].sort_values("rank", kind="stable")):
        found.setdefault(_key(row), []).append(CausePair(**{name: row[name] for name in names}))
    return {key: tuple(pairs) for key, pairs in found.items()}


def _controls(tables: Mapping[str, pd.DataFrame]) -> dict[Key, list[tuple[int, int]]]:
    """How many images failed, of how many, after changes along each control feature."""
    frame = tables["cause_controls"]
    found: dict[Key, list[tuple[int, int]]] = {}
    for row in rows(frame[frame["kind"] == "other"]):
        found.setdefault(_key(row), []).append((row["n_failures"], row["n_images"]))
    return found
