"""A model that chooses among some of its classes: of its outputs only those of these classes are left.

Outputs that add up to a whole for every image, to 1 or to 100, do so again: each is its share of what is left. So do
the exponentials of logarithms of probabilities. The softmax of logits is such a share by itself.
"""

from dataclasses import replace

import torch

from barlow_report.vision.class_subset import OutputSubset
from barlow_report.vision.models import KeptOutputs, LoadedModel
from barlow_report.vision.outputs import SIGN_TOLERANCE, TOLERANCE

__all__ = ["keep_outputs"]

_N_TRIED = 8


def keep_outputs(model: LoadedModel, subset: OutputSubset | None) -> LoadedModel:
    """Return the model with the outputs of a subset alone; itself without one.

    Args:
        model: With an output for each of all classes; it is not changed.
        subset: Which of them to keep.
    """
    if subset is None:
        return model
    images = torch.rand(_N_TRIED, model.n_channels, *model.probed_size, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        outputs = model.predict(images)
    kept = KeptOutputs(
        index=torch.tensor(subset.columns, device=model.device),
        n_all=subset.n_all,
        whole=None if model.ends_in_linear else _whole(outputs),
        are_logarithms=not model.ends_in_linear and bool((outputs.logsumexp(dim=1).abs() <= TOLERANCE).all()),
    )
    return replace(model, n_outputs=len(subset.columns), kept_outputs=kept)


def _whole(outputs: torch.Tensor) -> float | None:
    """What outputs (B, n_all) add up to, where that is what probabilities or percentages do."""
    for whole in (1.0, 100.0):
        is_whole = (outputs.sum(dim=1) - whole).abs() <= TOLERANCE * whole
        if bool((outputs.min() >= -SIGN_TOLERANCE * whole) & is_whole.all()):
            return whole
    return None
