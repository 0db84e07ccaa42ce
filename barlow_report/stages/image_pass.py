"""The pass over the images: its shards, and the models that run.

Shards depend on nothing but their images, so other processes can compute some of them, in any order.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from barlow_report.config import Config, ModelConfig
from barlow_report.fingerprints import images_identity, model_identity
from barlow_report.progress import Advance, Progress
from barlow_report.run_folder import Run, fingerprint
from barlow_report.seals import is_sealed, read_sealed_json, write_sealed_json
from barlow_report.stages.loading import Noted, is_unchanged, merge_noted, noting, specs_of
from barlow_report.stages.pictures import feature_model_config, input_size
from barlow_report.vision.datasets import ImageList
from barlow_report.vision.remarks import require_full_depth
from barlow_report.vision.shards import AGAIN, Shard, save_shard, shard_path

if TYPE_CHECKING:
    from barlow_report.vision.decisions import Decision
    from barlow_report.vision.models import LoadedModel
    from barlow_report.vision.outputs import OutputKind

__all__ = [
    "MODELS",
    "begin_extraction",
    "compute_shards",
    "count_shards",
    "drop_if_loaded_otherwise",
    "finished_shards",
    "load_models",
    "pass_inputs",
]

MODELS = "models.json"
"""Beside the shards: what the models are, what they were made from, and what was assumed of them."""


def begin_extraction(config: Config, images: ImageList, run: Run) -> Path:
    """Return the folder where the shards of a pass are collected, without what is left of any other pass."""
    return run.begin("extract", fingerprint=fingerprint(**pass_inputs(config, images)))


def pass_inputs(config: Config, images: ImageList) -> dict[str, object]:
    """What the shards depend on: neither the names of the classes nor their order, which people mend after a pass."""
    inspected = None if images.predictions is not None else config.inspected_model
    outputs = {} if images.n_outputs is None else {"n_outputs": images.n_outputs}
    return outputs | {
        "images": images_identity(images.paths, states=images.source.states(images.paths), columns=[]),
        "n_classes": len(images.class_names),
        "inspected_model": model_identity(inspected),
        "feature_model": model_identity(config.feature_model),
        "decoding": (config.data.decode, config.data.pixel_range),
        "extraction": config.extraction.model_dump(exclude={"n_workers"}),
    }


def count_shards(config: Config, images: ImageList) -> int:
    """Return how many shards the images make."""
    return -(-len(images.paths) // config.extraction.shard_size)


def drop_if_loaded_otherwise(config: Config, work: Path) -> None:
    """Delete the shards of an earlier attempt whose models' code used something that has changed since."""
    if not is_unchanged(specs_of(config), _loaded_so_far(work)):
        for path in [*work.glob("*.npz"), work / MODELS]:
            path.unlink(missing_ok=True)


def finished_shards(
    config: Config, images: ImageList, *, work: Path, progress: Progress
) -> tuple[list[Shard], dict[str, Any]]:
    """Return the shards of all images, computing those that are missing, and what is known of the models.

    Args:
        config: The configuration.
        images: As `list_images` lists them.
        work: Where the shards are; see `begin_extraction`.
        progress: Where to report to.
    """
    drop_if_loaded_otherwise(config, work)
    paths = [shard_path(work, index) for index in range(count_shards(config, images))]
    missing = [index for index, path in enumerate(paths) if not is_sealed(path)]
    if missing or not is_sealed(work / MODELS):
        require_full_depth(images.source, images.paths)  # now, and of all images after hours of work
        compute_shards(config, images, missing, work=work, progress=progress)
    noted: dict[str, Any] = read_sealed_json(work / MODELS, advice=AGAIN)
    return [Shard.read(path) for path in paths], noted


def _loaded_so_far(work: Path) -> Noted:
    """What the models of an earlier attempt were made from."""
    path = work / MODELS
    loaded: Noted = read_sealed_json(path, advice=AGAIN).get("loaded", {}) if is_sealed(path) else {}
    return loaded


def compute_shards(
    config: Config, images: ImageList, shard_ids: Sequence[int], *, work: Path, progress: Progress
) -> None:
    """Compute some of the shards and save each as a file in the folder `work`.

    What it does depends on its arguments alone, so any process that sees the images and `work` can do some of the
    shards, in any order; `extract` then finds them there.

    Args:
        config: The configuration.
        images: As `list_images` lists them.
        shard_ids: Shard i holds the images from i · shard_size on.
        work: Where the files go; see `begin_extraction`.
        progress: Where to report to.
    """
    progress.message("Loading models")
    from barlow_report.vision.extraction import extract_shards  # torch takes seconds: only when there is work

    earlier, noted = _loaded_so_far(work), Noted()
    with noting(specs_of(config), noted):
        inspected, feature, models = load_models(config, images)
    models["loaded"] = merge_noted(earlier, noted)
    if not is_sealed(work / MODELS) or read_sealed_json(work / MODELS, advice=AGAIN) != models:
        write_sealed_json(work / MODELS, models)
    settings = config.extraction
    shards = [images.paths[i * settings.shard_size : (i + 1) * settings.shard_size] for i in shard_ids]
    n_done = len(images.paths) - sum(len(paths) for paths in shards)
    advance: Advance
    with progress.task("Extracting features", total=len(images.paths), unit="images", n_done=n_done) as advance:
        results = extract_shards(
            shards,
            source=images.source,
            feature_model=feature,
            inspected_model=inspected,
            batch_size=settings.batch_size,
            n_workers=settings.n_workers,
            feature_dtype=settings.feature_dtype,
            keeps_values=images.n_outputs is not None,
            advance=advance,
        )
        for index, result in zip(shard_ids, results, strict=True):
            save_shard(result, shard_path(work, index))


def load_models(config: Config, images: ImageList) -> "tuple[LoadedModel | None, LoadedModel, dict[str, Any]]":
    """Load the inspected model, if it is to run, and the feature model; return them and what they are."""
    from barlow_report.vision.acceleration import accelerate
    from barlow_report.vision.devices import choose_device
    from barlow_report.vision.loading import load_model
    from barlow_report.vision.models import check_gradients
    from barlow_report.vision.output_counts import check_each_output, check_outputs
    from barlow_report.vision.trial import try_models

    device = choose_device(config.device)
    inspected = None
    if images.predictions is None and config.inspected_model is not None:
        inspected = load_model(
            config.inspected_model,
            device=device,
            role="inspected_model",
            image_size=input_size(config.inspected_model, images.source, images.paths),
            needs_features=config.feature_model is None,
        )
        if images.n_outputs is not None:
            check_each_output(inspected, images.n_outputs)
        else:
            check_outputs(inspected, len(images.class_names), setting=config.inspected_model.output)
    if inspected is not None and config.feature_model is None:
        feature = inspected
    else:
        spec = feature_model_config(config)
        size = input_size(spec, images.source, images.paths)
        feature = load_model(spec, device=device, role="feature_model", image_size=size)
    if config.visuals.attack != "none":
        check_gradients(feature)  # the pictures need them, and come only after hours of work
    models = {
        "inspected": None if inspected is None else _model_info(inspected),
        "feature": {**_model_info(feature), "is_inspected": config.feature_model is None},
    }
    assumptions = try_models(
        images.paths,
        images.labels,
        source=images.source,
        feature_model=feature,
        inspected_model=inspected,
        batch_size=config.extraction.batch_size,
        decisions=() if inspected is None else _decisions(config.inspected_model, inspected.n_outputs, images),
        are_exclusive=images.n_outputs is None,
    )
    noted = {"device": str(device), "models": models, "assumptions": assumptions}
    settings = config.extraction
    faster = {
        model: accelerate(
            model, precision=settings.precision, channels_last=settings.channels_last, compiled=settings.compile
        )
        for model in (inspected, feature)
        if model is not None
    }
    return None if inspected is None else faster[inspected], faster[feature], noted


def _decisions(spec: ModelConfig | None, n_outputs: int, images: ImageList) -> "Sequence[Decision]":
    """What follows from the outputs; nothing is known before the pass where a threshold is to be chosen."""
    from barlow_report.vision.decisions import LARGEST, Decision, Positive

    if spec is None or (n_outputs > 1 and images.n_outputs is None):
        return (LARGEST,)
    columns = range(n_outputs) if images.column is None else (images.column,)
    threshold = spec.threshold
    asked = [threshold.get(images.class_names[c]) if isinstance(threshold, dict) else threshold for c in columns]
    given = [0.5 if one is None else one for one in asked if not isinstance(one, str)]
    if len(given) < len(asked):
        return ()
    kind: OutputKind = "probabilities" if spec.output == "probabilities" else "sigmoid_logits"
    pairs = zip(columns, given, strict=True)
    return tuple(Decision(kind=kind, positive=Positive(column=c, threshold=at)) for c, at in pairs)


def _model_info(model: "LoadedModel") -> dict[str, Any]:
    return {
        "name": model.name,
        "sha256": model.sha256,
        "n_outputs": model.n_outputs,
        "n_features": model.n_features,
        "has_maps": model.has_maps,
        "ends_in_linear": model.ends_in_linear,
        "preprocessing": model.preprocessing.model_dump(mode="json"),
    }
