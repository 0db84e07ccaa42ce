"""The tree of a group: which features it may use, how it is fitted, which images its nodes hold.

The tree is scikit-learn's: entropy, failures weighted so that both outcomes weigh the same (Singla et al.,
CVPR 2021, section 4). It chooses among the features that share most information with the failures. It gets
them in ascending order of their ids, so that the tree depends on which features were selected and not on
differences in the last digit of how informative they are; ties between features are scikit-learn's to break,
with the run's seed.

scikit-learn takes values that differ by less than 1e-7 for equal, whatever the scale of a feature. Features are
therefore multiplied by a power of two, which is exact, and thresholds divided by it: what a tree finds depends on the
order of the values alone, and is what scikit-learn finds where no two values are that close.

Feature ids are always indices of the representation. Nodes are numbered depth first, `le` before `gt`.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn.tree import DecisionTreeClassifier

__all__ = ["Nodes", "Tree", "balance_outcomes", "count_in_nodes", "find_splits", "fit_tree", "select_features"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.float32]

_EXPONENT = 100  # of the largest value of a feature; float32 holds up to 127, and the smallest values stay far from 0
_DECIMALS = 12  # the estimator is exact to about 14; what differs beyond is a tie


@dataclass(frozen=True, kw_only=True, eq=False)
class Tree:
    """A binary tree of conditions on features; each array has one entry per node, node 0 is the root.

    `parent_ids` is -1 for the root and smaller than the node's own id elsewhere. `le_child_ids`, `gt_child_ids`
    and `feature_ids` are -1 and `thresholds` is NaN for a leaf.
    """

    parent_ids: Integers
    depths: Integers
    le_child_ids: Integers
    gt_child_ids: Integers
    feature_ids: Integers
    thresholds: Floats

    @property
    def n_nodes(self) -> int:
        """Number of nodes, at least 1."""
        return len(self.parent_ids)

    @property
    def leaf_ids(self) -> Integers:
        """The nodes without a split, ascending."""
        return np.flatnonzero(self.feature_ids < 0)

    def branch(self, node_id: int) -> str:
        """The side of the parent's split that `node_id` is on: `root`, `le` or `gt`."""
        parent = self.parent_ids[node_id]
        if parent < 0:
            return "root"
        return "le" if self.le_child_ids[parent] == node_id else "gt"

    def path(self, node_id: int) -> list[int]:
        """The nodes from the root to `node_id`, both included."""
        path = [node_id]
        while self.parent_ids[path[0]] >= 0:
            path.insert(0, int(self.parent_ids[path[0]]))
        return path

    def find_leaves(self, features: Rows) -> Integers:
        """Return the leaf of each image.

        Args:
            features: (n_images, n_features) float32: all features, not only the selected ones.

        Returns:
            (n_images,) node ids.
        """
        nodes = np.zeros(len(features), dtype=np.int64)
        for node_id in range(self.n_nodes):
            if self.feature_ids[node_id] < 0:
                continue
            # parents come before their children, so one walk over the nodes moves every image to its leaf
            here = np.flatnonzero(nodes == node_id)
            values = features[here, self.feature_ids[node_id]].astype(np.float64)
            goes_le = values <= self.thresholds[node_id]
            nodes[here] = np.where(goes_le, self.le_child_ids[node_id], self.gt_child_ids[node_id])
        return nodes


class Nodes(NamedTuple):
    """The nodes of a tree in scikit-learn's order: children are -1 and features negative at leaves."""

    le_children: Integers
    gt_children: Integers
    columns: Integers
    thresholds: Floats


def select_features(mutual_information: Floats, *, n_selected: int) -> Integers:
    """Return the ids of the most informative features, the most informative first, ties by feature id."""
    order = np.argsort(-np.round(mutual_information, _DECIMALS), kind="stable")
    return order[:n_selected].astype(np.int64)


def fit_tree(features: Rows, failure: Booleans, *, feature_ids: Integers, max_depth: int, seed: int) -> Tree:
    """Fit the weighted entropy tree of a group.

    Args:
        features: (n_images, n_features) float32: all features.
        failure: (n_images,) bool, with at least one of each.
        feature_ids: The selected features, in any order.
        max_depth: 1 to 4.
        seed: Of the order in which features are tried, which decides between equal splits.

    Returns:
        The tree; a single root where no split was found.
    """
    selected = np.sort(feature_ids)
    nodes = find_splits(
        features[:, selected], failure, weights=balance_outcomes(failure), max_depth=max_depth, seed=seed
    )
    feature_ids = np.where(nodes.columns >= 0, selected[np.maximum(nodes.columns, 0)], -1)
    return _number_depth_first(nodes._replace(columns=feature_ids))


def find_splits(values: Rows, failure: Booleans, *, weights: dict[int, float], max_depth: int, seed: int) -> Nodes:
    """Fit scikit-learn's tree, whatever the scale of the features.

    Args:
        values: (n_images, n_features) float32, finite.
        failure: (n_images,) bool.
        weights: Of a success (0) and of a failure (1).
        max_depth: At least 1.
        seed: Decides between equal splits.
    """
    _, exponents = np.frexp(np.abs(values).max(axis=0))
    shifts = _EXPONENT - exponents
    classifier = DecisionTreeClassifier(
        criterion="entropy", max_depth=max_depth, class_weight=weights, random_state=seed
    )
    fitted = classifier.fit(np.ldexp(values, shifts), failure.astype(np.int64)).tree_
    return Nodes(
        le_children=np.asarray(fitted.children_left),
        gt_children=np.asarray(fitted.children_right),
        columns=np.asarray(fitted.feature),
        thresholds=np.ldexp(fitted.threshold, -shifts[np.maximum(fitted.feature, 0)]),
    )


def balance_outcomes(failure: Booleans) -> dict[int, float]:
    """Return the weights of a success (0) and of a failure (1) at which both outcomes weigh the same."""
    n_failures = int(failure.sum())
    return {0: 1.0, 1: (len(failure) - n_failures) / n_failures}


def count_in_nodes(tree: Tree, leaves: Integers, failure: Booleans) -> tuple[Integers, Integers]:
    """Count the images and the failures in each node.

    Args:
        tree: The tree.
        leaves: (n_images,) the leaf of each image, see `Tree.find_leaves`.
        failure: (n_images,) bool.

    Returns:
        n_images and n_failures, (n_nodes,) each.
    """
    n_images = np.bincount(leaves, minlength=tree.n_nodes).astype(np.int64)
    n_failures = np.bincount(leaves[failure], minlength=tree.n_nodes).astype(np.int64)
    for node_id in range(tree.n_nodes - 1, 0, -1):
        n_images[tree.parent_ids[node_id]] += n_images[node_id]
        n_failures[tree.parent_ids[node_id]] += n_failures[node_id]
    return n_images, n_failures


def _number_depth_first(nodes: Nodes) -> Tree:
    """Renumber nodes depth first, `le` before `gt`, whatever order they were found in."""
    left, right, feature, threshold = nodes
    rows: list[tuple[int, int, int]] = []  # node as found, parent as renumbered, depth
    waiting = [(0, -1, 0)]
    while waiting:
        node, _, depth = row = waiting.pop()
        if left[node] >= 0:
            waiting += [(int(right[node]), len(rows), depth + 1), (int(left[node]), len(rows), depth + 1)]
        rows.append(row)
    found = np.array([row[0] for row in rows])
    number = np.empty(len(found), dtype=np.int64)
    number[found] = np.arange(len(found))
    inner = left[found] >= 0
    return Tree(
        parent_ids=np.array([row[1] for row in rows], dtype=np.int64),
        depths=np.array([row[2] for row in rows], dtype=np.int64),
        le_child_ids=np.where(inner, number[left[found]], -1),
        gt_child_ids=np.where(inner, number[right[found]], -1),
        feature_ids=np.where(inner, feature[found], -1).astype(np.int64),
        thresholds=np.where(inner, threshold[found], np.nan),
    )
