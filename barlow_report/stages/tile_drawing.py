"""Tiles of triptychs: those that are there already, and the others in chunks that an engine does."""

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from barlow_report.config import Config
from barlow_report.engine import Team, current_engine
from barlow_report.formatting import count, duration
from barlow_report.progress import Progress
from barlow_report.run_folder import Run
from barlow_report.seals import is_sealed, read_sealed_json
from barlow_report.stages.attacked import n_attacked
from barlow_report.stages.pictures import N_TRIED, Pictures
from barlow_report.stages.tile_work import RECORDS, TileUnit, TileWork, pairs_at_once

__all__ = ["draw_tiles", "tiles_before", "tiles_in"]

_DRAWN = ["feature_id", "image_id", "activation", "attacked_activation", "map", "map_low", "map_high", "attack"]
_N_FIRST = 4
"""Attacks that come first, and warm up what computes: they take longer than others do."""

_WORTH_SAYING = 10.0
"""Seconds that the others are to take, as these few say, for more to be timed."""

_SECONDS_TIMED = 5.0
"""About what is timed, in a chunk as large as the others where this is long enough."""

Pair = tuple[int, int]
"""feature_id and image_id."""


def tiles_before(run: Run) -> list[dict[str, Any]]:
    """The tiles there are, drawn with the same settings: when people are asked about more features, they are kept."""
    if not run.has_table("tiles"):
        return []
    tiles = run.read_table("tiles")[_DRAWN].sort_values("attack", kind="stable", na_position="last")
    tiles = tiles.drop_duplicates(["feature_id", "image_id"])
    tiles = tiles.astype(object).where(tiles.notna(), None)
    records = [dict(zip(_DRAWN, row, strict=True)) for row in tiles.itertuples(index=False, name=None)]
    return [record for record in records if _is_whole(record, run)]


def tiles_in(work: Path, run: Run) -> Iterator[dict[str, Any]]:
    """The tiles that an earlier attempt has left in `work`, but for those with a damaged file or picture."""
    for path in sorted(work.glob("*.json")):
        if is_sealed(path):
            records = read_sealed_json(path, advice="")[RECORDS]
            yield from (record for record in records if _is_whole(record, run))


def _is_whole(record: dict[str, Any], run: Run) -> bool:
    return all(name is None or run.has_media(name) for name in (record["map"], record["attack"]))


def draw_tiles(
    tiles: pd.DataFrame,
    pictures: Pictures,
    config: Config,
    run: Run,
    work: Path,
    *,
    drawn: Sequence[dict[str, Any]],
    progress: Progress,
) -> pd.DataFrame:
    """Add activations, heatmaps and attacks to rows of table `tiles`, the attacks to the first of each triptych.

    Args:
        tiles: group_id, feature_id, rank, image_id.
        pictures: Reads the images.
        config: The configuration.
        run: The run folder, where pictures go.
        work: Where finished chunks go.
        drawn: Rows that are there already, see `tiles_before` and `tiles_in`; with an attack or without.
        progress: Where to report to.
    """
    if not config.data.asks_models:
        return _without_model(tiles, run)
    is_first = tiles["rank"] <= n_attacked(config)
    wanted = _pairs(tiles[is_first])
    found = [record for record in drawn if record["attack"] is not None or _pair(record) not in wanted]
    done = set(map(_pair, found))
    to_attack = sorted(wanted - done)
    others = sorted(_pairs(tiles) - done - wanted)
    if to_attack or others:
        found += _draw(to_attack, others, pictures, config, run, work, n_done=len(done), progress=progress)
    frame = pd.DataFrame(found, columns=_DRAWN).astype({"feature_id": "int64", "image_id": "int64"})
    frame = frame.sort_values("attack", kind="stable", na_position="last").drop_duplicates(["feature_id", "image_id"])
    complete = tiles.merge(frame, on=["feature_id", "image_id"], validate="many_to_one")
    complete = complete.sort_values(["group_id", "feature_id", "rank"], ignore_index=True)
    later = complete["rank"] > n_attacked(config)  # an image may be among the first in another group
    return complete.assign(
        attack=complete["attack"].astype(object).mask(later, None),
        attacked_activation=complete["attacked_activation"].astype("float64").mask(later),
    )


def _without_model(tiles: pd.DataFrame, run: Run) -> pd.DataFrame:
    """Tiles of features that are given: images and activations, and nothing that a model would draw."""
    activations = run.features()[tiles["image_id"].to_numpy(), tiles["feature_id"].to_numpy()]
    nothing = pd.Series(None, index=tiles.index, dtype=object)
    return tiles.assign(
        activation=activations.astype("float64"),
        attacked_activation=float("nan"),
        map=nothing,
        map_low=float("nan"),
        map_high=float("nan"),
        attack=nothing,
    ).sort_values(["group_id", "feature_id", "rank"], ignore_index=True)


def _draw(
    to_attack: Sequence[Pair],
    others: Sequence[Pair],
    pictures: Pictures,
    config: Config,
    run: Run,
    work: Path,
    *,
    n_done: int,
    progress: Progress,
) -> list[dict[str, Any]]:
    photos = pictures.photos

    def units(pairs: Sequence[Pair], *, is_attacked: bool) -> list[TileUnit]:
        n = pairs_at_once(config, is_attacked=is_attacked)
        chunks = [pairs[start : start + n] for start in range(0, len(pairs), n)]
        return [
            TileUnit(pairs=chunk, photos=photos.some(image_id for _, image_id in chunk), is_attacked=is_attacked)
            for chunk in chunks
        ]

    tile_work = TileWork(
        config=config, source=photos.source, first_paths=photos.paths[:N_TRIED], folder=run.folder, work=work
    )
    is_timed = current_engine().n_threads is None and len(to_attack) > _N_FIRST
    n_units = len(units(to_attack, is_attacked=True)) + len(units(others, is_attacked=False))
    n_all = n_done + len(to_attack) + len(others)
    with current_engine().team(tile_work, n_units=n_units) as team:
        at_once = pairs_at_once(config, is_attacked=True)
        found = _first(team, to_attack, units, at_once=at_once, progress=progress) if is_timed else []
        rest = units(to_attack[len(found) :], is_attacked=True) + units(others, is_attacked=False)
        what = "Attacking" if to_attack else "Drawing"
        with progress.task(f"{what} features", total=n_all, unit="pictures", n_done=n_done) as advance:
            advance(len(found))
            for records in team.map(rest, advance=advance):
                found += records
    return found


def _first(
    team: Team, pairs: Sequence[Pair], units: Callable[..., Sequence[TileUnit]], *, at_once: int, progress: Progress
) -> list[dict[str, Any]]:
    """Attack some of the pairs, and say how long the others will take where one would wait for them.

    Few in a small chunk say whether it is worth saying; how long it takes is known from a chunk like the others.
    """
    found, each = _timed(team, units(pairs[:_N_FIRST], is_attacked=True))
    n_left = len(pairs) - len(found)
    if each * n_left < _WORTH_SAYING:
        return found
    n = min(n_left, at_once, max(_N_FIRST, int(_SECONDS_TIMED / each)))
    timed, each = _timed(team, units(pairs[_N_FIRST : _N_FIRST + n], is_attacked=True))
    n_left -= len(timed)
    if each * n_left >= _WORTH_SAYING:
        progress.message(
            f"Feature attacks: {count(n_left)} at {each:.2g} s each, {duration(each * n_left)}. visuals.attack: none "
            "leaves them out"
        )
    return found + timed


def _timed(team: Team, units: Sequence[TileUnit]) -> tuple[list[dict[str, Any]], float]:
    """Attack a few, and return them with the seconds that each has taken."""
    results = team.map(units)  # the model is loaded now
    start = time.perf_counter()
    found = [record for records in results for record in records]
    return found, (time.perf_counter() - start) / len(found)


def _pairs(tiles: pd.DataFrame) -> set[Pair]:
    return set(zip(tiles["feature_id"].tolist(), tiles["image_id"].tolist(), strict=True))


def _pair(record: dict[str, Any]) -> Pair:
    return record["feature_id"], record["image_id"]
