"""All images of a failure mode as a table that is shown as a gallery, and what is written beneath each picture."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from barlow_report.formatting import activation, percent
from barlow_report.report.datatable import Cell, DataTable, Filter, Picture, TableColumn
from barlow_report.report.mode_images import ModeImages
from barlow_report.report.pages.page import Site
from barlow_report.report.records import Rule

__all__ = ["ImageTile", "first_tiles", "mode_table"]

OUTCOMES = {"fails": "fails", "right": "right"}
_PAGE_SIZE = 48
_MOST_CHOICES = 60  # of classes in a list to choose from; more are typed


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageTile:
    """One image of a gallery in words; `gallery.js` writes the same."""

    picture: Picture | None
    image: str
    label: str
    said: str
    seen: tuple[str, ...]
    is_failure: bool
    is_new: bool

    @property
    def caption(self) -> str:
        """What the viewer says."""
        return " · ".join([f"{self.image}: {self.label}{self.said}", *self.seen])


def mode_table(site: Site, rule: Rule, found: ModeImages) -> DataTable:
    """Return the table of all images of a failure mode.

    Images with a picture come first, among them failures, and of these the ones that the model was surest of.
    """
    images = site.catalog.images
    columns = _columns(site, rule, found)
    ids, is_failure = found.image_ids, images.is_failure[found.image_ids]
    pictures = [site.catalog.thumbnails.get(image_id) for image_id in ids.tolist()]
    sure = np.nan_to_num(images.confidence[ids].astype(float), nan=-1.0)
    order = np.lexsort((ids, -sure, ~is_failure, np.array([name is None for name in pictures])))
    rows = [_row(site, found, place, pictures[place], columns) for place in order.tolist()]
    return DataTable(
        name="mode-images",
        caption="Images of the failure mode",
        columns=columns,
        rows=rows,
        filters=_filters(site, found, columns, has_pictures=any(pictures)),
        sorted_by="",
        page_size=_PAGE_SIZE,
        empty="",
        noun="images",
    )


def _columns(site: Site, rule: Rule, found: ModeImages) -> tuple[TableColumn, ...]:
    names = {condition.feature_id: condition.name for condition in rule.conditions}
    has_confidence = not np.isnan(site.catalog.images.confidence[found.image_ids].astype(float)).all()
    return (
        TableColumn(key="picture", label="Picture", kind="picture"),
        TableColumn(key="image", label="Image", kind="text"),
        TableColumn(key="outcome", label="Outcome", kind="badge", words=OUTCOMES),
        TableColumn(key="label", label="Label", kind="text"),
        TableColumn(key="prediction", label="Prediction", kind="text"),
        *(
            [TableColumn(key="confidence", label="confidence", kind="percent", starts="descending")]
            if has_confidence
            else []
        ),
        *(
            TableColumn(
                key=f"activation-{feature_id}",
                label=names[feature_id] or f"feature {feature_id}",
                kind="activation",
                title=f"The activation of feature {feature_id}: how strongly it responds.",
            )
            for feature_id in found.activations
        ),
        *([TableColumn(key="split", label="Part", kind="text")] if site.catalog.evidence.kind == "held_out" else []),
    )


def _row(
    site: Site, found: ModeImages, place: int, thumbnail: str | None, columns: Sequence[TableColumn]
) -> list[Cell]:
    images, image_id = site.catalog.images, int(found.image_ids[place])
    label, prediction = (site.class_name(int(ids[image_id])) for ids in (images.label, images.prediction))
    confidence = float(images.confidence[image_id])
    cells: dict[str, Cell] = {
        "picture": thumbnail and Picture(thumbnail, ""),
        "image": images.name(image_id),
        "outcome": "right" if label == prediction else "fails",
        "label": label,
        "prediction": prediction,
        "confidence": None if confidence != confidence else confidence,
        "split": "new" if images.is_held_out[image_id] else "seen",
    }
    cells |= {f"activation-{feature}": float(values[place]) for feature, values in found.activations.items()}
    return [cells[column.key] for column in columns]


def _filters(
    site: Site, found: ModeImages, columns: Sequence[TableColumn], *, has_pictures: bool
) -> tuple[Filter, ...]:
    images, keys = site.catalog.images, {column.key for column in columns}
    filters = [
        Filter(key="outcome", label="Outcome", kind="equals", choices=tuple((v, k) for k, v in OUTCOMES.items()))
    ]
    for key, of_image in (("label", images.label), ("prediction", images.prediction)):
        names = sorted({site.class_name(class_id) for class_id in np.unique(of_image[found.image_ids]).tolist()})
        if len(names) > _MOST_CHOICES:
            filters.append(Filter(key=key, label=key.capitalize(), kind="name"))
        elif len(names) > 1:
            choices = tuple((name, name) for name in names)
            filters.append(Filter(key=key, label=key.capitalize(), kind="equals", choices=choices))
    if "confidence" in keys:
        filters.append(Filter(key="confidence", label="Confidence ≥ %", kind="least", is_percent=True))
    if "split" in keys:
        parts = (("held out", "new"), ("used to find it", "seen"))
        filters.append(Filter(key="split", label="Part", kind="equals", choices=parts))
    if site.catalog.shows_paths:
        filters.append(Filter(key="image", label="Path contains", kind="contains"))
    if has_pictures:
        filters.append(Filter(key="view", label="Show as", kind="view", choices=(("pictures", ""), ("list", "list"))))
    return tuple(filters)


def first_tiles(table: DataTable) -> tuple[ImageTile, ...]:
    """The images of the first page."""
    return tuple(_tile(table, row) for row in table.first_rows)


def _said(cells: Mapping[str, Cell]) -> str:
    """What stands for a picture where it cannot be seen; the script makes it of the same words."""
    return f"labelled {cells['label']}, taken for {cells['prediction']}"


def _tile(table: DataTable, row: Sequence[Cell]) -> ImageTile:
    cells = {column.key: cell for column, cell in zip(table.columns, row, strict=True)}
    is_failure, sure, picture = cells["outcome"] == "fails", cells.get("confidence"), cells["picture"]
    said = f", taken for {cells['prediction']}" if is_failure else ", right"
    return ImageTile(
        picture=replace(picture, alt=_said(cells)) if isinstance(picture, Picture) else None,
        image=str(cells["image"]),
        label=str(cells["label"]),
        said=f"{said}, {percent(sure, decimals=0)}\u00a0sure" if isinstance(sure, float) else said,
        seen=tuple(
            f"{column.label}: {activation(cell)}"
            for column, cell in zip(table.columns, row, strict=True)
            if column.kind == "activation" and isinstance(cell, float)
        ),
        is_failure=is_failure,
        is_new=cells.get("split") == "new",
    )
