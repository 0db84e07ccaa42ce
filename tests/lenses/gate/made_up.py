"""Facts and policies made by hand, so that what a gate must say is known without a run."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from barlow_report.lenses.gate.facts import Change, Changes, ClassRate, Facts, Mode, Rate
from barlow_report.lenses.gate.policy import Policy
from barlow_report.lenses.gate.results import Result, Verdict
from barlow_report.lenses.gate.verdict import judge

__all__ = ["TODAY", "change", "facts", "policy", "verdict", "waiver"]

TODAY = date(2026, 11, 27)


def change(name: str, state: str, *, old: float = 0.2, new: float = 0.2, **values: Any) -> Change:
    """A failure mode on 100 images whose difference is known to 8 points; `worse` and `better` have q = 0.001."""
    q_value = 0.001 if state in ("worse", "better", "new", "gone") else 0.5
    found: dict[str, Any] = {
        "group": "mug, by label",
        "n_images": 100,
        "old": old,
        "new": new,
        "difference": Rate(value=new - old, low=new - old - 0.08, high=new - old + 0.08),
        "q_value": q_value,
        "rule_id": 1,
    }
    if state == "not_comparable":
        found |= {"difference": None, "q_value": None, "reason": "the runs have other images and other feature models"}
    return Change(name=name, state=state, **{**found, **values})


def facts(
    *modes: Change,
    has_baseline: bool = True,
    accuracy: Rate | None = Rate(value=0.9, low=0.88, high=0.92),  # noqa: B008 - frozen
    run: Change | None = None,
    verified: Sequence[tuple[str, Rate]] = (("mug-with-f3-aaaa", Rate(value=0.4, low=0.3, high=0.5)),),
    unjudged_baseline: str = "",
    class_changes: Sequence[Change] = (),
    remarks: tuple[str, ...] = (),
    **values: Any,
) -> Facts:
    """A run of two classes with one verified failure mode, compared with `release-1`."""
    changes = Changes(
        baseline="release-1",
        max_q_value=0.05,
        run=run or change("", "unchanged", old=0.1, new=0.1, group="", n_images=1000, rule_id=None),
        modes=modes,
        classes=tuple(class_changes),
        remarks=remarks,
        unjudged=unjudged_baseline,
    )
    found: dict[str, Any] = {
        "classes": (
            ClassRate(class_id=0, name="mug", error_rate=Rate(value=0.2, low=0.15, high=0.25)),
            ClassRate(class_id=1, name="vase", error_rate=Rate(value=0.01, low=0.0, high=0.03)),
        ),
        "modes": tuple(
            Mode(name=name, group="mug, by label", rule_id=i, error_rate=rate)
            for i, (name, rate) in enumerate(verified)
        ),
        "explained": Rate(value=0.55),
    }
    return Facts(
        run="release-2", level=0.95, accuracy=accuracy, changes=changes if has_baseline else None, **{**found, **values}
    )


def waiver(mode: str, *, condition: str = "worse_modes", **values: Any) -> dict[str, Any]:
    """A waiver that is valid on `TODAY`."""
    found = {"owner": "Ada", "reason": "new supplier of mugs", "expires": "2027-01-31"}
    return {"mode": mode, "condition": condition, **found, **values}


def policy(*conditions: dict[str, Any], waivers: Sequence[dict[str, Any]] = ()) -> Policy:
    """A policy of these conditions; without any: no failure mode may be worse."""
    found = conditions or ({"measure": "worse_modes", "at_most": 0},)
    return Policy.model_validate({"conditions": list(found), "waivers": list(waivers)})


def verdict(rules: Policy, found: Facts, *, today: date = TODAY) -> Verdict:
    """Judge on `TODAY`."""
    return judge(rules, found, today=today)


def only(verdict: Verdict) -> Result:
    """The one condition's result."""
    (result,) = verdict.results
    return result
