"""What a failure mode looks like in one glance: an image that fails, and what its features show."""

from dataclasses import dataclass

from barlow_report.report.datatable import Picture, Sample
from barlow_report.report.pages.page import Site
from barlow_report.report.picture_records import Tile
from barlow_report.report.records import Condition, Group, Rule
from barlow_report.report.words import tightest

__all__ = ["FeatureSample", "feature_samples", "mode_sample"]

_WORDS = {"le": "lacks this", "gt": "has this"}
_N_SHOWN = 3


@dataclass(frozen=True, kw_only=True)
class FeatureSample:
    """A feature of a failure mode, whether its images lack or have it, and the images of the group that have most."""

    feature_id: int
    name: str
    word: str
    tiles: tuple[Tile, ...]


def feature_samples(site: Site, group: Group, rule: Rule) -> tuple[FeatureSample, ...]:
    """The features of a failure mode, in the order of its conditions, each once."""
    by_feature: dict[int, list[Condition]] = {}
    for condition in tightest(rule.conditions):
        by_feature.setdefault(condition.feature_id, []).append(condition)
    return tuple(
        FeatureSample(
            feature_id=feature_id,
            name=conditions[0].name or f"feature {feature_id}",
            word=_WORDS[conditions[0].branch] if len(conditions) == 1 else "has some of this",
            tiles=site.catalog.tiles.get((group.group_id, feature_id), ())[:_N_SHOWN],
        )
        for feature_id, conditions in by_feature.items()
    )


def mode_sample(site: Site, group: Group, rule: Rule) -> Sample | None:
    """A failing image of the mode, and beside it what each of its features shows; None where there are no pictures."""
    failing = next((image for image in site.catalog.galleries.get(rule.rule_id, ()) if image.is_failure), None)
    features = tuple(
        (Picture(sample.tiles[0].thumbnail, f"What {sample.name} shows"), sample.word)
        for sample in feature_samples(site, group, rule)
        if sample.tiles
    )
    if failing is None and not features:
        return None
    picture = (
        None if failing is None else Picture(failing.thumbnail, f"An image that fails: {_said(site, failing.image_id)}")
    )
    return Sample(picture, features)


def _said(site: Site, image_id: int) -> str:
    images = site.catalog.images
    label, prediction = (site.class_name(int(ids[image_id])) for ids in (images.label, images.prediction))
    return f"labelled {label}, taken for {prediction}"
