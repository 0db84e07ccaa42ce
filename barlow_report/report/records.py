"""What the tables of a run are about, as small frozen objects."""

from dataclasses import dataclass
from typing import ClassVar

__all__ = [
    "FAIRLY_STABLE",
    "VERDICTS",
    "ClassEntry",
    "Condition",
    "Estimate",
    "Group",
    "Measures",
    "Node",
    "Rule",
    "Share",
]

VERDICTS = ("verified", "real_but_small", "not_of_class", "can_be_chance", "too_few_images", "in_sample_only")
"""What a failure mode can be, the strongest first."""

FAIRLY_STABLE = 0.5
"""The least stability of a failure mode that is not called unstable, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Share:
    """k of n, with its interval where one was computed."""

    k: int | None
    n: int | None
    low: float | None = None
    high: float | None = None

    @property
    def value(self) -> float | None:
        """K / n; None where there is nothing to divide by."""
        return None if not self.n or self.k is None else self.k / self.n


@dataclass(frozen=True, slots=True)
class Estimate:
    """A share that was estimated rather than counted, with its interval, each 0 to 1: there are no k and n."""

    value: float
    low: float
    high: float

    k: ClassVar[None] = None
    n: ClassVar[None] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassEntry:
    """A class; see table `classes`."""

    class_id: int
    name: str
    slug: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One condition of a rule, see table `conditions`; `name` is what people call the feature, in quotes."""

    feature_id: int
    branch: str
    threshold: float
    name: str | None = None
    printed_threshold: float | None = None

    @property
    def printed(self) -> float:
        """The threshold to print; the exact one where none was made."""
        return self.threshold if self.printed_threshold is None else self.printed_threshold


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """The measures of one leaf on one part of the images."""

    base: Share
    error: Share | Estimate
    coverage: Share | Estimate
    importance_value: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A leaf and the path to it; see table `rules`.

    `held_out` has the measures in evidence, None where nothing was tested; `verdict` is None unless the rule is a
    failure mode. `places` are its ranks in the rankings of lenses, the lowest first.
    """

    rule_id: int
    group_id: int
    node_id: int
    rank: int
    conditions: tuple[Condition, ...]
    fit: Measures
    held_out: Measures | None
    is_failure_mode: bool
    p_value: float | None
    q_value: float | None
    verdict: str | None
    stability: float | None = None
    p_value_baseline: float | None = None
    places: tuple[int, ...] = ()

    @property
    def best(self) -> Measures:
        """The measures to believe: those in evidence where there are any."""
        return self.held_out or self.fit

    @property
    def n_in_evidence(self) -> int | None:
        """Images of the leaf that its measures in evidence are of: counted ones, or those estimated from."""
        return self.fit.error.n if isinstance(self.best.error, Estimate) else self.best.error.n

    @property
    def order(self) -> tuple[int, tuple[int, ...], bool, float, int]:
        """Sort key: by verdict, verified first; as lenses rank them; unstable ones last; by importance; by id."""
        importance = self.best.importance_value
        return (
            VERDICTS.index(self.verdict) if self.verdict in VERDICTS else len(VERDICTS),
            self.places,
            self.is_unstable,
            -(importance if importance is not None else -1.0),
            self.rule_id,
        )

    @property
    def is_unstable(self) -> bool:
        """Whether it is known to be found in fewer than half of the draws."""
        return self.stability is not None and self.stability < FAIRLY_STABLE


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A node of an error tree, see table `nodes`; `name` is what people call its feature, in quotes."""

    node_id: int
    parent_id: int | None
    branch: str
    depth: int
    feature_id: int | None
    threshold: float | None
    error: Share
    error_held_out: Share
    name: str | None = None
    printed_threshold: float | None = None

    @property
    def printed(self) -> float | None:
        """The threshold to print; the exact one where none was made."""
        return self.threshold if self.printed_threshold is None else self.printed_threshold


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A group of images, its tree and its rules, the most important in evidence first; see table `groups`.

    `classes` are those that define it together, such as the two of a confused pair; see table `group_classes`.
    `is_split` says whether evidence is of other images than the fit, so that both together are all of the group, and
    `n_sampled` how many images rules were found on, where these are a sample; see table `group_samples`.
    """

    group_id: int
    grouping: str
    class_id: int | None
    name: str
    status: str
    base: Share
    base_held_out: Share
    average_leaf_error_rate: float | None
    average_leaf_error_rate_held_out: float | None
    noise_floor: float | None
    nodes: tuple[Node, ...]
    rules: tuple[Rule, ...]
    classes: tuple[ClassEntry, ...] = ()
    is_split: bool = True
    n_sampled: int | None = None

    @property
    def all_images(self) -> Share:
        """The failures among all of its images."""
        parts = (self.base, self.base_held_out) if self.is_split else (self.base,)
        return Share(sum(part.k or 0 for part in parts), sum(part.n or 0 for part in parts))

    @property
    def tree_gain(self) -> float | None:
        """ALER − BER on the fitted images; None without a tree."""
        base = self.base.value
        return None if self.average_leaf_error_rate is None or base is None else self.average_leaf_error_rate - base

    @property
    def failure_modes(self) -> tuple[Rule, ...]:
        """Its rules that are failure modes."""
        return tuple(rule for rule in self.rules if rule.is_failure_mode)
