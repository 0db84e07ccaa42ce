"""What images show in free words, from somebody's model of images and text, for the search of unknown classes."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from barlow_report.errors import DataError
from barlow_report.taxonomy.classes import Vocabulary
from barlow_report.taxonomy.files import read_csv
from barlow_report.taxonomy.images import ImageNames

__all__ = ["Proposal", "nearest_labels", "read_proposals"]

_ROWS_AT_A_TIME = 256


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """The best words for an image, whether they name a class, and the classes of its neighbours if they were given."""

    words: str
    is_known: bool
    neighbors: tuple[int, ...] | None


def read_proposals(path: Path, *, vocabulary: Vocabulary, images: ImageNames) -> dict[int, Proposal]:
    """Read proposals from CSV with columns path, proposal[, score][, neighbors].

    Of several rows for an image that with the highest score counts, without scores the first. Neighbours are classes
    with a ; between them.

    Returns:
        The best proposal by image_id; images that the run lacks are left out.

    Raises:
        DataError: The file cannot be read, a score is no number, or a neighbour no class.
    """
    best: dict[int, tuple[float, Proposal]] = {}
    for line, row in read_csv(path, needed=("path", "proposal")):
        where = f"{path}: line {line}"
        image_id = images.find(row["path"], where=where)
        if image_id is None:
            continue
        score = _score(row.get("score", ""), where=where)
        if image_id in best and score <= best[image_id][0]:
            continue
        words = row["proposal"].strip()
        if not words:
            raise DataError(f"{where}: the proposal is empty. Write what the image shows, or leave the row out.")
        named = row.get("neighbors", "").strip()
        neighbors = vocabulary.find_all([name for name in named.split(";") if name.strip()], where=where)
        proposal = Proposal(
            words=words, is_known=vocabulary.holds_words(words), neighbors=tuple(neighbors) if named else None
        )
        best[image_id] = (score, proposal)
    return {image_id: proposal for image_id, (_, proposal) in best.items()}


def _score(text: str, *, where: str) -> float:
    try:
        score = float(text) if text.strip() else 0.0
    except ValueError:
        score = float("nan")
    if score != score:
        raise DataError(f"{where}: score is {text!r}, expected a number.")
    return score


def nearest_labels(
    features: npt.NDArray[np.floating], labels: npt.NDArray[np.int64], image_ids: npt.NDArray[np.int64], *, n: int
) -> Mapping[int, tuple[int, ...]]:
    """Return the labels of each image's `n` nearest other images by the cosine of their features, nearest first.

    Args:
        features: (n_images, n_features); may be memory-mapped.
        labels: (n_images,) class_id of each image.
        image_ids: The images whose neighbours are wanted.
        n: How many.
    """
    if not len(image_ids):
        return {}
    wanted = _unit(np.asarray(features[image_ids], dtype=np.float32))
    n_images = len(features)
    similarity = np.empty((len(image_ids), n_images), dtype=np.float32)
    for start in range(0, n_images, _ROWS_AT_A_TIME):
        rows = _unit(np.asarray(features[start : start + _ROWS_AT_A_TIME], dtype=np.float32))
        similarity[:, start : start + len(rows)] = wanted @ rows.T
    similarity[np.arange(len(image_ids)), image_ids] = -np.inf
    order = np.argsort(-similarity, axis=1, kind="stable")[:, : min(n, n_images - 1)]
    return {int(i): tuple(labels[row].tolist()) for i, row in zip(image_ids, order, strict=True)}


def _unit(rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    lengths = np.sqrt((rows**2).sum(axis=1, keepdims=True))
    lengths[lengths == 0] = 1.0
    unit: npt.NDArray[np.float32] = rows / lengths
    return unit
