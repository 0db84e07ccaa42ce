"""Stop before a report on a model whose classes are in another order than its outputs.

The pass over the images is not lost: its shards do not depend on the names or the order of the classes, so the same
call goes on where it was once the configuration lists another order, or confirms this one.
"""

import json
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from barlow_report.config import Config
from barlow_report.errors import DataError
from barlow_report.files import atomic_write
from barlow_report.formatting import percent
from barlow_report.progress import Progress
from barlow_report.run_folder import Run
from barlow_report.vision.class_names import some
from barlow_report.vision.class_order import BetterOrder, find_better_order, mixed_up_pairs
from barlow_report.vision.datasets import ImageList

__all__ = ["better_order", "check_class_order", "refuse_wrong_orders", "wrong_order"]

_N_INLINE = 20
_N_PAIRS = 3

Integers = npt.NDArray[np.int64]
Predictions = npt.NDArray[np.int32]


def check_class_order(
    config: Config, run: Run, images: ImageList, *, labels: Integers, predictions: Integers, progress: Progress
) -> dict[str, str]:
    """Compare the predictions with those in other orders of the classes; return what a reader must know.

    Args:
        config: The configuration.
        run: Gets a class file with the order that is proposed, where the list is long.
        images: Where labels and classes are from.
        labels: (n_images,) class_id of the images that could be read.
        predictions: (n_images,) class_id that was predicted.
        progress: Where to report to.

    Returns:
        Sentences for the report, by a name for each.

    Raises:
        DataError: Another order would make far more predictions right, and the configuration does not confirm this one.
    """
    names = images.class_names
    found = find_better_order(labels, predictions, names)
    if found is not None and not config.data.confirm_class_order:
        raise DataError(_explanation(found, config, run, images, n_images=len(labels)))
    notes = {}
    if found is not None:
        right, would_be = percent(found.accuracy), percent(found.better)
        notes["class_order_confirmed"] = (
            f"{right} of the predictions are right, and {would_be} would be {_if(found)}; the configuration confirms "
            "that the order of the classes is meant."
        )
    elif pairs := mixed_up_pairs(labels, predictions, len(names)):
        shown = "; ".join(f"{names[a]!r} and {names[b]!r}" for a, b in pairs[:_N_PAIRS])
        more = f" (and {len(pairs) - _N_PAIRS} more pairs)" if len(pairs) > _N_PAIRS else ""
        notes["mixed_up_classes"] = (
            f"Most images of one class are taken for the other, both ways: {shown}{more}. If their places in the list "
            "of classes are swapped, these are not failures."
        )
    for text in notes.values():
        progress.message(f"Note: {text}")
    return notes


def refuse_wrong_orders(
    config: Config, models: Sequence[str], labels: Integers, predictions: Predictions, *, class_names: Sequence[str]
) -> None:
    """Raise a DataError where a column of another model's predictions counts the classes in another order.

    Args:
        config: The configuration.
        models: (n_models,) their names.
        labels: (n_images,) class_id of each image.
        predictions: (n_images, n_models) class_id that each predicts.
        class_names: The run's.
    """
    for name, column in zip(models, predictions.T, strict=True):
        problem = wrong_order(config, labels, column, class_names=class_names)
        if problem is not None:
            raise DataError(
                f"comparison.predictions: {name!r}: {problem} Correct the column, or write names into it. If the order "
                "is right and the model that bad, confirm it:\ndata:\n  confirm_class_order: true"
            )


def wrong_order(
    config: Config, labels: Integers, predictions: npt.NDArray[np.integer], *, class_names: Sequence[str]
) -> str | None:
    """Say with which other order of the classes far more predictions would be right; None where there is none."""
    return None if config.data.confirm_class_order else better_order(labels, predictions, class_names=class_names)


def better_order(labels: Integers, predictions: npt.NDArray[np.integer], *, class_names: Sequence[str]) -> str | None:
    """Say in a sentence with which other order far more predictions would be right; None where there is none."""
    found = find_better_order(labels, predictions.astype(np.int64), class_names)
    if found is None:
        return None
    right, better = percent(found.accuracy), percent(found.better)
    return f"{right} of the predictions are right, and {better} would be {_if(found)}."


def _if(found: BetterOrder) -> str:
    if found.order is None:
        return "if classes whose names look alike were one class"
    return f"if the model's outputs were {found.nature}"


def _other_positive(found: BetterOrder, run: Run, images: ImageList) -> str | None:
    """The class that should be the positive one, where the model has one output and predictions come from it."""
    noted = None if images.predictions is not None else (run.info.get("outputs") or {}).get("positive")
    if noted is None or found.order is None:
        return None
    return images.class_names[1 - int(noted["class_id"])]


def _explanation(found: BetterOrder, config: Config, run: Run, images: ImageList, *, n_images: int) -> str:
    confirm = "If the order is right and the model that bad, confirm it:\ndata:\n  confirm_class_order: true"
    kept = "" if images.predictions is not None else "\nThe pass over the images is kept, and will not be repeated."
    if images.column is not None:
        asked = images.class_names[1].removeprefix("positive for ")
        return (
            f"{images.root}: {percent(found.accuracy)} of {n_images} predictions for {asked!r} are right, and "
            f"{percent(found.better)} would be if its output meant the opposite. Check that data.label_columns (or "
            "data.classes beside label_list) are in the order of the model's outputs, and that 1 stands for positive. "
            f"{confirm}{kept}"
        )
    if (positive := _other_positive(found, run, images)) is not None:
        named = json.dumps(positive, ensure_ascii=False)
        return (
            f"{images.root}: {percent(found.accuracy)} of {n_images} predictions are right, and "
            f"{percent(found.better)} would be if the model's output were that of the other class. Name it:\n"
            f"inspected_model:\n  positive: {named}\n{confirm}{kept}"
        )
    return (
        f"{images.root}: {percent(found.accuracy)} of {n_images} predictions are right, and {percent(found.better)} "
        f"would be {_if(found)}. {_mend(found, config, run, images)} {confirm}{kept}"
    )


def _mend(found: BetterOrder, config: Config, run: Run, images: ImageList) -> str:
    """Say what to change, with the lines of the configuration where these can do it."""
    if found.order is None:
        return "Write the names of the same class in the same way, or list each class once."
    if images.subset is not None:
        return (
            "Set 'data: restrict_predictions: false' and run again: that proposes an order of all classes. Then take "
            "the line out again."
        )
    if images.order_key is None:
        return (
            "Correct the table: a list of the classes cannot do it, since labels and predictions use the same names or "
            "numbers."
            if images.predictions is not None
            else "Write names instead of numbers as labels, and list the classes in the order of the outputs: a label "
            "that is a number counts the same list."
        )
    if images.order_key == "class_order" and found.key is not None:
        return f"Give the order of the outputs:\ndata:\n  class_order: {found.key}\n"
    lines = [images.class_lines[class_id] for class_id in found.order]
    names = [images.class_names[class_id] for class_id in found.order]
    instead = _instead_of(config)
    if len(lines) <= _N_INLINE and lines == names:
        listed = json.dumps(names, ensure_ascii=False)  # as YAML quotes them
        return f"List the classes in the order of the outputs{instead}; it may be:\ndata:\n  classes: {listed}\n"
    path = run.folder.absolute() / "proposed_classes.txt"
    atomic_write(path, "".join(f"{line}\n" for line in lines))
    return (
        f"List the classes in the order of the outputs{instead}; it may be that of {path} ({some(names)}), to be "
        f"checked:\ndata:\n  class_file: {path}\n"
    )


def _instead_of(config: Config) -> str:
    for key in ("classes", "class_file", "class_order"):
        if getattr(config.data, key) is not None:
            return f", instead of data.{key}"
    return ""
