"""What is said of the training images, in words."""

from barlow_report.formatting import count, counted, number, percent, ratio
from barlow_report.lenses.weights.records import TrainingMode, WeightsView

__all__ = ["COMPARISON_WORDS", "REASON_WORDS", "answer", "lead", "mode_words", "times"]

COMPARISON_WORDS = {
    "rarer": "rarer",
    "undecided": "undecided",
    "not_compared": "not compared",
    "more_common": "more common",
}
"""How common images of a failure mode are among the training images."""

REASON_WORDS = {
    "no_image_of_class": "no training image of the class",
    "no_member": "no training image to weight",
    "label_noise": "mostly label noise: needs better labels",
    "as_many": "at least half of the class",
}
"""Why they count only once."""


def answer(view: WeightsView) -> str:
    """Say how many failure modes are rarer among the training images than among the analysed ones."""
    n = len(view.modes)
    if not n:
        return "No failure mode by label is verified, so every training image counts once."
    n_rarer = sum(mode.comparison == "rarer" for mode in view.modes.values())
    n_without = sum(mode.reason in ("no_member", "no_image_of_class") for mode in view.modes.values())
    without = f" {_have(n_without)} no training image." if n_without else ""
    if n == 1:
        rarer = "is rarer" if n_rarer else "is not known to be rarer"
        return f"The one failure mode by label {rarer} among the training images than among the analysed ones.{without}"
    who = f"{count(n_rarer)} of {count(n)} failure modes by label" if n_rarer else f"None of {count(n)} failure modes"
    verb = "is known to be" if not n_rarer else "is" if n_rarer == 1 else "are"
    return f"{who} {verb} rarer among the training images than among the analysed ones.{without}"


def _have(n: int) -> str:
    return f"{count(n)} {'has' if n == 1 else 'have'}"


def lead(view: WeightsView) -> str:
    """Say what the training images are, and how many of them count more than once."""
    parts = [f"{counted(view.n_listed, 'training image')}"]
    if view.n_other_class:
        parts.append(f"{count(view.n_other_class)} labelled as no class of this run")
    if view.n_unlabelled:
        parts.append(f"{count(view.n_unlabelled)} without a label")
    if view.n_read is not None and view.n_read < view.n_listed:
        parts.append(f"{count(view.n_listed - view.n_read)} that could not be read")
    others = f", among them {', '.join(parts[1:])}" if parts[1:] else ""
    raised = (
        f"{count(view.n_raised)} of them count{'s' * (view.n_raised == 1)} more than once in the weights, up to "
        f"{times(view.largest)}"
        if view.n_raised
        else "Every one of them counts once"
    )
    return f"{parts[0]}{others}. {raised}."


def times(factor: float) -> str:
    """Write how many times an image counts: 9 times, 2.5 times, once."""
    return "once" if factor == 1 else f"{number(factor, decimals=1).removesuffix('.0')} times"


def mode_words(mode: TrainingMode) -> str:
    """Say how common a failure mode is among the training images, and how much these count."""
    if not mode.training.n:
        return "There is no training image of its class."
    of_class = f"Of the training images of its class {percent(mode.training.value)} are in this failure mode"
    rest = f"({ratio(mode.training.k, mode.training.n)}), of the analysed ones {percent(mode.analysed.value)}"
    raised = f" In the weights they count {times(mode.factor)}." if mode.factor > 1 else ""
    reason = f" They count once: {REASON_WORDS[mode.reason]}." if mode.reason not in (None, "no_member") else ""
    return f"{of_class} {rest} ({ratio(mode.analysed.k, mode.analysed.n)}).{raised}{reason}"
