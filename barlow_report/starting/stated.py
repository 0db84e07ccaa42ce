"""What a model says of itself before it runs: see `vision.stated`."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from barlow_report.errors import ConfigError
from barlow_report.stages.copies import with_copies_of_models
from barlow_report.starting.trial import as_config

__all__ = ["Stated", "look_at_model"]


@dataclass(frozen=True, kw_only=True)
class Stated:
    """What a model says of itself.

    Attributes:
        size: Height and width of the images that it was made for, in pixels; None where it does not say.
        is_only_size: Whether it takes no others.
        output_names: Of its outputs, in their order; None where nobody named them.
    """

    size: tuple[int, int] | None = None
    is_only_size: bool = False
    output_names: tuple[str, ...] | None = None


def look_at_model(section: Mapping[str, Any], *, role: str) -> Stated:
    """Build a model with its weights, and ask it.

    Args:
        section: Of the model, with paths relative to the working directory.
        role: inspected_model or feature_model, for errors.

    Raises:
        BarlowReportError: It cannot be built.
    """
    from barlow_report.vision.loading import assemble_model
    from barlow_report.vision.stated import fixed_size, output_names, stated_size

    # Neither the data nor the other model are looked at: any stand for them; preprocessing may depend on the data.
    own = {key: value for key, value in section.items() if key != "preprocessing"}
    models = {"inspected_model": own, "feature_model": {"torchvision": "resnet18"}}
    spec = with_copies_of_models(as_config({"data": {"folder": "."}, **models}, folder=Path.cwd())).inspected_model
    if spec is None:
        raise ConfigError(f"{role}: missing.")  # unreachable: it was just put there
    module = assemble_model(spec, role=role).module
    return Stated(
        size=stated_size(module), is_only_size=fixed_size(module) is not None, output_names=output_names(module)
    )
