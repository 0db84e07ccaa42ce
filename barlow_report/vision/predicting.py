"""Predictions of many models in one pass: an image is decoded once, and brought into every geometry that they want.

The models run one after the other on a batch, each in parts that memory holds. One that fails on an image is left out
from there on, with its reason, and does not stop the others. Of outputs is kept what `outputs.summarise` keeps, as soon
as they are there: all outputs of all models would be the largest thing in memory.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice

import numpy as np
import numpy.typing as npt

from barlow_report.errors import DataError, ModelError
from barlow_report.progress import Advance, ignore_advance
from barlow_report.vision.decoding import Decoded, Decoder, Plan
from barlow_report.vision.inference import Outputs, Staged, Uploads, fetch, run_models
from barlow_report.vision.memory import MemoryLimit
from barlow_report.vision.models import LoadedModel
from barlow_report.vision.outputs import SUMMARY, summarise
from barlow_report.vision.passes import Stack, Work, as_decoded, batches_of, default_batch_size, run_batches
from barlow_report.vision.preprocessing import geometry

__all__ = ["Answers", "ShardAnswers", "predict_shards"]

Models = tuple[LoadedModel, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Answers:
    """What is kept of a model's outputs for n images.

    Attributes:
        largest: Which output is the largest, the first of equals, int64, shape (n,).
        outputs: See `outputs.summarise`, shape (n,).
    """

    largest: npt.NDArray[np.int64]
    outputs: npt.NDArray[np.void]

    @classmethod
    def joined(cls, parts: Sequence["Answers"]) -> "Answers":
        """Those of all images, in order."""
        return cls(
            largest=np.concatenate([np.zeros(0, np.int64), *(part.largest for part in parts)]),
            outputs=np.concatenate([np.zeros(0, SUMMARY), *(part.outputs for part in parts)]),
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class ShardAnswers:
    """What all models answer for one shard.

    Attributes:
        digests: Of the bytes that each image was decoded from, in the order of the paths.
        answers: Of each model, or why it has none.
    """

    digests: list[str]
    answers: list[Answers | ModelError]


@dataclass(frozen=True, kw_only=True)
class _Batch:
    decoded: Decoded
    answers: list[Answers | ModelError]


def predict_shards(
    shards: Sequence[Sequence[str]],
    *,
    decoder: Decoder,
    models: Models,
    keep: Callable[[Stack], Stack] = as_decoded,
    batch_size: int | None = None,
    n_workers: int | None = None,
    advance: Advance = ignore_advance,
) -> Iterator[ShardAnswers]:
    """Yield what the models answer for each shard, in order.

    Args:
        shards: Paths of images, as the decoder's source knows them.
        decoder: Brings them into the geometries of the models, and perhaps of others.
        models: On one device.
        keep: See `passes.Work`.
        batch_size: Images per run of a model, at most; default: see `passes`.
        n_workers: Threads that decode and, on a processor, run the models; default: one per processor.
        advance: Called after each batch with the number of its images.

    Raises:
        DataError: An image cannot be read, or those of a batch have different sizes after preprocessing.
    """
    size = batch_size or default_batch_size(models[0].device)
    work = _work(decoder, models, keep)
    with closing(run_batches(work, batches_of(shards, size), n_workers=n_workers)) as computed:
        for paths in shards:
            parts: list[_Batch] = []
            for part in islice(computed, -(-len(paths) // size)):
                _refuse_skipped(part.decoded, paths)
                parts.append(part)
                advance(len(part.decoded.names))
            yield ShardAnswers(
                digests=[digest for part in parts for digest in part.decoded.digests],
                answers=[_joined([part.answers[place] for part in parts]) for place in range(len(models))],
            )


def _work(
    decoder: Decoder, models: Models, keep: Callable[[Stack], Stack]
) -> Work[list[list[Outputs] | ModelError], _Batch]:
    versions = [decoder.geometries.index(geometry(model.preprocessing)) for model in models]
    limits = [MemoryLimit() for _ in models]
    failed: dict[int, ModelError] = {}  # by place; shared by the threads, so that a model stops at once everywhere

    def plan(model: LoadedModel) -> Plan:
        return Plan(decoder=decoder, models=(model,), has_inspected=True, has_features=False)

    def start(copies: Models, staged: Staged, uploads: Uploads) -> list[list[Outputs] | ModelError]:
        started: list[list[Outputs] | ModelError] = []
        for place, (model, version) in enumerate(zip(copies, versions, strict=True)):
            if place not in failed:
                own = Staged(decoded=staged.decoded, pixels=[staged.pixels[version]])
                try:
                    started.append(run_models(plan(model), own, limits[place], uploads))
                    continue
                except ModelError as error:
                    failed[place] = error
            started.append(failed[place])
        return started

    def finish(copies: Models, decoded: Decoded, started: list[list[Outputs] | ModelError]) -> _Batch:
        answers: list[Answers | ModelError] = []
        for place, (model, parts) in enumerate(zip(copies, started, strict=True)):
            if not isinstance(parts, ModelError):
                try:
                    answers.append(_answers(plan(model), decoded, parts))
                    continue
                except ModelError as error:
                    failed[place] = parts = error
            answers.append(parts)
        return _Batch(decoded=decoded, answers=answers)

    return Work(decoder=decoder, models=models, start=start, finish=finish, keep=keep)


def _answers(plan: Plan, decoded: Decoded, parts: list[Outputs]) -> Answers:
    values = fetch(plan, decoded, parts).outputs
    if values is None:
        raise RuntimeError("a plan with an inspected model gives outputs")
    return Answers(largest=values.argmax(axis=1).astype(np.int64), outputs=summarise(values))


def _joined(parts: Sequence[Answers | ModelError]) -> Answers | ModelError:
    error = next((part for part in parts if isinstance(part, ModelError)), None)
    return error or Answers.joined([part for part in parts if isinstance(part, Answers)])


def _refuse_skipped(decoded: Decoded, paths: Sequence[str]) -> None:
    if decoded.skipped:
        position, reason = decoded.skipped[0]
        raise DataError(
            f"{paths[position]}: could be read before and cannot be read now ({reason}). Restore the file, or run "
            "again to analyse the images as they are."
        )
