"""The tree of a group: which features it may use, how it is fitted, which images its nodes hold.

The tree is scikit-learn's: entropy, failures weighted so that both outcomes weigh the same (Singla et al.,
CVPR 2021, section 4). It chooses among the features that share most information with the failures. It gets
them in ascending order of their ids, so that the tree depends on which features were selected and not on
differences in the last digit of how informative they are; ties between features are scikit-learn's to break,
with the run's seed.

Feature ids are always indices of the representation. Nodes are numbered depth first, `le` before `gt`.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.tree import DecisionTreeClassifier

__all__ = ["Tree", "balance_outcomes", "count_in_nodes", "fit_tree", "select_features"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.float32]

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
    classifier = DecisionTreeClassifier(
        criterion="entropy", max_depth=max_depth, class_weight=balance_outcomes(failure), random_state=seed
    )
    fitted = classifier.fit(features[:, selected], failure.astype(np.int64)).tree_
    return _number_depth_first(
        np.asarray(fitted.children_left),
        np.asarray(fitted.children_right),
        np.where(fitted.feature >= 0, selected[np.maximum(fitted.feature, 0)], -1),
        np.asarray(fitted.threshold),
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


def _number_depth_first(left: Integers, right: Integers, feature: Integers, threshold: Floats) -> Tree:
    """Renumber nodes depth first, `le` before `gt`, whatever order they were found in."""
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
