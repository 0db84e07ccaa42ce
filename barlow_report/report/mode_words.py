"""How a site says one failure mode: its images, and how often they fail. Every page uses these words and no others.

The numbers are those in evidence (`Rule.best`): counts on held-out images, or an estimate with its interval.
What was seen where the rule was fitted stands beside them only where nothing was tested, and says so.
"""

from barlow_report.formatting import count, interval, percent
from barlow_report.report.records import Estimate, Group, Rule
from barlow_report.report.words import condition_words, images_of

__all__ = ["either_line", "mode_line", "mode_name", "mode_rate", "mode_when"]


def mode_name(group: Group, rule: Rule) -> str:
    """Name the images of a failure mode: images labelled dog without feature 22.

    A feature that people have named goes by its name: images taken for dog with “striped fur”.
    """
    return _images_that(group, mode_when(rule))


def _images_that(group: Group, when: str) -> str:
    if not when:
        return f"all {images_of(group)}"
    comma = "" if group.grouping in ("label", "prediction") else ","  # other groups are not named by one class
    return f"{images_of(group)}{comma} {when}"


def mode_when(rule: Rule) -> str:
    """Say what the images of a rule have or lack: without feature 22 and with “striped fur”; empty for the root."""
    return condition_words(rule.conditions, exact=False)


def mode_rate(rule: Rule) -> str:
    """Say how often the images of a rule fail, and of which images that is.

    Held-out: 43 % fail instead of 27 % (60 of 140 held-out images). Estimated: about 43 % fail instead of 27 %
    (36–50 %, estimated from 318 images).
    """
    error, base = rule.best.error, percent(rule.best.base.value, decimals=0)
    if isinstance(error, Estimate):
        n = rule.fit.error.n
        source = f"{interval(error.low, error.high)}, estimated from {_images(n)}"
        return f"about {percent(error.value, decimals=0)} fail instead of {base} ({source})"
    if not error.n:
        return "not known how many fail (none of the held-out images is one of these)"
    images = f"{count(error.k)} of {_images(error.n, kind='held-out ' if rule.held_out else '')}"
    untested = "" if rule.held_out else " it was found on, not tested"
    return f"{percent(error.value, decimals=0)} fail instead of {base} ({images}{untested})"


def _images(n: int | None, *, kind: str = "") -> str:
    return f"{count(n)} {kind}image{'s' * (n != 1)}"


def mode_line(group: Group, rule: Rule) -> str:
    """Say a failure mode in one sentence: Images labelled dog without feature 22: 43 % fail instead of 27 % (…)."""
    name = mode_name(group, rule)
    return f"{name[:1].upper()}{name[1:]}: {mode_rate(rule)}."


def either_line(group: Group) -> str:
    """Say the verified failure modes of a group as one rule, A or B; empty where there are not several.

    They are leaves of one tree, so they share no image, and what they cover adds up.
    """
    modes = [rule for rule in group.failure_modes if rule.verdict == "verified"]
    if len(modes) < 2:
        return ""
    name = _images_that(group, ", or ".join(mode_when(rule) for rule in modes))
    n = sum(rule.n_in_evidence or 0 for rule in modes)
    failing = sum((rule.best.error.value or 0) * (rule.n_in_evidence or 0) for rule in modes)
    is_estimated = any(isinstance(rule.best.error, Estimate) for rule in modes)
    k = round(failing)  # held-out failures are whole numbers
    source = f"estimated from {_images(n)}" if is_estimated else f"{count(k)} of {_images(n, kind='held-out ')}"
    rate = percent((failing if is_estimated else k) / n, decimals=0)
    coverage = percent(min(sum(rule.best.coverage.value or 0 for rule in modes), 1.0), decimals=0)
    return (
        f"{name[:1].upper()}{name[1:]}: {'about ' * is_estimated}{rate} fail instead of "
        f"{percent(modes[0].best.base.value, decimals=0)} ({source}). They cover {coverage} of the failures."
    )
