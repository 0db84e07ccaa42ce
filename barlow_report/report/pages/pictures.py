"""Pictures with what is written beneath them: those of galleries, and triptychs of features."""

from dataclasses import dataclass
from typing import Literal

from barlow_report.formatting import activation, percent
from barlow_report.report.names import FeatureName
from barlow_report.report.pages.annotate import item_path
from barlow_report.report.pages.page import Site
from barlow_report.report.records import GalleryImage, Group, Tile
from barlow_report.report.words import images_of

__all__ = ["GalleryPicture", "TriptychColumn", "TriptychView", "gallery_picture", "triptych"]


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
        return f"labelled {self.label}, predicted as {self.prediction}"

    @property
    def caption(self) -> str:
        """What the viewer says."""
        confidence = f", confidence {self.confidence}" if self.confidence else ""
        return f"{self.path}: {self.words}{confidence}{f', {self.note}' if self.note else ''}"


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
        return f"labelled {self.label}, predicted as {self.prediction}"

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
class TriptychView:
    """The triptych of a feature in a group."""

    feature_id: int
    group: Group
    anchor: str
    images_of: str
    columns: tuple[TriptychColumn, ...]
    has_heatmaps: bool
    name: FeatureName | None
    form_path: str | None


def gallery_picture(site: Site, image: GalleryImage, *, note: str | None = None) -> GalleryPicture:
    """Collect what is shown about an image of a gallery; `note` instead of what the lenses say of a failure."""
    images, i = site.catalog.images, image.image_id
    if note is None:
        notes = site.ask(lambda lens, view: lens.picture_note(site, view, i)) if image.is_failure else ()
        note = ", ".join(notes)
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
        has_heatmaps=any(tile.heatmap for tile in tiles),
        name=site.catalog.names.get((group.group_id, feature_id)),
        form_path=item_path(site, group.group_id, feature_id),
    )
