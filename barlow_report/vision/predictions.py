"""What a model predicts for a handful of images: a pass over many is `inference.py`."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from barlow_report.vision.bands import Content
from barlow_report.vision.decisions import LARGEST, Decision
from barlow_report.vision.models import LoadedModel
from barlow_report.vision.preprocessing import to_tensor

__all__ = ["predict_classes"]


def predict_classes(
    model: LoadedModel, images: Sequence[Content], *, decision: Decision = LARGEST
) -> npt.NDArray[np.int64]:
    """Return the class_id that follows from the outputs for each image, (n,). Preprocessed they must be of one size."""
    inputs = torch.stack([to_tensor(image, model.preprocessing) for image in images]).to(model.device)
    with torch.inference_mode():
        outputs = model.predict(inputs).cpu().double().numpy()
    return decision.decide(outputs).predictions
