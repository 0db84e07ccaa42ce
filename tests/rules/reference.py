"""The in-sample procedure once more, with scikit-learn alone and nothing of the package: what results must equal."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from sklearn.feature_selection import mutual_info_classif
from sklearn.tree import DecisionTreeClassifier

Condition = tuple[int, str, float]


@dataclass(frozen=True, kw_only=True)
class ReferenceLeaf:
    """One leaf: its conditions from the root, and the paper's measures."""

    conditions: tuple[Condition, ...]
    n_images: int
    n_failures: int
    error_rate: float
    error_coverage: float
    importance_value: float


@dataclass(frozen=True, kw_only=True)
class ReferenceGroup:
    """One group: without leaves where it has no tree."""

    grouping: str
    class_id: int
    n_images: int
    n_failures: int
    selected: frozenset[int] = frozenset()
    information: dict[int, float] = field(default_factory=dict)
    average_leaf_error_rate: float = float("nan")
    leaves: tuple[ReferenceLeaf, ...] = ()


def explain_in_sample(
    features: npt.NDArray[np.floating],
    labels: npt.NDArray[np.int64],
    predictions: npt.NDArray[np.int64],
    *,
    n_classes: int,
    max_depth: int,
    n_selected: int = 50,
    min_images: int = 20,
    seed: int = 0,
) -> list[ReferenceGroup]:
    """Explain all groups by label, then all by prediction."""
    groups = []
    for grouping, classes in (("label", labels), ("prediction", predictions)):
        for class_id in range(n_classes):
            members = classes == class_id
            x = np.asarray(features[members], dtype=np.float32)
            y = (labels[members] != predictions[members]).astype(int)
            plain = ReferenceGroup(grouping=grouping, class_id=class_id, n_images=len(y), n_failures=int(y.sum()))
            if len(y) < min_images or y.min() == y.max():
                groups.append(plain)
                continue
            groups.append(_explain_group(plain, x, y, max_depth=max_depth, n_selected=n_selected, seed=seed))
    return groups


def _explain_group(
    plain: ReferenceGroup,
    x: npt.NDArray[np.float32],
    y: npt.NDArray[np.int64],
    *,
    max_depth: int,
    n_selected: int,
    seed: int,
) -> ReferenceGroup:
    information = mutual_info_classif(x, y, random_state=seed)
    by_rank = sorted(range(x.shape[1]), key=lambda i: (-round(information[i], 12), i))
    selected = sorted(by_rank[:n_selected])
    n_images, n_failures = len(y), int(y.sum())
    tree = DecisionTreeClassifier(
        criterion="entropy",
        max_depth=max_depth,
        class_weight={0: 1, 1: (n_images - n_failures) / n_failures},
        random_state=seed,
    ).fit(x[:, selected], y)
    leaf_of_image = tree.apply(x[:, selected])
    leaves = []
    for leaf in sorted(set(leaf_of_image)):
        inside = y[leaf_of_image == leaf]
        rate, coverage = inside.sum() / len(inside), inside.sum() / n_failures
        leaves.append(
            ReferenceLeaf(
                conditions=_conditions(tree.tree_, leaf, selected),
                n_images=len(inside),
                n_failures=int(inside.sum()),
                error_rate=rate,
                error_coverage=coverage,
                importance_value=rate * coverage,
            )
        )
    return ReferenceGroup(
        grouping=plain.grouping,
        class_id=plain.class_id,
        n_images=n_images,
        n_failures=n_failures,
        selected=frozenset(selected),
        information={i: float(information[i]) for i in selected},
        average_leaf_error_rate=sum(leaf.error_coverage * leaf.error_rate for leaf in leaves),
        leaves=tuple(leaves) if len(leaves) > 1 else (),
    )


def _conditions(tree: object, leaf: int, selected: list[int]) -> tuple[Condition, ...]:
    """Walk up from a leaf, looking for each node among the children."""
    left, right = list(tree.children_left), list(tree.children_right)  # type: ignore[attr-defined]
    conditions: list[Condition] = []
    node = leaf
    while node != 0:
        branch = "le" if node in left else "gt"
        node = left.index(node) if node in left else right.index(node)
        feature, threshold = tree.feature[node], tree.threshold[node]  # type: ignore[attr-defined]
        conditions.insert(0, (selected[feature], branch, float(threshold)))
    return tuple(conditions)
