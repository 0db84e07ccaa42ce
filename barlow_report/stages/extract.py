"""The first stage: one pass over the images gives features, predictions and the list of what was skipped.

Images are processed in shards. A finished shard is one file in the work folder, so a run that is stopped,
however rudely, goes on at the first shard that is missing; batches never cross a shard's border, so the
bytes do not depend on where it was stopped. When all shards are there they are put together, one at a time.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from barlow_report.config import Config
from barlow_report.errors import DataError
from barlow_report.files import digest_text
from barlow_report.fingerprints import images_identity
from barlow_report.lenses import registry
from barlow_report.progress import Progress
from barlow_report.run_folder import Run, fingerprint
from barlow_report.slugs import slugs
from barlow_report.stages.class_order import check_class_order
from barlow_report.stages.given import read_given
from barlow_report.stages.image_pass import finished_shards, pass_inputs
from barlow_report.stages.image_times import are_unchanged, write_times
from barlow_report.stages.loading import loaded_contents, specs_of
from barlow_report.stages.manifest_columns import write_attributes
from barlow_report.stages.model_names import named_models
from barlow_report.stages.output_subset import note_subset
from barlow_report.stages.outputs import judge_outputs, output_setting, positive_class
from barlow_report.stages.pictures import sees_grey
from barlow_report.stages.shared_pass import SharedPass
from barlow_report.stages.unions import rules_with_unions
from barlow_report.vision.class_search import NEVER_LABELS
from barlow_report.vision.datasets import ImageList, list_images
from barlow_report.vision.decisions import Decided
from barlow_report.vision.manifest import require_some_images
from barlow_report.vision.remarks import Remarks, has_colours
from barlow_report.vision.shards import Shard

__all__ = ["extract", "list_for_pass"]


def extract(config: Config, run: Run, *, progress: Progress, shared: SharedPass | None = None) -> str:
    """Write classes, images, skipped and features.npy, unless they are up to date; return the fingerprint.

    The columns of the manifest that group images are written each time: they cost no pass over the images, so asking
    for another one must not repeat it.

    Args:
        config: The configuration.
        run: The run folder.
        progress: Where to report to.
        shared: The pass over the images of several outputs; default: a pass of this run's own.

    Raises:
        ConfigError: A union of classes names one that is not there.
        DataError: There are no images, or none can be read, or they do not fit the models.
        ModelError: A model cannot be loaded or used.
    """
    images = list_for_pass(config, progress=progress)
    notes = images.assumptions
    if images.predictions is not None:  # before hours of work
        notes = notes | check_class_order(
            config, run, images, labels=images.labels, predictions=images.predictions, progress=progress
        )
    note_subset(run, images)
    if not config.data.asks_models:
        return read_given(config, run, images, assumptions=notes, progress=progress)
    inputs = pass_inputs(config, images)
    asked = fingerprint(columns=_known_columns(images), **output_setting(config, images), **inputs)
    mark = _with_found(asked, config, run)
    if run.is_done("extract", fingerprint=mark) and are_unchanged(images, run, progress=progress):
        _note(_check_predictions(config, run, images, progress=progress), run)
        progress.message("Features and predictions are up to date")
        _name_models(config, run)
        write_attributes(images, run)
        return mark
    work = run.begin("extract", fingerprint=fingerprint(**inputs))
    _note(notes, run)
    shards, noted = (
        finished_shards(config, images, work=work, progress=progress)
        if shared is None
        else shared.shards(images, progress=progress)
    )
    _note({f"varying {role}": text for role, text in noted["assumptions"].items()}, run)
    run.update_info(**{key: value for key, value in noted.items() if key != "assumptions"})
    remarks = Remarks.total(shard.remarks for shard in shards)
    remarks.require_full_depth(images.root)
    _note(remarks.assumptions(config.data.decode) | _channel_words(config, images, run), run)
    _join_shards(images, shards, config, run=run, shared=shared)
    _note(_check_predictions(config, run, images, progress=progress), run)
    write_attributes(images, run)
    write_times(images, run)
    loaded = run.info.get("loaded", {})
    if beyond := loaded.get("beyond"):
        run.assume(
            "extract",
            "loaded_beyond",
            f"The code that makes the models uses {' and '.join(beyond)}: a change there is not noticed.",
        )
    run.update_info(contents=digest_text("\n".join(run.read_table("contents")["digest"])))
    mark = _with_found(asked, config, run)
    run.finish("extract", fingerprint=mark)
    return mark


def list_for_pass(config: Config, *, progress: Progress) -> ImageList:
    """List the images, and refuse now what would only come out after hours of work.

    Raises:
        ConfigError: A union of classes names one that is not there.
        DataError: There are no images, or neither predictions nor a model that makes some.
    """
    progress.message(f"Listing images of {config.name}")
    images = list_images(config.data, columns=config.manifest_columns)
    if config.data.manifest is not None and config.data.has_images:
        require_some_images(
            images.paths,
            root=images.root,
            path=config.data.manifest,
            has_predictions=images.predictions is not None,
        )
    if (never := images.assumptions.get(NEVER_LABELS)) is not None:
        progress.message(f"Note: {never}")
    _check_values(config, images)
    rules_with_unions(config, images.class_names)
    if images.predictions is None and not config.data.asks_models:
        given = "'data.features'" if config.data.has_images else "'images: none'"
        raise DataError(
            f"{config.data.manifest}: found no predictions. Add a column prediction, or give data.probabilities: with "
            f"{given} nothing else says what was predicted."
        )
    if images.predictions is None and config.inspected_model is None:
        raise DataError(
            f"{images.root}: found no predictions with the images and no 'inspected_model' in the configuration. Add "
            "one of them."
        )
    positive_class(config, images)
    return images


def _with_found(asked: str, config: Config, run: Run) -> str:
    """The fingerprint of what was asked for, of what the models' code uses, as it is now, and of the images' bytes."""
    loaded = loaded_contents(specs_of(config), run.info.get("loaded", {}))
    return fingerprint(asked=asked, loaded=loaded, contents=run.info.get("contents"))


def _name_models(config: Config, run: Run) -> None:
    """Note the names that the configuration gives the models now: no pass depends on them."""
    models = named_models(run.info["models"], config)
    if models != run.info["models"]:
        run.update_info(models=models)


def _note(assumptions: Mapping[str, str], run: Run) -> None:
    for key, text in assumptions.items():
        run.assume("extract", key, text)


def _channel_words(config: Config, images: ImageList, run: Run) -> dict[str, str]:
    """A sentence about models that see images in colour without it, or about the bands that they get, by a key."""
    if config.data.bands is not None:
        return {"bands": config.data.bands.words}
    roles = [role for role in ("inspected", "feature") if sees_grey(run.info["models"][role])]
    if not roles or not has_colours(images.source, images.paths):
        return {}
    who = "The models take" if len(roles) == 2 else f"The {roles[0]} model takes"
    return {"grey": f"{who} one channel, so images in colour were turned to grey (0.299 R + 0.587 G + 0.114 B)."}


def _check_predictions(config: Config, run: Run, images: ImageList, *, progress: Progress) -> dict[str, str]:
    """Look at the order of the classes once the pass knows what the inspected model predicts."""
    if images.predictions is not None:
        return {}
    kept = run.read_table("images")
    labels, predictions = (kept[column].to_numpy(dtype=np.int64) for column in ("label", "prediction"))
    return check_class_order(config, run, images, labels=labels, predictions=predictions, progress=progress)


def _known_columns(images: ImageList) -> str:
    columns = [images.class_names, images.labels, images.predictions, images.confidences, sorted(images.skipped)]
    return images_identity([], states=[], columns=columns)


def _join_shards(
    images: ImageList, shards: list[Shard], config: Config, *, run: Run, shared: SharedPass | None
) -> None:
    """Write the tables and features.npy of all shards together."""
    if images.column is not None:
        shards = [shard if shard.rows is not None else shard.of_output(images.column) for shard in shards]
    starts = np.cumsum([0] + [len(s.kept) + len(s.skipped) for s in shards])[:-1]
    kept = np.concatenate([start + s.kept for start, s in zip(starts, shards, strict=True)])
    unreadable = [
        (images.paths[start + position], reason)
        for start, s in zip(starts.tolist(), shards, strict=True)
        for position, reason in s.skipped
    ]
    if len(kept) == 0:
        raise DataError(
            f"{images.root}: none of the {len(images.paths)} images can be read; the first, {unreadable[0][0]}: "
            f"{unreadable[0][1]}. Check that the path is right and the files are images."
        )
    predictions, certainty = _predictions(images, shards, kept, config, run=run)
    names = list(images.class_names)
    run.write_table("classes", pd.DataFrame({"class_id": range(len(names)), "name": names, "slug": slugs(names)}))
    run.write_table("skipped", pd.DataFrame([*images.skipped, *unreadable], columns=["path", "reason"]))
    run.write_table(
        "images",
        pd.DataFrame(
            {
                "image_id": np.arange(len(kept)),
                "path": [images.paths[i] for i in kept],
                "label": images.labels[kept],
                "prediction": predictions,
                "confidence": certainty,
            }
        ),
    )
    digests = np.concatenate([s.digests for s in shards]).astype(str)
    run.write_table("contents", pd.DataFrame({"image_id": np.arange(len(kept)), "digest": digests.astype(object)}))
    if shared is not None and shared.link_features(run, digests):
        return
    n_features = shards[0].features().shape[1] if shards else 0
    run.write_features(
        (s.features() for s in shards), shape=(len(kept), n_features), dtype=config.extraction.feature_dtype
    )


def _predictions(images: ImageList, shards: list[Shard], kept: np.ndarray, config: Config, *, run: Run) -> Decided:
    """What was predicted of the images that could be read, by the data or else by the inspected model."""
    if images.predictions is not None:
        if "outputs" in run.info:  # of an earlier configuration
            run.update_info(outputs=None)
        certainty = images.confidences[kept] if images.confidences is not None else np.full(len(kept), np.nan)
        return Decided(images.predictions[kept], certainty)
    if config.inspected_model is None:  # refused before the pass
        raise DataError(f"{images.root}: found no predictions and no 'inspected_model'. Add one of them.")
    return judge_outputs(
        np.concatenate([s.outputs for s in shards if s.outputs is not None]),
        np.concatenate([s.predictions for s in shards if s.predictions is not None]),
        images,
        kept,
        config=config,
        spec=config.inspected_model,
        run=run,
    )


def _check_values(config: Config, images: ImageList) -> None:
    """Refuse columns of the manifest with more values than a lens can use, before hours of work."""
    for lens in registry.LENSES:
        for name, most in lens.manifest_columns(config).items():
            n = len(set(images.attributes[name]) - {None})
            if n > most:
                raise DataError(
                    f"{config.data.manifest}: column {name!r} has {n} different values, expected at most {most} "
                    f"({lens.key}). Give a coarser column, such as whether a thing is present."
                )
