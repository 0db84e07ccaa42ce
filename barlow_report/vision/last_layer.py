"""What the last layer of a model does with its features."""

import numpy as np
import numpy.typing as npt

from barlow_report.vision.models import LoadedModel

__all__ = ["class_weights"]


def class_weights(model: LoadedModel, output: int) -> npt.NDArray[np.float64] | None:
    """How much each feature adds to an output in the last layer, (n_features,).

    None where the model has not exactly one layer from its features to its outputs.
    """
    shape = (model.n_network_outputs, model.n_features)
    if model.kept_outputs is not None:
        output = int(model.kept_outputs.index[output])
    layers = [
        value
        for value in model.module.state_dict().values()
        if value.shape[:2] == shape and value[0, 0].numel() == 1 and value.is_floating_point()
    ]
    return None if len(layers) != 1 else layers[0].flatten(1)[output].double().cpu().numpy()
