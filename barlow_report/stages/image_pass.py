"""The pass over the images: which shards there are, which are missing, and having them computed.

Shards depend on nothing but their images, so other processes can compute some of them, in any order.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from barlow_report.config import Config
from barlow_report.engine import current_engine
from barlow_report.fingerprints import images_identity, model_identity
from barlow_report.progress import Progress
from barlow_report.run_folder import Run, fingerprint
from barlow_report.seals import is_sealed, read_sealed_json, write_sealed_json
from barlow_report.stages.loading import Noted, is_unchanged, merge_noted, specs_of
from barlow_report.stages.pass_work import PassWork, ShardUnit, Trial
from barlow_report.vision.datasets import ImageList
from barlow_report.vision.remarks import require_full_depth
from barlow_report.vision.shards import AGAIN, Shard, shard_path

__all__ = [
    "MODELS",
    "begin_extraction",
    "compute_shards",
    "count_shards",
    "drop_if_loaded_otherwise",
    "finished_shards",
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
    outputs: dict[str, object] = {} if images.n_outputs is None else {"n_outputs": images.n_outputs}
    if images.subset is not None:
        outputs["subset"] = [*images.subset.columns, images.subset.n_all]
    return outputs | {
        "images": images_identity(images.paths, states=images.source.states(images.paths), columns=[]),
        "n_classes": len(images.class_names),
        "inspected_model": model_identity(inspected),
        "feature_model": model_identity(config.feature_model),
        "decoding": config.data.decoding,
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
    work_to_do = PassWork.of(config, images, work)
    size = config.extraction.shard_size
    units = [ShardUnit(index=i, paths=images.paths[i * size : (i + 1) * size]) for i in shard_ids]
    n_done = len(images.paths) - sum(len(unit.paths) for unit in units)
    with current_engine().team(work_to_do, n_units=len(units)) as team:
        (models,) = team.map([Trial.of(images)])
        models["loaded"] = merge_noted(_loaded_so_far(work), models["loaded"])
        if not is_sealed(work / MODELS) or read_sealed_json(work / MODELS, advice=AGAIN) != models:
            write_sealed_json(work / MODELS, models)
        with progress.task("Extracting features", total=len(images.paths), unit="images", n_done=n_done) as advance:
            for _ in team.map(units, advance=advance):
                pass
