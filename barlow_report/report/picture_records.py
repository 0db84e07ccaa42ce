"""What the tables of pictures and of their distributions are about, as small frozen objects."""

from dataclasses import dataclass

__all__ = [
    "GalleryImage",
    "HistogramBin",
    "QuantileImage",
    "StripImage",
    "Tile",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One column of a triptych; see table `tiles`."""

    rank: int
    image_id: int
    activation: float
    attacked_activation: float | None
    thumbnail: str
    heatmap: str | None
    heatmap_low: float | None
    heatmap_high: float | None
    attack: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GalleryImage:
    """One picture of a gallery; see table `galleries`."""

    image_id: int
    is_failure: bool
    thumbnail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantileImage:
    """One picture along the distribution of a feature; see table `quantiles`."""

    quantile: float
    image_id: int
    activation: float
    thumbnail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StripImage:
    """One picture beside a condition; see table `strip_images`."""

    place: str
    image_id: int
    activation: float
    thumbnail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HistogramBin:
    """One bin; see tables `histograms` and `strips`."""

    low: float
    high: float
    n_images: int
    n_failures: int
