"""One pass over the pool, and for each verified failure mode by label the candidates that it has.

The pool is read a shard at a time; of each mode the best images so far are kept, and counts. So memory depends on the
number of modes and of images that are listed, and not on the size of the pool, but for the names of its images.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from barlow_report.config import Config
from barlow_report.config.further import NO_LABEL, OTHER_CLASS
from barlow_report.lenses.pool.candidates import BASES, Images, Mode, Predictors
from barlow_report.lenses.pool.config import OWN_KEYS, PoolConfig
from barlow_report.lenses.pool.ranking import Ranking
from barlow_report.lenses.pool.reference import Reference, failures_are_taken_for
from barlow_report.lenses.weights.files import FOLDER, read_digests
from barlow_report.progress import Progress
from barlow_report.run_folder import Run, fingerprint
from barlow_report.stages.holding_out import images_to_test_with
from barlow_report.stages.known_images import analysed_digests, are_among
from barlow_report.stages.label_modes import verified_label_modes
from barlow_report.stages.second_pass import PassedBlock, SecondPass, pass_over
from barlow_report.tables import empty_table

if TYPE_CHECKING:
    from barlow_report.lenses.pool.nearness import Near
    from barlow_report.lenses.pool.placing import Placement

__all__ = ["collect_candidates"]

_COUNTS = (
    "n_read",
    "n_analysed",
    "n_trained",
    "n_near_analysed",
    "n_labelled",
    "n_unlabelled",
    "n_other_class",
    "n_candidates",
)
_FORMAT = 3


def collect_candidates(config: Config, run: Run, *, explained: str, progress: Progress) -> None:
    """Write the tables of the pool, unless they are up to date.

    Args:
        config: The configuration, with a section `pool`.
        run: The run folder, with the stage `explain` finished.
        explained: The fingerprint of that stage.
        progress: Where to report to.

    Raises:
        ConfigError: There is no section `pool`.
        DataError: The pool cannot be listed, or none of its images can be read.
        ModelError: A model cannot be loaded or used.
    """
    settings: PoolConfig = config.needed_section("pool", example="{folder: new-images}")
    found = pass_over(config, settings, run, key="pool", needs_predictions=True, progress=progress)
    mark = fingerprint(
        explain=explained,
        seed=config.seed,
        images=found.fingerprint,
        pool=settings.model_dump(mode="json", include=set(OWN_KEYS)),
        directions=run.info["stages"].get("directions") if _uses_directions(config, run) else None,
        training=run.info["stages"].get("training"),
        thumbnail_size=config.visuals.thumbnail_size,
        format=_FORMAT,
    )
    if run.is_done("pool", fingerprint=mark):
        progress.message("What to collect is up to date")
        return
    run.begin("pool", fingerprint=mark)
    for key, text in found.assumptions.items():
        run.assume("pool", key, f"Pool: {text}")
    from barlow_report.lenses.pool.nearness import Near  # scikit-learn takes a second

    reference = _reference(config, run)
    rankings = [Ranking(mode, n=settings.n_candidates) for mode in _modes(config, run, reference)]
    near = Near(
        reference.features,
        reference.labels,
        reference.predictions,
        [ranking.mode for ranking in rankings],
        seed=config.seed,
    )
    summary, skipped = _stream(found, rankings, near, run, progress=progress)
    _write(run, found, rankings, reference, summary, skipped, level=config.rules.confidence_level)
    _draw(config, run, found, n=settings.n_pictures, progress=progress)
    run.finish("pool", fingerprint=mark)
    n_modes = sum(len(ranking.best) > 0 for ranking in rankings)
    progress.message(f"What to collect: candidates for {n_modes} of {len(rankings)} failure modes")


def _reference(config: Config, run: Run) -> Reference:
    images = run.read_table("images")
    return Reference(
        features=run.features(),
        labels=images["label"].to_numpy(dtype=np.int64),
        predictions=images["prediction"].to_numpy(dtype=np.int64),
        confidences=images["confidence"].to_numpy(dtype=np.float64),
        is_held_out=images_to_test_with(config, run),
    )


def _uses_directions(config: Config, run: Run) -> bool:
    """Whether directions of the feature model's features are there: other embeddings of the pool are not known."""
    section = config.section("directions")
    is_of_features = section is not None and section.clip is None and section.embeddings is None
    return is_of_features and run.is_finished("directions") and run.has_table("class_directions")


def _placements(config: Config, run: Run, reference: Reference, class_ids: set[int]) -> "dict[int, Placement]":
    """The verified directions of these classes."""
    if not _uses_directions(config, run):
        return {}
    from barlow_report.lenses.pool.placing import place_classes  # scikit-learn takes a second

    rows = run.read_table("class_directions")
    verified = rows.loc[rows["verdict"] == "verified", "class_id"].to_numpy(dtype=np.int64)
    placed = place_classes(
        reference.features,
        reference.labels,
        reference.predictions,
        is_held_out=reference.is_held_out,
        class_ids=verified[np.isin(verified, list(class_ids))],
        settings=config.section("directions"),
        seed=config.seed,
    )
    return {class_id: found for class_id, found in placed.items() if np.isfinite(found.analysed).all()}


def _modes(config: Config, run: Run, reference: Reference) -> Iterator[Mode]:
    """The verified failure modes of groups by label, calibrated."""
    from barlow_report.rules import leaf_members  # scikit-learn takes a second

    verified = list(verified_label_modes(run))
    own_classes = {found.own_class for found in verified if found.own_class is not None}
    placements = _placements(config, run, reference, own_classes)
    for found in verified:
        rule, ids = found.rule, found.class_ids
        meets_rule = leaf_members(reference.features, found.conditions)
        placement = None if found.own_class is None else placements.get(found.own_class)
        mode = Mode(
            rule_id=found.rule_id,
            class_ids=ids,
            taken_for=failures_are_taken_for(reference.labels, reference.predictions, meets_rule, class_ids=ids),
            conditions=found.conditions,
            predictors=Predictors(
                has_confidence=bool(np.isfinite(reference.confidences).all()),
                decision_values=None if placement is None else placement.decision_values,
            ),
        )
        rate = rule["error_rate"] if pd.isna(rule["error_rate_held_out"]) else rule["error_rate_held_out"]
        analysed = None if placement is None else placement.analysed
        predictors = mode.predictors.joined(reference.confidences, analysed)
        yield reference.calibrated(mode, rate=float(rate), predictors=predictors)


def _stream(
    found: SecondPass, rankings: list[Ranking], near: "Near", run: Run, *, progress: Progress
) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Show every image of the pool to every mode; return table `pool_summary` and what was skipped."""
    analysed = analysed_digests(run)
    trained = read_digests(run.folder / FOLDER) if run.is_finished("training") else np.empty(0, dtype="S32")
    counts = dict.fromkeys(_COUNTS, 0)
    skipped = list(found.images.skipped)
    with progress.task("Ranking candidates", total=len(found.images.paths), unit="images") as advance:
        for block in found.blocks():
            skipped += block.skipped
            images = _images(block)
            is_analysed = are_among(images.digests, analysed)
            is_trained = are_among(images.digests, trained) & ~is_analysed
            counts["n_read"] += len(images)
            counts["n_analysed"] += int(is_analysed.sum())
            counts["n_trained"] += int(is_trained.sum())
            images = images[~(is_analysed | is_trained)]
            is_near = near.find(images)
            counts["n_near_analysed"] += int(is_near.sum())
            images = images[~is_near]
            counts["n_labelled"] += int((images.labels >= 0).sum())
            counts["n_unlabelled"] += int((images.labels == NO_LABEL).sum())
            counts["n_other_class"] += int((images.labels == OTHER_CLASS).sum())
            is_candidate = np.zeros(len(images), dtype=np.bool_)
            for ranking in rankings:
                is_candidate |= ranking.add(images)
            counts["n_candidates"] += int(is_candidate.sum())
            advance(len(block.rows) + len(block.skipped))
    return {"n_listed": len(found.images.paths), **counts}, skipped


def _images(block: PassedBlock) -> Images:
    if block.predictions is None or block.confidences is None:
        raise LookupError("the pass over the pool was made without predictions")  # unreachable: it was asked for them
    return Images(
        features=block.features,
        labels=block.labels,
        predictions=block.predictions,
        confidences=block.confidences,
        digests=block.digests,
        rows=block.rows,
    )


def _write(
    run: Run,
    found: SecondPass,
    rankings: list[Ranking],
    reference: Reference,
    summary: dict[str, int],
    skipped: list[tuple[str, str]],
    *,
    level: float,
) -> None:
    listed = [_listed(ranking) for ranking in rankings if len(ranking.best)]
    rows: dict[str, list[dict[str, Any]]] = {
        "pool_summary": [summary],
        "pool_modes": [_mode_row(ranking, reference) for ranking in rankings],
        "pool_quality": [row for ranking in rankings for row in ranking.quality.rows(level=level)],
        "pool_skipped": [{"path": path, "reason": reason} for path, reason in skipped],
    }
    for name, of_table in rows.items():
        run.write_table(name, pd.DataFrame(of_table) if of_table else empty_table(name))
    candidates = pd.concat(listed, ignore_index=True) if listed else pd.DataFrame()
    run.write_table("pool_images", _image_table(candidates, found) if listed else empty_table("pool_images"))
    names = ["rule_id", "rank", "pool_image_id", "basis", "probability"]
    run.write_table("pool_candidates", candidates[names] if listed else empty_table("pool_candidates"))


def _draw(config: Config, run: Run, found: SecondPass, *, n: int, progress: Progress) -> None:
    """Write the pictures of the best `n` candidates of each mode."""
    candidates, images = run.read_table("pool_candidates"), run.read_table("pool_images")
    shown = np.unique(candidates.loc[candidates["rank"] <= n, "pool_image_id"].to_numpy(dtype=np.int64)).tolist()
    if not shown:
        run.write_table("pool_pictures", empty_table("pool_pictures"))
        return
    from barlow_report.stages.photos import Photos
    from barlow_report.stages.pictures import Pictures  # reads the images: only when there are any to show

    digests = dict(zip(images["pool_image_id"], images["digest"], strict=True))
    photos = Photos(found.images.source, found.images.paths, digests)
    with progress.task("Drawing thumbnails", total=len(shown), unit="images") as advance:
        thumbnails = Pictures(config, run, photos=photos).thumbnails(shown, advance=advance)
    run.write_table("pool_pictures", pd.DataFrame({"pool_image_id": shown, "thumbnail": thumbnails}))


def _mode_row(ranking: Ranking, reference: Reference) -> dict[str, Any]:
    mode = ranking.mode
    return {
        "rule_id": mode.rule_id,
        **ranking.counts,
        **reference.counts(mode),
        "estimated_from": mode.predictors.names if mode.is_calibrated else "rule",
    }


def _listed(ranking: Ranking) -> pd.DataFrame:
    """Rows of `pool_candidates`, with what `pool_images` says of each image."""
    columns = ranking.best.columns
    return pd.DataFrame(
        {
            "rule_id": ranking.mode.rule_id,
            "rank": np.arange(1, len(ranking.best) + 1),
            "pool_image_id": columns["row"],
            "basis": [BASES[code] for code in columns["basis"].tolist()],
            "probability": columns["score"],
            "digest": columns["digest"].astype(str).astype(object),
            "label": columns["label"],
            "prediction": columns["prediction"],
            "confidence": columns["confidence"],
        }
    )


def _image_table(candidates: pd.DataFrame, found: SecondPass) -> pd.DataFrame:
    images = candidates.drop_duplicates("pool_image_id").sort_values("pool_image_id", ignore_index=True)
    return pd.DataFrame(
        {
            "pool_image_id": images["pool_image_id"],
            "path": [found.images.paths[row] for row in images["pool_image_id"]],
            "digest": images["digest"],
            "label": images["label"].where(images["label"] >= 0).astype("Int64"),
            "prediction": images["prediction"],
            "confidence": images["confidence"],
        }
    )
