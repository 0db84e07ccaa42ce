"""What images show in free words, from somebody's model of images and text, for the search of unknown classes."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from barlow_report.errors import DataError
from barlow_report.lenses.error_types.classes import Vocabulary
from barlow_report.lenses.error_types.files import read_csv
from barlow_report.lenses.error_types.images import ImageNames, Matches

__all__ = ["Proposal", "nearest_labels", "proposals_text", "read_proposals"]

Integers = npt.NDArray[np.int64]

_IMAGES_AT_A_TIME = 1024  # images whose neighbours are wanted, and
_ROWS_AT_A_TIME = 4096  # images that they are compared with


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """The best words for an image, whether they name a class, and the classes of its neighbours if they were given."""

    words: str
    is_known: bool
    neighbors: tuple[int, ...] | None


def read_proposals(path: Path, *, vocabulary: Vocabulary, images: ImageNames) -> tuple[dict[int, Proposal], Matches]:
    """Read proposals from CSV with columns path, proposal[, score][, neighbors].

    Of several rows for an image that with the highest score counts, without scores the first. Neighbours are classes
    with a ; between them.

    Returns:
        The best proposal by image_id, and which images the rows are about; those that the run lacks are left out.

    Raises:
        DataError: The file cannot be read, a score is no number, a neighbour no class, or no row about an image of
            the run.
    """
    best: dict[int, tuple[float, Proposal]] = {}
    rows = list(read_csv(path, needed=("path", "proposal")))
    matches = images.match((row["path"] for _, row in rows), where=str(path))
    for (line, row), image_id in zip(rows, matches.image_ids, strict=True):
        where = f"{path}: line {line}"
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
    return {image_id: proposal for image_id, (_, proposal) in best.items()}, matches


def _score(text: str, *, where: str) -> float:
    try:
        score = float(text) if text.strip() else 0.0
    except ValueError:
        score = float("nan")
    if score != score:
        raise DataError(f"{where}: score is {text!r}, expected a number.")
    return score


def proposals_text(rows: Iterable[tuple[str, str, float, Sequence[int]]], *, vocabulary: Vocabulary) -> str:
    """Return the CSV text of proposals for a person to edit; `read_proposals` reads it.

    Args:
        rows: Path of the image, the words, their score, and the classes of its neighbours.
        vocabulary: The classes.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["path", "proposal", "score", "neighbors"])
    for path, words, score, neighbors in rows:
        classes = ";".join(_class_text(class_id, vocabulary) for class_id in neighbors)
        writer.writerow([_cell(path), _cell(words), f"{score:.4f}", _cell(classes)])
    return text.getvalue()


def _class_text(class_id: int, vocabulary: Vocabulary) -> str:
    """The class's name, or its index where the name could not be read back from a list with a ; between its items."""
    name = vocabulary.names[class_id]
    return str(vocabulary.index_of(class_id)) if ";" in name or name != name.strip() or not name else name


def _cell(text: str) -> str:
    """The text, with a space in front where a spreadsheet would take it for a formula; reading it drops the space."""
    return f" {text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def nearest_labels(
    features: npt.NDArray[np.floating], labels: Integers, image_ids: Integers, *, n: int
) -> Mapping[int, tuple[int, ...]]:
    """Return the labels of each image's `n` nearest other images by the cosine of their features, nearest first.

    Args:
        features: (n_images, n_features); may be memory-mapped.
        labels: (n_images,) class_id of each image.
        image_ids: The images whose neighbours are wanted.
        n: How many.
    """
    found: dict[int, tuple[int, ...]] = {}
    for start in range(0, len(image_ids), _IMAGES_AT_A_TIME):
        part = image_ids[start : start + _IMAGES_AT_A_TIME]
        nearest = _nearest(features, part, n=min(n, len(features) - 1))
        found |= {int(i): tuple(labels[row].tolist()) for i, row in zip(part, nearest, strict=True)}
    return found


def _nearest(features: npt.NDArray[np.floating], image_ids: Integers, *, n: int) -> Integers:
    """Return the nearest others of some images, (len(image_ids), n); of equally near ones those of smaller id."""
    wanted = _unit(np.asarray(features[image_ids], dtype=np.float32))
    best = np.zeros((len(image_ids), 0), dtype=np.int64)
    best_similarity = np.zeros((len(image_ids), 0), dtype=np.float32)
    for start in range(0, len(features), _ROWS_AT_A_TIME):
        rows = _unit(np.asarray(features[start : start + _ROWS_AT_A_TIME], dtype=np.float32))
        similarity = wanted @ rows.T
        own = np.flatnonzero((image_ids >= start) & (image_ids < start + len(rows)))
        similarity[own, image_ids[own] - start] = -np.inf
        ids = np.broadcast_to(np.arange(start, start + len(rows)), similarity.shape)
        ids = np.concatenate([best, ids], axis=1)
        similarity = np.concatenate([best_similarity, similarity], axis=1)
        order = _largest(similarity, n=min(n, similarity.shape[1]))
        best = np.take_along_axis(ids, order, axis=1)
        best_similarity = np.take_along_axis(similarity, order, axis=1)
    return best


def _largest(values: npt.NDArray[np.float32], *, n: int) -> Integers:
    """Return the columns of the `n` largest values of each row, the largest first, of equal ones the first column."""
    if not n:
        return np.zeros((len(values), 0), dtype=np.int64)
    least = np.partition(values, -n, axis=1)[:, -n]
    rows, columns = np.nonzero(values >= least[:, None])
    order = np.lexsort((columns, -values[rows, columns], rows))
    first = np.searchsorted(rows, np.arange(len(values)))
    found: Integers = columns[order][first[:, None] + np.arange(n)]
    return found


def _unit(rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    lengths = np.sqrt((rows**2).sum(axis=1, keepdims=True))
    lengths[lengths == 0] = 1.0
    unit: npt.NDArray[np.float32] = rows / lengths
    return unit
