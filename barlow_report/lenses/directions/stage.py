"""Along which direction of an embedding each class fails: fitted, tested on held-out images, shown and captioned."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from barlow_report.config import Config
from barlow_report.errors import DataError
from barlow_report.files import digest_file, digest_text
from barlow_report.lenses.directions.config import DirectionsConfig
from barlow_report.progress import Progress
from barlow_report.run_folder import Run, fingerprint
from barlow_report.stages.embeddings import clip_identity, embed
from barlow_report.stages.holding_out import images_to_test_with
from barlow_report.tables import empty_table

if TYPE_CHECKING:
    from barlow_report.lenses.directions.captions import CaptionSet
    from barlow_report.lenses.directions.scoring import Directions
    from barlow_report.vision.embeddings import ImageTextModel

__all__ = ["find_failure_directions", "read_array"]

_PLACES = ("hardest", "middle", "easiest")


def find_failure_directions(config: Config, run: Run, *, explained: str, progress: Progress) -> str:
    """Write the tables of failure directions, unless they are up to date; return the fingerprint.

    Args:
        config: The configuration, with a section `directions`.
        run: The run folder, with the stage `explain` finished.
        explained: The fingerprint of that stage.
        progress: Where to report to.

    Raises:
        ConfigError: There is no section `directions`, or the captions are wrong.
        DataError: The embeddings do not fit the images, or an image cannot be read any more.
        ModelError: The image-text model cannot be loaded or used.
    """
    settings = config.needed_section("directions")
    from barlow_report.lenses.directions.captions import read_captions  # scikit-learn takes a second
    from barlow_report.lenses.directions.scoring import find_directions  # scikit-learn takes a second

    captions = read_captions(settings.captions) if settings.clip is not None else None
    source = _source_identity(config, settings, run)
    mark = fingerprint(
        explain=explained,
        seed=config.seed,
        thumbnail_size=config.visuals.thumbnail_size,
        directions=settings.model_dump(
            mode="json", exclude={"clip", "embeddings", "captions", "n_captions", "n_workers"}
        ),
        source=source,
        captions=None if captions is None else digest_text(captions.model_dump_json()),
    )
    if run.is_done("directions", fingerprint=mark):
        progress.message("Failure directions are up to date")
        return mark
    model = _load_model(config, settings)
    embeddings = _embeddings(config, run, settings, model, source=source, progress=progress)
    run.begin("directions", fingerprint=mark)
    images, classes = run.read_table("images"), run.read_table("classes")
    held_out = images_to_test_with(config, run)
    with progress.task("Finding directions", total=len(classes), unit="classes") as advance:
        found = find_directions(
            embeddings,
            images["label"].to_numpy(),
            images["prediction"].to_numpy(),
            is_held_out=held_out,
            n_classes=len(classes),
            settings=settings,
            seed=config.seed,
            max_q_value=config.rules.max_q_value,
            confidence_level=config.rules.confidence_level,
            advance=advance,
        )
    rows = found.class_directions
    if model is not None and model.has_text and captions is not None and found.by_class:
        table, references = _caption_table(found, captions, model, classes["name"].tolist(), progress=progress)
        rows = rows.assign(reference_score=rows["class_id"].map(references).astype("float64"))
        run.write_table("captions", table)
    run.write_table("class_directions", rows if len(rows) else empty_table("class_directions"))
    run.write_table("directions", found.directions)
    run.write_table("direction_histograms", found.direction_histograms)
    shown = _images_along(found, images["label"].to_numpy(), held_out, n=settings.n_images)
    run.write_table("direction_images", _with_thumbnails(shown, config, run, progress=progress))
    run.finish("directions", fingerprint=mark)
    _report(rows, progress)
    return mark


def _source_identity(config: Config, settings: DirectionsConfig, run: Run) -> dict[str, Any]:
    """What the embeddings are, so that they can be told from others."""
    if settings.clip is not None:
        return {"clip": clip_identity(config, settings.clip, run)}
    if settings.embeddings is None:
        return {"features": True}  # those of the stage extract
    try:
        return {"embeddings": digest_file(settings.embeddings)}
    except OSError as error:
        raise DataError(
            f"{settings.embeddings}: cannot be read ({error.strerror}). Give the path of a .npy file under "
            "directions.embeddings."
        ) from error


def _load_model(config: Config, settings: DirectionsConfig) -> "ImageTextModel | None":
    if settings.clip is None:
        return None
    from barlow_report.vision.devices import choose_device
    from barlow_report.vision.embeddings import load_image_text_model

    return load_image_text_model(settings.clip, device=choose_device(config.device))


def _embeddings(
    config: Config,
    run: Run,
    settings: DirectionsConfig,
    model: "ImageTextModel | None",
    *,
    source: dict[str, Any],
    progress: Progress,
) -> np.ndarray:
    if model is not None:
        return embed(config, run, model, identity=source["clip"], progress=progress)
    return run.features() if settings.embeddings is None else read_array(settings.embeddings)


def read_array(path: Path) -> np.ndarray:
    """Return the array of a .npy file, memory-mapped.

    Raises:
        DataError: It cannot be read.
    """
    try:
        values = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(
            f"{path}: cannot be read ({error}). Give a .npy file of shape (n_images, n_dimensions) under "
            "directions.embeddings."
        ) from error
    if not isinstance(values, np.ndarray):
        raise DataError(f"{path}: holds several arrays, expected one. Give a .npy file under directions.embeddings.")
    return values


def _images_along(found: "Directions", labels: np.ndarray, is_held_out: np.ndarray, *, n: int) -> pd.DataFrame:
    """The rows of table `direction_images` without thumbnails: no image twice, of held-out ones where there are any."""
    values = np.full(len(labels), np.nan)
    values[found.directions["image_id"].to_numpy()] = found.directions["decision_value"].to_numpy()
    parts = []
    for class_id in found.by_class:
        ids = np.flatnonzero(labels == class_id)
        ids = ids[is_held_out[ids]] if is_held_out[ids].any() else ids
        order = ids[np.argsort(values[ids], kind="stable")]
        k = max(min(n, len(order) // 3), 1)
        hardest, rest = order[:k], order[k:]
        between, easiest = rest[: max(len(rest) - k, 0)], rest[max(len(rest) - k, 0) :]
        start = max((len(between) - k) // 2, 0)
        chosen = (hardest, between[start : start + k], easiest)
        for place, image_ids in zip(_PLACES, chosen, strict=True):
            parts.append(
                pd.DataFrame(
                    {
                        "class_id": class_id,
                        "place": place,
                        "rank": np.arange(1, len(image_ids) + 1),
                        "image_id": image_ids,
                        "decision_value": values[image_ids],
                    }
                )
            )
    return pd.concat(parts, ignore_index=True) if parts else empty_table("direction_images").drop(columns="thumbnail")


def _with_thumbnails(shown: pd.DataFrame, config: Config, run: Run, *, progress: Progress) -> pd.DataFrame:
    if shown.empty:
        return empty_table("direction_images")
    from barlow_report.stages.pictures import Pictures  # reads the images: only when there are any to show

    with progress.task("Drawing thumbnails", total=shown["image_id"].nunique(), unit="images") as advance:
        return shown.assign(thumbnail=Pictures(config, run).thumbnails(shown["image_id"].tolist(), advance=advance))


def _caption_table(
    found: "Directions", captions: "CaptionSet", model: "ImageTextModel", names: list[str], *, progress: Progress
) -> tuple[pd.DataFrame, dict[int, float]]:
    """Table `captions`, and the score of each class's reference caption."""
    from barlow_report.lenses.directions.captions import score_captions

    parts, references = [], {}
    with progress.task("Scoring captions", total=len(found.by_class), unit="classes") as advance:
        for class_id, direction in found.by_class.items():
            texts = captions.for_class(names[class_id])
            embedded = model.embed_texts([*texts.captions, texts.reference])
            table, references[class_id] = score_captions(
                direction,
                found.whitening,
                caption_embeddings=embedded[:-1],
                reference_embedding=embedded[-1],
                captions=texts.captions,
                attributes=texts.attributes,
            )
            parts.append(table.assign(class_id=class_id))
            advance(1)
    return pd.concat(parts, ignore_index=True), references


def _report(rows: pd.DataFrame, progress: Progress) -> None:
    n_fitted = int((rows["status"] == "fitted").sum()) if len(rows) else 0
    n_verified = int((rows["verdict"] == "verified").sum()) if len(rows) else 0
    progress.message(f"Directions: found for {n_fitted} of {len(rows)} classes, {n_verified} verified")
