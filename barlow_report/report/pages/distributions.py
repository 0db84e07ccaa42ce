"""How a feature is distributed: over the images of the groups whose rules use it, and over all images."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from barlow_report.formatting import percent
from barlow_report.report.datatable import Link
from barlow_report.report.histogram import HistogramDrawing, draw_histogram
from barlow_report.report.pages.page import Site
from barlow_report.report.pages.pictures import FeaturePicture, feature_picture
from barlow_report.report.picture_records import QuantileImage
from barlow_report.report.records import Rule
from barlow_report.report.words import images_of

__all__ = ["Distribution", "QuantileColumn", "in_groups", "over_all"]


@dataclass(frozen=True, kw_only=True)
class QuantileColumn:
    """The images at one quantile of the feature."""

    title: str
    pictures: tuple[FeaturePicture, ...]


@dataclass(frozen=True, kw_only=True)
class Distribution:
    """How the feature is distributed over some images.

    Attributes:
        images: Which: images labelled dog; all images.
        group: Of them and its page; None for all images.
        histogram: With the thresholds of the rules of the group, or of all rules that use the feature.
        quantiles: Images from weak to strong; none are stored of groups without a failure mode that uses the feature.
    """

    images: str
    group: Link | None
    histogram: HistogramDrawing | None
    quantiles: tuple[QuantileColumn, ...]


def in_groups(site: Site, feature_id: int, group_ids: Iterable[int]) -> tuple[Distribution, ...]:
    """Return the distributions in groups, in their order, those with pictures first."""
    found = [_in_group(site, feature_id, group_id) for group_id in group_ids]
    return tuple(sorted((each for each in found if each.histogram is not None), key=lambda each: not each.quantiles))


def over_all(site: Site, feature_id: int) -> Distribution:
    """Return the distribution over all images."""
    bins = site.catalog.histograms.get(feature_id, ())
    rules = site.catalog.rules_of_feature.get(feature_id, ())
    return Distribution(
        images="all images",
        group=None,
        histogram=draw_histogram(bins, thresholds=_thresholds(rules, feature_id)),
        quantiles=_quantiles(site, site.catalog.quantiles.get(feature_id, ())),
    )


def _in_group(site: Site, feature_id: int, group_id: int) -> Distribution:
    key, group = (group_id, feature_id), site.catalog.groups[group_id]
    bins = site.catalog.group_histograms.get(key, ())
    words = images_of(group)
    return Distribution(
        images=words,
        group=Link(f"{words[:1].upper()}{words[1:]}", site.group_path(group)),
        histogram=draw_histogram(bins, thresholds=_thresholds(group.rules, feature_id)),
        quantiles=_quantiles(site, site.catalog.group_quantiles.get(key, ())),
    )


def _thresholds(rules: Sequence[Rule], feature_id: int) -> list[tuple[float, float]]:
    return [(c.threshold, c.printed) for rule in rules for c in rule.conditions if c.feature_id == feature_id]


def _quantiles(site: Site, images: Iterable[QuantileImage]) -> tuple[QuantileColumn, ...]:
    """The images along the distribution, a column for each quantile, the lowest first."""
    columns: dict[float, list[FeaturePicture]] = {}
    for found in images:
        picture = feature_picture(
            site,
            found.image_id,
            thumbnail=found.thumbnail,
            activation=found.activation,
            place=_quantile(found.quantile),
        )
        columns.setdefault(found.quantile, []).append(picture)
    return tuple(QuantileColumn(title=_quantile(q), pictures=tuple(found)) for q, found in columns.items())


def _quantile(share: float) -> str:
    names = {0.0: "lowest", 0.5: "median", 1.0: "highest"}
    return names.get(share, f"above {percent(share, decimals=0)}")
