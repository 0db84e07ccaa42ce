"""How many failure modes a run may have, before it has any: from some images and what the model says of them.

A group whose images of the sample fail as often as they do gets a tree where it has images and failures enough. How
many of these trees have verified failure modes nobody knows before; in the demo and on CIFAR-10 it is about every
second, and that is assumed. A run folder that holds rules already has their numbers.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from barlow_report.config import Config, RulesConfig
from barlow_report.errors import DamagedFileError
from barlow_report.formatting import counted
from barlow_report.run_folder import Run, is_of_each_output
from barlow_report.vision.datasets import ImageList

__all__ = ["ExpectedModes", "expected_modes", "known_modes"]

Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]

_SHARE_VERIFIED = 0.5
"""Verified failure modes for each group that gets a tree."""
_RULES_PER_TREE, _FEATURES_PER_TREE, _CONDITIONS_PER_MODE = 2.5, 1.5, 1.1
_SHARE_JOINT = 0.5
_N_SHRUNK = 2
"""So many images of the average error rate are added to those of each class."""


@dataclass(frozen=True, kw_only=True)
class ExpectedModes:
    """What a run is expected to find.

    Attributes:
        n_groups: Groups that may get a tree, by their images.
        n_trees: Groups with enough failures.
        n_rules: Leaves of their trees.
        n_features: (group, feature) pairs in these.
        n_verified: Verified failure modes.
        n_conditions: Of these.
        n_joint: Joint modes.
        n_failures: Images that fail.
        is_known: Whether the run folder says so.
    """

    n_groups: int
    n_trees: int
    n_rules: int
    n_features: int
    n_verified: int
    n_conditions: int
    n_joint: int
    n_failures: int
    is_known: bool = False

    @property
    def assumed(self) -> str:
        """The failure modes that something is multiplied by, as half a sentence."""
        if not self.n_verified:
            return "no failure mode is expected"
        kind = "verified" if self.is_known else "expected"
        return f"for {counted(self.n_verified, f'{kind} failure mode')}"

    @property
    def words(self) -> str:
        """How many failure modes are taken for granted, and why."""
        if self.is_known:
            return f"the run folder has {counted(self.n_verified, 'verified failure mode')}"
        if not self.n_trees:
            return "none has enough failures, as images of the sample fail"
        enough = f"{counted(self.n_trees, 'group')} with enough failures, as images of the sample fail"
        return f"{enough}; half of them are expected to have a failure mode"


def expected_modes(
    rules: RulesConfig,
    labels: Integers,
    *,
    n_classes: int,
    sampled: Integers,
    predictions: Integers | None,
    n_further_groups: int = 0,
) -> ExpectedModes:
    """Expect failure modes from a sample.

    Args:
        rules: The settings, with unions by name.
        labels: class_id of each image, (n_images,).
        n_classes: Number of classes.
        sampled: Some of the images.
        predictions: What the model says of these; None: every tenth is assumed to fail.
        n_further_groups: Groups by other things than a class, all of which may get a tree.
    """
    sizes = np.bincount(labels, minlength=n_classes).astype(float)
    fails = None if predictions is None or not len(sampled) else predictions != labels[sampled]
    share = 0.1 if fails is None else float((fails.sum() + 0.5) / (len(fails) + 1))
    by_label = np.full(n_classes, share) if fails is None else _rates(labels[sampled], fails, share, n_classes)
    found = [(sizes, by_label)] if "label" in rules.groupings else []
    if "prediction" in rules.groupings:
        predicted = labels[sampled] if predictions is None else predictions
        seen = np.bincount(predicted, minlength=n_classes)[:n_classes] + _N_SHRUNK * sizes / max(sizes.sum(), 1)
        shares = seen / max(seen.sum(), 1)
        rates = by_label if fails is None else _rates(predicted, fails, share, n_classes)
        found.append((shares * sizes.sum(), rates))
    n_groups = sum(int((n >= rules.min_images).sum()) for n, _ in found)
    n_trees = sum(int(((n >= rules.min_images) & (n * rate >= rules.min_failures)).sum()) for n, rate in found)
    n_failures = round(share * len(labels))
    further = n_further_groups if n_failures >= rules.min_failures else 0
    return _from_trees(n_groups + n_further_groups, n_trees + further, n_failures)


def _from_trees(n_groups: int, n_trees: int, n_failures: int) -> ExpectedModes:
    n_verified = round(_SHARE_VERIFIED * n_trees + 0.01)
    return ExpectedModes(
        n_groups=n_groups,
        n_trees=n_trees,
        n_rules=round(_RULES_PER_TREE * n_trees),
        n_features=round(_FEATURES_PER_TREE * n_trees),
        n_verified=n_verified,
        n_conditions=round(_CONDITIONS_PER_MODE * n_verified),
        n_joint=round(_SHARE_JOINT * n_trees),
        n_failures=n_failures,
    )


def _rates(class_ids: Integers, fails: Booleans, share: float, n_classes: int) -> npt.NDArray[np.float64]:
    """The error rate of each class, near the average where few of its images are known."""
    known = (class_ids >= 0) & (class_ids < n_classes)
    n = np.bincount(class_ids[known], minlength=n_classes)
    k = np.bincount(class_ids[known], weights=fails[known].astype(float), minlength=n_classes)
    return (k + _N_SHRUNK * share) / (n + _N_SHRUNK)


def known_modes(folder: Path, config: Config, images: ImageList) -> ExpectedModes | None:
    """What the run folder has found already; None where it has no rules, or those of other images or settings.

    Of a damaged one nothing is believed: the run mends it.
    """
    if not folder.is_dir() or is_of_each_output(folder) or not (folder / "run.json").is_file():
        return None
    run = Run.open(folder)
    noted = run.info.get("config", {}).get("rules")
    if not run.is_finished("explain") or noted != config.rules.model_dump(mode="json"):
        return None
    try:
        return _found(run, images)
    except DamagedFileError:
        return None


def _found(run: Run, images: ImageList) -> ExpectedModes | None:
    table = run.read_table("images")
    n_tried = len(table) + len(run.read_table("skipped"))  # what was no image when it was listed is in it, too
    if n_tried not in (len(images.paths), len(images.paths) + len(images.skipped)):
        return None
    groups, rules = run.read_table("groups"), run.read_table("rules")
    conditions = run.read_table("conditions").merge(rules[["rule_id", "group_id", "verdict"]], on="rule_id")
    verified = conditions["verdict"] == "verified"
    return ExpectedModes(
        n_groups=len(groups),
        n_trees=int(rules["group_id"].nunique()),
        n_rules=len(rules),
        n_features=len(conditions[["group_id", "feature_id"]].drop_duplicates()),
        n_verified=int((rules["verdict"] == "verified").sum()),
        n_conditions=int(verified.sum()),
        n_joint=len(run.read_table("joint_modes")),
        n_failures=int((table["label"] != table["prediction"]).sum()),
        is_known=True,
    )
