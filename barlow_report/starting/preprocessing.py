"""How images have to be prepared for a model where neither its weights nor a person says so.

What is in use is tried: images are normalised by nothing, as for ImageNet, to ±1, or by their own mean and standard
deviation, each with the sizes of `starting.sizes`, and the one whose predictions are right most often is proposed. It
is a proposal: the file says so, and what else was tried. What belongs to published weights is one of those where a
model of a library has weights of somebody's own: who trains a model further often changes the size.

The classes may be in another order than the outputs: what counts is how many predictions would be right in the order
that is best, where another one is far better.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from barlow_report.errors import BarlowReportError, ModelError
from barlow_report.starting.pixels import own_normalisation
from barlow_report.starting.sizes import sizes_to_try
from barlow_report.starting.stated import Stated, look_at_model
from barlow_report.starting.trial import DataFound, Trial, try_model

__all__ = ["Choice", "choose_preprocessing", "is_clearly_better"]

_NORMALISATIONS: dict[str, dict[str, Any]] = {
    "no normalisation": {},
    "ImageNet's normalisation": {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]},
    "a normalisation to ±1": {"mean": 0.5, "std": 0.5},
}
_WORKS = 0.9
"""Share of right predictions from which on no further size is tried."""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The preprocessing that is proposed.

    Attributes:
        section: The model's section with it.
        trial: Of the model with it.
        remarks: One line for each that was tried.
    """

    section: dict[str, Any]
    trial: Trial
    remarks: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class _Candidate:
    name: str
    section: dict[str, Any]
    trial: Trial


def choose_preprocessing(data: DataFound, section: Mapping[str, Any], *, role: str, device: str = "auto") -> Choice:
    """Try a model with what its weights or its section say; where that is not enough, with each preprocessing in use.

    It is not enough where they say nothing, or where the model then only guesses.

    Raises:
        BarlowReportError: The model does not run, with none of them.
    """
    search = _Search(data, section, role=role, device=device)
    first, error = search.attempt(section)
    if section.get("preprocessing"):
        if first is None:
            raise error or ModelError(f"{role}: could not be tried.")
        return Choice(section=dict(section), trial=first, remarks=())
    is_told = first is not None and first.is_told
    if first is not None and is_told and not first.is_chance(data.n_classes):
        return Choice(section=dict(section), trial=first, remarks=())
    candidates = [*search.told(first if is_told else None), *search.usual(first, error)]
    if first is not None and not is_told and all(candidate.section != dict(section) for candidate in candidates):
        candidates.insert(
            0, _Candidate(name="images as they are, no normalisation", section=dict(section), trial=first)
        )
    if not candidates:
        raise search.error or error or ModelError(f"{role}: could not be tried.")
    names = data.images.class_names
    best = max(candidates, key=lambda candidate: candidate.trial.share_right(names))  # the first of equals
    if is_told and not is_clearly_better(best.trial, candidates[0].trial, class_names=names):
        best = candidates[0]
    remarks = tuple(f"{c.name}: {c.trial.n_right} of {c.trial.n_tried} images right" for c in candidates)
    return Choice(section=best.section, trial=best.trial, remarks=remarks if best.trial.n_tried else ())


class _Search:
    """Tries one model in several ways."""

    def __init__(self, data: DataFound, section: Mapping[str, Any], *, role: str, device: str) -> None:
        self._data, self._section, self._role, self._device = data, section, role, device
        self.error: BarlowReportError | None = None

    def attempt(self, section: Mapping[str, Any]) -> tuple[Trial | None, BarlowReportError | None]:
        try:
            return try_model(self._data, section, role=self._role, device=self._device), None
        except BarlowReportError as error:  # such as a size that it does not take
            return None, error

    def told(self, first: Trial | None) -> Iterator[_Candidate]:
        """What the weights say; of published ones also where the model has others."""
        if first is not None:
            yield _Candidate(name="as its files say", section=dict(self._section), trial=first)
        elif "weights" in self._section and self._section.keys() & {"torchvision", "timm"}:
            trial, _ = self.attempt({**self._section, "pretrained": True})
            if trial is not None:
                keys = trial.preprocessing.model_dump(mode="json", exclude_defaults=True)
                yield _Candidate(name="as for the published weights", section=self._with(keys), trial=trial)

    def usual(self, first: Trial | None, error: BarlowReportError | None) -> Iterator[_Candidate]:
        """Each size with each normalisation, until one works; `first` is what became of it as it is, or `error`."""
        best = 0.0 if first is None or not first.n_tried else first.n_right / first.n_tried
        guesses = True
        # What a file says stays where nothing else is written down.
        unsaid: dict[str, Any] = {"resize": None, "mean": 0, "std": 1} if first is not None and first.is_told else {}
        for size in sizes_to_try(self._data.sizes, self._stated()):
            if best >= _WORKS or (size.is_unlikely and not guesses):
                return
            for name, keys in self._normalisations.items():
                changed = self._with({**unsaid, **size.keys, **keys})
                trial, problem = self.attempt(changed) if changed != self._section else (first, error)
                if trial is None:
                    self.error = problem or self.error
                    if keys or unsaid:
                        continue  # of another number of channels, or not what the file of weights says
                    break  # it does not take this size
                yield _Candidate(name=f"{size.name}, {name}", section=changed, trial=trial)
                if not trial.n_tried:  # nothing tells which one is better
                    return
                best = max(best, trial.n_right / trial.n_tried)
                guesses &= trial.is_chance(self._data.n_classes)

    @cached_property
    def _normalisations(self) -> dict[str, dict[str, Any]]:
        own = own_normalisation(self._data)
        return _NORMALISATIONS if own is None else {**_NORMALISATIONS, "the images' own mean and deviation": own}

    def _stated(self) -> Stated:
        try:
            return look_at_model(self._section, role=self._role)
        except BarlowReportError:  # said by the attempts
            return Stated()

    def _with(self, keys: Mapping[str, Any]) -> dict[str, Any]:
        """The section with further keys of preprocessing."""
        return {**self._section, **({"preprocessing": dict(keys)} if keys else {})}


def is_clearly_better(found: Trial, told: Trial, *, class_names: Sequence[str]) -> bool:
    """Return whether more images are right than with what is told, by two standard deviations of the difference."""
    n = min(found.n_tried, told.n_tried)
    if n == 0:
        return False
    shares = [trial.share_right(class_names) for trial in (found, told)]
    p = sum(shares) / 2
    return shares[0] - shares[1] > 2 * math.sqrt(2 * p * (1 - p) / n)
