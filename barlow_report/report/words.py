"""Groups and rules in words; `evidence.py` has those of the evidence.

Plain text throughout: class names come from outside, and the templates escape whatever is written here.
"""

from collections.abc import Sequence

from barlow_report.config import RulesConfig
from barlow_report.formatting import interval, number, percent, ratio, threshold
from barlow_report.report.records import Condition, Estimate, Group, Rule, Share
from barlow_report.tables import COLUMN_GROUPING

__all__ = [
    "GROUPINGS",
    "GROUP_KINDS",
    "STATUSES",
    "condition_text",
    "condition_words",
    "enlarged_words",
    "group_short",
    "grouping_label",
    "images_of",
    "just_below",
    "kind_words",
    "noise_words",
    "relation_question",
    "rule_inequality",
    "share_text",
    "status_words",
    "tightest",
]

GROUPINGS = {
    "label": "by label",
    "prediction": "by prediction",
    "confused_pairs": "confused pairs",
    "unions_by_label": "unions by label",
    "unions_by_prediction": "unions by prediction",
}
"""Short names of the groupings; one by a column of the manifest, or of another kind, goes by its own name."""

GROUP_KINDS = {
    "confused_pairs": "Images labelled a that were recognised or taken for b: a → b. The pairs with the most failures "
    "were chosen; images taken for a third class are left out.",
    "unions_by_label": "Images labelled as any of several classes. An image of one class that is taken for another of "
    "them is still a failure.",
    "unions_by_prediction": "Images taken for any of several classes.",
}
"""What the groups of a grouping are that no single class defines."""

STATUSES = {
    "fitted": "analysed",
    "too_few_images": "too few images",
    "no_failures": "no failures",
    "too_few_failures": "too few failures",
    "only_failures": "only failures",
    "no_split": "no split",
    "no_features": "no features",
}

_N_NAMES = 4  # of the classes of a union, in a sentence
_SIGNS = {"le": "≤", "gt": ">"}
_FIXED = "\u00a0"  # no new line between a sign and its number
_SIDES = {"le": "without", "gt": "with"}


def grouping_label(group: Group) -> str:
    """Name the grouping of one group in a word or two: by label, confused pair."""
    words = GROUPINGS.get(group.grouping, group.grouping)
    return words.replace("pairs", "pair").replace("unions", "union") if group.grouping in GROUPINGS else words


def group_short(group: Group) -> str:
    """Name a group in a list: labelled cat, taken for dog, cat → dog, pets (union by label)."""
    if group.grouping == "confused_pairs":
        return group.name
    phrases = {"label": f"labelled {group.name}", "prediction": f"taken for {group.name}"}
    return phrases.get(group.grouping, f"{group.name} ({grouping_label(group)})")


def kind_words(grouping: str) -> tuple[str, str]:
    """Name a grouping of groups that no single class defines, and say what its groups are."""
    if grouping.startswith(COLUMN_GROUPING):
        name = grouping.removeprefix(COLUMN_GROUPING)
        return grouping, f"Images with the same value in the column {name} of the manifest, of any class."
    return GROUPINGS.get(grouping, grouping), GROUP_KINDS.get(grouping, "Sets of images given to the analysis.")


def images_of(group: Group) -> str:
    """Name the images of a group: images labelled mug."""
    names = [entry.name for entry in group.classes]
    any_of, first = _any_of(names), names[0] if names else ""
    phrases = {
        "label": f"images labelled {group.name}",
        "prediction": f"images taken for {group.name}",
        "confused_pairs": f"images labelled {first} and taken for {any_of}",
        "unions_by_label": f"images labelled {group.name} ({any_of})",
        "unions_by_prediction": f"images taken for {group.name} ({any_of})",
    }
    if group.grouping.startswith(COLUMN_GROUPING):
        return f"images whose {group.grouping.removeprefix(COLUMN_GROUPING)} is {group.name}"
    return phrases.get(group.grouping, f"images of {group.name} ({group.grouping})")


def relation_question(grouping: str, names: Sequence[str]) -> str:
    """Ask what a feature is to the class of a group; `names` are of its classes, that of the label first in a pair.

    Images that share a value of a column need not be of one class, so the question is about whatever they show.
    """
    if grouping in ("label", "prediction", "confused_pairs") and names:
        return f"What is it to the class “{names[0]}”?"
    if grouping in ("unions_by_label", "unions_by_prediction") and names:
        return f"What is it to the classes {_any_of([f'“{name}”' for name in names])}?"
    return "What is it to the object that an image shows?"


def _any_of(names: list[str]) -> str:
    """Join names: cat, dog or one of 7 more classes."""
    if len(names) > _N_NAMES + 1:
        return f"{', '.join(names[:_N_NAMES])} or one of {len(names) - _N_NAMES} more classes"
    return " or ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def noise_words(group: Group, config: RulesConfig) -> str:
    """Say what the noise floor of a group is and how its tree compares; nothing where none was computed."""
    gain, floor = group.tree_gain, group.noise_floor
    if gain is None or floor is None:
        return ""
    verdict = "That is more than chance" if gain > floor else "That is no more than chance"
    shuffles = f"{config.n_permutations} shuffles" if config.n_permutations else "shuffles"
    return (
        f"Noise floor: the tree gains {number(gain)} (ALER − BER on the images it was fitted to). When the failures "
        f"of the group are shuffled, 19 of 20 trees gain at most {number(floor)} ({shuffles}). {verdict}."
    )


def condition_text(condition: Condition) -> str:
    """Write one condition exactly: feature 37 ≤ 0.08934."""
    return f"feature {condition.feature_id} {_SIGNS[condition.branch]} {threshold(condition.printed)}"


def just_below(printed: float, *, what: str = "") -> str:
    """Say where images on the side ≤ of a threshold are that are near to it; below 0 there are often none."""
    return "at most 0" if printed == 0 else f"just below {what}{threshold(printed)}"


def rule_inequality(rule: Rule) -> str:
    """Write all conditions exactly, joined by 'and'; the root alone is 'all images'."""
    return " and ".join(condition_text(c) for c in tightest(rule.conditions)) or "all images"


def tightest(conditions: tuple[Condition, ...]) -> list[Condition]:
    """Drop conditions that a later one on the same side of the same feature makes superfluous."""
    found: dict[tuple[int, str], Condition] = {}
    for condition in conditions:
        key = (condition.feature_id, condition.branch)
        other = found.get(key)
        if other is None or (condition.threshold < other.threshold) == (condition.branch == "le"):
            found[key] = condition
    return list(found.values())


def condition_words(conditions: tuple[Condition, ...], *, exact: bool = True) -> str:
    """Say what images have or lack: without feature 37 (≤ 0.0893) and with feature 5 “stripes” (> 1.2).

    Args:
        conditions: Of a rule; without any the words are empty.
        exact: Give thresholds, and the number of a feature beside its name; without, only the name where there is one.
    """
    by_feature: dict[int, list[Condition]] = {}
    for condition in tightest(conditions):
        by_feature.setdefault(condition.feature_id, []).append(condition)
    return " and ".join(_has_or_lacks(found, exact=exact) for found in by_feature.values())


def _has_or_lacks(conditions: list[Condition], *, exact: bool) -> str:
    only, name = conditions[0], conditions[0].name
    side = _SIDES[only.branch] if len(conditions) == 1 else "with moderate"
    if not exact:
        return f"{side} {name or f'feature {only.feature_id}'}"
    limits = " and ".join(
        f"{_SIGNS[condition.branch]}{_FIXED}{threshold(condition.printed)}"
        for condition in sorted(conditions, key=lambda condition: condition.printed)
    )
    return f"{side} feature {only.feature_id}{f' {name}' if name else ''} ({limits})"


def share_text(share: Share | Estimate, *, decimals: int = 1) -> str:
    """Write a share with its counts, 97.2 % (311/320), or an estimate with its interval."""
    if isinstance(share, Estimate):
        return f"{percent(share.value, decimals=decimals)} ({interval(share.low, share.high)})"
    if share.value is None:
        return "–" if not share.n else percent(None)
    return f"{percent(share.value, decimals=decimals)} ({ratio(share.k, share.n)})"


def status_words(group: Group, config: RulesConfig) -> str:
    """Say why a group has no tree."""
    n = group.base.n or 0
    images = f"{n} image{'s' * (n != 1)} to fit on"
    return {
        "fitted": "",
        "too_few_images": f"No tree: {images}; a tree needs at least {config.min_images}.",
        "no_failures": f"No tree: none of the {images} fails, so there is nothing to explain.",
        "too_few_failures": f"No tree: {group.base.k} of the {images} fail{'s' * (group.base.k == 1)}; a tree needs at "
        f"least {config.min_failures} failures.",
        "only_failures": f"No tree: all of the {images} fail, so there is nothing to compare them with.",
        "no_split": "No tree: no feature separates failures from successes in a split of the allowed size.",
        "no_features": "",  # said once, at the top of the page
    }[group.status]


def enlarged_words(sizes: object) -> str:
    """Say what pictures are, enlarged from which sizes; empty where none was, or where that was not noted.

    Args:
        sizes: Width and height of the smallest and the largest image, or of all of them, as run.json has it.
    """
    if not isinstance(sizes, list) or not sizes:
        return ""
    first, last = (f"{width}{_FIXED}×{_FIXED}{height}" for width, height in (sizes[0], sizes[-1]))
    return f"enlarged from {first}{f' to {last}' if len(sizes) > 1 else ''} pixels"
