"""Further sets of images to explain: confused pairs, unions of classes, and the values of a column.

**A confused pair** a → b is the images labelled a that are predicted as a or as b. Its failures are the a taken for b,
its successes the a that were recognised, so a rule says when an a looks like a b. Images of a that are taken for a
third class are failures of another kind: they are left out, instead of being counted as either. The pairs with the
most failures come first, not those with the highest rate, which would be pairs of few images.

The pair has an order. Without one (labelled a or b, predicted as a or b) a feature that makes an a look like a b also
makes a b be recognised as one, so it speaks for failure in one half of the images and against it in the other. On
CIFAR-10's ten most confused pairs the held-out gain of trees of depth 1 is 0.046 with the order and 0.003 without
it, and 3 of 10 groups have a verified failure mode instead of none. What would change this: features that tell how
typical an image is of its own class, whatever the class.

The pairs are chosen with all images in view, the held-out ones included. This does not favour any rule: the choice
depends on labels and predictions alone, and the exact test of a rule is conditional on how many images and failures
its group has.

Sets may overlap, with each other and with the groups of classes. Each is explained on its own, and the correction for
many tests runs over the candidates of all of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from barlow_report.config import RulesConfig
from barlow_report.rules.groups import Group, Grouping, group_by_class
from barlow_report.tables import COLUMN_GROUPING, TABLES, empty_table

__all__ = [
    "find_confused_pairs",
    "group_by_column",
    "group_unions",
    "list_groupings",
    "tabulate_group_classes",
    "tabulate_memberships",
]

Integers = npt.NDArray[np.int64]


def list_groupings(
    labels: Integers, predictions: Integers, *, class_names: Sequence[str], settings: RulesConfig
) -> list[Grouping]:
    """Make all groupings that follow from labels and predictions, in the order of their group_ids.

    Args:
        labels: (n_images,) class_id of the true class.
        predictions: (n_images,) class_id of the predicted class.
        class_names: (n_classes,) names, by class_id.
        settings: The section `rules`; its `manifest_columns` are not looked at, see `group_by_column`.

    Raises:
        ConfigError: A union names an unknown class.
    """
    classes = {"label": labels, "prediction": predictions}
    keys = list(dict.fromkeys(settings.groupings))
    groupings = [group_by_class(key, classes[key], class_names=class_names) for key in keys]
    if settings.confused_pairs:
        groupings.append(
            find_confused_pairs(
                labels,
                predictions,
                class_names=class_names,
                n_pairs=settings.confused_pairs,
                min_failures=settings.min_failures,
            )
        )
    unions = settings.union_classes(class_names)
    return groupings + [group_unions(key, classes[key], unions=unions) for key in keys if unions]


def find_confused_pairs(
    labels: Integers, predictions: Integers, *, class_names: Sequence[str], n_pairs: int, min_failures: int = 1
) -> Grouping:
    """Make a group of each of the `n_pairs` pairs a → b with the most images of a that are taken for b.

    The pair with the most failures comes first; ties are broken by the class_ids. There are fewer groups where fewer
    pairs are confused often enough.

    Args:
        labels: (n_images,) class_id of the true class.
        predictions: (n_images,) class_id of the predicted class.
        class_names: (n_classes,) names, by class_id.
        n_pairs: How many pairs, at most.
        min_failures: Pairs that are confused less often are left out.
    """
    n_classes = len(class_names)
    codes, counts = np.unique((labels * n_classes + predictions)[labels != predictions], return_counts=True)
    often = counts >= min_failures
    codes, counts = codes[often], counts[often]
    order = np.lexsort((codes, -counts))[:n_pairs]
    pairs = [(int(code // n_classes), int(code % n_classes)) for code in codes[order]]
    by_label = group_by_class("label", labels, class_names=class_names).image_ids if pairs else ()
    return Grouping(
        name="confused_pairs",
        names=tuple(f"{class_names[a]} → {class_names[b]}" for a, b in pairs),
        class_ids=(None,) * len(pairs),
        image_ids=tuple(by_label[pair[0]][np.isin(predictions[by_label[pair[0]]], pair)] for pair in pairs),
        classes=tuple(pairs),
    )


def group_unions(key: str, classes: Integers, *, unions: Mapping[str, Sequence[int]]) -> Grouping:
    """Make a group of each union: the images whose class is one of its classes.

    A failure stays what it is: an image whose prediction is not its label, even if both are in the union.

    Args:
        key: label or prediction, where the classes come from.
        classes: (n_images,) class_id of each image.
        unions: The class_ids of each union, by its name.
    """
    return Grouping(
        name=f"unions_by_{key}",
        names=tuple(unions),
        class_ids=(None,) * len(unions),
        image_ids=tuple(np.flatnonzero(np.isin(classes, ids)) for ids in unions.values()),
        classes=tuple(tuple(ids) for ids in unions.values()),
    )


def group_by_column(name: str, values: Sequence[str | None]) -> Grouping:
    """Make a group of the images of each value, in the order of the values, numbers by size.

    Args:
        name: Of the column.
        values: (n_images,) the value of each image; an image with None is in no group.
    """
    codes, found = pd.factorize(np.asarray(values, dtype=object))
    names = sorted(found, key=_sort_key)
    places = {value: place for place, value in enumerate(names)}
    by_code = np.array([*(places[value] for value in found), -1])  # code -1, no value, is the last one
    groups = group_by_class(f"{COLUMN_GROUPING}{name}", by_code[codes], class_names=names)
    return replace(groups, class_ids=(None,) * len(names))


def _sort_key(value: str) -> tuple[bool, int, str]:
    is_number = value.isascii() and value.isdecimal() and len(value) < 20
    return not is_number, int(value) if is_number else 0, value


def tabulate_group_classes(groups: Sequence[Group]) -> pd.DataFrame:
    """One row per group of several classes and class; see the table `group_classes`."""
    rows = [(group.group_id, i, class_id) for group in groups for i, class_id in enumerate(group.classes)]
    return pd.DataFrame(rows, columns=TABLES["group_classes"].column_names, dtype="int64")


def tabulate_memberships(groups: Sequence[Group]) -> pd.DataFrame:
    """One row per image of each group without a class of its own; see the table `memberships`."""
    others = [group for group in groups if group.class_id is None]
    if not others:
        return empty_table("memberships")
    return pd.DataFrame(
        {
            "group_id": np.repeat([group.group_id for group in others], [len(group.image_ids) for group in others]),
            "image_id": np.concatenate([group.image_ids for group in others]),
        }
    )
