"""The confusion matrix as a table whose cells lead to the images they count."""

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlencode

import numpy as np

from barlow_report.report.confusion import ConfusionBlock, confusion_block
from barlow_report.report.datatable import Link
from barlow_report.report.pages.page import Site
from barlow_report.report.records import Share

__all__ = ["ConfusionCell", "ConfusionMatrix", "ConfusionRow", "PairCount", "confusion_matrix"]

_N_SHOWN = 20
_N_PAIRS = 12
N_SHADES = 8
"""Shades of cells: from 1, and 0 for an empty one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfusionCell:
    """Images of one label with one prediction; `path` leads to them, and is empty where there are none."""

    n: int
    shade: int
    is_right: bool
    path: str


@dataclass(frozen=True, kw_only=True)
class ConfusionRow:
    """The images of one label; `n_elsewhere` of them are predicted as classes that are not shown."""

    label: Link
    cells: tuple[ConfusionCell, ...]
    n_elsewhere: int
    n_images: int


@dataclass(frozen=True, kw_only=True)
class PairCount:
    """Images of one label that are taken for another class, with their share of the label's images."""

    label: str
    prediction: str
    path: str
    share: Share


@dataclass(frozen=True, kw_only=True)
class ConfusionMatrix:
    """All classes, or the busiest block of many.

    Attributes:
        columns: The classes, in the order of the rows.
        rows: One for each class that is shown.
        is_whole: Whether all classes are shown.
        is_noise: Whether some are left out, and no pair of those shown is confused more than once.
        shown: Failures that are in a cell, of all failures of the run.
        strongest: Share of a label's images in the cell with the strongest colour; 0 without failures.
        others: The most frequent confusions that are not in a cell.
        n_others: How many there are.
    """

    columns: tuple[Link, ...]
    rows: tuple[ConfusionRow, ...]
    is_whole: bool
    is_noise: bool
    shown: Share
    strongest: float
    others: tuple[PairCount, ...]
    n_others: int


def confusion_matrix(site: Site) -> ConfusionMatrix:
    """Count which classes are taken for which, and find where the images of each cell are."""
    images, n_classes = site.catalog.images, len(site.catalog.classes)
    block = confusion_block(images.label, images.prediction, n_classes=n_classes, n_shown=_N_SHOWN)
    shown = frozenset(block.class_ids.tolist())
    others = _other_pairs(site, shown)
    return ConfusionMatrix(
        columns=tuple(site.class_link(class_id) for class_id in block.class_ids.tolist()),
        rows=tuple(_rows(site, block)),
        is_whole=len(shown) == n_classes,
        is_noise=len(shown) < n_classes and block.most_confusions < 2,
        shown=Share(block.n_failures_shown, block.n_failures),
        strongest=float(block.shares.max(initial=0)),
        others=tuple(
            PairCount(
                label=site.class_name(label),
                prediction=site.class_name(prediction),
                path=_path(site, label, prediction),
                share=Share(n, int((images.label == label).sum())),
            )
            for label, prediction, n in others[:_N_PAIRS]
        ),
        n_others=len(others),
    )


def _rows(site: Site, block: ConfusionBlock) -> Iterator[ConfusionRow]:
    shares = block.shares
    shades = np.ceil(shares / (shares.max(initial=0) or 1) * N_SHADES).astype(int)
    ids = block.class_ids.tolist()
    for i, label in enumerate(ids):
        yield ConfusionRow(
            label=site.class_link(label),
            cells=tuple(
                ConfusionCell(
                    n=n,
                    shade=int(shades[i, j]),
                    is_right=i == j,
                    path="" if i == j or not n else _path(site, label, ids[j]),
                )
                for j, n in enumerate(block.counts[i].tolist())
            ),
            n_elsewhere=int(block.n_elsewhere[i]),
            n_images=int(block.n_images[i]),
        )


def _other_pairs(site: Site, shown: frozenset[int]) -> list[tuple[int, int, int]]:
    """Label, prediction and number of the confusions that have no cell, the most frequent ones first."""
    found = [
        (key, prediction, n)
        for (grouping, key), pairs in site.catalog.confusions.items()
        if grouping == "label"
        for prediction, n in pairs
        if not (key in shown and prediction in shown)
    ]
    return sorted(found, key=lambda pair: (-pair[2], pair[0], pair[1]))


def _path(site: Site, label: int, prediction: int) -> str:
    """The list of all failures, with those of one pair."""
    wanted = {"label": site.class_name(label), "prediction": site.class_name(prediction)}
    return f"{'failures/index.html'}?{urlencode(wanted)}"
