"""The confusion matrix: of few classes whole, of many the block of those that are confused with one another most.

The block is grown greedily: from the pair of classes with the most confusions between them, always by the class that is
confused most with those already chosen, or by a new pair that brings more for each of its classes. Neighbours in the
matrix are alike: classes stand in the order of the leaves of an average-linkage clustering by the share of two classes'
images that are confused, with the leaves turned so that neighbours are as alike as they can be (Bar-Joseph et al.,
Bioinformatics 2001).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["ConfusionBlock", "busiest_classes", "confusion_block", "order_by_likeness"]

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class ConfusionBlock:
    """Some classes in the order in which they are shown, and which of them are taken for which.

    Attributes:
        class_ids: (n_shown,) the classes.
        counts: (n_shown, n_shown) images by label and by prediction; on the diagonal those that were recognised.
        n_elsewhere: (n_shown,) images of a label that are predicted as a class that is not shown.
        n_images: (n_shown,) images of a label.
        n_failures: Failures of the whole run.
    """

    class_ids: Integers
    counts: Integers
    n_elsewhere: Integers
    n_images: Integers
    n_failures: int

    @property
    def shares(self) -> npt.NDArray[np.float64]:
        """(n_shown, n_shown) the share of a label's images that is in each cell, 0 to 1; 0 on the diagonal."""
        off = self.counts - np.diag(np.diag(self.counts))
        return np.asarray(off / np.maximum(self.n_images, 1)[:, None])

    @property
    def most_confusions(self) -> int:
        """The most images of one label that are taken for one other class."""
        return int((self.counts - np.diag(np.diag(self.counts))).max(initial=0))

    @property
    def n_failures_shown(self) -> int:
        """Failures whose label and prediction are both shown."""
        return int(self.counts.sum() - np.trace(self.counts))


def confusion_block(label: Integers, prediction: Integers, *, n_classes: int, n_shown: int = 20) -> ConfusionBlock:
    """Count the confusions between all classes, or between the `n_shown` busiest of more.

    Args:
        label: (n_images,) class ids, 0 to n_classes − 1.
        prediction: (n_images,) class ids, 0 to n_classes − 1.
        n_classes: At least 1.
        n_shown: At most so many classes are shown.
    """
    codes, counts = np.unique(label.astype(np.int64) * n_classes + prediction, return_counts=True)
    pairs = np.stack(np.divmod(codes, n_classes), axis=1)
    n_images = np.bincount(label, minlength=n_classes)
    differs = pairs[:, 0] != pairs[:, 1]
    if n_classes > n_shown:
        chosen = busiest_classes(pairs[differs], counts[differs], n_classes=n_classes, n_shown=n_shown)
    else:
        chosen = np.arange(n_classes)
    place = np.full(n_classes, -1)
    place[chosen] = np.arange(len(chosen))
    rows, columns = place[pairs].T
    inside = (rows >= 0) & (columns >= 0)
    block = np.zeros((len(chosen), len(chosen)), dtype=np.int64)
    block[rows[inside], columns[inside]] = counts[inside]
    order = order_by_likeness(block, n_images[chosen])
    block = block[np.ix_(order, order)]
    class_ids = chosen[order]
    return ConfusionBlock(
        class_ids=class_ids,
        counts=block,
        n_elsewhere=n_images[class_ids] - block.sum(axis=1),
        n_images=n_images[class_ids],
        n_failures=int(counts[differs].sum()),
    )


def busiest_classes(pairs: Integers, counts: Integers, *, n_classes: int, n_shown: int) -> Integers:
    """Choose the classes that are confused with one another most, by increasing id.

    Args:
        pairs: (n_pairs, 2) label and prediction of failures, each pair once.
        counts: (n_pairs,) failures of each.
        n_classes: More than `n_shown`.
        n_shown: How many to choose.
    """
    ends, of_pair = np.unique(np.sort(pairs, axis=1), axis=0, return_inverse=True)
    both_ways = np.bincount(of_pair.ravel(), weights=counts, minlength=len(ends))
    in_all = np.bincount(pairs.ravel(), weights=np.repeat(counts, 2), minlength=n_classes)
    together = np.zeros(n_classes)  # confusions with the classes chosen so far
    is_free = np.ones(n_classes, dtype=np.bool_)
    while (~is_free).sum() < n_shown:
        best = np.flatnonzero(is_free & (together == together[is_free].max()))
        chosen = int(best[np.argmax(in_all[best])])
        new = np.where(is_free[ends].all(axis=1), both_ways, 0)
        has_room = (~is_free).sum() + 2 <= n_shown
        if has_room and new.max(initial=0) > 2 * together[chosen]:  # two that bring more than two of the best would
            chosen = int(ends[np.argmax(new)][0])
        is_free[chosen] = False
        for side in (0, 1):
            of_chosen = ends[:, side] == chosen
            together[ends[of_chosen, 1 - side]] += both_ways[of_chosen]
    return np.flatnonzero(~is_free)


def order_by_likeness(counts: Integers, n_images: Integers) -> Integers:
    """Return the order of classes in which those that are confused with each other stand together.

    Args:
        counts: (n, n) images by label and by prediction.
        n_images: (n,) images of each label.
    """
    if len(counts) < 3:
        return np.arange(len(counts))
    from scipy.cluster.hierarchy import leaves_list, linkage  # a fifth of a second, which other stages do without

    off = counts - np.diag(np.diag(counts))
    likeness = (off + off.T) / np.maximum(n_images[:, None] + n_images[None, :], 1)
    distance = likeness.max() - likeness
    tree = linkage(distance[np.triu_indices(len(counts), 1)], method="average", optimal_ordering=True)
    order = np.asarray(leaves_list(tree), dtype=np.int64)
    return order if order[0] < order[-1] else order[::-1]  # both directions are as good
