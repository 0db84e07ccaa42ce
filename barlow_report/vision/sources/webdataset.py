"""Images in WebDataset's tar shards: files of one sample follow each other and differ in what comes after the dot.

A tar file is read here with the standard library, not with the package `webdataset`: that one streams samples in
order, and the pictures of a report need any sample again by its name. The headers of a tar file say where each
member lies, so a sample is one seek away; they are read again whenever a shard has not been used lately. For the
same reason shards must not be compressed (their images are anyway).
"""

import re
import tarfile
import threading
from collections import Counter, OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from barlow_report.config import WebDatasetConfig
from barlow_report.documents import parse_json
from barlow_report.errors import DataError
from barlow_report.formatting import count
from barlow_report.tables import NO_IMAGE
from barlow_report.vision.class_labels import as_classes, as_given_classes
from barlow_report.vision.class_names import some
from barlow_report.vision.images import AS_SEEN, Decoding
from barlow_report.vision.reading import UnreadableImage, patiently, read_file
from barlow_report.vision.sources.folder import is_image
from barlow_report.vision.sources.shards import Shards, find_shards
from barlow_report.vision.sources.skips import Skips
from barlow_report.vision.sources.source import Listing, LoadedImage, as_text, file_state, is_text, load_bytes

__all__ = ["TarSource", "list_webdataset"]

N_CACHED = 16
"""Shards whose members' places are kept in memory, a few MB each."""

MAX_LABEL_BYTES = 2**20
_ANNOTATIONS = ("cls", "json")
_N_UNUSED = 5
_COMPRESSED = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zX": "xz", b"\x28\xb5\x2f\xfd": "zstandard"}
_SAMPLE = re.compile(r"((?:.*/)?[^./][^/.]*)\.([^/]+)", re.DOTALL)

Place = tuple[int, int]
"""Offset and size in bytes."""


@dataclass
class _Cache:
    """Places of the members of the shards that were used last."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    places: OrderedDict[str, dict[str, Place]] = field(default_factory=OrderedDict)


class TarSource:
    """Members of tar files; the path of an image is `<shard>/<member>`."""

    def __init__(self, shards: Shards, decoding: Decoding = AS_SEEN) -> None:
        self.shards = shards
        self._decoding = decoding
        self._cache = _Cache()

    def __reduce__(self) -> tuple[type["TarSource"], tuple[Shards, Decoding]]:
        return TarSource, (self.shards, self._decoding)

    @property
    def has_bands(self) -> bool:
        """Whether files of several bands are read."""
        return self._decoding.bands is not None

    @classmethod
    def open(cls, config: WebDatasetConfig, decoding: Decoding = AS_SEEN) -> "TarSource":
        """Find the shards of a configuration.

        Raises:
            DataError: A shard is missing.
        """
        return cls(find_shards(config.shards, key="data.webdataset.shards"), decoding)

    @property
    def root(self) -> Path:
        """The folder of the shards."""
        return self.shards.root

    def read(self, path: str) -> LoadedImage:
        """Read and decode one member; see `ImageSource`."""
        shard, member = self.shards.split(path)
        place = self._places(shard).get(member)
        if place is None:
            raise UnreadableImage("not in its shard any more")
        return load_bytes(read_file(self.root / shard, offset=place[0], size=place[1]), self._decoding)

    def states(self, paths: Sequence[str]) -> Iterator[str]:
        """Yield the size and modification time of each image's shard."""
        states = {name: file_state(self.root / name) for name in self.shards.names}
        for path in paths:
            yield states[self.shards.split(path)[0]]

    def files(self, paths: Sequence[str]) -> Iterator[Path | None]:
        """Yield the file that each image lies in."""
        files = {name: self.root / name for name in self.shards.names}
        return (files[self.shards.split(path)[0]] for path in paths)

    def _places(self, shard: str) -> dict[str, Place]:
        with self._cache.lock:
            places = self._cache.places
            if shard not in places:
                places[shard], problems = _members(self.root / shard)
                if not places[shard]:
                    raise UnreadableImage(problems[0][1] if problems else "its shard is empty")
                while len(places) > N_CACHED:
                    places.popitem(last=False)
            places.move_to_end(shard)
            return places[shard]


def list_webdataset(config: WebDatasetConfig, decoding: Decoding = AS_SEEN, *, needs_labels: bool = True) -> Listing:
    """List the samples of all shards in their order, with labels and, where there are any, predictions.

    Raises:
        DataError: A shard is missing or compressed, samples hold several images, no sample has an image and a label,
            or only some have predictions.
    """
    source = TarSource.open(config, decoding)
    listed = _Listed(needs_labels=needs_labels)
    for name in source.shards.names:
        _list_shard(source, name, listed, config)
    where = str(config.shards)
    _require_one_image(listed, where=where)
    skipped = listed.skips.rows()
    if not listed.paths:
        found = f"; of {len(skipped)} entries the first, {skipped[0]}" if skipped else ""
        raise DataError(
            f"{where}: found no sample with an image{' and a label' if needs_labels else ''}{found}. Expected members "
            f"such as 0001.jpg and 0001.cls, or 0001.json with {config.label_key!r} (data.webdataset.label_key)."
        )
    labels, is_labelled = as_given_classes(listed.labels)
    return Listing(
        source=source,
        where=where,
        paths=listed.paths,
        labels=as_classes(listed.labels) if needs_labels else labels,
        is_labelled=None if needs_labels else is_labelled,
        predictions=_all_or_none(listed.predictions, where=where),
        confidences=np.array(listed.confidences) if any(p is not None for p in listed.predictions) else None,
        skipped=skipped,
        assumptions=_unused_words(listed.unused),
    )


@dataclass
class _Listed:
    """What was found so far.

    Attributes:
        endings: How often each image was the one of its sample, by what its name has after the sample's.
        several: Images of a sample that has several.
        unused: How often the other members of samples have each ending.
        needs_labels: Whether a sample without a label is skipped.
    """

    paths: list[str] = field(default_factory=list)
    labels: list[Any] = field(default_factory=list)
    predictions: list[Any] = field(default_factory=list)
    confidences: list[float] = field(default_factory=list)
    skips: Skips = field(default_factory=Skips)
    endings: Counter[str] = field(default_factory=Counter)
    several: tuple[str, ...] = ()
    unused: Counter[str] = field(default_factory=Counter)
    needs_labels: bool = True


def _list_shard(source: TarSource, name: str, listed: _Listed, config: WebDatasetConfig) -> None:
    members, problems = _members(source.root / name)
    for member, problem in problems:
        listed.skips.add(as_text(f"{name}/{member}") if member else name, problem)
    samples: dict[str, dict[str, str]] = {}
    for member in members:
        match = _SAMPLE.fullmatch(member)
        if match is None:
            listed.skips.add(as_text(f"{name}/{member}"), f"{NO_IMAGE}hidden, or nothing after a dot")
        elif match[2].lower() in samples.setdefault(match[1], {}):
            listed.skips.add(as_text(f"{name}/{member}"), "the same ending twice in its sample")
        else:
            samples[match[1]][match[2].lower()] = member
    for key, parts in samples.items():
        ending = _image_ending(parts, listed, config.image_key, has_bands=source.has_bands)
        path = f"{name}/{parts.get(ending, key)}"
        try:
            if not is_text(path):
                raise UnreadableImage("name is not valid UTF-8")
            if ending not in parts:
                raise UnreadableImage(f"a sample without an image{f' {ending}' if ending else ''}")
            places = {ext: members[member] for ext, member in parts.items()}
            said = _annotations(source.root / name, places, config.label_key, needs_label=listed.needs_labels)
        except UnreadableImage as error:
            listed.skips.add(as_text(path), error.reason)
            continue
        listed.unused.update(parts.keys() - {ending, *_ANNOTATIONS})
        listed.paths.append(path)
        listed.labels.append(said.get("label"))
        listed.predictions.append(said.get("prediction"))
        listed.confidences.append(said.get("confidence", np.nan))


def _image_ending(parts: Mapping[str, str], listed: _Listed, image_key: str | None, *, has_bands: bool) -> str:
    """The ending of a sample's image; one that it does not have where it has no image."""
    if image_key is not None:
        keys = [key.strip().removeprefix(".").lower() for key in image_key.split(";")]
        return next((key for key in keys if key in parts), keys[0])
    images = [ending for ending, member in parts.items() if is_image(member, has_bands=has_bands)]
    listed.endings.update(images[:1])
    if len(images) > 1 and not listed.several:
        listed.several = tuple(images)
    return images[0] if images else ""


def _require_one_image(listed: _Listed, *, where: str) -> None:
    """Refuse samples with several images, and images of several kinds, such as jpg and depth.png."""
    kinds = {ending.rpartition(".")[0]: ending for ending in listed.endings}
    candidates = listed.several or (tuple(kinds.values()) if len(kinds) > 1 else ())
    if candidates:
        found = "samples with the images" if listed.several else "samples whose images end in"
        raise DataError(
            f"{where}: found {found} {some(candidates)}. Say in data.webdataset.image_key which of them the models "
            f"see, such as {candidates[0]!r}."
        )


def _unused_words(unused: Counter[str]) -> dict[str, str]:
    if not unused:
        return {}
    shown = [f".{as_text(ending)} ({count(n)})" for ending, n in unused.most_common(_N_UNUSED)]
    rest = len(unused) - len(shown)
    more = f" and {rest} more endings" if rest else ""
    return {"unused_members": f"Samples also hold files that were not used: {', '.join(shown)}{more}."}


def _annotations(shard: Path, places: Mapping[str, Place], label_key: str, *, needs_label: bool) -> dict[str, Any]:
    """What a sample's .cls and .json say: label, and perhaps prediction and confidence.

    Raises:
        UnreadableImage: There is no label and `needs_label`, or what there is cannot be used.
    """
    said: dict[str, Any] = {}
    if "json" in places:
        try:
            content = parse_json(_text(shard, places["json"]))
        except ValueError as error:
            raise UnreadableImage(f"its .json cannot be read ({error})") from error
        if isinstance(content, dict):
            keys = {"label": label_key, "prediction": "prediction", "confidence": "confidence"}
            said = {name: content[key] for name, key in keys.items() if content.get(key) is not None}
    if "cls" in places:
        said["label"] = _text(shard, places["cls"])
    if needs_label and said.get("label", "") == "":
        raise UnreadableImage(f"no label: neither .cls nor {label_key!r} in .json")
    for name in ("label", "prediction"):
        if not isinstance(said.get(name, ""), str | int | float):
            raise UnreadableImage(f"its {name} is a {type(said[name]).__name__}, expected a name or a number")
    confidence = said.get("confidence", np.nan)
    if not isinstance(confidence, int | float) or confidence < 0 or confidence > 1:
        raise UnreadableImage(f"its confidence is {confidence!r}, expected a probability from 0 to 1")
    return said


def _text(shard: Path, place: Place) -> str:
    offset, size = place
    if size == 0:
        return ""
    if size > MAX_LABEL_BYTES:
        raise UnreadableImage(f"its label has {size} bytes")
    try:
        return read_file(shard, offset=offset, size=size).decode("utf-8-sig").strip()
    except UnicodeDecodeError as error:
        raise UnreadableImage("its label is not valid UTF-8") from error


def _members(shard: Path) -> tuple[dict[str, Place], list[tuple[str, str]]]:
    """The places of a shard's files by name, and (name, problem) of the others; no name where it is the shard's.

    Raises:
        DataError: The shard is compressed.
    """
    places: dict[str, Place] = {}
    problems: list[tuple[str, str]] = []
    try:
        with patiently(lambda: shard.open("rb")) as file, tarfile.open(fileobj=file, mode="r:") as tar:
            for member in tar:
                name = member.name.removeprefix("./")
                if name in places:
                    problems.append((name, "the same name twice in its shard"))
                elif member.isreg() and not member.issparse():
                    places[name] = (member.offset_data, member.size)
                elif not member.isdir():
                    problems.append((name, "no plain file in its shard"))
    except (tarfile.TarError, OSError, EOFError) as error:
        if not places:
            _refuse_compressed(shard)
        reason = getattr(error, "strerror", None) or str(error)
        problems.append(("", f"the shard cannot be read to its end ({reason}); {len(places)} files were found"))
    return places, problems


def _refuse_compressed(shard: Path) -> None:
    with suppress(UnreadableImage):  # too short to be anything
        start = read_file(shard, size=4)
        for magic, name in _COMPRESSED.items():
            if start.startswith(magic):
                raise DataError(
                    f"{shard}: compressed with {name}, expected a plain tar file: a compressed one has to be read from "
                    "its beginning for every picture. Unpack it with the tool of that name."
                )


def _all_or_none(predictions: list[Any], *, where: str) -> list[str | int] | None:
    given = [prediction for prediction in predictions if prediction is not None]
    if given and len(given) < len(predictions):
        raise DataError(
            f"{where}: found predictions for {len(given)} of {len(predictions)} samples, expected all or none."
        )
    return as_classes(given) or None
