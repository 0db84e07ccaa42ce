"""The third stage: triptychs for every feature a rule uses, galleries of failures and successes, activation strips.

The work is cut into chunks of (feature, image) pairs over all groups, so that the feature attack runs in full
batches and a pair that two groups share is attacked once. A finished chunk is one file in the work folder: a
stopped run goes on with the pairs that are in none.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from barlow_report.config import Config
from barlow_report.progress import Progress
from barlow_report.run_folder import Run, fingerprint
from barlow_report.stages.asking import asked_pairs
from barlow_report.stages.attacked import attacked_words, n_attacked
from barlow_report.stages.group_distributions import histograms_of_groups, quantiles_of_groups
from barlow_report.stages.heat_rows import scale_heatmaps
from barlow_report.stages.members import GroupMembers
from barlow_report.stages.mode_images import choose_pictures, mode_images
from barlow_report.stages.pictures import Pictures
from barlow_report.stages.strips import along_conditions
from barlow_report.stages.tile_drawing import draw_tiles, tiles_before, tiles_in
from barlow_report.tables import empty_table
from barlow_report.visuals.histograms import histograms
from barlow_report.visuals.triptychs import QUANTILES, choose_gallery, choose_pool, images_at_quantiles, most_activating

__all__ = ["visualize"]

_PICTURED = ("galleries", "quantiles", "group_quantiles", "mode_pictures", "strip_images")
"""Tables with a picture in each row, beside the tiles."""

_REVISION = 3
"""Raised when the same inputs give other tiles, so that runs of an earlier version are drawn again."""
_TABLES_REVISION = 2
"""Raised when they give other tables or thumbnails, which takes no feature attack."""


def visualize(config: Config, run: Run, *, explained: str, progress: Progress) -> str:
    """Write tiles, galleries, histograms and pictures, unless they are up to date; return the fingerprint.

    Args:
        config: The configuration.
        run: The run folder, with the stage `explain` finished; features that people are asked about are drawn, too.
        explained: The fingerprint of that stage.
        progress: Where to report to.

    Raises:
        DataError: An image that could be read before cannot be read any more.
    """
    visuals = config.visuals.model_dump(mode="json", exclude={"n_attacked", "n_mode_images"})
    if (some := attacked_words(config)) is not None:
        visuals["n_attacked"] = n_attacked(config)
    usual = fingerprint(explain=explained, seed=config.seed, visuals=visuals, quantiles=QUANTILES, revision=_REVISION)
    asked = _asked_besides(run)
    others = {"n_mode_images": config.visuals.n_mode_images, "tables": _TABLES_REVISION}
    mark = fingerprint(usual=usual, asked=asked, **others)
    if run.is_done("visualize", fingerprint=mark):
        progress.message("Pictures are up to date")
        return mark
    work = run.begin("visualize", fingerprint=mark)
    if some is not None and config.data.has_images:
        run.assume("visualize", "n_attacked", some)
    else:
        run.retract("visualize", "n_attacked")
    tables = _Tables(run)
    if not config.data.has_images:
        _write_without_pictures(run, tables, config)
        run.update_info(pictures=usual)
        run.finish("visualize", fingerprint=mark)
        return mark
    pictures = Pictures(config, run)
    top = _top_images(tables, asked, n=config.visuals.n_images)
    drawn = tiles_before(run) if run.info.get("pictures") == usual else []
    drawn = [*drawn, *tiles_in(work, run)]
    tiles = draw_tiles(top, pictures, config, run, work, drawn=drawn, progress=progress)
    strips, beside = _along_conditions(tables, config)
    used = sorted({feature_id for _, feature_id in [*tables.used_pairs, *asked]})
    of_modes = mode_images(tables.features, tables.rules, tables.conditions, members=tables.members)
    run.write_table("mode_images", of_modes)
    shown = {
        "tiles": scale_heatmaps(run, tiles),
        "strip_images": beside,
        "galleries": _choose_galleries(tables, n=config.visuals.n_gallery, seed=config.seed),
        "quantiles": _along_distributions(tables, used, seed=config.seed),
        "group_quantiles": quantiles_of_groups(tables.features, tables.rules, tables.conditions, tables.members),
        "mode_pictures": choose_pictures(of_modes, tables.is_failure, n=config.visuals.n_mode_images, seed=config.seed),
    }
    with progress.task("Drawing thumbnails", total=_n_distinct(*shown.values()), unit="images") as advance:
        for name, table in shown.items():
            table["thumbnail"] = pictures.thumbnails(table["image_id"].tolist(), advance=advance)
            run.write_table(name, table)
    run.write_table("strips", strips)
    run.write_table("histograms", histograms(tables.features, tables.is_failure, feature_ids=used))
    pairs = sorted({*tables.used_pairs, *asked})
    run.write_table("group_histograms", histograms_of_groups(tables.features, tables.is_failure, pairs, tables.members))
    run.delete_unused_media(_media_names(run))
    run.update_info(pictures=usual, enlarged_from=pictures.enlarged_from)
    run.finish("visualize", fingerprint=mark)
    return mark


def _write_without_pictures(run: Run, tables: "_Tables", config: Config) -> None:
    """Write the tables of a run without images: what needs no picture, and the others without a row."""
    for name in (*_PICTURED, "tiles"):
        run.write_table(name, empty_table(name))
    used = sorted({feature_id for _, feature_id in tables.used_pairs})
    strips, _ = _along_conditions(tables, config)
    run.write_table(
        "mode_images", mode_images(tables.features, tables.rules, tables.conditions, members=tables.members)
    )
    run.write_table("strips", strips)
    run.write_table("histograms", histograms(tables.features, tables.is_failure, feature_ids=used))
    pairs = sorted(tables.used_pairs)
    run.write_table("group_histograms", histograms_of_groups(tables.features, tables.is_failure, pairs, tables.members))
    run.delete_unused_media(())


def _asked_besides(run: Run) -> list[tuple[int, int]]:
    """The (group, feature) pairs that people are asked about and that no rule uses."""
    asked = asked_pairs(run)
    return [pair for pair in asked if pair not in _Tables(run).used_pairs] if asked else []


def _media_names(run: Run) -> Iterable[str]:
    tiles = run.read_table("tiles")
    for column in ("map", "heatmap", "attack"):
        yield from tiles[column].dropna()
    for name in ("tiles", *_PICTURED):
        yield from run.read_table(name)["thumbnail"]


class _Tables:
    """What this stage reads from the run folder."""

    def __init__(self, run: Run) -> None:
        self.features = run.features()
        self.conditions = run.read_table("conditions")
        self.rules = run.read_table("rules")
        uses = self.conditions.merge(self.rules[["rule_id", "group_id"]], on="rule_id")
        self.used_pairs = set(zip(uses["group_id"].tolist(), uses["feature_id"].tolist(), strict=True))
        images = run.read_table("images")
        self.is_failure = (images["prediction"] != images["label"]).to_numpy()
        self.members = GroupMembers(run)


def _n_distinct(*frames: pd.DataFrame) -> int:
    return len(set().union(*(frame["image_id"] for frame in frames)))


def _top_images(tables: _Tables, asked: Sequence[tuple[int, int]], *, n: int) -> pd.DataFrame:
    """The rows of table `tiles` without their pictures: group_id, feature_id, rank, image_id."""
    uses = pd.DataFrame(sorted({*tables.used_pairs, *asked}), columns=["group_id", "feature_id"], dtype="int64")
    rows: list[tuple[int, int, int, int]] = []
    for group_id, feature_ids in uses.groupby("group_id")["feature_id"]:
        members = tables.members(group_id)
        for feature_id in feature_ids:  # column by column: a group may hold half of all images
            chosen = most_activating(tables.features[members, feature_id], members, n=n).tolist()
            rows.extend((group_id, feature_id, rank, image_id) for rank, image_id in enumerate(chosen, 1))
    return pd.DataFrame(rows, columns=["group_id", "feature_id", "rank", "image_id"], dtype="int64")


def _choose_galleries(tables: _Tables, *, n: int, seed: int) -> pd.DataFrame:
    """The rows of table `galleries` without their thumbnails."""
    from barlow_report.rules import leaf_members

    conditions_of = dict(tuple(tables.conditions.groupby("rule_id")))
    nobody = np.zeros(0, dtype=np.int64)
    galleries = [choose_gallery(nobody, nobody.astype(bool), n=0, seed=0, rule_id=0)]
    for group_id, rule_ids in tables.rules.groupby("group_id")["rule_id"]:
        members = tables.members(group_id)
        for rule_id in rule_ids:
            inside = members[leaf_members(tables.features, conditions_of[rule_id], image_ids=members)]
            galleries.append(choose_gallery(inside, tables.is_failure[inside], n=n, seed=seed, rule_id=rule_id))
    return pd.concat(galleries, ignore_index=True)


def _along_conditions(tables: _Tables, config: Config) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows of tables `strips` and `strip_images`, the latter without their thumbnails."""
    return along_conditions(
        tables.features,
        tables.is_failure,
        rules=tables.rules,
        conditions=tables.conditions,
        members=tables.members,
        n_images=config.visuals.n_images,
        n_successes=config.visuals.n_gallery,
        seed=config.seed,
    )


def _along_distributions(tables: _Tables, feature_ids: list[int], *, seed: int) -> pd.DataFrame:
    """The rows of table `quantiles` without their thumbnails."""
    pool = choose_pool(len(tables.features), seed=seed)
    activations = tables.features[pool][:, feature_ids]
    found = [
        images_at_quantiles(activations[:, i], pool).assign(feature_id=feature_id)
        for i, feature_id in enumerate(feature_ids)
    ]
    return pd.concat(found, ignore_index=True) if found else empty_table("quantiles").drop(columns="thumbnail")
