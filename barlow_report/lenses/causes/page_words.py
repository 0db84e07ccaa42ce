"""How a site speaks of causes."""

from barlow_report.formatting import count, counted, interval, number, p_value, percent
from barlow_report.lenses.causes.records import CauseEffect
from barlow_report.report.records import Estimate

__all__ = ["VERDICT_COUNTS", "VERDICT_WORDS", "effect_evidence", "effect_sentence", "effect_title", "verdict_sentence"]

VERDICT_WORDS = {
    "causal": "cause",
    "undecided": "cause undecided",
    "weak": "hardly a cause",
    "not_tested": "cause not tested",
}
"""What is put on a failure mode, the strongest first."""

VERDICT_COUNTS = {
    "causal": "caused by the feature",
    "undecided": "undecided",
    "weak": "hardly caused by the feature",
    "not_tested": "not tested",
}
"""What is said of a number of failure modes, in the same order."""

_MEANING = {
    "causal": "changing the feature changes the failures, more than other changes of the same size do",
    "undecided": "the images that could be changed do not tell whether it is a cause",
    "weak": "changing the feature hardly changes the failures or the model's confidence: feature and failures occur "
    "together, but it is not the cause",
    "not_tested": "it could not be tested",
}


def verdict_sentence(verdict: str) -> str:
    """Explain a verdict without a full stop."""
    return _MEANING[verdict]


def feature_words(effect: CauseEffect, name: str | None) -> str:
    """What people call the feature, or its number: “striped fur”, or feature 22."""
    return name or f"feature {effect.feature_id}"


def effect_title(effect: CauseEffect) -> str:
    """Heading of an effect."""
    done = "Added to" if effect.is_raised else "Taken from"
    which = "images of this failure mode" if effect.direction == "repair" else "images outside it"
    return f"{done} {which}"


def effect_sentence(effect: CauseEffect, name: str | None) -> str:
    """Say an effect so that it can be understood without knowing the method."""
    what = feature_words(effect, name)
    if effect.verdict == "not_tested" or effect.controls is None:
        return f"Whether {what} is a cause was not tested: {effect.reason}."
    done = "added to" if effect.is_raised else "taken from"
    which = "of this failure mode" if effect.direction == "repair" else "outside this failure mode"
    rates = (
        f"{percent(effect.moved.value, decimals=0)} fail instead of {percent(effect.before.value, decimals=0)}; after "
        f"other changes of the same size, {percent(effect.controls.value, decimals=0)}"
    )
    said = {
        "causal": "It is a cause.",
        "weak": "It is hardly a cause.",
        "undecided": "That does not tell whether it is a cause.",
    }[effect.verdict]
    return f"With {what} {done} {counted(effect.reached.n, 'image')} {which}, {rates}. {said}"


def effect_evidence(effect: CauseEffect, *, level: float, max_q_value: float, rho: float) -> str:
    """Say in numbers what the verdict rests on."""
    if effect.effect is None or effect.controls is None:
        return ""
    points, spread = _points(effect.effect)
    q = p_value(effect.q_value)
    others = counted(effect.n_controls, "other feature")
    words = (
        f"Effect {counted(points, 'point')} ({level * 100:g} % interval {spread}; at least {rho * 100:g} needed), q "
        f"{q if q.startswith('<') else f'= {q}'} (limit {max_q_value:g}). After changes along {others}, "
        f"{_range(effect.controls)} fail; after noise of the same size, "
        f"{percent(effect.noise.value, decimals=0)}. The feature reached its target in {count(effect.reached.k)} of "
        f"{counted(effect.reached.n, 'image')}."
    )
    if effect.confidence_effect is not None:
        words += f" {_confidence_sentence(effect.confidence_effect, direction=effect.direction)}"
    if effect.specificity is not None:
        points, spread = _points(effect.specificity)
        words += " Compared with features of similar weight for the class: "
        words += f"{counted(points, 'point')} ({spread})."
    return words


def _confidence_sentence(value: Estimate, *, direction: str) -> str:
    """Whether the model is more or less sure of the label than after other changes, and by how much."""
    is_below = number(value.value * 100, decimals=0).startswith("−")
    shown = Estimate(-value.value, -value.high, -value.low) if is_below else value
    points, spread = _points(shown)
    more = "more" if (direction == "repair") != is_below else "less"
    return f"Compared with other changes, the model is {counted(points, 'point')} {more} sure of the label ({spread})."


def _range(value: Estimate) -> str:
    """From the lowest to the highest share: 58–100 %, or 100 % where both are."""
    low, high = (percent(end, decimals=0) for end in (value.low, value.high))
    return low if low == high else interval(value.low, value.high)


def _points(value: Estimate) -> tuple[str, str]:
    """A share and its interval in percentage points."""
    return number(value.value * 100, decimals=0), " to ".join(
        number(end * 100, decimals=0) for end in (value.low, value.high)
    )
