"""Further images: a data source beside the analysed one, passed over with the same models."""

from pydantic import Field, model_validator

from barlow_report.config.data import DataConfig

__all__ = ["FurtherDataConfig"]

_OF_ANALYSED = ("class_order", "confirm_class_order", "probabilities")


class FurtherDataConfig(DataConfig):
    """A data source with the classes of the run; its images need no labels.

    Labels and predictions are matched to the run's classes by name; `classes` or `class_file` say which names numbers
    count, where the source does not and it is not the run's list. `decode` and `pixel_range` are those of `data` where
    they are left out.
    """

    labelled: bool = Field(
        True,
        description="Whether labels are read, as far as there are any; of a folder, whether its sub-folders are "
        "classes.",
    )

    @model_validator(mode="after")
    def _nothing_of_analysed(self) -> "FurtherDataConfig":
        given = [key for key in _OF_ANALYSED if key in self.model_fields_set]
        if given:
            raise ValueError(f"{given[0]!r} goes with 'data': the classes are those of the run. Leave it out here")
        return self

    def completed(self, data: DataConfig) -> DataConfig:
        """Return this source, with its images read like those of `data` where it does not say how."""
        taken = {key: getattr(data, key) for key in ("decode", "pixel_range") if key not in self.model_fields_set}
        return self.model_copy(update=taken)
