"""What a gate looks at: the new run, and its comparison with a baseline, as small frozen objects."""

from dataclasses import dataclass

__all__ = ["Change", "Changes", "ClassRate", "Facts", "Mode", "Rate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """A share with the ends of its interval, where it has one."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mode:
    """A verified failure mode of the new run: its permanent name, its group in words, and its error rate."""

    name: str
    group: str
    rule_id: int
    error_rate: Rate


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassRate:
    """The error rate of a class by label; None where it has no image."""

    class_id: int
    name: str
    error_rate: Rate | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What became of a failure mode, a class or the whole run since the baseline.

    Attributes:
        name: Permanent name of the mode, or name of the class; empty for the run.
        group: The mode's group in words; empty for the others.
        state: worse, better, unchanged, undecided, new, gone or not_comparable.
        reason: Why it cannot be compared, or has no rates; empty where it can. A mode that none of the same images is
            in under the new model is gone, and this says so.
        n_images: Images that it was compared on.
        old: Error rate in the baseline, 0 to 1; None where there is none.
        new: The same in the new run.
        difference: new − old with its interval, −1 to 1; None where there is none.
        q_value: Of the difference, over all that were compared; None without a test.
        rule_id: The mode in the new run; None where it has none.
        class_id: The class in the new run; None where it has none.
    """

    name: str
    group: str = ""
    state: str
    reason: str = ""
    n_images: int = 0
    old: float | None = None
    new: float | None = None
    difference: Rate | None = None
    q_value: float | None = None
    rule_id: int | None = None
    class_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """The comparison with a baseline.

    Attributes:
        baseline: Name of the earlier run.
        max_q_value: At most this q-value is a change.
        run: Error rate of all images; its difference is the drop of the accuracy.
        remarks: What differs between the runs, and what could not be compared for it: sentences.
        unjudged: Why the baseline's failure modes could not be judged; empty where they were.
    """

    baseline: str
    max_q_value: float
    run: Change
    modes: tuple[Change, ...]
    classes: tuple[Change, ...]
    remarks: tuple[str, ...] = ()
    unjudged: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that a gate looks at.

    Attributes:
        run: Name of the new run.
        level: Of the intervals, 0 to 1.
        accuracy: Of all images; None without any.
        modes: The verified failure modes, the most important first.
        explained: Share of the failures that lie in them, without interval; None where there is nothing to count.
        unjudged: Why failure modes could not be judged; empty where they were.
        changes: The comparison; None without a baseline.
    """

    run: str
    level: float
    accuracy: Rate | None
    classes: tuple[ClassRate, ...]
    modes: tuple[Mode, ...]
    explained: Rate | None
    unjudged: str = ""
    changes: Changes | None = None
