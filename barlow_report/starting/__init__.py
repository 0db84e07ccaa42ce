"""From answers to a first configuration: `barlow-report init`, without the questions.

`sources` reads what somebody typed as a section of the configuration, `trial` runs a model on some of the images,
`preprocessing` finds out how images have to be prepared where no file says it, `order` takes the order of the classes
from models that name their outputs, and `writing` writes the file.
"""

from barlow_report.starting.order import in_order_of_outputs
from barlow_report.starting.preprocessing import Choice, choose_preprocessing
from barlow_report.starting.sources import class_section, data_section, model_section
from barlow_report.starting.trial import DataFound, Trial, look_at_data, try_model
from barlow_report.starting.writing import Starter, write_starter

__all__ = [
    "Choice",
    "DataFound",
    "Starter",
    "Trial",
    "choose_preprocessing",
    "class_section",
    "data_section",
    "in_order_of_outputs",
    "look_at_data",
    "model_section",
    "try_model",
    "write_starter",
]
