"""Which features people are asked to describe, in which group, and how many people each.

A batch is chosen by the report's owner and written to one JSON file in the run folder; the site's form and
the exports show exactly its items. A batch belongs to one report: item numbers mean nothing in another.

The collector reads batches too and must start at once, so numpy and pandas are not imported here at the top.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from barlow_report.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Batch", "Item", "Selection", "choose_batch", "load_batch", "select_features", "study_features"]

N_STUDY_CLASSES, N_STUDY_FEATURES, N_STUDY_PEOPLE = 20, 10, 5

Choice = Literal["verified", "failure_modes", "rules", "informative"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Item(_Part):
    """A feature to describe in a group of images."""

    group_id: int = Field(ge=0)
    feature_id: int = Field(ge=0)


class Selection(_Part):
    """How the items were chosen, so that a batch can be made again."""

    choice: str
    groupings: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    features_per_group: int | None = None
    max_items: int | None = None
    seed: int = 0


class Batch(_Part):
    """The items of a study, in sittings of at most `part_size`; each item is for `n_people` people."""

    schema_version: Literal[1] = 1
    batch_id: str = Field(pattern=r"^[0-9a-f]{12}$")
    report_id: str
    feature_model: str
    n_people: int = Field(ge=1)
    part_size: int = Field(ge=1)
    selection: Selection
    items: tuple[Item, ...]

    @property
    def parts(self) -> list[tuple[Item, ...]]:
        """The items of each sitting."""
        return [self.items[i : i + self.part_size] for i in range(0, len(self.items), self.part_size)]

    def as_json(self) -> str:
        """The batch file."""
        return json.dumps(self.model_dump(mode="json"), indent=1, ensure_ascii=False) + "\n"


def load_batch(text: str, *, where: str) -> Batch:
    """Read a batch file.

    Raises:
        DataError: It is not one.
    """
    try:
        return Batch.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise DataError(
            f"{where}: not a batch of items: {place}: {first['msg']}. Make it again with barlow-report annotations "
            "template."
        ) from error


def choose_batch(
    pairs: Iterable[tuple[int, int]],
    *,
    selection: Selection,
    report_id: str,
    feature_model: str,
    n_people: int = N_STUDY_PEOPLE,
    part_size: int = 20,
) -> Batch:
    """Make a batch of (group, feature) pairs.

    The pairs are shuffled by the selection's seed before they are cut into sittings, so that one sitting is not
    all about one class. The batch's id is a hash of everything else in it.
    """
    import numpy as np

    distinct = sorted(set(pairs))
    order = np.random.default_rng([selection.seed, 5]).permutation(len(distinct))
    chosen = [distinct[i] for i in order][: selection.max_items]
    items = tuple(Item(group_id=group_id, feature_id=feature_id) for group_id, feature_id in chosen)
    values = {"report_id": report_id, "feature_model": feature_model, "n_people": n_people, "part_size": part_size}
    content = json.dumps([values, chosen, selection.model_dump(mode="json")], sort_keys=True)
    batch_id = hashlib.sha256(content.encode()).hexdigest()[:12]
    return Batch(batch_id=batch_id, selection=selection, items=items, **values)


def select_features(tables: "Mapping[str, pd.DataFrame]", selection: Selection) -> list[tuple[int, int]]:
    """Return the (group, feature) pairs that a selection asks for.

    Args:
        tables: `groups`, `rules`, `conditions` and `selection` of a run.
        selection: `choice` is `verified` (features of verified failure modes), `failure_modes`, `rules` (all
            leaves), or `informative` (the most informative ones of each group). Features of one group come in
            order of mutual information; at most `features_per_group` of them are taken.

    Raises:
        DataError: A grouping or class is not in the run.
    """
    groups = _chosen_groups(tables["groups"], selection)
    informative = tables["selection"][["group_id", "feature_id", "rank"]]
    if selection.choice == "informative":
        pairs = informative
    else:
        rules = tables["rules"]
        if selection.choice != "rules":
            rules = rules[rules["is_failure_mode"]]
        if selection.choice == "verified":
            rules = rules[rules["verdict"] == "verified"]
        used = tables["conditions"].merge(rules[["rule_id", "group_id"]], on="rule_id")
        pairs = used[["group_id", "feature_id"]].drop_duplicates()
        pairs = pairs.merge(informative, on=["group_id", "feature_id"], how="left")
    pairs = pairs[pairs["group_id"].isin(groups["group_id"])]
    return _best_of_each(pairs, selection.features_per_group)


def study_features(tables: "Mapping[str, pd.DataFrame]") -> list[tuple[int, int]]:
    """Return the published design (METHOD of arXiv 2012.01750, section 5).

    The top, middle and bottom 20 classes by error rate, both groupings, ten features each by mutual information.
    With fewer than 60 classes every class is taken.
    """
    images = tables["images"]
    failed = images["prediction"] != images["label"]
    error_rate = failed.groupby(images["label"]).mean()
    ranked = sorted(error_rate.index.tolist(), key=lambda c: (-error_rate[c], c))
    chosen = set(_top_middle_bottom(ranked, N_STUDY_CLASSES))
    groups = tables["groups"]
    groups = groups[groups["class_id"].isin(list(chosen)) & groups["grouping"].isin(["label", "prediction"])]
    pairs = tables["selection"]
    return _best_of_each(pairs[pairs["group_id"].isin(groups["group_id"])], N_STUDY_FEATURES)


def _top_middle_bottom(ranked: Sequence[int], n: int) -> list[int]:
    if len(ranked) <= 3 * n:
        return list(ranked)
    middle = (len(ranked) - n) // 2
    return [*ranked[:n], *ranked[middle : middle + n], *ranked[-n:]]


def _best_of_each(pairs: "pd.DataFrame", n: int | None) -> list[tuple[int, int]]:
    ordered = pairs.sort_values(["group_id", "rank", "feature_id"], na_position="last")
    if n is not None:
        ordered = ordered.groupby("group_id").head(n)
    return [(int(g), int(f)) for g, f in zip(ordered["group_id"], ordered["feature_id"], strict=True)]


def _chosen_groups(groups: "pd.DataFrame", selection: Selection) -> "pd.DataFrame":
    for values, column, option in (
        (selection.groupings, "grouping", "--grouping"),
        (selection.classes, "name", "--group"),
    ):
        missing = sorted(set(values) - set(groups[column]))
        if missing:
            known = ", ".join(repr(name) for name in sorted(set(groups[column]))[:8])
            raise DataError(f"{option}: found {missing[0]!r}, expected one of this run's: {known}, …")
        if values:
            groups = groups[groups[column].isin(values)]
    return groups
