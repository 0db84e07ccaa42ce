"""Which failure modes several models share: one question, asked of every model on the same held-out images.

Each model's own trees propose failure modes. Proposals of one group that set the same features on the same sides are
one mode, whatever their thresholds; the inspected model's is kept, otherwise the one with the highest importance value.
Every mode is then counted on the held-out images for every model. No model chose its thresholds with them, and all
proposals are tested, not only those that a model's own report has verified: a mode that one model's failures on the
held-out images have picked would be favoured by the failures it has in common with others. False discoveries are
controlled for each model over all modes.

A group by predicted class holds other images for each model: those that it predicts as the class.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from barlow_report.config import RulesConfig
from barlow_report.progress import Advance, ignore_advance
from barlow_report.rules import metrics
from barlow_report.rules.evidence import adjust_p_values, exact_test, wilson_interval
from barlow_report.rules.inputs import read_rows
from barlow_report.rules.printing import print_threshold
from barlow_report.tables import empty_table

__all__ = [
    "Condition",
    "Mode",
    "Proposal",
    "adopt_rule_ids",
    "merge_proposals",
    "print_modes",
    "propose_modes",
    "rate_modes",
]

Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]
Sides = tuple[tuple[int, str], ...]

_GROUPINGS = ("label", "prediction")


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition of a rule: the feature is at most (`le`) or above (`gt`) the threshold, printed or exact."""

    feature_id: int
    branch: str
    threshold: float
    printed_threshold: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A failure mode that a model's own tree has on the fitted images.

    `rule_id` is the rule of the run that it is; None where it is none.
    """

    model_id: int
    rule_id: int | None
    grouping: str
    class_id: int
    conditions: tuple[Condition, ...]
    importance_value: float

    @property
    def key(self) -> tuple[str, int, Sides]:
        """What proposals have in common that say the same: their group, and which features are on which side."""
        sides = tuple(sorted({(condition.feature_id, condition.branch) for condition in self.conditions}))
        return (self.grouping, self.class_id, sides)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mode:
    """Proposals that say the same; `best` is the one whose thresholds are tested, `found_by` has all model_ids."""

    best: Proposal
    found_by: frozenset[int]


def propose_modes(
    model_id: int, *, groups: pd.DataFrame, rules: pd.DataFrame, conditions: pd.DataFrame
) -> Iterator[Proposal]:
    """Yield the failure modes of a model in groups by true and by predicted class.

    Args:
        model_id: 0 for the inspected model.
        groups: Table `groups` of the model.
        rules: Table `rules` of it.
        conditions: Table `conditions` of it.
    """
    of_class = groups[groups["grouping"].isin(_GROUPINGS)].set_index("group_id")
    modes = rules[rules["is_failure_mode"] & rules["group_id"].isin(of_class.index)]
    parts = {
        rule_id: tuple(
            Condition(*values)
            for values in rows[["feature_id", "branch", "threshold", "printed_threshold"]].itertuples(index=False)
        )
        for rule_id, rows in conditions[conditions["rule_id"].isin(modes["rule_id"])].groupby("rule_id")
    }
    for row in modes.itertuples():
        group = of_class.loc[row.group_id]
        yield Proposal(
            model_id=model_id,
            rule_id=row.rule_id,
            grouping=group["grouping"],
            class_id=int(group["class_id"]),
            conditions=parts.get(row.rule_id, ()),
            importance_value=row.importance_value,
        )


def adopt_rule_ids(proposals: Iterable[Proposal], *, own: Iterable[Proposal]) -> Iterator[Proposal]:
    """Yield the proposals as the rules of a run that say the same, whatever their thresholds.

    Args:
        proposals: Of the inspected model, from trees that are not those of the run.
        own: The failure modes of the run.
    """
    rule_ids = {proposal.key: proposal.rule_id for proposal in own}
    for proposal in proposals:
        yield replace(proposal, rule_id=rule_ids.get(proposal.key))


def merge_proposals(proposals: Iterable[Proposal]) -> list[Mode]:
    """Return the different modes, by grouping, class and features, in an order that is that of no model."""
    found: dict[tuple[str, int, Sides], list[Proposal]] = {}
    for proposal in proposals:
        found.setdefault(proposal.key, []).append(proposal)
    return [
        Mode(
            best=min(same, key=lambda p: (p.model_id != 0, -p.importance_value, p.model_id)),
            found_by=frozenset(p.model_id for p in same),
        )
        for _, same in sorted(found.items(), key=lambda item: (_GROUPINGS.index(item[0][0]), *item[0][1:]))
    ]


def rate_modes(
    modes: Sequence[Mode],
    *,
    features: npt.NDArray[np.floating],
    labels: Integers,
    predictions: npt.NDArray[np.integer],
    held_out: Booleans,
    settings: RulesConfig,
    advance: Advance = ignore_advance,
) -> pd.DataFrame:
    """Count every mode on the held-out images for every model, and tell where it holds.

    Args:
        modes: See `merge_proposals`; a mode's id is its place.
        features: (n_images, n_features); may be memory-mapped, the images of one class are read at a time.
        labels: (n_images,) class_id of the label.
        predictions: (n_images, n_models) class_id that each model predicts.
        held_out: (n_images,) images that no threshold was chosen with.
        settings: The section `rules`: what a failure mode is, and the false-discovery rate.
        advance: Called with the number of modes that are done.

    Returns:
        Table `shared_mode_rates`, with a row for each mode and model.
    """
    if not modes:
        return empty_table("shared_mode_rates")
    shape = (len(modes), predictions.shape[1])
    counts = {name: np.zeros(shape, dtype=np.int64) for name in ("n", "k", "n_group", "k_group")}
    tested = np.flatnonzero(held_out)
    predicted = predictions[tested]
    for class_id, mode_ids in _by_class(modes).items():
        image_ids = tested[(labels[tested] == class_id) | (predicted == class_id).any(axis=1)]
        inside = _inside(features, image_ids, [modes[i].best.conditions for i in mode_ids])
        wrong = predictions[image_ids] != labels[image_ids, None]
        for grouping in _GROUPINGS:
            chosen = [place for place, i in enumerate(mode_ids) if modes[i].best.grouping == grouping]
            if grouping == "label":
                members = np.broadcast_to((labels[image_ids] == class_id)[:, None], wrong.shape)
            else:
                members = predictions[image_ids] == class_id
            rows = [mode_ids[place] for place in chosen]
            counts["n_group"][rows] = members.sum(axis=0)
            counts["k_group"][rows] = (members & wrong).sum(axis=0)
            counts["n"][rows] = _count_pairs(inside[:, chosen], members)
            counts["k"][rows] = _count_pairs(inside[:, chosen], members & wrong)
        advance(len(mode_ids))
    return _tabulate(modes, counts, settings=settings)


def print_modes(
    modes: Sequence[Mode],
    *,
    features: npt.NDArray[np.floating],
    labels: Integers,
    predictions: npt.NDArray[np.integer],
) -> list[Mode]:
    """Print the thresholds of modes for the images of all models: those of the class, labelled or predicted by any.

    A proposal's own are right for the images of its own group alone.
    """
    printed = list(modes)
    for class_id, mode_ids in _by_class(modes).items():
        rows = read_rows(features, np.flatnonzero((labels == class_id) | (predictions == class_id).any(axis=1)))
        for mode_id in mode_ids:
            best = modes[mode_id].best
            conditions = tuple(
                replace(c, printed_threshold=print_threshold(c.threshold, rows[:, c.feature_id]))
                for c in best.conditions
            )
            printed[mode_id] = replace(modes[mode_id], best=replace(best, conditions=conditions))
    return printed


def _by_class(modes: Sequence[Mode]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for mode_id, mode in enumerate(modes):
        found.setdefault(mode.best.class_id, []).append(mode_id)
    return found


def _inside(
    features: npt.NDArray[np.floating], image_ids: Integers, rules: Sequence[tuple[Condition, ...]]
) -> Booleans:
    """Return (n_images, n_rules): which images satisfy all conditions of a rule."""
    needed = sorted({condition.feature_id for conditions in rules for condition in conditions})
    # as the tree compares: a float32 value with a float64 threshold
    values = read_rows(features, image_ids)[:, needed].astype(np.float64)
    place = {feature_id: column for column, feature_id in enumerate(needed)}
    inside = np.ones((len(image_ids), len(rules)), dtype=np.bool_)
    for rule, conditions in enumerate(rules):
        for condition in conditions:
            at_most = values[:, place[condition.feature_id]] <= condition.threshold
            inside[:, rule] &= at_most if condition.branch == "le" else ~at_most
    return inside


def _count_pairs(inside: Booleans, members: Booleans) -> Integers:
    """Return (n_rules, n_models): the images that are in both; in float64, which counts exactly and is fast."""
    pairs: Integers = (inside.T.astype(np.float64) @ members.astype(np.float64)).astype(np.int64)
    return pairs


def _tabulate(modes: Sequence[Mode], counts: dict[str, Integers], *, settings: RulesConfig) -> pd.DataFrame:
    n, k, n_group, k_group = (counts[name] for name in ("n", "k", "n_group", "k_group"))
    p_values = exact_test(n, k, n_group_images=n_group, n_group_failures=k_group)
    q_values = np.column_stack([adjust_p_values(column) for column in p_values.T])
    rates = metrics.error_rate(n, k)
    is_mode = metrics.is_failure_mode(
        rates,
        metrics.error_coverage(k, k_group),
        base_rate=metrics.base_error_rate(n_group, k_group),
        rho=settings.rho,
        tau=settings.tau,
    )
    low, high = wilson_interval(k, n, level=settings.confidence_level)
    n_modes, n_models = n.shape
    return pd.DataFrame(
        {
            "mode_id": np.repeat(np.arange(n_modes), n_models),
            "model_id": np.tile(np.arange(n_models), n_modes),
            "is_found": np.array([[m in mode.found_by for m in range(n_models)] for mode in modes]).ravel(),
            "n_images": n.ravel(),
            "n_failures": k.ravel(),
            "n_group_images": n_group.ravel(),
            "n_group_failures": k_group.ravel(),
            "error_rate": rates.ravel(),
            "low": low.ravel(),
            "high": high.ravel(),
            "p_value": p_values.ravel(),
            "q_value": q_values.ravel(),
            "holds": (is_mode & (np.nan_to_num(q_values, nan=1.0) <= settings.max_q_value)).ravel(),
        }
    )
