"""What is listed of a joint mode: images along its direction, and the features that carry it."""

from dataclasses import dataclass

from barlow_report.formatting import activation, number
from barlow_report.lenses.joint.records import JointFeature, JointImage, JointMode
from barlow_report.report.pages.page import Site
from barlow_report.report.pages.pictures import GalleryPicture, gallery_picture
from barlow_report.report.picture_records import GalleryImage

__all__ = ["FeatureRow", "feature_rows", "pictures"]

_HALF = 48.0  # of the width of a bar, for the largest weight


@dataclass(frozen=True, kw_only=True)
class FeatureRow:
    """A feature of a joint mode: its page if it has one, what people call it, and its weight as a bar from `x` on."""

    name: str
    path: str | None
    phrase: str | None
    points: str
    is_positive: bool
    x: float
    width: float
    examples: tuple[GalleryPicture, ...]


def pictures(site: Site, images: list[JointImage]) -> list[GalleryPicture]:
    """The images of which there are pictures, with their scores beneath."""
    return [
        _picture(site, image.image_id, image.thumbnail, note=f"score {number(image.score, decimals=2)}")
        for image in images
        if image.thumbnail is not None
    ]


def feature_rows(site: Site, mode: JointMode) -> tuple[FeatureRow, ...]:
    """The features of a joint mode, the largest weight first, with as many decimals as it needs."""
    largest = max((abs(feature.weight) for feature in mode.features), default=0.0) or 1.0
    decimals = next((n for n in (1, 2) if largest * 100 >= 10.0 ** (1 - n)), 3)
    return tuple(
        _feature_row(site, mode, feature, width=abs(feature.weight) / largest * _HALF, decimals=decimals)
        for feature in mode.features
    )


def _feature_row(site: Site, mode: JointMode, feature: JointFeature, *, width: float, decimals: int) -> FeatureRow:
    feature_id, is_positive = feature.feature_id, feature.weight > 0
    name = site.catalog.names.get((mode.group_id, feature_id))
    has_page = feature_id in site.catalog.rules_of_feature or feature_id in site.catalog.tile_groups_of_feature
    return FeatureRow(
        name=f"feature {feature_id}",
        path=site.feature_path(feature_id) if has_page else None,
        phrase=None if name is None else name.phrase,
        points=f"{'+' if is_positive else '−'}{number(abs(feature.weight) * 100, decimals=decimals)}",
        is_positive=is_positive,
        x=round(50.0 if is_positive else 50.0 - width, 1),
        width=round(width, 1),
        examples=tuple(
            _picture(site, image.image_id, image.thumbnail, note=f"activation {activation(image.activation)}")
            for image in feature.examples
        ),
    )


def _picture(site: Site, image_id: int, thumbnail: str, *, note: str) -> GalleryPicture:
    images = site.catalog.images
    is_failure = bool(images.label[image_id] != images.prediction[image_id])
    return gallery_picture(site, GalleryImage(image_id=image_id, is_failure=is_failure, thumbnail=thumbnail), note=note)
