"""A run as a data set for FiftyOne: every image with its label, prediction and the failure modes it is in.

Written as its importer `LegacyFiftyOneDataset` reads it: of all its importers the one that takes label, prediction with
confidence, tags, boxes and numbers from one file of JSON, whatever the version. Images stay where they are.
"""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from PIL import Image

from barlow_report.config import DataConfig, PreprocessingConfig
from barlow_report.errors import DataError, OutputError
from barlow_report.files import atomic_write, output_errors
from barlow_report.progress import Progress
from barlow_report.report.image_lists import all_samples
from barlow_report.run_folder import STAGES, Run
from barlow_report.stages.site import lists_source
from barlow_report.storage import is_address
from barlow_report.vision.preprocessing import view_box
from barlow_report.visuals.heat_boxes import strong_box

__all__ = ["export_fiftyone"]

_FILES = ("samples.json", "metadata.json")


def export_fiftyone(folder: Path, into: Path, *, progress: Progress) -> int:
    """Write samples.json and metadata.json for FiftyOne, and return how many images they name.

    Args:
        folder: The run folder.
        into: A new or empty folder, or one of an earlier export.
        progress: Where to report to.

    Raises:
        RunFolderError: The run is missing or not complete.
        DataError: Its images are no files of their own, which FiftyOne needs, or are no longer there.
        OutputError: The folder holds something else, or cannot be written.
    """
    run = Run.open(folder)
    run.require(STAGES[-1])
    data = DataConfig.model_validate(run.info["config"]["data"])
    root = data.folder or data.image_root or (data.manifest.parent if data.manifest is not None else None)
    if root is None or is_address(root):
        raise DataError(
            f"{folder}: its images are in archives, tables or object storage, and FiftyOne shows files of a disk. "
            "Write them as files, and run barlow-report on these."
        )
    with output_errors(into):
        if into.exists() and not (into.is_dir() and {path.name for path in into.iterdir()} <= {*_FILES}):
            raise OutputError(f"{into}: holds something else already. Give a new or empty folder.")
    site = lists_source(run, progress=progress)
    images = run.read_table("images")
    if not (root / images["path"].iloc[0]).is_file():
        raise DataError(f"{root}: the images of the run are no longer there, such as {images['path'].iloc[0]}.")
    paths = dict(zip(images["image_id"], images["path"], strict=True))
    patches: dict[int, list[dict[str, Any]]] = {}
    for image_id, patch in _patches(run, root, paths):
        patches.setdefault(image_id, []).append(patch)
    names = {group_id: group.name for group_id, group in site.catalog.groups.items()}
    for found in patches.values():
        for patch in found:
            patch["group"] = names[patch.pop("group_id")]
    samples = all_samples(site, file_of=lambda path: str((root / path).absolute()), patches=patches)
    info = {"made_by": "barlow-report", "run": str(run.info.get("name", folder.name)), "run_id": run.info["run_id"]}
    classes = run.read_table("classes").sort_values("class_id")["name"].tolist()
    with output_errors(into):
        atomic_write(into / "samples.json", "".join(samples))
        atomic_write(into / "metadata.json", json.dumps({"info": {**info, "classes": classes}}, indent=1) + "\n")
    return len(images)


def _patches(run: Run, root: Path, paths: dict[int, str]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield a detection for each picture of a triptych that has a map: the part of the image where the feature is."""
    noted = run.info["models"]["feature"].get("preprocessing", {})  # of features that are given nothing, and no maps
    prepared = PreprocessingConfig.model_validate(noted)
    tiles = run.read_table("tiles")
    sizes: dict[int, tuple[int, int]] = {}
    for tile in tiles[tiles["map"].notna()].itertuples():
        box = strong_box(_map_of(run, tile))
        if box is None:
            continue
        if tile.image_id not in sizes:
            with Image.open(root / paths[tile.image_id]) as image:  # reads the header only
                sizes[tile.image_id] = image.size
        yield (
            tile.image_id,
            {
                "_cls": "Detection",
                "label": f"feature {tile.feature_id}",
                "bounding_box": _in_image(box, sizes[tile.image_id], prepared),
                "feature_id": int(tile.feature_id),
                "activation": float(tile.activation),
                "group_id": tile.group_id,
            },
        )


def _map_of(run: Run, tile: Any) -> npt.NDArray[np.float64]:
    """The values of a feature's map, shape (h, w)."""
    with Image.open(io.BytesIO(run.read_media(tile.map))) as picture:
        grey = np.asarray(picture.convert("L"), dtype=np.float64) / 255
    low = 0.0 if pd.isna(tile.map_low) else float(tile.map_low)
    return low + grey * (float(tile.map_high) - low)


def _in_image(
    box: tuple[float, float, float, float], size: tuple[int, int], prepared: PreprocessingConfig
) -> list[float]:
    """From shares of what the model sees to FiftyOne's left, top, width and height as shares of the whole image."""
    left, top, right, bottom = view_box(size, prepared)
    xs = [min(max((left + share * (right - left)) / size[0], 0.0), 1.0) for share in box[::2]]
    ys = [min(max((top + share * (bottom - top)) / size[1], 0.0), 1.0) for share in box[1::2]]
    return [xs[0], ys[0], xs[1] - xs[0], ys[1] - ys[0]]
