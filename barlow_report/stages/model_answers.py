"""What models beside the inspected one predict for the images of a run, on disk: a folder of files for each model.

A model goes by the hash of all that its predictions depend on, so that one whose file or settings have changed is
another model, and one that a configuration names again has its predictions already. While it is asked there is a file
for each shard of images; these become one file when all are there. Other images, or other settings of the pass, and
everything begins anew.
"""

import io
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from barlow_report.config import ModelConfig
from barlow_report.errors import DamagedFileError
from barlow_report.files import atomic_write, delete_partial, output_errors
from barlow_report.seals import is_sealed, read_sealed, read_sealed_json, sealed_file, write_sealed_json

if TYPE_CHECKING:
    from barlow_report.vision.predicting import Answers

__all__ = ["AnswerFiles", "AskedModel", "Predicted"]

_AGAIN = "Run the same command again: it asks the model again."


@dataclass(frozen=True, kw_only=True, eq=False)
class AskedModel:
    """A model to ask.

    Attributes:
        name: What it is called.
        spec: How it is loaded.
        key: What its answers go by; None where it cannot be told, because a file is missing.
        problem: Then, what is the matter.
    """

    name: str
    spec: ModelConfig
    key: str | None = None
    problem: str = ""


class Predicted(NamedTuple):
    """Of each image of the run: class_id of the prediction, int32, and its confidence, float32, 0 to 1; (n_images,)."""

    predictions: npt.NDArray[np.int32]
    confidences: npt.NDArray[np.float32]


class AnswerFiles:
    """The folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def begin(cls, folder: Path, *, inputs: str) -> "AnswerFiles":
        """Open `folder`, without what is left of other images or settings, and of writers that were killed.

        Args:
            folder: It is made if need be.
            inputs: A hash of everything that all files depend on.
        """
        begun = folder / "fingerprint"
        if not (begun.is_file() and begun.read_bytes() == inputs.encode()):
            with output_errors(folder):
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir(parents=True, exist_ok=True)
            atomic_write(begun, inputs)
        delete_partial(folder)
        return cls(folder)

    # --- what is known of a model before it is asked ----------------------------------------------------------

    def facts(self, key: str) -> dict[str, Any] | None:
        """What was noted of a model when it was loaded; None where it was not, or the file is damaged."""
        try:
            return read_sealed_json(self._path(key, "json"), advice=_AGAIN)
        except DamagedFileError:
            return None

    def write_facts(self, key: str, facts: dict[str, Any]) -> None:
        """Note what is known of a model."""
        write_sealed_json(self._path(key, "json"), facts)

    def left_out(self, key: str) -> str | None:
        """Why a model was left out earlier; None where it was not."""
        try:
            return str(read_sealed_json(self._path(key, "left_out.json"), advice=_AGAIN)["reason"])
        except DamagedFileError:
            return None

    def leave_out(self, key: str, *, name: str, reason: str) -> None:
        """Note why a model is left out, so that it is not tried again; its other files are deleted."""
        self.forget(key)
        write_sealed_json(self._path(key, "left_out.json"), {"name": name, "reason": reason})

    def forget(self, key: str) -> None:
        """Delete everything of a model."""
        with output_errors(self.folder):
            for path in self.folder.glob(f"{key}.*"):
                path.unlink()

    # --- its answers ------------------------------------------------------------------------------------------

    def is_done(self, key: str) -> bool:
        """Whether the predictions of a model for all images are there."""
        return is_sealed(self._path(key, "npz"))

    def has_shard(self, key: str, index: int) -> bool:
        """Whether its answers for a shard are there."""
        return is_sealed(self._shard(key, index))

    def write_shard(self, key: str, index: int, answers: "Answers") -> None:
        """Write its answers for a shard."""
        with sealed_file(self._shard(key, index)) as file:
            np.savez(file, largest=answers.largest, outputs=answers.outputs)

    def read_shards(self, key: str, indices: Sequence[int]) -> "Answers":
        """Return its answers for all images, from those for their shards.

        Raises:
            DamagedFileError: One is missing or damaged.
        """
        from barlow_report.vision.predicting import Answers

        parts = [_arrays(self._shard(key, index)) for index in indices]
        return Answers.joined([Answers(largest=part["largest"], outputs=part["outputs"]) for part in parts])

    def finish(self, key: str, predicted: Predicted) -> None:
        """Write its predictions for all images, and delete the answers for their shards."""
        with sealed_file(self._path(key, "npz")) as file:
            np.savez(file, predictions=predicted.predictions, confidences=predicted.confidences)
        with output_errors(self.folder):
            for path in self._shards(key):
                path.unlink()

    def predicted(self, key: str) -> Predicted:
        """Return its predictions for all images.

        Raises:
            DamagedFileError: They are missing or damaged.
        """
        found = _arrays(self._path(key, "npz"))
        return Predicted(found["predictions"], found["confidences"])

    def _shards(self, key: str) -> Iterator[Path]:
        return self.folder.glob(f"{key}.shard-*.npz")

    def _shard(self, key: str, index: int) -> Path:
        return self._path(key, f"shard-{index:06d}.npz")

    def _path(self, key: str, suffix: str) -> Path:
        return self.folder / f"{key}.{suffix}"


def _arrays(path: Path) -> Any:
    return np.load(io.BytesIO(read_sealed(path, advice=_AGAIN)), allow_pickle=False)
