"""One pass over the training images, and the weight of each of them.

They are read a shard at a time; what is kept of each is its path, its label, its weight and the failure modes that it
is in. Without a failure mode no image is read: all weights are 1.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from barlow_report.config import Config
from barlow_report.config.further import NO_LABEL, OTHER_CLASS
from barlow_report.errors import DataError
from barlow_report.files import digest_text
from barlow_report.formatting import count, counted
from barlow_report.lenses.error_types.records import read_breakdowns
from barlow_report.lenses.weights.config import OWN_KEYS, WeightsConfig
from barlow_report.lenses.weights.files import (
    FOLDER,
    are_whole,
    delete_files,
    image_folder_order,
    index_name,
    weights_frame,
    write_files,
)
from barlow_report.lenses.weights.tabulating import ModeMembers, Weighed, weigh_modes
from barlow_report.progress import Progress
from barlow_report.run_folder import Run, fingerprint
from barlow_report.slugs import slugs
from barlow_report.stages.known_images import analysed_digests, are_among
from barlow_report.stages.label_modes import verified_label_modes
from barlow_report.stages.second_pass import SecondPass, pass_over
from barlow_report.tables import empty_table

__all__ = ["weight_training_images"]

_KEY = "training"
_FORMAT = 1

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Mode:
    """A verified failure mode of a group by label; `conditions` are rows of that table, `name` that of its indices."""

    rule_id: int
    class_ids: Integers
    conditions: pd.DataFrame
    name: str
    is_label_noise: bool


@dataclass(frozen=True, kw_only=True, eq=False)
class _Training:
    """The training images in their order, see `files`.

    Attributes:
        paths: As the source calls them.
        labels: (n,) class_id, or `NO_LABEL` or `OTHER_CLASS`.
        is_read: (n,) whether each could be read.
        members: Positions of the images of each failure mode, ascending, by rule_id.
        skipped: (path, reason) of those that could not be used.
        n_analysed: Images with the bytes of an analysed one; None where none was read.
        digests: Hashes of the bytes of those that could be read, in any order.
    """

    paths: Sequence[str]
    labels: Integers
    is_read: npt.NDArray[np.bool_]
    members: dict[int, Integers] = field(default_factory=dict)
    skipped: Sequence[tuple[str, str]] = ()
    n_analysed: int | None = None
    digests: npt.NDArray[np.bytes_] = field(default_factory=lambda: np.empty(0, dtype="S32"))


def weight_training_images(config: Config, run: Run, *, explained: str, progress: Progress) -> None:
    """Write the tables of the training images and the files of their weights, unless they are up to date.

    Args:
        config: The configuration, with a section `training`.
        run: The run folder, with the stage `explain` finished, and error types where they were asked for.
        explained: The fingerprint of that stage.
        progress: Where to report to.

    Raises:
        ConfigError: There is no section `training`.
        DataError: The images cannot be listed, none has a label, or none can be read.
        ModelError: A model cannot be loaded or used.
    """
    settings: WeightsConfig = config.needed_section(_KEY, example="{folder: images/train}")
    modes = list(_modes(run))
    names = run.read_table("classes")["name"].tolist()
    found = pass_over(config, settings, run, key=_KEY, needs_predictions=False, progress=progress) if modes else None
    images = found.images if found is not None else _listed(config, settings, names)
    if (images.labels == NO_LABEL).all():
        raise DataError(f"{_KEY}: {_no_label(config)}")
    mark = fingerprint(
        explain=explained,
        images=_identity(images.paths, images.labels) if found is None else found.fingerprint,
        noise=[mode.rule_id for mode in modes if mode.is_label_noise],
        settings=settings.model_dump(mode="json", include=set(OWN_KEYS)),
        format=_FORMAT,
    )
    folder = run.folder / FOLDER
    if run.is_done(_KEY, fingerprint=mark) and are_whole(folder, [mode.name for mode in modes]):
        progress.message("The weights of training images are up to date")
        return
    run.begin(_KEY, fingerprint=mark)
    delete_files(folder)
    for key, text in (images.assumptions if found is None else found.assumptions).items():
        run.assume(_KEY, key, f"Training images: {text}")
    order = image_folder_order(images.paths) if settings.folder is not None else np.arange(len(images.paths))
    training = _training(images, found, modes, run, order=order, progress=progress)
    raised = _write(config, settings, run, training, modes)
    run.finish(_KEY, fingerprint=mark)
    n = len(training.paths)
    progress.message(f"Weights: {count(raised)} of {counted(n, 'training image')} count more than once, in {folder}")


def _no_label(config: Config) -> str:
    if not config.data.has_outputs:
        return "found no image with a label. Name the column of labels, or give folders of classes."
    name, column = config.data.label_column, config.data.label_list or config.data.label_column
    return f"found no image with a label for {name!r}. Give a manifest with the column {column!r}, as data has it."


def _modes(run: Run) -> Iterator[_Mode]:
    noise = _label_noise(run)
    for found in verified_label_modes(run):
        yield _Mode(
            rule_id=found.rule_id,
            class_ids=found.class_ids,
            conditions=found.conditions,
            name=index_name(found.rule_id, slugs([found.group_name])[0]),
            is_label_noise=found.rule_id in noise,
        )


def _label_noise(run: Run) -> set[int]:
    """The rules whose failures are mostly label noise, as far as error types are known."""
    if not (run.is_finished("taxonomy") and run.has_table("error_type_counts")):
        return set()
    counts = run.read_table("error_type_counts")
    found = read_breakdowns(counts[counts["scope"] == "rule"], "rule_id")
    return {rule_id for rule_id, breakdown in found.items() if breakdown.is_label_noise}


def _listed(config: Config, settings: WeightsConfig, names: Sequence[str]) -> Any:
    """The images, without a look at any of them."""
    from barlow_report.vision.further_images import list_further  # torch takes seconds

    return list_further(settings, data=config.data, class_names=names, key=_KEY)


def _identity(paths: Sequence[str], labels: Integers) -> str:
    return digest_text("\n".join(f"{label} {path}" for label, path in zip(labels.tolist(), paths, strict=True)))


def _training(
    images: Any, found: SecondPass | None, modes: Sequence[_Mode], run: Run, *, order: Integers, progress: Progress
) -> _Training:
    """Look at every image, and keep which of them are in which failure mode."""
    n = len(images.paths)
    paths, labels = [images.paths[row] for row in order], images.labels[order]
    if found is None:
        return _Training(paths=paths, labels=labels, is_read=np.ones(n, dtype=np.bool_), skipped=images.skipped)
    place = np.empty(n, dtype=np.int64)
    place[order] = np.arange(n)
    analysed = analysed_digests(run)
    is_read, n_analysed, skipped = np.zeros(n, dtype=np.bool_), 0, list(images.skipped)
    members: dict[int, list[Integers]] = defaultdict(list)
    digests: list[npt.NDArray[np.bytes_]] = []
    with progress.task("Finding images of failure modes", total=n, unit="images") as advance:
        for block in found.blocks():
            is_read[place[block.rows]] = True
            n_analysed += int(are_among(block.digests, analysed).sum())
            skipped += block.skipped
            digests.append(block.digests)
            for mode in modes:
                members[mode.rule_id].append(place[block.rows[_inside(mode, block.features, block.labels)]])
            advance(len(block.rows) + len(block.skipped))
    return _Training(
        paths=paths,
        labels=labels,
        is_read=is_read,
        members={rule_id: np.sort(np.concatenate(parts)) for rule_id, parts in members.items()},
        skipped=skipped,
        n_analysed=n_analysed,
        digests=np.concatenate(digests),
    )


def _inside(mode: _Mode, features: npt.NDArray[np.floating[Any]], labels: Integers) -> npt.NDArray[np.bool_]:
    from barlow_report.rules import leaf_members  # scikit-learn takes a second

    return np.isin(labels, mode.class_ids) & leaf_members(features, mode.conditions)


def _write(config: Config, settings: WeightsConfig, run: Run, training: _Training, modes: Sequence[_Mode]) -> int:
    """Write tables and files, and return how many images count more than once."""
    labels, features = run.read_table("images")["label"].to_numpy(dtype=np.int64), run.features()
    weighed = weigh_modes(
        len(training.paths),
        [
            ModeMembers(
                rule_id=mode.rule_id,
                of_class=np.flatnonzero(np.isin(training.labels, mode.class_ids) & training.is_read),
                inside=training.members[mode.rule_id],
                n_class_analysed=int(np.isin(labels, mode.class_ids).sum()),
                n_meets_analysed=int(_inside(mode, features, labels).sum()),
                is_label_noise=mode.is_label_noise,
            )
            for mode in modes
        ],
        asked=None if settings.factor == "balance" else settings.factor,
        max_factor=settings.max_factor,
        max_q_value=config.rules.max_q_value,
    )
    run.write_table("training_modes", pd.DataFrame(weighed.rows) if weighed.rows else empty_table("training_modes"))
    run.write_table("training_summary", _summary(training, settings, weighed))
    skipped = pd.DataFrame(training.skipped, columns=["path", "reason"])
    run.write_table("training_skipped", skipped if len(skipped) else empty_table("training_skipped"))
    _write_files(run, training, modes, weighed.weights)
    return weighed.n_raised


def _summary(training: _Training, settings: WeightsConfig, weighed: Weighed) -> pd.DataFrame:
    was_read = training.n_analysed is not None
    values = {
        "n_listed": len(training.paths),
        "n_read": int(training.is_read.sum()) if was_read else None,
        "n_analysed": training.n_analysed,
        "n_labelled": int((training.labels >= 0).sum()),
        "n_unlabelled": int((training.labels == NO_LABEL).sum()),
        "n_other_class": int((training.labels == OTHER_CLASS).sum()),
        "n_members": weighed.n_members,
        "n_raised": weighed.n_raised,
    }
    frame = pd.DataFrame({name: pd.Series([value], dtype="Int64") for name, value in values.items()})
    factor = np.nan if settings.factor == "balance" else settings.factor
    return frame.assign(factor=factor, max_factor=settings.max_factor)


def _write_files(run: Run, training: _Training, modes: Sequence[_Mode], weights: npt.NDArray[np.float64]) -> None:
    names = run.read_table("classes")["name"].tolist()
    rule_ids = [""] * len(training.paths)
    for mode in modes:
        for row in training.members[mode.rule_id].tolist():
            rule_ids[row] = f"{rule_ids[row]} {mode.rule_id}".lstrip()
    frame = weights_frame(
        training.paths,
        [names[label] if label >= 0 else None for label in training.labels.tolist()],
        weights,
        rule_ids,
    )
    members = {mode.name: training.members[mode.rule_id] for mode in modes}
    write_files(run.folder / FOLDER, frame, members, digests=training.digests)
