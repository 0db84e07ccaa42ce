"""What became of failure modes, in words: the same on every page."""

from barlow_report.formatting import MISSING, count, counted, p_value, percent
from barlow_report.formatting import change as signed
from barlow_report.lenses.changes import words
from barlow_report.lenses.changes.records import Change, ChangeView, ModeChange
from barlow_report.lenses.changes.repairs import repair_answer
from barlow_report.lenses.changes.words import REPAIR_WORDS, STATE_WORDS
from barlow_report.report.mode_words import mode_name
from barlow_report.report.pages.page import Site
from barlow_report.report.words import GROUPINGS, condition_words
from barlow_report.tables import COLUMN_GROUPING

__all__ = [
    "REPAIR_WORDS",
    "STATE_WORDS",
    "answer",
    "change_sentence",
    "difference_words",
    "group_words",
    "images_of",
    "images_that",
    "mode_conditions",
    "mode_words",
    "rates_words",
    "repair_meanings",
    "repair_sentence",
    "state_meanings",
    "whole_sentence",
]


def answer(changes: ChangeView) -> str:
    """Say what became of the failure modes, 2 got worse, 1 is new, 5 are unchanged; or of their repair."""
    if changes.is_repair:
        return repair_answer((mode.change.state, mode.repair) for mode in changes.modes)
    return words.answer(mode.change.state for mode in changes.modes)


def whole_sentence(changes: ChangeView) -> str:
    """Say what became of the failure rate over all images."""
    whole = changes.whole
    if whole.rate_old is None or whole.rate_new is None:
        return f"The error rates over all images were not compared: {whole.reason or 'no images'}."
    which = "the same" if changes.has_same_images else "all"
    before = f"{count(whole.old.n)} and " if whole.has_other_images else ""
    return (
        f"Over {which} {before}{counted(whole.new.n, 'image')}, {percent(whole.rate_new.value)} fail "
        f"instead of {percent(whole.rate_old.value)}: "
        f"{difference_words(whole, decimals=1)}, {STATE_WORDS[whole.state].removeprefix('got ')}."
    )


def difference_words(change: Change, *, decimals: int = 0) -> str:
    """Say a difference with its interval, which has so many decimals: +25.0 points (+14 to +37)."""
    difference = change.difference
    if difference is None:
        return MISSING
    ends = (signed(end, decimals=decimals) for end in (difference.low, difference.high))
    return f"{signed(difference.value)} points ({' to '.join(ends)})"


def rates_words(change: Change) -> str:
    """Say both rates: 45 % fail instead of 20 %; empty where they were not compared."""
    if change.rate_old is None or change.rate_new is None:
        return ""
    about = "about " if change.is_estimated else ""
    old, new = (percent(rate.value, decimals=0) for rate in (change.rate_old, change.rate_new))
    return f"{about}{new} fail instead of {old}"


def change_sentence(changes: ChangeView, change: Change) -> str:
    """Say what became of a failure mode or class since the earlier run, with its counts and its test."""
    since = f"Since {changes.old.name}"
    if change.difference is None:
        return f"{since}: {STATE_WORDS[change.state]}{f', because {change.reason}' if change.reason else ''}."
    test = "" if change.q_value is None else f", q {_q(change.q_value)}"
    return (
        f"{since}: {rates_words(change)} ({counts_words(changes, change)}), {difference_words(change)}{test}: "
        f"{STATE_WORDS[change.state]}."
    )


def repair_sentence(mode: ModeChange) -> str:
    """Say whether the repair of a failure mode worked; empty where none was meant."""
    if mode.repair is None:
        return ""
    words_of = {
        "worked": "worked",
        "did_not_work": "did not work",
        "undecided": "is undecided",
        "not_comparable": "could not be judged",
    }
    return f"Its repair {words_of[mode.repair]}."


def counts_words(changes: ChangeView, change: Change) -> str:
    """Say what was counted: 20 and 45 of the same 100 images, or 20 of 100 and 45 of 96 images."""
    old, new = change.old, change.new
    estimated = "estimated from " if change.is_estimated else ""
    if changes.has_same_images and not change.has_other_images:
        return f"{estimated}{count(old.k)} and {count(new.k)} of the same {counted(new.n, 'image')}"
    return f"{estimated}{count(old.k)} of {count(old.n)} and {count(new.k)} of {counted(new.n, 'image')}"


def _q(value: float) -> str:
    words = p_value(value)
    return words if words.startswith("<") else f"= {words}"


def mode_words(site: Site, mode: ModeChange) -> str:
    """Name the images of a failure mode; of one that only the earlier run has, as that run's features are numbered."""
    rule = None if mode.rule_id_new is None else site.catalog.rules.get(mode.rule_id_new)
    name = images_that(mode) if rule is None else mode_name(site.catalog.groups[rule.group_id], rule)
    return f"{name[:1].upper()}{name[1:]}"


def mode_conditions(site: Site, mode: ModeChange) -> str:
    """Say what the images of a failure mode have or lack; see `mode_words`."""
    rule = None if mode.rule_id_new is None else site.catalog.rules.get(mode.rule_id_new)
    return condition_words(mode.conditions if rule is None else rule.conditions, exact=False)


def group_words(mode: ModeChange) -> str:
    """Name the group of a failure mode in a few words: dog, taken for dog, dog → cat."""
    return f"{'taken for ' * (mode.grouping == 'prediction')}{mode.group_name}"


def images_that(mode: ModeChange, *, exact: bool = False) -> str:
    """Name the images of a failure mode by the rule that was compared, with thresholds where `exact`."""
    when = condition_words(mode.conditions, exact=exact)
    return f"{images_of(mode.grouping, mode.group_name)}{f' {when}' if when else ''}"


def images_of(grouping: str, group_name: str) -> str:
    """Name the images of a group of which only the names are known."""
    if grouping == "label":
        return f"images labelled {group_name}"
    if grouping == "prediction":
        return f"images taken for {group_name}"
    if grouping.startswith(COLUMN_GROUPING):
        return f"images whose {grouping.removeprefix(COLUMN_GROUPING)} is {group_name},"
    label, arrow, other = group_name.partition(" → ")
    if grouping == "confused_pairs" and arrow:
        return f"images labelled {label} and taken for {label} or {other},"
    kind = "" if grouping == "confused_pairs" else f" ({GROUPINGS.get(grouping, grouping)})"
    return f"images of {group_name}{kind},"


def state_meanings(changes: ChangeView) -> tuple[tuple[str, str], ...]:
    """Each state and what it means, with the limits of this comparison."""
    q, delta = f"q ≤ {changes.max_q_value:g}", f"{changes.delta * 100:g}"
    return (
        ("worse", f"fails more often than in {changes.old.name}, and that is not chance ({q})"),
        ("new", f"verified only in {changes.new.name}, and fails more often than before or had no images before"),
        (
            "undecided",
            f"neither a difference nor its absence is shown: the interval goes beyond ±{delta} points, as it "
            "often does with few images",
        ),
        ("not_comparable", "there is nothing to compare; the reason is in the table"),
        ("better", f"fails less often than in {changes.old.name}, and that is not chance ({q})"),
        ("gone", f"verified only in {changes.old.name}, and got better or has none of the same images any more"),
        ("unchanged", f"the interval of the difference lies within ±{delta} points"),
    )


def repair_meanings(changes: ChangeView) -> tuple[tuple[str, str], ...]:
    """Each outcome of a repair and what it means, with the limits of this comparison."""
    within = f"the interval of the difference lies within ±{changes.delta * 100:g} points"
    return (
        ("did_not_work", f"unchanged or worse, or {within}"),
        ("undecided", "neither a fall nor its absence is shown: there are too few images, or the fall is too small"),
        ("not_comparable", "there is nothing to compare; the reason is in the table"),
        (
            "worked",
            f"fails less often than in {changes.old.name}, and that is not chance (q ≤ {changes.max_q_value:g})",
        ),
    )
