"""Models in groups that are in memory together, and the images that they are asked about."""

import gc
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from barlow_report.config import Config, PreprocessingConfig
from barlow_report.errors import BarlowReportError, DataError, ModelError, OutputError
from barlow_report.progress import Advance, Progress
from barlow_report.run_folder import Run
from barlow_report.stages.model_answers import AnswerFiles, AskedModel, Predicted
from barlow_report.stages.model_loader import ModelLoader, role_of

if TYPE_CHECKING:
    from barlow_report.vision.decoding import Decoder
    from barlow_report.vision.models import LoadedModel
    from barlow_report.vision.passes import Stack
    from barlow_report.vision.predicting import ShardAnswers

__all__ = ["ModelGroups", "Room"]

_DECODED_SHARE = 0.25
_MODELS_SHARE = 0.5
"""Of the free memory, at most."""


@dataclass(frozen=True, kw_only=True)
class Room:
    """How much memory to use.

    Attributes:
        n_models: Models in memory at once; None: as many as half of the free memory holds, or one where all decoded
            images stay in memory.
        decoded_bytes: Decoded images stay in memory where all of them take at most this much, and a quarter of what
            is free.
    """

    n_models: int | None = None
    decoded_bytes: int = 2 * 10**9


class ModelGroups:
    """Asks models, see `asking_models`."""

    def __init__(self, config: Config, run: Run, files: AnswerFiles, *, room: Room, progress: Progress) -> None:
        """Prepare it.

        Args:
            config: The configuration.
            run: The run whose images the models are asked about.
            files: Where their answers go.
            room: How much memory to use.
            progress: Where to report to.
        """
        self._config, self._files, self._room, self._progress = config, files, room, progress
        self._loader = ModelLoader(config, run)
        self._digests: list[str] = run.read_table("contents")["digest"].tolist()
        paths, size = self._loader.paths, config.extraction.shard_size
        self._shards = [paths[i : i + size] for i in range(0, len(paths), size)]

    def ask(self, models: Sequence[AskedModel]) -> None:
        """Leave the predictions of each model, or the reason why there are none."""
        from barlow_report.vision.decoding import DifferentSizesError

        self._introduce([model for model in models if self._facts(model) is None])
        left = [model for model in models if not self._is_left_out(model)]
        while left:
            try:
                self._ask_all(left)
            except DifferentSizesError as error:
                loose = [model for model in left if not self._has_size(model)]
                if not loose:
                    raise
                for model in loose:
                    self._leave_out(model, error)
            left = [m for m in left if not (self._is_left_out(m) or self._files.is_done(str(m.key)))]

    def _introduce(self, models: Sequence[AskedModel]) -> None:
        """Load each model once, try it on a few images, and note what is known of it."""
        if not models:
            return
        with self._progress.task("Trying models", total=len(models), unit="models") as advance:
            for model in models:
                try:
                    self._files.write_facts(str(model.key), self._loader.introduce(model))
                except OutputError:
                    raise
                except Exception as error:  # whatever a library or somebody's code raises
                    self._leave_out(model, error)
                gc.collect()  # networks that hold themselves would stay in memory beside the next one
                advance(1)

    def _ask_all(self, models: Sequence[AskedModel]) -> None:
        """Ask models that can be loaded, one group after the other; neighbours want images of one geometry."""
        from barlow_report.vision.decoding import Decoder
        from barlow_report.vision.kept_pixels import KeptPixels
        from barlow_report.vision.passes import as_decoded
        from barlow_report.vision.preprocessing import geometry

        wanted = {model: geometry(self._preprocessing(model)) for model in models}
        everything = Decoder(source=self._loader.source, geometries=tuple(dict.fromkeys(wanted.values())))
        is_kept = self._fits(everything)
        keep = KeptPixels().keep if is_kept else as_decoded
        n_done = sum(len(self._shards[index]) for model in models for index in self._done(model))
        with self._progress.task(
            "Asking models", total=len(models) * len(self._loader.paths), unit="predictions", n_done=n_done
        ) as advance:
            for group in self._groups(sorted(models, key=lambda model: repr(wanted[model])), is_kept=is_kept):
                own = tuple(dict.fromkeys(wanted[model] for model in group))
                decoder = everything if is_kept else Decoder(source=self._loader.source, geometries=own)
                self._ask_group(group, decoder, keep, advance=advance)
                gc.collect()  # networks that hold themselves would stay in memory beside the next ones

    def _groups(self, models: Sequence[AskedModel], *, is_kept: bool) -> Iterator[list[AskedModel]]:
        """Yield the models that are in memory together."""
        from barlow_report.vision.free_memory import free_bytes

        most, budget = self._room.n_models, float("inf")
        if most is None:
            most, budget = (1 if is_kept else len(models)), _MODELS_SHARE * free_bytes(self._loader.device)
        group: list[AskedModel] = []
        n_bytes = 0
        for model in models:
            size = (self._facts(model) or {})["n_bytes"]
            if group and (len(group) == most or n_bytes + size > budget):
                yield group
                group, n_bytes = [], 0
            group.append(model)
            n_bytes += size
        yield group

    def _ask_group(
        self, group: Sequence[AskedModel], decoder: "Decoder", keep: "Callable[[Stack], Stack]", *, advance: Advance
    ) -> None:
        """Ask the models of a group about the shards that one of them has no answers for, and finish them."""
        from barlow_report.vision.predicting import predict_shards

        loaded = {model: found for model in group if (found := self._load(model)) is not None}
        if not loaded:
            return
        done = set.intersection(*(self._done(model) for model in loaded))
        indices = [index for index in range(len(self._shards)) if index not in done]
        answered = predict_shards(
            [self._shards[index] for index in indices],
            decoder=decoder,
            models=tuple(loaded.values()),
            keep=keep,
            batch_size=self._config.extraction.batch_size,
            n_workers=self._config.extraction.n_workers,
            advance=lambda n: advance(n * len(loaded)),
        )
        for index, shard in zip(indices, answered, strict=True):
            self._check_contents(shard.digests, index)
            self._store(loaded, shard, index)
        for model, found in loaded.items():
            if not self._is_left_out(model):
                self._finish(model, found)

    def _load(self, model: AskedModel) -> "LoadedModel | None":
        """Load a model to run it; None where that fails now, and then it is left out."""
        try:
            return self._loader.load_to_run(model)
        except Exception as error:  # whatever a library or somebody's code raises
            self._leave_out(model, error)
            return None

    def _store(self, models: Iterable[AskedModel], shard: "ShardAnswers", index: int) -> None:
        for model, answers in zip(models, shard.answers, strict=True):
            if not isinstance(answers, ModelError):
                self._files.write_shard(str(model.key), index, answers)
            elif not self._is_left_out(model):
                self._leave_out(model, answers)

    def _finish(self, model: AskedModel, loaded: "LoadedModel") -> None:
        from barlow_report.vision.compared_outputs import decide_answers

        try:
            decided = decide_answers(
                self._files.read_shards(str(model.key), range(len(self._shards))),
                self._loader.labels,
                spec=model.spec,
                n_outputs=loaded.n_outputs,
                is_linear=loaded.ends_in_linear,
                class_names=self._loader.class_names,
                names=self._loader.paths,
                where=loaded.role,
            )
        except ModelError as error:
            self._leave_out(model, error)
            return
        self._files.finish(
            str(model.key),
            Predicted(decided.predictions.astype(np.int32), decided.confidences.astype(np.float32)),
        )

    # --- what is known ----------------------------------------------------------------------------------------

    def _fits(self, decoder: "Decoder") -> bool:
        """Whether all images can stay in memory in all geometries of a decoder."""
        from barlow_report.vision.free_memory import free_on_machine
        from barlow_report.vision.kept_pixels import bytes_of_images

        n_bytes = bytes_of_images(decoder, self._loader.sample, n_images=len(self._loader.paths))
        return n_bytes <= min(self._room.decoded_bytes, _DECODED_SHARE * free_on_machine())

    def _check_contents(self, digests: Sequence[str], index: int) -> None:
        start = index * self._config.extraction.shard_size
        for path, found, expected in zip(self._shards[index], digests, self._digests[start:], strict=False):
            if found != expected:
                raise DataError(
                    f"{self._loader.source.root}: {path} has changed since its features were computed. Restore the "
                    "file, or run again to analyse the images as they are."
                )

    def _done(self, model: AskedModel) -> set[int]:
        return {index for index in range(len(self._shards)) if self._files.has_shard(str(model.key), index)}

    def _facts(self, model: AskedModel) -> Mapping[str, Any] | None:
        return self._files.facts(str(model.key))

    def _preprocessing(self, model: AskedModel) -> PreprocessingConfig:
        return PreprocessingConfig.model_validate((self._facts(model) or {})["preprocessing"])

    def _has_size(self, model: AskedModel) -> bool:
        """Whether all images have the same size for it, whatever theirs."""
        from barlow_report.vision.preprocessing import probe_size

        return probe_size(self._preprocessing(model)) is not None

    def _is_left_out(self, model: AskedModel) -> bool:
        return self._files.left_out(str(model.key)) is not None

    def _leave_out(self, model: AskedModel, error: Exception) -> None:
        if self._files.is_done(str(model.key)):
            return  # another worker was first
        said = str(error) if isinstance(error, BarlowReportError) else f"{type(error).__name__}: {error}"
        reason = said.removeprefix(f"{role_of(model)}: ")
        self._progress.message(f"Left out: {model.name} ({reason})")
        self._files.leave_out(str(model.key), name=model.name, reason=reason)
