"""Images that were replaced by others of the same size and modification time.

Copying keeps both where it is asked to (`cp -p`, `rsync -t`), so that a report could be of images that are there no
more. What no program can set is the time at which the system last changed the file. It changes without the content as
well, when a folder is copied or restored; then the images themselves are compared with those of the pass, by the hash
of their bytes, which takes as long as reading them and no model.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from barlow_report.errors import DamagedFileError
from barlow_report.progress import Progress
from barlow_report.run_folder import Run
from barlow_report.vision.datasets import ImageList
from barlow_report.vision.reading import UnreadableImage

__all__ = ["are_unchanged", "times_of", "write_times"]

_NAME = "image_times"


def write_times(images: ImageList, run: Run) -> None:
    """Note when the file of each listed image was last changed."""
    times = times_of(images)
    run.write_features([times], shape=(len(times), 1), dtype="int64", name=_NAME)


def are_unchanged(images: ImageList, run: Run, *, progress: Progress) -> bool:
    """Whether the images are those of the finished pass; sizes and modification times are known to be the same."""
    times = times_of(images)
    try:
        noted = run.features(_NAME)
    except DamagedFileError:
        noted = np.zeros((0, 1), dtype=np.int64)
    touched = np.flatnonzero((noted != times).any(axis=1)) if noted.shape == times.shape else np.arange(len(times))
    if not len(touched):
        return True
    digests = dict(zip(run.read_table("images")["path"], run.read_table("contents")["digest"], strict=True))
    with (
        progress.task("Comparing images whose files were touched", total=len(touched), unit="images") as advance,
        ThreadPoolExecutor(os.cpu_count() or 1) as pool,
    ):

        def is_same(row: int) -> bool:
            path = images.paths[row]
            try:
                found: str | None = images.source.read(path).digest
            except UnreadableImage:
                found = None
            advance(1)
            return found == digests.get(path)

        if not all(pool.map(is_same, touched.tolist())):
            return False
    write_times(images, run)
    return True


def times_of(images: ImageList) -> npt.NDArray[np.int64]:
    """Return when the file of each image was last changed, in ns: (n_images, 1); 0 where it is not known."""
    look = lru_cache(maxsize=1024)(_time)  # images of a shard have one file
    files = images.source.files(images.paths)
    return np.fromiter((look(file) for file in files), dtype=np.int64, count=len(images.paths))[:, None]


def _time(file: Path | None) -> int:
    try:
        return 0 if file is None else file.stat().st_ctime_ns
    except (OSError, ValueError):
        return 0
