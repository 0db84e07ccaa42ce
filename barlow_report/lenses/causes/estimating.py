"""How long causes take: a few images are changed, along a feature and along controls, and that is multiplied."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from barlow_report.config import Config
from barlow_report.estimates import Estimate
from barlow_report.formatting import counted
from barlow_report.lenses.causes.config import CausesConfig
from barlow_report.lenses.causes.laboratory import NEEDED
from barlow_report.lenses.causes.stage import N_TOGETHER
from barlow_report.lenses.causes.tables import DIRECTIONS, PICTURES
from barlow_report.stages.measuring import timed
from barlow_report.stages.prospect import Prospect

__all__ = ["estimate_causes"]

_SECONDS = 5.0
"""How long changes are measured at most, unless those of two images take longer."""
_N_CONTROLS = 2
"""Controls of the first measurement, which is of two images."""
_PASSES_PER_ROW = 3
"""Changing an image along one feature takes about so many times what it takes in the pass, where many are changed at
once: 2.4 times with the demo's networks and with those of CIFAR-10."""
_N_MOVED = 4
"""Features that are moved in turn."""


def estimate_causes(config: Config, prospect: Prospect) -> Estimate:
    """Estimate the lens from changes of a few images: as many as take some seconds."""
    settings: CausesConfig = config.needed_section("causes")
    feature, inspected, expected = prospect.feature, prospect.inspected, prospect.expected
    if inspected is None or feature is None:
        return Estimate(words="nothing is tested: there is no inspected model to ask")
    if not feature.has_gradients:
        return Estimate(words=f"nothing is tested: no gradients flow from the features of {feature.name}")
    n = expected.n_conditions * len(DIRECTIONS)
    if not n:
        return Estimate(words=f"nothing to test: {expected.assumed}")
    per_image = _seconds_each(settings, prospect)
    n_images = min(settings.n_images, max(_usual_group(prospect), 1))
    each = per_image * n_images
    n_pictures = n * min(settings.n_pairs, n_images) * len(PICTURES)
    drawing, n_bytes = prospect.pictures(n_pictures)
    return Estimate(
        words=f"{counted(n, 'experiment')} with at most {counted(n_images, 'image')} and "
        f"{counted(settings.n_controls, 'control')} at {each:.2g} s each, {expected.assumed}",
        seconds=each * n + drawing,
        n_bytes=n_bytes,
        n_pictures=n_pictures,
        figures={"n_experiments": n, "seconds_each_experiment": each, "n_images_each": n_images},
    )


def _usual_group(prospect: Prospect) -> int:
    """Images on one side of a condition: half of those of a class of usual size."""
    sizes = np.bincount(prospect.images.labels[prospect.images.labels >= 0], minlength=1)
    return int(np.median(sizes[sizes > 0])) // 2 if sizes.any() else 0


def _seconds_each(settings: CausesConfig, prospect: Prospect) -> float:
    """Seconds for each image of an experiment, all controls included."""
    from barlow_report.vision.acceleration import guide_precision
    from barlow_report.vision.decisions import LARGEST
    from barlow_report.vision.intervention import Interventions
    from barlow_report.vision.outcomes import Change, Task

    feature, inspected = prospect.feature, prospect.inspected
    if feature is None or inspected is None or prospect.sample is None:
        raise LookupError("there are no models")  # unreachable: it was looked for them
    values = prospect.sample.features
    moved, controls = _chosen(values, settings.n_controls)
    laboratory = Interventions(
        feature,
        inspected,
        decision=prospect.decision or LARGEST,
        n_steps=settings.n_steps,
        batch_size=settings.batch_size,
        precision=guide_precision(settings.precision, feature.device),
    )
    has_class_controls = feature.ends_in_linear and feature.n_outputs == inspected.n_outputs

    def change(n_images: int, n_controls: int, n_tasks: int) -> None:
        images = [loaded.content for loaded in prospect.some_images(n_images)]
        tasks = []
        for i in range(n_tasks):
            own, is_up = int(moved[i % len(moved)]), i % len(DIRECTIONS) == 0
            what = Change(
                feature_id=own,
                sign=1 if is_up else -1,
                target=float(np.quantile(values[:, own], 0.75 if is_up else 0.25)),
                radius=settings.radius,
                share=NEEDED if settings.radius is None else None,
                controls=controls[:n_controls],
                class_controls=controls[:1] if has_class_controls else controls[:0],
                seed=i,
            )
            tasks.append(Task(images=images, labels=np.zeros(len(images), dtype=np.int64), change=what))
        laboratory.run(tasks)

    few = min(_N_CONTROLS, settings.n_controls)
    n_rows, seconds = 2 * (1 + few), timed(lambda: change(2, few, 1))
    usual = _PASSES_PER_ROW * prospect.seconds_each
    for n_images, n_controls, n_tasks in _larger(settings, few):
        n_more = n_images * n_tasks * (1 + n_controls)
        if n_more * usual < _SECONDS and seconds < _SECONDS / 2:
            n_rows, seconds = n_more, timed(lambda: change(n_images, n_controls, n_tasks))  # noqa: B023 - at once
            break
    n_left = N_TOGETHER * settings.n_images * (1 + settings.n_controls) - n_rows
    return (seconds + n_left * min(usual, seconds / n_rows)) / (N_TOGETHER * settings.n_images)


def _larger(settings: CausesConfig, few: int) -> Iterator[tuple[int, int, int]]:
    """Images, controls and experiments of measurements that are tried, the largest first."""
    n_images = settings.n_images
    yield n_images, settings.n_controls, 2
    yield n_images, settings.n_controls, 1
    yield n_images, few, 1
    yield 8, few, 1
    yield 2, few, 1


def _chosen(values: npt.NDArray[np.floating], n_controls: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Features that vary most, to be moved; and some that vary less, as controls."""
    order = np.argsort(-values.std(axis=0), kind="stable")
    moved = order[:_N_MOVED]
    others = order[_N_MOVED : _N_MOVED + n_controls]
    return moved, others if len(others) else moved
