"""Which images of two runs are the same, by the digest of their content, never by path.

Several images of one run may have the same content. They are matched one to one: first those with the same label, the
first of one run with the first of the other in the order of the images, then the rest. As equal content has equal
predictions in a run, which of several with one label is matched changes nothing.

An image whose label is another one in the new run is matched and not compared: whether it fails is then another
question.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from barlow_report.lenses.changes.results import RunResults

__all__ = ["SHARE_OF_SAME_IMAGES", "Kind", "Matching", "match_images"]

Integers = npt.NDArray[np.int64]
Kind = Literal["same_images", "same_feature_model", "none"]

SHARE_OF_SAME_IMAGES = 0.95
"""From this share of the smaller run's images on, pairs of images are compared."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Matching:
    """The images that both runs have, with the same label.

    Attributes:
        old_ids, new_ids: (n_pairs,) image_id in the old and in the new run, ascending in the new one.
        n_matched: Images with the same content, those with another label included.
        n_relabelled: Of these, images with another label.
        kind: What can be compared.
    """

    old_ids: Integers
    new_ids: Integers
    n_matched: int
    n_relabelled: int
    kind: Kind

    @property
    def is_paired(self) -> bool:
        """Whether images are compared one by one."""
        return self.kind == "same_images"


def match_images(old: RunResults, new: RunResults) -> Matching:
    """Match the images of two runs."""
    first, second = (_images(run) for run in (old, new))
    pairs = _match(first, second, on=["digest", "label"])
    rest = (frame.drop(pairs[f"row_{run}"]) for frame, run in ((first, "old"), (second, "new")))
    n_relabelled = len(_match(*rest, on=["digest"]))
    pairs = pairs.sort_values("row_new")
    n_matched = len(pairs) + n_relabelled
    return Matching(
        old_ids=pairs["row_old"].to_numpy(dtype=np.int64),
        new_ids=pairs["row_new"].to_numpy(dtype=np.int64),
        n_matched=n_matched,
        n_relabelled=n_relabelled,
        kind=_kind(old, new, n_matched),
    )


def _images(run: RunResults) -> pd.DataFrame:
    names = np.array(run.class_names, dtype=object)
    return pd.DataFrame({"digest": run.tables["contents"]["digest"].to_numpy(), "label": names[run.labels]})


def _match(old: pd.DataFrame, new: pd.DataFrame, *, on: list[str]) -> pd.DataFrame:
    """Rows of both, one to one: the n-th of one with the n-th of the other that equals it in the columns `on`."""
    parts = [
        frame[on].assign(place=frame.groupby(on, sort=False).cumcount(), **{f"row_{run}": frame.index})
        for frame, run in ((old, "old"), (new, "new"))
    ]
    return parts[0].merge(parts[1], on=[*on, "place"])


def _kind(old: RunResults, new: RunResults, n_matched: int) -> Kind:
    if n_matched >= SHARE_OF_SAME_IMAGES * min(old.n_images, new.n_images) and n_matched:
        return "same_images"
    shared = old.feature_model
    return "same_feature_model" if shared is not None and shared == new.feature_model else "none"
