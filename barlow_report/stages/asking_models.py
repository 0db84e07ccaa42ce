"""Asking models beside the inspected one what they predict for the images of a run.

Each is loaded once to see whether it can be used, and what images it wants: what is wrong comes out before hours of
work, and then the images are brought into the geometries of all models at once. Then the models are asked in groups
that are in memory together. An image is decoded once for a group. Where all decoded images fit into memory, they stay
there and are decoded once for all; then a group is one model, so that memory is bounded by the largest.

A model that cannot be loaded or run is left out with its reason, which is noted: it is not tried again until its note
is deleted, or something that it depends on has changed. What others have answered is kept, whatever stops the work.
"""

import importlib.metadata
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from barlow_report.config import Config
from barlow_report.engine import current_engine
from barlow_report.errors import BarlowReportError
from barlow_report.files import delete_partial, digest_text
from barlow_report.fingerprints import model_identity
from barlow_report.progress import Progress
from barlow_report.run_folder import Run, fingerprint
from barlow_report.stages.loading import is_unchanged, loaded_contents
from barlow_report.stages.model_answers import AnswerFiles, AskedModel, Predicted
from barlow_report.stages.model_groups import Room
from barlow_report.stages.model_work import ModelWork
from barlow_report.stages.output_subset import subset_of

__all__ = ["FOLDER", "ModelAnswer", "answer_files", "ask_models", "identify_models", "states_of"]

FOLDER = "pass_comparison"
"""Where the answers are in a run folder."""

_VERSIONED = {"transformers": "transformers", "onnx": "onnxruntime"}


@dataclass(frozen=True, kw_only=True, eq=False)
class ModelAnswer:
    """What became of a model: its predictions and what is known of it, or why it was left out."""

    name: str
    predicted: Predicted | None
    facts: Mapping[str, Any]
    reason: str = ""


def identify_models(models: Sequence[AskedModel]) -> list[AskedModel]:
    """Return the models with what their answers go by."""
    return [_identified(model) for model in models]


def ask_models(
    config: Config, run: Run, models: Sequence[AskedModel], *, room: Room, progress: Progress
) -> list[ModelAnswer]:
    """Return what became of each model, asking those whose answers are not there yet.

    Args:
        config: The configuration; the stage `extract` of `run` has finished with it.
        run: The run folder, locked.
        models: See `identify_models`.
        room: How much memory to use.
        progress: Where to report to.

    Raises:
        DataError: An image cannot be read any more, or is another one than it was.
    """
    files = answer_files(config, run)
    for model in models:
        noted = None if model.key is None else files.facts(model.key)
        if noted is not None and model.key is not None and not _is_unchanged(model, noted):
            files.forget(model.key)
    asked = {model.key: model for model in models if model.key is not None}
    missing = [m for key, m in asked.items() if not files.is_done(key) and files.left_out(key) is None]
    if missing:
        _ask(missing, config, run, files, room=room, progress=progress)
    return [_answer(files, model) for model in models]


def _ask(
    models: Sequence[AskedModel], config: Config, run: Run, files: AnswerFiles, *, room: Room, progress: Progress
) -> None:
    """Have models asked; this process says itself how far it is."""
    engine = current_engine()
    work = ModelWork(config=config, folder=run.folder, answers=files.folder, room=room, progress=progress)
    with engine.team(work, n_units=len(models)) as team:
        if engine.n_threads is None:
            for _ in team.map(models):
                pass
            return
        with progress.task("Asking models", total=len(models), unit="models") as advance:
            for model, _ in zip(models, team.map(models, advance=advance), strict=True):
                if (reason := files.left_out(str(model.key))) is not None:
                    progress.message(f"Left out: {model.name} ({reason})")
    delete_partial(files.folder)  # of workers that have ended


def answer_files(config: Config, run: Run) -> AnswerFiles:
    """Open the folder of the answers for the images of a run as they are now."""
    contents, subset = run.read_table("contents")["digest"], subset_of(run)
    inputs = fingerprint(
        images=digest_text("\n".join(contents)),
        decoding=config.data.decoding,
        n_classes=len(run.read_table("classes")),
        subset=None if subset is None else [*subset.columns, subset.n_all],
        extraction=config.extraction.model_dump(exclude={"n_workers", "feature_dtype"}),
    )
    return AnswerFiles.begin(run.folder / FOLDER, inputs=inputs)


def states_of(files: AnswerFiles, models: Sequence[AskedModel]) -> list[Any]:
    """What a comparison of these models depends on, beside what it was asked for: for fingerprints."""
    found = []
    for model in models:
        facts = {} if model.key is None else files.facts(model.key) or {}
        contents = loaded_contents({"model": model.spec}, facts.get("loaded", {}))
        found.append([model.key, model.problem, model.key and files.left_out(model.key), contents])
    return found


def _identified(model: AskedModel) -> AskedModel:
    spec = model.spec
    try:
        key = fingerprint(
            model=model_identity(spec),
            versions=[_version(package) for source, package in _VERSIONED.items() if getattr(spec, source) is not None],
            outputs=[spec.output, spec.positive, spec.threshold],
        )
    except BarlowReportError as error:
        return replace(model, problem=str(error))
    return replace(model, key=key[:32])


def _version(package: str) -> str | None:
    with suppress(importlib.metadata.PackageNotFoundError):
        return importlib.metadata.version(package)
    return None


def _is_unchanged(model: AskedModel, facts: Mapping[str, Any]) -> bool:
    return is_unchanged({"model": model.spec}, facts.get("loaded", {}))


def _answer(files: AnswerFiles, model: AskedModel) -> ModelAnswer:
    if model.key is None:
        return ModelAnswer(name=model.name, predicted=None, facts={}, reason=model.problem)
    reason = files.left_out(model.key)
    facts = files.facts(model.key) or {}
    if reason is not None:
        return ModelAnswer(name=model.name, predicted=None, facts=facts, reason=reason)
    return ModelAnswer(name=model.name, predicted=files.predicted(model.key), facts=facts)
