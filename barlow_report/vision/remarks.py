"""What is special about the files of a data set: counted in the pass over the images, and told to readers."""

from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from barlow_report.errors import DataError
from barlow_report.formatting import count, counted
from barlow_report.vision.images import DecodedImage
from barlow_report.vision.reading import UnreadableImage
from barlow_report.vision.sources.source import ImageSource

__all__ = ["Remarks", "has_colours", "require_full_depth"]

N_TRIED = 16
"""Images, spread over all, that say whether a data set has 16-bit ones that may use fewer bits."""

_HALF = 2**15
_STYLES = {
    "torchvision": "as torchvision's ImageFolder does, neither rotated nor over white; `data.decode: upright` reads "
    "them as a viewer shows them",
    "upright": "as a viewer shows them, rotated and over white; `data.decode: torchvision` reads them as its "
    "ImageFolder does",
}


@dataclass(frozen=True, kw_only=True)
class Remarks:
    """Counts of images.

    Attributes:
        n_rotated: EXIF asks for a rotation.
        n_transparent: Not everywhere opaque.
        n_profiles: With a colour profile other than sRGB.
        n_deep: 16 bits of which nothing says that not all are used.
        n_cut: With bands whose values are beyond the configured range.
        highest: Highest value of the last, 0 to 65,535.
    """

    n_rotated: int = 0
    n_transparent: int = 0
    n_profiles: int = 0
    n_deep: int = 0
    n_cut: int = 0
    highest: int = 0

    @classmethod
    def of(cls, image: DecodedImage) -> "Remarks | None":
        """Return what is special about one image, or None."""
        is_plain = not (image.is_rotated or image.is_transparent or image.has_profile or image.is_cut)
        if is_plain and image.highest is None:
            return None
        return cls(
            n_rotated=int(image.is_rotated),
            n_transparent=int(image.is_transparent),
            n_profiles=int(image.has_profile),
            n_deep=int(image.highest is not None),
            n_cut=int(image.is_cut),
            highest=image.highest or 0,
        )

    @classmethod
    def total(cls, parts: Iterable["Remarks"]) -> "Remarks":
        """Return the counts of all parts together."""
        columns = list(zip(*(part.as_list() for part in parts), strict=True))
        return cls.from_list([*map(sum, columns[:-1]), max(columns[-1])]) if columns else cls()

    def as_list(self) -> list[int]:
        """Return the counts in the order of the attributes."""
        return list(astuple(self))

    @classmethod
    def from_list(cls, values: Sequence[int]) -> "Remarks":
        """Return counts from what `as_list` gives; shards of earlier versions have no `n_cut`."""
        if len(values) == 5:
            values = [*values[:4], 0, values[4]]
        names = ("n_rotated", "n_transparent", "n_profiles", "n_deep", "n_cut", "highest")
        return cls(**{name: int(value) for name, value in zip(names, values, strict=True)})

    def assumptions(self, style: Literal["torchvision", "upright"]) -> dict[str, str]:
        """Return a sentence for each thing that other readers of the same files may do otherwise, by a key."""
        found = {}
        if self.n_rotated or self.n_transparent:
            parts = [
                f"{count(n)} {'images' if n != 1 else 'image'} with {what}"
                for n, what in ((self.n_rotated, "a rotation in EXIF"), (self.n_transparent, "transparency"))
                if n
            ]
            were = "were" if self.n_rotated + self.n_transparent > 1 else "was"
            found["decode"] = f"{' and '.join(parts)} {were} read {_STYLES[style]}."
        if self.n_profiles:
            found["profiles"] = (
                f"Colour profiles other than sRGB were ignored, as training pipelines do; {count(self.n_profiles)} "
                f"image{'s have' if self.n_profiles != 1 else ' has'} one."
            )
        if self.n_cut:
            found["cut"] = (
                f"{counted(self.n_cut, 'image')} {'have' if self.n_cut != 1 else 'has'} values beyond the range of "
                "`data.bands`; they were taken for its ends."
            )
        if self.n_deep:
            found["depth"] = (
                f"In {counted(self.n_deep, 'image')} of 16 bits, 0 is black and 65535 is white; "
                f"their highest value is {self.highest}."
            )
        return found

    def require_full_depth(self, where: Path) -> None:
        """Refuse 16-bit images that all leave the upper half of their range empty.

        Raises:
            DataError: They do.
        """
        if self.n_deep and self.highest < _HALF:
            n_bits = max(8, self.highest.bit_length())
            raise DataError(
                f"{where}: {count(self.n_deep)} images have 16 bits, and no value above {self.highest}: as they "
                f"are, they are nearly black. Set data.pixel_range to the values that are black and white, such as "
                f"[0, {2**n_bits - 1}] for {n_bits} bits, or to [0, 65535] if they are meant to be as dark."
            )


def require_full_depth(source: ImageSource, paths: Sequence[str]) -> None:
    """Refuse a data set whose 16-bit images all leave the upper half of their range empty, before hours of work.

    A few images say whether there is a doubt; only then are the others read, up to the first that is bright enough.

    Raises:
        DataError: They do.
    """
    step = max(1, len(paths) // N_TRIED)
    tried = Remarks.total(_remarks(source, paths[::step]))
    if not tried.n_deep or tried.highest >= _HALF:
        return
    parts = []
    for remarks in _remarks(source, paths):
        if remarks.highest >= _HALF:
            return
        parts.append(remarks)
    Remarks.total(parts).require_full_depth(source.root)


def has_colours(source: ImageSource, paths: Sequence[str]) -> bool:
    """Whether any of a few images, spread over all, has a pixel that is not grey."""
    for path in paths[:: max(1, len(paths) // N_TRIED)]:
        try:
            pixels = np.asarray(source.read(path).image)
        except UnreadableImage:
            continue
        if (pixels != pixels[:, :, :1]).any():
            return True
    return False


def _remarks(source: ImageSource, paths: Sequence[str]) -> Iterable[Remarks]:
    for path in paths:
        try:
            remarks = Remarks.of(source.read(path).decoded)
        except UnreadableImage:
            continue
        if remarks is not None:
            yield remarks
