"""The pass before it is made: some images go through the models, for the time and for what they say of these."""

import time
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from barlow_report.config import Config
from barlow_report.stages.prospect import Sample
from barlow_report.vision.datasets import ImageList

if TYPE_CHECKING:
    from barlow_report.vision.decisions import Decision
    from barlow_report.vision.extraction import ShardResult
    from barlow_report.vision.models import LoadedModel

__all__ = ["decision_before", "measure_pass", "of_output"]

_SECONDS = 4.0
"""How long to measure, if there are enough images."""
_N_FIRST, _N_MOST = 16, 512


def measure_pass(
    config: Config, images: ImageList, inspected: "LoadedModel | None", feature: "LoadedModel"
) -> tuple[Sample, float]:
    """Decode and run some of the images, spread over all: a few, and then as many as take some seconds.

    Returns:
        What was found of them, and the seconds that each took.
    """

    def run(n: int) -> tuple[npt.NDArray[np.int64], "ShardResult", float]:
        from barlow_report.vision.extraction import extract_shards

        chosen = np.unique(np.linspace(0, len(images.paths) - 1, n).astype(np.int64))
        start = time.perf_counter()
        (found,) = extract_shards(
            [[images.paths[i] for i in chosen]],
            source=images.source,
            feature_model=feature,
            inspected_model=inspected,
            batch_size=config.extraction.batch_size,
            n_workers=config.extraction.n_workers,
            feature_dtype=config.extraction.feature_dtype,
            keeps_values=images.n_outputs is not None,
        )
        return chosen[found.kept], found, (time.perf_counter() - start) / len(chosen)

    n_first = min(_N_FIRST, len(images.paths))
    ids, found, each = run(n_first)
    n = min(int(_SECONDS / each), _N_MOST, len(images.paths))
    if n > n_first:
        ids, found, each = run(n)
    sample = Sample(
        image_ids=ids,
        features=np.asarray(found.features, dtype=np.float32),
        predictions=_predictions(config, images, inspected, ids, found),
    )
    return sample, each


def decision_before(config: Config, images: ImageList, inspected: "LoadedModel") -> "Decision":
    """How outputs decide, as far as is known before the pass: a threshold that is to be chosen is taken for 0.5."""
    from barlow_report.vision.decisions import LARGEST, Decision, Positive

    spec = config.inspected_model
    if spec is None or (inspected.n_outputs > 1 and images.n_outputs is None):
        return LARGEST
    threshold = spec.threshold if isinstance(spec.threshold, float) else 0.5
    names = list(images.class_names)
    class_id = names.index(spec.positive) if spec.positive in names else 1
    return Decision(
        kind="probabilities" if spec.output == "probabilities" else "sigmoid_logits",
        positive=Positive(column=images.column or 0, class_id=class_id, threshold=threshold),
    )


def of_output(sample: Sample, images: ImageList, one: ImageList) -> Sample:
    """The sample of a list of images as that of one output's list, whose labels are the predictions by then."""
    positions = {path: i for i, path in enumerate(one.paths)}
    rows = [row for row, i in enumerate(sample.image_ids.tolist()) if images.paths[i] in positions]
    ids = np.array([positions[images.paths[i]] for i in sample.image_ids[rows].tolist()], dtype=np.int64)
    order = np.argsort(ids)
    return Sample(image_ids=ids[order], features=sample.features[rows][order], predictions=None)


def _predictions(
    config: Config,
    images: ImageList,
    inspected: "LoadedModel | None",
    ids: npt.NDArray[np.int64],
    found: "ShardResult",
) -> npt.NDArray[np.int64] | None:
    """What is predicted for the images of the sample; None where there is a prediction for each output."""
    if images.predictions is not None:
        return images.predictions[ids]
    if inspected is None or found.predictions is None or found.outputs is None:
        return None
    decision = decision_before(config, images, inspected)
    if found.values is not None:
        return None if images.column is None else decision.decide(found.values.astype(np.float64)).predictions
    return decision.decide_summary(found.predictions, found.outputs)[0]
