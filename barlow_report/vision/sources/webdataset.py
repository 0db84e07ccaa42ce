"""Images in WebDataset's tar shards: files of one sample follow each other and differ in what comes after the dot.

A tar file is read here with the standard library, not with the package `webdataset`: that one streams samples in
order, and the pictures of a report need any sample again by its name. The headers of a tar file say where each
member lies, so a sample is one seek away; they are read again whenever a shard has not been used lately. For the
same reason shards must not be compressed (their images are anyway).
"""

import json
import re
import tarfile
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from barlow_report.config import WebDatasetConfig
from barlow_report.errors import DataError
from barlow_report.vision.classes import as_classes
from barlow_report.vision.reading import UnreadableImage, patiently, read_file
from barlow_report.vision.sources.folder import is_image
from barlow_report.vision.sources.shards import Shards, find_shards
from barlow_report.vision.sources.source import Listing, LoadedImage, as_text, file_state, is_text, load_bytes

__all__ = ["TarSource", "list_webdataset"]

N_CACHED = 16
"""Shards whose members' places are kept in memory, a few MB each."""

MAX_LABEL_BYTES = 2**20
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

    def __init__(self, shards: Shards) -> None:
        self.shards = shards
        self._cache = _Cache()

    def __reduce__(self) -> tuple[type["TarSource"], tuple[Shards]]:
        return TarSource, (self.shards,)

    @classmethod
    def open(cls, config: WebDatasetConfig) -> "TarSource":
        """Find the shards of a configuration.

        Raises:
            DataError: A shard is missing.
        """
        return cls(find_shards(config.shards, key="data.webdataset.shards"))

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
        return load_bytes(read_file(self.root / shard, offset=place[0], size=place[1]))

    def states(self, paths: Sequence[str]) -> Iterator[str]:
        """Yield the size and modification time of each image's shard."""
        states = {name: file_state(self.root / name) for name in self.shards.names}
        for path in paths:
            yield states[self.shards.split(path)[0]]

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


def list_webdataset(config: WebDatasetConfig) -> Listing:
    """List the samples of all shards in their order, with labels and, where there are any, predictions.

    Raises:
        DataError: A shard is missing or compressed, no sample has an image and a label, or only some have predictions.
    """
    source = TarSource.open(config)
    listed = _Listed()
    for name in source.shards.names:
        _list_shard(source, name, listed, label_key=config.label_key)
    where = str(config.shards)
    if not listed.paths:
        found = f"; of {len(listed.skipped)} entries the first, {listed.skipped[0]}" if listed.skipped else ""
        raise DataError(
            f"{where}: found no sample with an image and a label{found}. Expected members such as 0001.jpg and "
            f"0001.cls, or 0001.json with {config.label_key!r} (data.webdataset.label_key)."
        )
    return Listing(
        source=source,
        where=where,
        paths=listed.paths,
        labels=as_classes(listed.labels),
        predictions=_all_or_none(listed.predictions, where=where),
        confidences=np.array(listed.confidences) if any(p is not None for p in listed.predictions) else None,
        skipped=listed.skipped,
    )


@dataclass
class _Listed:
    paths: list[str] = field(default_factory=list)
    labels: list[Any] = field(default_factory=list)
    predictions: list[Any] = field(default_factory=list)
    confidences: list[float] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)


def _list_shard(source: TarSource, name: str, listed: _Listed, *, label_key: str) -> None:
    members, problems = _members(source.root / name)
    listed.skipped += [(as_text(f"{name}/{member}") if member else name, problem) for member, problem in problems]
    samples: dict[str, dict[str, str]] = {}
    for member in members:
        match = _SAMPLE.fullmatch(member)
        if match is not None:
            samples.setdefault(match[1], {}).setdefault(match[2].lower(), member)
    for key, parts in samples.items():
        image = next((member for member in parts.values() if is_image(member)), None)
        path = f"{name}/{image or key}"
        try:
            if not is_text(path):
                raise UnreadableImage("name is not valid UTF-8")
            if image is None:
                raise UnreadableImage("a sample without an image")
            said = _annotations(source.root / name, {ext: members[member] for ext, member in parts.items()}, label_key)
        except UnreadableImage as error:
            listed.skipped.append((as_text(path), error.reason))
            continue
        listed.paths.append(path)
        listed.labels.append(said["label"])
        listed.predictions.append(said.get("prediction"))
        listed.confidences.append(said.get("confidence", np.nan))


def _annotations(shard: Path, places: Mapping[str, Place], label_key: str) -> dict[str, Any]:
    """What a sample's .cls and .json say: label, and perhaps prediction and confidence.

    Raises:
        UnreadableImage: There is no label, or what there is cannot be used.
    """
    said: dict[str, Any] = {}
    if "json" in places:
        try:
            content = json.loads(_text(shard, places["json"]))
        except (ValueError, RecursionError) as error:
            raise UnreadableImage(f"its .json cannot be read ({error})") from error
        if isinstance(content, dict):
            keys = {"label": label_key, "prediction": "prediction", "confidence": "confidence"}
            said = {name: content[key] for name, key in keys.items() if content.get(key) is not None}
    if "cls" in places:
        said["label"] = _text(shard, places["cls"])
    if said.get("label", "") == "":
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
