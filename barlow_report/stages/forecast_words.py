"""Parts of a forecast that take no time: what the images, the groups and the run folder are."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from barlow_report.config import Config
from barlow_report.estimates import Estimate
from barlow_report.formatting import count, counted
from barlow_report.run_folder import Run, is_of_each_output
from barlow_report.stages.expected import ExpectedModes
from barlow_report.stages.forecast_parts import Part
from barlow_report.stages.unions import rules_with_unions
from barlow_report.storage import shown
from barlow_report.vision.datasets import ImageList
from barlow_report.vision.output_labels import read_output_labels

if TYPE_CHECKING:
    from barlow_report.vision.models import LoadedModel

__all__ = ["folder_part", "group_part", "image_parts", "predictions_words"]

_WORTH_SAYING = 1.0
"""Seconds of listing the images that are told."""


def image_parts(images: ImageList, *, seconds: float) -> Iterator[Part]:
    """Yield what the images and the classes are; listing them took some seconds, and takes the run as long."""
    figures = {
        "n_images": len(images.paths),
        "n_classes": len(images.class_names),
        "n_skipped": len(images.skipped),
        "n_outputs": images.n_outputs,
    }
    words = _image_words(images)
    takes = Estimate(words=words, seconds=seconds) if seconds >= _WORTH_SAYING else None
    yield Part(key="images", title="Images", words=words, estimate=takes, figures=figures)
    if (evaluated := images.assumptions.get("classes_evaluated")) is not None:
        yield Part(key="classes", title="Classes", words=evaluated)


def _image_words(images: ImageList) -> str:
    if images.n_outputs is not None and images.column is None:
        n, outputs = counted(len(images.paths), "image"), counted(images.n_outputs, "output")
        return f"{n} with labels for {outputs}, each a run of its own after one pass"
    sizes = Counter(images.labels.tolist())
    least = min(range(len(images.class_names)), key=lambda class_id: (sizes[class_id], class_id))
    skipped = f"; {counted(len(images.skipped), 'file')} passed over" if images.skipped else ""
    classes = counted(len(images.class_names), "class")
    return (
        f"{counted(len(images.paths), 'image')} of {classes}, fewest {images.class_names[least]} "
        f"({count(sizes[least])}){skipped}"
    )


def group_part(config: Config, images: ImageList, expected: ExpectedModes, n_outputs: int) -> Part:
    """What the groups are, and how many may have failure modes; of several outputs all together."""
    n_groups, n_small = _count_groups(config, images)
    rules = rules_with_unions(config, images.class_names)
    parts = [f"{counted(n_groups, 'group')} by {' and by '.join(rules.groupings)}"] if rules.groupings else []
    if rules.confused_pairs:
        parts.append(f"at most {counted(rules.confused_pairs, 'confused pair')}")
    if rules.unions:
        parts.append(counted(len(rules.unions) * len(rules.groupings), "union"))
    if rules.manifest_columns:
        parts.append(f"the values of {', '.join(rules.manifest_columns)}")
    small = f"; {counted(n_small, 'group')} of fewer than {rules.min_images} images" if n_small else ""
    figures = {
        "n_groups": n_groups,
        "n_small": n_small,
        "n_trees_expected": expected.n_trees * n_outputs,
        "n_verified_expected": expected.n_verified * n_outputs,
        "n_failures_expected": expected.n_failures * n_outputs,
    }
    return Part(key="groups", title="Groups", words=f"{', '.join(parts)}{small}; {expected.words}", figures=figures)


def _count_groups(config: Config, images: ImageList) -> tuple[int, int]:
    """Groups by class, and those that are too small by their labels."""
    if config.data.is_of_all_outputs:
        labels = read_output_labels(config.data)
        known = [name for name, values in zip(labels.names, labels.labels.T, strict=True) if (values >= 0).any()]
        one = config.model_copy(update={"data": config.data.model_copy(update={"label_column": known[0]})})
        found = [_count_groups(one, labels.images_of(name)) for name in known]
        return sum(n for n, _ in found), sum(n for _, n in found)
    sizes = np.bincount(images.labels, minlength=len(images.class_names))
    n_small = int((sizes < config.rules.min_images).sum())
    return len(config.rules.groupings) * len(sizes), n_small * ("label" in config.rules.groupings)


def predictions_words(inspected: "LoadedModel | None", images: ImageList, *, name: str) -> str:
    """What the inspected model is, or that there are predictions."""
    if inspected is None:
        return f"predictions are there, {counted(len(images.paths), 'image')}; no model is run"
    n, n_all = inspected.n_outputs, inspected.n_network_outputs
    return f"{name}, {counted(n, 'output')}" if n == n_all else f"{name}, {count(n)} of {counted(n_all, 'output')}"


def folder_part(folder: Path) -> Part:
    """What the run folder holds already."""
    name, finished = shown(folder), list[str]()
    if not folder.is_dir() or not any(folder.iterdir()):
        words = f"{name}: new"
    elif is_of_each_output(folder):
        words = f"{name}: holds runs of outputs; what is still up to date is skipped"
    else:
        run = Run.open(folder)
        finished = [stage for stage in run.info["stages"] if run.is_finished(stage)]
        words = f"{name}: {', '.join(finished) or 'nothing'} finished; what is still up to date is skipped"
    return Part(key="run_folder", title="Run folder", words=words, figures={"n_finished": len(finished)})
