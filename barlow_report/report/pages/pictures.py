"""Pictures with what is written beneath them: those of galleries, and triptychs of features."""

from dataclasses import dataclass, replace
from typing import Literal

from barlow_report.formatting import activation, percent
from barlow_report.report.mode_words import mode_name
from barlow_report.report.names import FeatureName
from barlow_report.report.pages.annotate import item_path
from barlow_report.report.pages.page import Site
from barlow_report.report.picture_records import GalleryImage, Tile
from barlow_report.report.records import Condition, Group, Rule
from barlow_report.report.words import images_of, just_below

__all__ = [
    "Contrast",
    "FeaturePicture",
    "GalleryPicture",
    "TriptychColumn",
    "TriptychView",
    "feature_picture",
    "gallery_picture",
    "triptych",
]


@dataclass(frozen=True, kw_only=True)
class GalleryPicture:
    """An image of a leaf with what the model said about it; `note` says what kind of error it is."""

    thumbnail: str
    path: str
    label: str
    prediction: str
    confidence: str
    is_failure: bool
    note: str = ""

    @property
    def words(self) -> str:
        """What stands for the picture where it cannot be seen."""
        return f"labelled {self.label}, taken for {self.prediction}"

    @property
    def caption(self) -> str:
        """What the viewer says."""
        confidence = f", {self.confidence} sure" if self.confidence else ""
        return f"{self.path}: {self.words}{confidence}{f', {self.note}' if self.note else ''}"


@dataclass(frozen=True, kw_only=True)
class FeaturePicture:
    """An image at some place along a feature, and what the model takes it for."""

    place: str
    thumbnail: str
    path: str
    label: str
    prediction: str
    activation: float
    is_failure: bool

    @property
    def words(self) -> str:
        """What stands for the picture where it cannot be seen."""
        return f"labelled {self.label}, taken for {self.prediction}"

    @property
    def caption(self) -> str:
        """What the viewer says."""
        return f"{self.place} · {self.path} · {self.words} · activation {activation(self.activation)}"


@dataclass(frozen=True, kw_only=True)
class TriptychColumn:
    """One image of a triptych and what is written beneath it."""

    tile: Tile
    path: str
    label: str
    prediction: str
    is_failure: bool

    @property
    def words(self) -> str:
        """What the model made of the image."""
        return f"labelled {self.label}, taken for {self.prediction}"

    @property
    def alt(self) -> str:
        """What stands for the photograph where it cannot be seen."""
        return f"Rank {self.tile.rank}: {self.words}"

    def caption(self, row: Literal["A", "B", "C"]) -> str:
        """What the viewer says of the picture in a row."""
        rank, before = f"rank {self.tile.rank}", activation(self.tile.activation)
        if row == "A":
            return f"A · {rank} · {self.path} · {self.words} · activation {before}"
        if row == "B":
            return f"B · heatmap · {rank} · {self.path}"
        return f"C · feature attack · {rank} · activation {before} → {activation(self.tile.attacked_activation)}"


@dataclass(frozen=True, kw_only=True)
class Contrast:
    """The images just below a threshold of the feature: they do not have it, if barely.

    `where` says that of them: just below the threshold 0.25. `images` says which they are where they meet earlier
    conditions of the rule: images labelled dog with feature 80.
    """

    where: str
    images: str
    pictures: tuple[FeaturePicture, ...]


@dataclass(frozen=True, kw_only=True)
class TriptychView:
    """The triptych of a feature in a group; `scale` are the values that its heatmaps run from and to."""

    feature_id: int
    group: Group
    anchor: str
    images_of: str
    contrast: Contrast | None
    columns: tuple[TriptychColumn, ...]
    scale: tuple[float, float] | None
    name: FeatureName | None
    form_path: str | None

    @property
    def n_attacked(self) -> int:
        """Images with a feature attack, the first ones; a run may leave them out, or attack some only."""
        return sum(column.tile.attack is not None for column in self.columns)


def gallery_picture(site: Site, image: GalleryImage, *, rule: Rule | None = None, note: str = "") -> GalleryPicture:
    """Collect what is shown about an image of a gallery: `note`, or what the lenses say of a failure of `rule`."""
    images, i = site.catalog.images, image.image_id
    if rule is not None and image.is_failure:
        note = ", ".join(site.ask(lambda lens, view: lens.picture_note(site, view, rule, i)))
    confidence = float(images.confidence[i])
    return GalleryPicture(
        thumbnail=image.thumbnail,
        path=images.name(i),
        label=site.class_name(int(images.label[i])),
        prediction=site.class_name(int(images.prediction[i])),
        confidence="" if confidence != confidence else percent(confidence, decimals=0),
        is_failure=image.is_failure,
        note=note,
    )


def feature_picture(site: Site, image_id: int, *, thumbnail: str, activation: float, place: str) -> FeaturePicture:
    """Collect what is shown about an image at some place along a feature."""
    images = site.catalog.images
    label, prediction = int(images.label[image_id]), int(images.prediction[image_id])
    return FeaturePicture(
        place=place,
        thumbnail=thumbnail,
        path=images.name(image_id),
        label=site.class_name(label),
        prediction=site.class_name(prediction),
        activation=activation,
        is_failure=label != prediction,
    )


def triptych(site: Site, group: Group, feature_id: int) -> TriptychView | None:
    """The triptych of a feature in a group; None where no pictures were made."""
    tiles = site.catalog.tiles.get((group.group_id, feature_id), ())
    if not tiles:
        return None
    images = site.catalog.images
    return TriptychView(
        feature_id=feature_id,
        group=group,
        anchor=f"triptych-{group.group_id}-{feature_id}",
        images_of=images_of(group),
        contrast=_contrast(site, group, feature_id),
        columns=tuple(
            TriptychColumn(
                tile=tile,
                path=images.name(tile.image_id),
                label=site.class_name(int(images.label[tile.image_id])),
                prediction=site.class_name(int(images.prediction[tile.image_id])),
                is_failure=bool(images.label[tile.image_id] != images.prediction[tile.image_id]),
            )
            for tile in tiles
        ),
        scale=_scale(tiles),
        name=site.catalog.names.get((group.group_id, feature_id)),
        form_path=item_path(site, group.group_id, feature_id),
    )


def _scale(tiles: tuple[Tile, ...]) -> tuple[float, float] | None:
    """What black and white stand for in the heatmaps of a row; None without any."""
    scales = [(t.heatmap_low, t.heatmap_high) for t in tiles if t.heatmap]
    low, high = scales[0] if scales else (None, None)
    return None if low is None or high is None else (low, high)


def _contrast(site: Site, group: Group, feature_id: int) -> Contrast | None:
    """The images below the threshold of the group's most important failure mode that asks for the feature."""
    for rule, position, condition in _conditions_on(group, feature_id):
        cut = condition.printed
        pictures = tuple(
            feature_picture(site, p.image_id, thumbnail=p.thumbnail, activation=p.activation, place=just_below(cut))
            for p in site.catalog.strip_images.get((rule.rule_id, position), ())
            if p.place == "below"
        )
        if pictures:
            return Contrast(
                where=just_below(cut, what="the threshold "),
                images=mode_name(group, replace(rule, conditions=rule.conditions[:position])) if position else "",
                pictures=pictures,
            )
    return None


def _conditions_on(group: Group, feature_id: int) -> list[tuple[Rule, int, Condition]]:
    return [
        (rule, position, condition)
        for rule in group.failure_modes
        for position, condition in enumerate(rule.conditions)
        if condition.feature_id == feature_id
    ]
