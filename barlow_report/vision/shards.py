"""The results of the pass over the images on disk, a file for each shard."""

import io
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from barlow_report.errors import DamagedFileError
from barlow_report.seals import read_sealed, sealed_file
from barlow_report.vision.outputs import summarise
from barlow_report.vision.remarks import Remarks

if TYPE_CHECKING:
    from barlow_report.vision.extraction import ShardResult

__all__ = ["AGAIN", "Shard", "save_shard", "shard_path"]

AGAIN = "Run the same command again: it computes what is damaged again."
"""What to do where a file of the pass is damaged."""


def shard_path(work: Path, index: int) -> Path:
    """Return the file of a shard in the folder of the unfinished work."""
    return work / f"{index:06d}.npz"


@dataclass(frozen=True, kw_only=True)
class Shard:
    """Where a shard's results lie; only what is small is kept in memory.

    `values` are all outputs, float32, (n_kept, n_outputs), where each answers a question of its own. `rows` are those
    of the images in the file that are meant; None: all.
    """

    path: Path
    kept: np.ndarray
    predictions: np.ndarray | None
    outputs: np.ndarray | None
    digests: np.ndarray
    skipped: list[tuple[int, str]]
    remarks: Remarks
    values: np.ndarray | None = None
    rows: np.ndarray | None = None

    @classmethod
    def read(cls, path: Path) -> "Shard":
        """Read a shard but for its features.

        Raises:
            DamagedFileError: Its file is missing or damaged.
        """
        with _open_shard(path) as stored:
            return cls(
                path=path,
                kept=stored["kept"],
                predictions=stored.get("predictions"),
                outputs=stored.get("outputs"),
                digests=stored["digests"],
                skipped=list(
                    zip(stored["skipped_positions"].tolist(), stored["skipped_reasons"].tolist(), strict=True)
                ),
                remarks=Remarks.from_list(stored["remarks"].tolist()),
                values=stored.get("values"),
            )

    def of_output(self, column: int, known: np.ndarray | None = None) -> "Shard":
        """The shard as one of several outputs sees it.

        Args:
            column: Which output.
            known: (n_positions,) bool, which of the images that were to be read have a label for it; default: all.

        Raises:
            DamagedFileError: The shard was made without the outputs.
        """
        if self.values is None:
            raise DamagedFileError(f"{self.path}: holds no outputs. {AGAIN}")
        if known is None:
            known = np.ones(len(self.kept) + len(self.skipped), dtype=np.bool_)
        places = np.cumsum(known) - 1
        rows = np.flatnonzero(known[self.kept])
        outputs = self.values[rows, column : column + 1].astype(np.float64)
        return replace(
            self,
            kept=places[self.kept[rows]],
            predictions=np.zeros(len(rows), dtype=np.int64),
            outputs=summarise(outputs),
            digests=self.digests[rows],
            skipped=[(int(places[position]), reason) for position, reason in self.skipped if known[position]],
            values=None,
            rows=rows,
        )

    def features(self) -> np.ndarray:
        """Read the features of the images that could be read, shape (n_kept, n_features)."""
        with _open_shard(self.path) as stored:
            features: np.ndarray = stored["features"]
            return features if self.rows is None else features[self.rows]


def _open_shard(path: Path) -> Any:
    """Open the arrays of a shard, after checking that its file is whole."""
    return np.load(io.BytesIO(read_sealed(path, advice=AGAIN)), allow_pickle=False)


def save_shard(result: "ShardResult", path: Path) -> None:
    """Write the results of a shard to `path`."""
    arrays = {
        "kept": result.kept,
        "features": result.features,
        "digests": np.array(result.digests, dtype="S32"),
        "skipped_positions": np.array([p for p, _ in result.skipped], dtype=np.int64),
        "skipped_reasons": np.array([r for _, r in result.skipped], dtype=np.str_),
        "remarks": np.array(result.remarks.as_list(), dtype=np.int64),
    }
    if result.predictions is not None and result.outputs is not None:
        arrays |= {"predictions": result.predictions, "outputs": result.outputs}
    if result.values is not None:
        arrays |= {"values": result.values}
    with sealed_file(path) as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]
