"""Which images are explained together, and which of them a tree may be fitted on.

A grouping is a name and, for each of its groups, the images that belong to it. Grouping by true class and by
predicted class are two of them; a confused pair, a union of classes or the images of one hospital are others,
and everything after this module treats them alike.

One split serves all groupings, so an image that a rule is tested on was never used to fit another rule either.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from barlow_report.errors import DataError

__all__ = ["Group", "Grouping", "group_by_class", "number_groups", "split_images"]

Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]

_SPLIT_STREAM = 1  # keeps the split's random numbers apart from others drawn with the run's seed


@dataclass(frozen=True, kw_only=True, eq=False)
class Group:
    """One set of images to explain: `image_ids` ascending.

    `class_id` is the class that defines the group, `classes` are those that define it together; of a set of another
    kind there is neither.
    """

    group_id: int
    grouping: str
    class_id: int | None
    name: str
    image_ids: Integers
    classes: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class Grouping:
    """A name and a membership: group i is called `names[i]` and holds the images `image_ids[i]`.

    `class_ids[i]` is the class that defines group i, None where it is another kind of set; `classes[i]` are the
    classes that define it together, and `classes` may be left out where there are none. Groups may be empty and may
    share images.
    """

    name: str
    names: tuple[str, ...]
    class_ids: tuple[int | None, ...]
    image_ids: tuple[Integers, ...]
    classes: tuple[tuple[int, ...], ...] = ()

    def with_class_ids(self, class_ids: Integers) -> "Grouping":
        """Name classes by their ids, where they were named by their places in `class_ids`."""
        ids = class_ids.tolist()
        return replace(
            self,
            class_ids=tuple(None if place is None else ids[place] for place in self.class_ids),
            classes=tuple(tuple(ids[place] for place in places) for places in self.classes),
        )


def group_by_class(name: str, classes: Integers, *, class_names: Sequence[str]) -> Grouping:
    """Make one group for each class, empty ones included.

    Args:
        name: Of the grouping, such as `label` or `prediction`.
        classes: (n_images,) class_id of each image under this grouping.
        class_names: (n_classes,) names, by class_id.
    """
    order = np.argsort(classes, kind="stable")
    edges = np.searchsorted(classes[order], np.arange(len(class_names) + 1))
    return Grouping(
        name=name,
        names=tuple(class_names),
        class_ids=tuple(range(len(class_names))),
        image_ids=tuple(order[low:high].astype(np.int64) for low, high in pairwise(edges)),
    )


def number_groups(groupings: Sequence[Grouping], *, n_images: int) -> list[Group]:
    """List the groups of all groupings, with group_ids in the given order: groupings first, then their groups.

    Raises:
        DataError: A grouping has lists of different lengths, repeats an image within a group, or names one that
            does not exist; or two groupings have one name.
    """
    names = [grouping.name for grouping in groupings]
    if len(set(names)) != len(names):
        raise DataError(f"groupings: found the names {names}, expected each name once.")
    groups: list[Group] = []
    for grouping in groupings:
        if not len(grouping.names) == len(grouping.class_ids) == len(grouping.image_ids):
            raise DataError(
                f"grouping {grouping.name!r}: has {len(grouping.names)} names, {len(grouping.class_ids)} class_ids "
                f"and {len(grouping.image_ids)} sets of images, expected as many of each."
            )
        classes = grouping.classes or ((),) * len(grouping.names)
        if len(classes) != len(grouping.names):
            raise DataError(
                f"grouping {grouping.name!r}: has {len(grouping.names)} names and {len(classes)} lists of classes, "
                "expected as many of each, or no list."
            )
        for name, class_id, of_group, image_ids in zip(
            grouping.names, grouping.class_ids, classes, grouping.image_ids, strict=True
        ):
            ids = np.unique(np.asarray(image_ids, dtype=np.int64))
            if len(ids) != len(image_ids) or (len(ids) and not 0 <= ids[0] <= ids[-1] < n_images):
                raise DataError(
                    f"grouping {grouping.name!r}, group {name!r}: expected distinct image_ids from 0 to {n_images - 1}."
                )
            groups.append(
                Group(
                    group_id=len(groups),
                    grouping=grouping.name,
                    class_id=class_id,
                    name=name,
                    image_ids=ids,
                    classes=of_group,
                )
            )
    return groups


def split_images(labels: Integers, failure: Booleans, *, held_out_fraction: float, seed: int) -> Booleans:
    """Choose the images that only test rules, stratified by true class and failure.

    Images are put in the order of (label, failure, random number) and every 1/fraction-th is taken, from a random
    start. So each stratum, each class and the whole differ from the fraction by less than one image, and each
    image has the same chance. A stratum of one image is therefore held out with a probability of the fraction;
    sending it to the same part always would bias the error rates of groups that collect many small strata, such
    as those by predicted class.

    Args:
        labels: (n_images,) class_id of the true class.
        failure: (n_images,) bool.
        held_out_fraction: 0 to 1; 0 holds nothing out.
        seed: The result is a function of the data, the fraction and the seed.

    Returns:
        (n_images,) bool, True where the image is held out.
    """
    random = np.random.default_rng([seed, _SPLIT_STREAM])
    order = np.lexsort((random.random(len(labels)), failure, labels))
    steps = np.floor(np.arange(len(labels) + 1) * held_out_fraction + random.random())
    held_out = np.empty(len(labels), dtype=np.bool_)
    held_out[order] = np.diff(steps) > 0
    return held_out
