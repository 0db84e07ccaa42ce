"""Asking models as work for an engine: this process asks all of them in groups, a worker one after the other.

In groups an image is decoded once for several models, which is why one process is not given one model at a time. Where
many work, each decodes for its own: decoding is the smaller part as soon as models are worth a worker.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from barlow_report.config import Config
from barlow_report.errors import DamagedFileError
from barlow_report.progress import Advance, Progress, SilentProgress
from barlow_report.run_folder import Run
from barlow_report.stages.model_answers import AnswerFiles, AskedModel
from barlow_report.stages.model_groups import ModelGroups, Room

__all__ = ["ModelWork"]


@dataclass(frozen=True, kw_only=True, eq=False)
class ModelWork:
    """Asks an `AskedModel`; there is no result, but its predictions, or why it was left out, among the answers.

    Attributes:
        config: The configuration.
        folder: The run folder.
        answers: The folder of the answers.
        room: How much memory to use; in another process images do not stay decoded.
        progress: Where to report to; in another process nowhere.
    """

    config: Config
    folder: Path
    answers: Path
    room: Room
    progress: Progress

    def __getstate__(self) -> dict[str, Any]:
        """Pickle what another process needs."""
        return {**self.__dict__, "progress": SilentProgress(), "room": replace(self.room, decoded_bytes=0)}

    def start(self, n_threads: int | None) -> "_Asker":
        """Read which images there are; see `Work`."""
        config = self.config.with_threads(n_threads)
        files = AnswerFiles(self.answers)
        groups = ModelGroups(config, Run(self.folder), files, room=self.room, progress=self.progress)
        return _Asker(groups, files)

    def describe(self, unit: AskedModel) -> str:
        """Name the model; see `Work`."""
        return f"model {unit.name}, all images of the run"

    def halves(self, unit: AskedModel) -> tuple[()]:  # noqa: ARG002
        """A model is one; see `Work`."""
        return ()


class _Asker:
    def __init__(self, groups: ModelGroups, files: AnswerFiles) -> None:
        self._groups, self._files = groups, files

    def run(self, units: Iterable[AskedModel], *, advance: Advance) -> Iterator[None]:
        """Ask models; see `Worker`.

        Two workers are at one model where the first seems to be late. Both find the same, but whoever is first deletes
        what the other one goes on with.
        """
        models = list(units)
        try:
            self._groups.ask([model for model in models if not self._has_ended(model)])
        except DamagedFileError:
            if not all(map(self._has_ended, models)):
                raise
        for _ in models:
            advance(1)
            yield None

    def _has_ended(self, model: AskedModel) -> bool:
        key = str(model.key)
        return self._files.is_done(key) or self._files.left_out(key) is not None
