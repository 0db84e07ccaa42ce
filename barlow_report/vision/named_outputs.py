"""Models that name their outputs, as configurations of transformers do (id2label), and data that name the same classes.

Where both have the same names in different orders, every prediction would be counted for another class.
"""

import json
from collections.abc import Sequence

from torch import nn

from barlow_report.errors import ModelError
from barlow_report.vision.class_names import alike, some
from barlow_report.vision.stated import output_names

__all__ = ["check_named_order", "order_of_outputs"]

_N_INLINE = 20


def order_of_outputs(names: Sequence[str], class_names: Sequence[str]) -> tuple[int, ...] | None:
    """Return the class_id that each output stands for, by its name; None where names are not the data's, each once.

    Capital letters, white space and underscores make no difference.

    Args:
        names: (n_outputs,) of the outputs.
        class_names: (n_classes,) of the data.
    """
    positions = {_key(name): class_id for class_id, name in enumerate(class_names)}
    keys = [_key(name) for name in names]
    if len(positions) != len(class_names) or len(set(keys)) != len(keys) or set(keys) != set(positions):
        return None
    return tuple(positions[key] for key in keys)


def check_named_order(module: nn.Module, class_names: Sequence[str], *, where: str, instead_of: str = "") -> None:
    """Raise a ModelError where a network names its outputs as the data name their classes, in another order.

    Args:
        module: The network.
        class_names: Of the data, in the order that they would be taken for the outputs in.
        where: Names the model in the error.
        instead_of: The key of the configuration that lists the classes now, such as data.class_file.
    """
    names = output_names(module)
    order = None if names is None else order_of_outputs(names, class_names)
    if names is None or order is None or list(order) == sorted(order):
        return
    instead = f", instead of {instead_of}" if instead_of else ""
    listed = json.dumps([class_names[class_id] for class_id in order], ensure_ascii=False)  # as YAML quotes them
    mend = (
        f"List them in the order of the outputs{instead}:\ndata:\n  classes: {listed}\n"
        if len(order) <= _N_INLINE
        else f"List them in the order of the outputs{instead} in a file, data.class_file: the names of id2label in the "
        "model's config.json, by number, one on each line. "
    )
    raise ModelError(
        f"{where}: the model calls its outputs {some(names)}, and the data list the same classes as "
        f"{some(class_names)}. {mend}If its names are mistaken and the order of the data is meant, confirm it:\n"
        "data:\n  confirm_class_order: true"
    )


def _key(name: str) -> str:
    return alike(name.replace("_", " "))
