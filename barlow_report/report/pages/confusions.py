"""What the failures of a group or of a failure mode are taken for, or what they really are."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from barlow_report.report.datatable import Link
from barlow_report.report.images import count_confusions
from barlow_report.report.pages.page import Site
from barlow_report.report.records import Group, Rule, Share

__all__ = ["Confusion", "Confusions", "confusions_of_group", "confusions_of_mode"]

_N_SHOWN = 8
_N_SHOWN_OF_MODE = 5
_TITLES = {"label": "Taken for", "prediction": "Labelled"}


@dataclass(frozen=True, kw_only=True)
class Confusion:
    """A class on the other side of the failures, or a label and what it was predicted as, and its share of them."""

    links: tuple[Link, ...]
    share: Share


@dataclass(frozen=True, kw_only=True)
class Confusions:
    """The most frequent ones, and how many more there are, never 1; those of a pair are alike: there are none."""

    title: str
    shown: tuple[Confusion, ...]
    n_others: int
    noun: str


def confusions_of_group(site: Site, group: Group) -> Confusions:
    """Count what all failures of a group are taken for."""
    found: list[tuple[tuple[int, ...], int]]
    if group.class_id is None:
        found = [((a.class_id, b.class_id), n) for a, b, n in site.catalog.confused_within(group)]
    else:
        counts = site.catalog.confusions.get((group.grouping, group.class_id), ())
        found = [((class_id,), n) for class_id, n in counts]
    return _confusions(site, group, found, n_shown=_N_SHOWN)


def confusions_of_mode(site: Site, group: Group, rule: Rule) -> Confusions:
    """Count what the failures of a failure mode are taken for, among all of its images."""
    images = site.catalog.mode_images.get(rule.rule_id)
    ids: npt.NDArray[np.int64] = np.zeros(0, dtype=np.int64) if images is None else images.image_ids
    sides = {"label": (1,), "prediction": (0,)}.get(group.grouping, (0, 1))
    counts = count_confusions(site.catalog.images, ids).tolist()
    found = [(tuple(int(row[side]) for side in sides), int(row[2])) for row in counts]
    found.sort(key=lambda item: (-item[1], item[0]))
    return _confusions(site, group, found, n_shown=_N_SHOWN_OF_MODE)


def _confusions(site: Site, group: Group, found: list[tuple[tuple[int, ...], int]], *, n_shown: int) -> Confusions:
    found = [] if group.grouping == "confused_pairs" else found
    n_shown += len(found) == n_shown + 1  # its name takes no more room than "and 1 more class"
    total, n_others = sum(n for _, n in found), max(len(found) - n_shown, 0)
    return Confusions(
        title=_TITLES.get(group.grouping, "Taken for one another"),
        shown=tuple(
            Confusion(links=tuple(site.class_link(class_id) for class_id in ids), share=Share(n, total))
            for ids, n in found[:n_shown]
        ),
        n_others=n_others,
        noun="classes" if group.grouping in _TITLES else "pairs",
    )
