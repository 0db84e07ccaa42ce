"""Further images: a data source beside the analysed one, passed over with the same models."""

from pydantic import Field

from barlow_report.config.data import DataConfig, ImageSourceConfig

__all__ = ["NO_LABEL", "OTHER_CLASS", "FurtherDataConfig", "refuse_given_features"]

NO_LABEL = -1
"""In place of a class_id: an image without a label."""

OTHER_CLASS = -2
"""In place of a class_id: an image with a label that is no class of the run."""


class FurtherDataConfig(ImageSourceConfig):
    """A data source with the classes of the run; its images need no labels.

    Labels and predictions are matched to the run's classes by name. `decode`, `pixel_range` and `bands` are those of
    `data` where they are left out.
    """

    labelled: bool = Field(
        True,
        description="Whether labels are read, as far as there are any; of a folder, whether its sub-folders are "
        "classes.",
    )
    class_names: list[str] | None = Field(
        None,
        description="The names that labels count where they are numbers; default: those that the source lists, else "
        "the classes of `data`.",
    )

    def completed(self, data: DataConfig) -> "FurtherDataConfig":
        """Return this source, with its images read like those of `data` where it does not say how."""
        taken = {
            key: getattr(data, key) for key in ("decode", "pixel_range", "bands") if key not in self.model_fields_set
        }
        return self.model_copy(update=taken)


def refuse_given_features(data: DataConfig, *, key: str) -> None:
    """Refuse a section that needs features of other images than the analysed ones, which only a model gives.

    Raises:
        ValueError: `data.features` are given.
    """
    if data.features is not None:
        raise ValueError(f"{key!r} asks a feature model about other images; leave it out beside 'data.features'")
