"""The heatmaps of each group and feature on one scale.

A pair of feature and image is drawn once, but may stand in the rows of several groups, each with a scale of its own.
So the map is kept with its own range, and every row gets its maps from there.
"""

import io
import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from barlow_report.run_folder import Run
from barlow_report.visuals.heat_scales import row_scale, to_scale
from barlow_report.visuals.thumbnails import encode_heatmap

__all__ = ["scale_heatmaps"]

_ROW = ["group_id", "feature_id"]


def scale_heatmaps(run: Run, tiles: pd.DataFrame) -> pd.DataFrame:
    """Add the columns heatmap, heatmap_low and heatmap_high to the rows of table `tiles`, and store the pictures.

    Raises:
        DamagedFileError: A map is missing or damaged.
    """
    scales = {
        row: row_scale(maps["map_low"].tolist(), maps["map_high"].tolist())
        for row, maps in tiles[tiles["map"].notna()].groupby(_ROW)
    }

    def draw(tile: Any) -> tuple[str | None, float | None, float | None]:
        if pd.isna(tile.map):
            return None, None, None
        scale = scales[(tile.group_id, tile.feature_id)]
        if scale == (tile.map_low, tile.map_high):
            return tile.map, *scale
        with Image.open(io.BytesIO(run.read_media(tile.map))) as picture:
            grey = np.asarray(picture.convert("L")) / 255
        return run.add_media(encode_heatmap(to_scale(grey, low=tile.map_low, high=tile.map_high, scale=scale))), *scale

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        drawn = list(pool.map(draw, tiles.itertuples()))
    scaled = pd.DataFrame(drawn, columns=["heatmap", "heatmap_low", "heatmap_high"], index=tiles.index)
    return tiles.assign(**scaled)
