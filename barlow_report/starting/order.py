"""The order of the classes where the model names its outputs."""

from collections.abc import Mapping
from typing import Any

from barlow_report.starting.stated import look_at_model
from barlow_report.starting.trial import DataFound, look_at_data

__all__ = ["in_order_of_outputs"]

_LISTS = {"classes", "class_file", "class_order"}


def in_order_of_outputs(data: DataFound, section: Mapping[str, Any]) -> DataFound | None:
    """Return the data with their classes listed as a model of transformers names its outputs.

    None where it names none of them, they are in this order already, or somebody listed the classes.

    Raises:
        BarlowReportError: The model cannot be built.
    """
    from barlow_report.vision.named_outputs import order_of_outputs

    if "transformers" not in section or data.section.keys() & _LISTS:
        return None
    class_names = data.images.class_names
    names = look_at_model(section, role="inspected_model").output_names
    order = None if names is None else order_of_outputs(names, class_names)
    if order is None or list(order) == sorted(order):
        return None
    return look_at_data({**data.section, "classes": [class_names[class_id] for class_id in order]})
