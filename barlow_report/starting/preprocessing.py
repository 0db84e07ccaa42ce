"""How images have to be prepared for a model where neither its weights nor a person says so.

What is in use is tried: images are normalised by nothing, as for ImageNet, or to ±1, each with the sizes below, and the
one whose predictions are right most often is proposed. It is a proposal: the file says so, and what else was tried.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from barlow_report.errors import BarlowReportError, ModelError
from barlow_report.starting.trial import DataFound, Trial, try_model

__all__ = ["Choice", "choose_preprocessing"]

_NORMALISATIONS: dict[str, dict[str, Any]] = {
    "no normalisation": {},
    "ImageNet's normalisation": {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]},
    "a normalisation to ±1": {"mean": 0.5, "std": 0.5},
}
_SIZE = {"resize": 256, "crop": 224}
_LARGEST_AS_IT_IS = 160
"""Shorter side in pixels up to which images of one size are taken to be what a model was trained on."""


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


def choose_preprocessing(data: DataFound, section: Mapping[str, Any], *, role: str, device: str = "auto") -> Choice:
    """Try a model with what its weights or its section say; where they say nothing, with each preprocessing in use.

    Raises:
        BarlowReportError: The model does not run, with none of them.
    """
    first, error = _attempt(data, section, role=role, device=device)
    if first is not None and (first.is_told or section.get("preprocessing")):
        return Choice(section=dict(section), trial=first, remarks=())
    if error is not None and section.get("preprocessing"):
        raise error
    tried: dict[str, tuple[dict[str, Any], Trial]] = {}
    for size_name, size in _sizes(data):
        for name, keys in _NORMALISATIONS.items():
            changed = _with(section, {**size, **keys})
            trial, problem = _attempt(data, changed, role=role, device=device) if changed != section else (first, error)
            if trial is None:
                error = problem or error
                if keys:
                    continue  # of another number of channels
                break  # it does not take this size
            tried[f"{size_name}, {name}"] = (changed, trial)
            if not trial.n_tried:  # nothing tells which one is better
                return Choice(section=changed, trial=trial, remarks=())
    if not tried:
        raise error or ModelError(f"{role}: could not be tried.")
    best, trial = max(tried.values(), key=lambda pair: pair[1].n_right)  # the first of equals
    remarks = tuple(f"{name}: {t.n_right} of {t.n_tried} images right" for name, (_, t) in tried.items())
    return Choice(section=best, trial=trial, remarks=remarks)


def _attempt(
    data: DataFound, section: Mapping[str, Any], *, role: str, device: str
) -> tuple[Trial | None, BarlowReportError | None]:
    try:
        return try_model(data, section, role=role, device=device), None
    except BarlowReportError as error:  # such as a size that it does not take
        return None, error


def _sizes(data: DataFound) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Sizes to try, the likeliest first: as they are where all are small and alike, else what most models take."""
    are_alike = len(set(data.sizes)) == 1
    if are_alike and min(data.sizes[0]) <= _LARGEST_AS_IT_IS:
        yield "images as they are", {}
        return
    yield "resized to 256, 224 of it", _SIZE
    if are_alike:
        yield "images as they are", {}


def _with(section: Mapping[str, Any], keys: Mapping[str, Any]) -> dict[str, Any]:
    """The section with further keys of preprocessing."""
    whole = {**section.get("preprocessing", {}), **keys}
    return {**section, **({"preprocessing": whole} if whole else {})}
