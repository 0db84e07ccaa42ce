"""One pass over the images for several runs, each on one of the model's outputs.

The runs differ in which images have a label, and in which output they look at. A shard of the pass holds the features
and all outputs of its images, so what a run needs of it is some of its rows. The pass is made when the first run needs
it; it is deleted when none needs it any more. Runs on the same images have the same features: their files are links to
one, where the file system can do that.
"""

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from barlow_report.config import Config
from barlow_report.files import PARTIAL, output_errors
from barlow_report.progress import Progress
from barlow_report.run_folder import Run
from barlow_report.stages.image_pass import begin_extraction, finished_shards
from barlow_report.stages.outputs import refuse_exclusive
from barlow_report.vision.datasets import ImageList
from barlow_report.vision.shards import Shard

__all__ = ["SharedPass"]


class SharedPass:
    """A pass over the images of all outputs."""

    def __init__(self, config: Config, images: ImageList, folder: Path) -> None:
        """Prepare it.

        Args:
            config: The configuration of all outputs.
            images: Those with a label for one of them at least.
            folder: Where its shards go, which is its own.
        """
        self._config, self._images, self._folder = config, images, folder
        self._done: tuple[list[Shard], dict[str, Any]] | None = None
        self._features: dict[bytes, Path] = {}

    def shards(self, images: ImageList, *, progress: Progress) -> tuple[list[Shard], dict[str, Any]]:
        """Return the shards as the run on one output needs them, and what is known of the models.

        Args:
            images: Those of the run, in the order in which they are here.
            progress: Where to report to.
        """
        column = 0 if images.column is None else images.column
        found, noted = self._finished(progress)
        of_run = set(images.paths)
        known = np.array([path in of_run for path in self._images.paths], dtype=np.bool_)
        size = self._config.extraction.shard_size
        return [shard.of_output(column, known[i * size : (i + 1) * size]) for i, shard in enumerate(found)], noted

    def link_features(self, run: Run, digests: np.ndarray) -> bool:
        """Give `run` the features of an earlier run on the same images; tell whether that could be done.

        Args:
            run: The run.
            digests: Of the images that it has features of.
        """
        target = run.folder / "features.npy"
        first = self._features.setdefault(digests.tobytes(), target)
        if first == target or not first.is_file():
            return False
        partial = target.with_name(f"{target.name}{PARTIAL}")
        try:
            partial.unlink(missing_ok=True)
            os.link(first, partial)
            partial.replace(target)
        except OSError:  # no links on this file system
            partial.unlink(missing_ok=True)
            return False
        return True

    def delete(self) -> None:
        """Delete the shards: every run has what it needs of them."""
        self._done = None
        with output_errors(self._folder):
            shutil.rmtree(self._folder, ignore_errors=True)

    def _finished(self, progress: Progress) -> tuple[list[Shard], dict[str, Any]]:
        if self._done is None:
            run = Run(self._folder)
            run.refuse_foreign_files()
            with run.locked():
                Run.create(self._folder, info={"name": self._config.name})
                work = begin_extraction(self._config, self._images, run)
                shards, noted = finished_shards(self._config, self._images, work=work, progress=progress)
            spec = self._config.inspected_model
            if len(self._images.class_names) > 1 and spec is not None:
                outputs = np.concatenate([shard.outputs for shard in shards if shard.outputs is not None])
                refuse_exclusive(outputs, spec.output, model=noted["models"]["inspected"]["name"])
            self._done = shards, noted
        return self._done
