"""A trial of the models before the pass: a few images, drawn over the whole data set, as the pass will see them.

What would make hours of work useless comes out here: models that do not give an image the same results each time, and
outputs that tell no classes apart.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import torch

from barlow_report.errors import DataError, ModelError
from barlow_report.vision.consistency import Outcome, Uses, check_consistency
from barlow_report.vision.decisions import LARGEST, Decision
from barlow_report.vision.decoding import Batch, Decoded, make_plan
from barlow_report.vision.inference import images_per_run, to_inputs
from barlow_report.vision.memory import MemoryLimit, within_memory
from barlow_report.vision.models import LoadedModel
from barlow_report.vision.outputs import TIES_ADVICE, summarise
from barlow_report.vision.passes import default_batch_size
from barlow_report.vision.preprocessing import Pixels
from barlow_report.vision.sampling import draw_sample
from barlow_report.vision.sources.source import ImageSource

__all__ = ["try_models"]

MAX_TIED = 0.5
"""Share of the images with ties from which on the pass is not begun; over all images, `outputs` draws the line."""

MIN_JUDGED = 8
"""Fewer images than these are not judged together."""


def try_models(
    paths: Sequence[str],
    labels: npt.NDArray[np.int64],
    *,
    source: ImageSource,
    feature_model: LoadedModel | None,
    inspected_model: LoadedModel | None,
    batch_size: int | None = None,
    decisions: Sequence[Decision] = (LARGEST,),
    are_exclusive: bool = True,
) -> dict[str, str]:
    """Run the models of a pass on a few of its images and check what they give.

    Args:
        paths: All images, or those that `draw_sample` chooses.
        labels: Their classes.
        source: Reads them.
        feature_model: Gives the features; None where they are not wanted.
        inspected_model: Gives the predictions, perhaps the same object; None where they are known.
        batch_size: Of the pass, as configured.
        decisions: What follows from the inspected model's outputs; none: not yet known.
        are_exclusive: The largest output is the prediction, so that several largest ones leave it open.

    Returns:
        Sentences for readers of the report by role: what a model was allowed to do.

    Raises:
        DataError: None of the images can be read.
        ModelError: A model gives an image other results at another time and that is not allowed, or its outputs tell
            no classes apart.
    """
    plan = make_plan(source, feature_model, inspected_model)
    sample = draw_sample(len(paths))
    decoded = _of_one_size(plan.decoder.decode(Batch(paths=[paths[i] for i in sample], first=0)))
    if not decoded.names:
        which = f"the {len(sample)} images" if len(sample) == len(paths) else f"{len(sample)} images, drawn over all,"
        raise DataError(
            f"{source.root}: none of {which} can be read; the first, {paths[sample[0]]}: {decoded.skipped[0][1]}. "
            "Check that the path is right and the files are images."
        )
    assumptions = {}
    for model, uses in _uses(feature_model, inspected_model):
        version = len(plan.decoder.geometries) - 1 if model is inspected_model else 0
        pixels = [versions[version] for versions in decoded.pixels]
        n_at_once = batch_size or default_batch_size(model.device)
        outcome = _consistency(model, pixels, uses=uses, batch_size=n_at_once, decisions=decisions)
        if outcome.assumption is not None:
            assumptions[model.role] = outcome.assumption
        n = len(next(iter(outcome.first.values())))
        of_images = labels[sample][decoded.positions][:n]
        _check_outputs(model, outcome, pixels[:n], of_images, are_exclusive=are_exclusive)
    return assumptions


def _consistency(
    model: LoadedModel, pixels: list[Pixels], *, uses: Uses, batch_size: int, decisions: Sequence[Decision]
) -> Outcome:
    """Check the model on these images, or on as many of them as its device holds."""
    images = to_inputs(torch.from_numpy(np.stack(pixels)).to(model.device)).contiguous()
    n_at_once = min(batch_size, images_per_run(model.device, pixels[0].shape[:2], MemoryLimit()))
    return within_memory(
        lambda n: check_consistency(model, images[:n], uses=uses, batch_size=n_at_once, decisions=decisions),
        len(images),
        limit=MemoryLimit(),
        what=f"{model.role} on {model.device}",
    )


def _of_one_size(decoded: Decoded) -> Decoded:
    """The images of the most frequent size: only such can be in one batch."""
    shapes = [tuple(pixels.shape for pixels in versions) for versions in decoded.pixels]
    if not shapes:
        return decoded
    (shape, _), *_ = Counter(shapes).most_common(1)
    rows = [row for row, found in enumerate(shapes) if found == shape]
    return Decoded(
        positions=[decoded.positions[row] for row in rows],
        names=[decoded.names[row] for row in rows],
        pixels=[decoded.pixels[row] for row in rows],
        digests=[decoded.digests[row] for row in rows],
        skipped=decoded.skipped,
        remarks=decoded.remarks,
    )


def _uses(feature_model: LoadedModel | None, inspected_model: LoadedModel | None) -> Iterator[tuple[LoadedModel, Uses]]:
    if feature_model is not None and inspected_model is feature_model:
        yield feature_model, "both"
        return
    if inspected_model is not None:
        yield inspected_model, "outputs"
    if feature_model is not None:
        yield feature_model, "features"


def _check_outputs(
    model: LoadedModel, outcome: Outcome, pixels: list[Pixels], labels: npt.NDArray[np.int64], *, are_exclusive: bool
) -> None:
    """Refuse outputs that are the same for all images, or whose largest one is mostly not the only one."""
    found = outcome.first.get("outputs")
    if found is None or len(found) < MIN_JUDGED:
        return
    outputs = found.cpu().numpy().astype(np.float64)
    if not np.isfinite(outputs.max(axis=1)).all():
        return  # the pass names the image
    n_images, n_tied = len(outputs), int((summarise(outputs)["n_largest"] > 1).sum())
    if are_exclusive and n_tied > MAX_TIED * n_images:
        raise ModelError(
            f"{model.role}: {model.name} has several largest outputs for {n_tied} of {n_images} images, so that its "
            "predictions would be the first of these classes, by the order of the classes alone. "
            f"{TIES_ADVICE} First outputs: {_shown(outputs[0])}."
        )
    is_saturated = outputs.min() == 0 and outputs.max() in (1, 100)
    is_constant = (outputs == outputs[0]).all() and not is_saturated
    if is_constant and len(set(labels.tolist())) > 1 and any((image != pixels[0]).any() for image in pixels):
        raise ModelError(
            f"{model.role}: {model.name} gives the same outputs for {n_images} images of "
            f"{len(set(labels.tolist()))} classes: {_shown(outputs[0])}. Check that its weights belong to it and that "
            "'preprocessing: mean' and 'std' are those it was trained with."
        )


def _shown(outputs: npt.NDArray[np.float64]) -> str:
    return f"{', '.join(f'{value:.4g}' for value in outputs[:4])}{', …' if len(outputs) > 4 else ''}"
