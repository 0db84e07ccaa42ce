"""The first stages in a forecast: the pass over the images, the features that are given, and the search for rules."""

from typing import TYPE_CHECKING

from barlow_report.config import Config
from barlow_report.estimates import Estimate
from barlow_report.formatting import count, counted, duration
from barlow_report.stages.forecast_parts import Part
from barlow_report.stages.forecast_rules import measure_search
from barlow_report.stages.prospect import Prospect
from barlow_report.stages.unions import rules_with_unions
from barlow_report.vision.datasets import ImageList

if TYPE_CHECKING:
    from barlow_report.vision.models import LoadedModel

__all__ = ["BYTES_OF_A_NUMBER", "estimate_rules", "given_part", "pass_part"]

BYTES_OF_A_NUMBER = {"float32": 4, "float16": 2}
_SECONDS_GIVEN, _SECONDS_PER_NUMBER = 0.3, 1e-8
"""Of a run that asks no model: to read the table and to copy the features."""
_BYTES_PER_IMAGE = 60
"""Of tables of all images, beside the letters of their paths."""


def pass_part(
    config: Config, images: ImageList, feature: "LoadedModel", *, each: float, loading: float, device: str
) -> Part:
    """The pass over the images, and loading the models before it."""
    n = len(images.paths)
    letters = sum(map(len, images.paths[:: max(n // 1000, 1)])) * max(n // 1000, 1)
    estimate = Estimate(
        words=f"{counted(n, 'image')} at {1 / each:,.1f} a second on {device}, after {duration(loading)} of loading",
        seconds=n * each + loading,
        n_bytes=n * (feature.n_features * BYTES_OF_A_NUMBER[config.extraction.feature_dtype] + _BYTES_PER_IMAGE)
        + letters // 4,
        figures={"n_images": n, "images_per_second": round(1 / each, 2), "seconds_of_loading": round(loading, 2)},
    )
    return Part.of("pass", estimate)


def given_part(config: Config, prospect: Prospect) -> Part:
    """The first stage of a run that asks no model; images that are there are read once."""
    looked = "images are read to be shown" if config.data.has_images else "no image is read"
    reading = prospect.pictures(prospect.n_images)[0]
    each = prospect.n_features * BYTES_OF_A_NUMBER[config.extraction.feature_dtype] + _BYTES_PER_IMAGE
    estimate = Estimate(
        words=f"{config.data.manifest} says what was predicted, and {looked}",
        seconds=reading
        + prospect.slowness * (_SECONDS_GIVEN + _SECONDS_PER_NUMBER * prospect.n_images * prospect.n_features),
        n_bytes=prospect.n_images * each,
        figures={"n_images": prospect.n_images, "n_features": prospect.n_features},
    )
    return Part.of("pass", estimate)


def estimate_rules(config: Config, prospect: Prospect) -> Estimate:
    """The search for rules."""
    if not prospect.n_features:
        return Estimate(words="none: there are no features, so no failure modes; data.features gives them")
    found = measure_search(rules_with_unions(config, prospect.images.class_names), prospect)
    if found is None:
        return Estimate(words="no group is large enough")
    expected = prospect.expected
    groups = f"{count(expected.n_trees)} of {counted(expected.n_groups, 'group')}"
    once = f", and {duration(found.once)} once to compile" if found.once >= 1 else ""
    return Estimate(
        words=f"{groups} have enough failures, as a search among features of some images takes{once}",
        seconds=found.seconds + found.once,
        figures={"n_groups": expected.n_groups, "n_trees": expected.n_trees, "n_verified": expected.n_verified},
    )
