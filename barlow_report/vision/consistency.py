"""Whether a model gives an image the same results whenever it is run, and whatever images are beside it.

Everything the product says rests on that: a failure that comes and goes with chance, or with the images that happen to
be in the same batch, explains nothing. So before the pass each model runs on a few images, drawn over the whole data
set, several times:

* **Twice** on the same batch, with all other runs in between. The same kernels on the same numbers give the same bits;
  a difference that is no rounding means chance, or a model that changes while it runs. Where the model drew random
  numbers or a buffer of it has changed, any difference counts, however small, and where it drew and nothing differs,
  it is run some more times: a dropout of 1 % may spare all of a few features.
* **Beside other images**, in a batch of the same size, each image at its place. Again the kernels are the same, in
  whatever precision, so that nothing but the neighbours can make a difference.
* **Alone, and in a batch of the size of the pass.** Here libraries choose other kernels, so only differences are
  counted that no rounding explains. Rounding is coarser where a model computes in half precision inside, and on devices
  that round the factors of products to 11 bits.

That is 64 images and four alone in six to eight runs, and one batch of the pass: 1 % of the work on 10,000 images.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from barlow_report.errors import ModelError
from barlow_report.vision.decisions import LARGEST, Decision
from barlow_report.vision.models import LoadedModel
from barlow_report.vision.probing import difference
from barlow_report.vision.stated import size_advice
from barlow_report.vision.variation import Variation, allow_or_refuse, reasons_for_chance, reasons_in_batch

__all__ = ["Outcome", "Uses", "check_consistency", "run_model"]

Uses = Literal["outputs", "features", "both"]
"""What of a model goes into the report."""

Results = dict[str, torch.Tensor]

N_ALONE = 4
"""How many of them are run alone."""

N_REPEATS = 30
"""Further runs of a model that draws random numbers without a difference in two."""

SAME_KERNELS = 1e-5
"""Largest difference that counts as rounding where the same kernels run, relative to the largest value of its kind.
Usually there is none at all; a few kernels of GPUs add up in whatever order their threads arrive."""

OTHER_KERNELS = 1e-3
"""The same where the batch has another size: usual networks make up to 1e-6 of it in float32 on a processor."""

OTHER_KERNELS_ROUGH = 0.03
"""The same for half precision, or on a device: bfloat16 rounds by 0.004 of a value, once in each of many layers."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What the runs of a model showed.

    Attributes:
        first: Results of the first run.
        assumption: A sentence for readers of the report where a model that varies was allowed.
    """

    first: Results
    assumption: str | None


@dataclass(frozen=True, kw_only=True)
class _Difference:
    """Between two runs: relative to the largest value, of what, and how many predictions changed."""

    size: float = 0.0
    kind: str = "outputs"
    n_flipped: int = 0
    n_images: int = 0
    has_predictions: bool = True

    def words(self) -> str:
        flipped = f" and {self.n_flipped} of {self.n_images} predictions change" if self.has_predictions else ""
        return f"{self.kind} differ by up to {_percent(self.size)} of the largest{flipped}"


def check_consistency(
    model: LoadedModel,
    images: torch.Tensor,
    *,
    uses: Uses,
    batch_size: int,
    decisions: Sequence[Decision] = (LARGEST,),
) -> Outcome:
    """Run `model` on a few images several times and compare.

    Args:
        model: Before it is made faster.
        images: In [0, 1], shape (n, C, H, W) with n of at least 1; best `sampling.N_IMAGES` of several classes.
        uses: What must be the same.
        batch_size: Of the pass.
        decisions: What follows from the outputs, for the number of predictions that change; none: not yet known.

    Raises:
        ModelError: The results are not the same, and 'allow_varying' does not allow it; or the model does not run.
    """
    if len(images) == 1:
        images = torch.cat([images, 1 - images])  # its negative, as a neighbour that is as different as can be
    with torch.inference_mode():
        return _Comparison(model, images, uses, decisions).outcome(batch_size)


def run_model(model: LoadedModel, images: torch.Tensor, *, uses: Uses) -> Results:
    """Run `model` once on images in [0, 1] and return those of its results that are used."""
    if uses == "outputs":
        return {"outputs": model.predict(images)}
    outputs, features, _ = model.features(images)
    return {"features": features} if uses == "features" else {"outputs": outputs, "features": features}


class _Precisions(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Looks whether anything is computed in less than float32 while it is entered."""

    are_rough = False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run an operation and look at its results."""
        results = func(*args, **(kwargs or {}))
        for result in results if isinstance(results, tuple | list) else (results,):
            if isinstance(result, torch.Tensor) and (result.is_floating_point() or result.is_quantized):
                self.are_rough |= result.dtype not in (torch.float32, torch.float64)
        return results


class _Comparison:
    def __init__(self, model: LoadedModel, images: torch.Tensor, uses: Uses, decisions: Sequence[Decision]) -> None:
        self.model = model
        self.decisions = decisions
        self.images = images
        self.uses: Uses = uses
        self.buffers = {name: buffer.clone() for name, buffer in model.module.named_buffers()}
        self.randomness = _randomness(model.device)
        self.first = self.run(images)
        self.draws = _randomness(model.device) != self.randomness

    def run(self, images: torch.Tensor) -> Results:
        try:
            return run_model(self.model, images, uses=self.uses)
        except (torch.OutOfMemoryError, ModelError):
            raise
        except Exception as error:  # somebody else's code
            raise ModelError(
                f"{self.model.role}: {self.model.name} does not run on {len(images)} of the images, "
                f"{tuple(images.shape)}: {type(error).__name__}: {str(error).rstrip('. ')}. Check its preprocessing."
                f"{size_advice(self.model.module)}"
            ) from error

    def outcome(self, batch_size: int) -> Outcome:
        beside = self.beside_others()
        resized = max((self.alone(), self.in_batch_of(batch_size)), key=lambda found: found.size)
        repeated = self.repeated()
        random_limit = 0.0 if self.draws or self.changed_buffers() else SAME_KERNELS
        if repeated.size > random_limit:
            reasons = reasons_for_chance(self.model.module, draws=self.draws, changed=self.changed_buffers())
            return self.varies("random", repeated, reasons)
        if beside.size > SAME_KERNELS:
            return self.varies("batch", beside, reasons_in_batch(self.model.module))
        if resized.size > OTHER_KERNELS and resized.size > self.rounding():
            reason = "it depends on the number of images in the batch or on the place of an image"
            return self.varies("batch", resized, [reason])
        return Outcome(first=self.first, assumption=None)

    def varies(self, variation: Variation, found: _Difference, reasons: list[str]) -> Outcome:
        assumption = allow_or_refuse(self.model, variation, seen=found.words(), reasons=reasons)
        return Outcome(first=self.first, assumption=assumption)

    def repeated(self) -> _Difference:
        """The first batch again, and again where chance had a hand in it and could not be seen."""
        found = self.compare(self.run(self.images), self.first)
        for _ in range(N_REPEATS if self.draws else 0):
            if found.size > 0:
                break
            found = self.compare(self.run(self.images), self.first)
        return found

    def beside_others(self) -> _Difference:
        """Every second image at its place, the others replaced by their neighbours, and the other way round."""
        n = len(self.images)
        if n < 2 or self.model.n_per_call == 1:
            return _Difference()
        places = torch.arange(n)
        found = []
        for parity in (0, 1):
            kept = places % 2 == parity
            others = torch.where(kept, places, (places + n - 1) % n).to(self.images.device)
            rows = places[kept].to(self.images.device)
            result = self.run(self.images[others])
            found.append(self.compare(_rows(result, rows), _rows(self.first, rows)))
        return _sum(found)

    def alone(self) -> _Difference:
        """The first images one by one."""
        n = min(N_ALONE, len(self.images))
        alone = [self.run(self.images[i : i + 1]) for i in range(n)]
        together = {kind: torch.cat([result[kind] for result in alone]) for kind in self.first}
        return self.compare(together, _rows(self.first, torch.arange(n, device=self.images.device)))

    def in_batch_of(self, n: int) -> _Difference:
        """A batch of the pass, filled up with the same images."""
        if n <= len(self.images) or self.model.n_per_call is not None:
            return _Difference()
        rows = torch.arange(n, device=self.images.device) % len(self.images)
        try:
            return self.compare(self.run(self.images[rows]), _rows(self.first, rows))
        except torch.OutOfMemoryError:  # the pass will halve its batches
            return _Difference()

    def rounding(self) -> float:
        """Largest difference that may be rounding where the batch has another size."""
        if self.model.device.type != "cpu":
            return OTHER_KERNELS_ROUGH
        with _Precisions() as precisions:  # type: ignore[no-untyped-call]
            self.run(self.images[:1])
        return OTHER_KERNELS_ROUGH if precisions.are_rough else OTHER_KERNELS

    def compare(self, found: Results, expected: Results) -> _Difference:
        sizes = {kind: difference(found[kind], expected[kind]) for kind in expected}
        kind = max(sizes, key=lambda name: sizes[name])
        has_predictions = "outputs" in expected and len(self.decisions) > 0
        return _Difference(
            size=sizes[kind],
            kind=kind,
            n_flipped=self.count_flipped(found["outputs"], expected["outputs"]) if has_predictions else 0,
            n_images=len(expected[kind]),
            has_predictions=has_predictions,
        )

    def count_flipped(self, found: torch.Tensor, expected: torch.Tensor) -> int:
        """Images of which anything else is predicted."""
        outputs = [values.cpu().double().nan_to_num(nan=-torch.inf).numpy() for values in (found, expected)]
        with np.errstate(invalid="ignore"):  # the pass names images whose outputs are not finite
            flipped = [
                decision.decide(outputs[0]).predictions != decision.decide(outputs[1]).predictions
                for decision in self.decisions
            ]
        return int(np.any(flipped, axis=0).sum())

    def changed_buffers(self) -> list[str]:
        return [
            name
            for name, buffer in self.model.module.named_buffers()
            if name in self.buffers and not torch.equal(buffer, self.buffers[name])
        ]


def _sum(found: Sequence[_Difference]) -> _Difference:
    largest = max(found, key=lambda item: item.size)
    return _Difference(
        size=largest.size,
        kind=largest.kind,
        n_flipped=sum(item.n_flipped for item in found),
        n_images=sum(item.n_images for item in found),
        has_predictions=largest.has_predictions,
    )


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.1 else f"{100 * share:.2g} %"


def _rows(results: Results, rows: torch.Tensor) -> Results:
    return {kind: values[rows] for kind, values in results.items()}


def _randomness(device: torch.device) -> list[bytes]:
    """The states of the generators that a model may draw from without one of its own."""
    states = [torch.get_rng_state().numpy().tobytes(), repr(random.getstate()).encode()]
    kind, keys, position, *_ = np.random.get_state()  # noqa: NPY002 - it is others that use it
    states.append(f"{kind}{position}".encode() + np.asarray(keys).tobytes())
    if device.type == "cuda":
        states.append(torch.cuda.get_rng_state(device).numpy().tobytes())
    return states
