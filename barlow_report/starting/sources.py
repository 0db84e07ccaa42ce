"""What somebody calls their images and their model, as sections of a configuration."""

import zipfile
from pathlib import Path
from typing import Any

from barlow_report.documents import parse_yaml
from barlow_report.errors import ConfigError
from barlow_report.storage import address_of, is_address, local_file, plain_path

__all__ = ["class_section", "data_section", "model_section"]

_TABLES = (".csv", ".tsv", ".txt", ".json", ".pq")
"""Beside .parquet: see `sources.manifest_files`; .json is that of FiftyOne or Croissant."""
_ARROW = (".arrow", ".feather", ".ipc")
_KINDS = ("torchvision", "timm", "transformers", "factory", "program", "onnx")
_FILES = ("program", "onnx")
PUBLISHED = "published"
"""The answer that asks for weights to be downloaded."""


def data_section(
    text: str, *, image_root: str | None = None, has_images: bool = True, bands: str = ""
) -> dict[str, Any]:
    """Return the section `data` for a folder, a table, or a file or pattern of Parquet, Arrow or tar files.

    Args:
        text: Path of the images or of a table that lists them.
        image_root: Folder that the paths of a table are relative to.
        has_images: Whether the images of a table are here; otherwise its predictions are analysed alone.
        bands: How files of several bands are read, as YAML: `{range: [0, 10000], shown: [4, 3, 2]}`.

    Raises:
        ConfigError: Nothing is there, or nobody can tell what it is.
    """
    section = _source_section(text, image_root=image_root, has_images=has_images)
    return {**section, "bands": _mapping(bands, "the bands")} if bands else section


def _source_section(text: str, *, image_root: str | None, has_images: bool) -> dict[str, Any]:
    text, image_root = _plain(text), None if image_root is None else _plain(image_root)
    path = Path(text).expanduser()
    suffix = path.suffix.lower()
    is_remote = is_address(text)
    called = text if is_remote else str(path)
    is_file = suffix in (".tar", ".parquet", *_TABLES, *_ARROW) or "{" in path.name
    if path.is_dir() or (is_remote and not is_file):  # whether it is there is found out when it is listed
        section: dict[str, Any] = {"folder": called}
    elif suffix == ".tar" or "{" in path.name:
        section = {"webdataset": {"shards": called}}
    elif suffix in _ARROW or (suffix in (".parquet", ".json") and _holds_images(path)):
        section = {"parquet": {"files": called}}
    elif suffix in (*_TABLES, ".parquet") and (is_remote or path.is_file()):
        return _manifest_section(called, image_root=image_root, has_images=has_images)
    elif not is_remote and not path.exists():
        raise ConfigError(f"{text}: nothing is there. Give the path of a folder of images or of a table.")
    else:
        raise ConfigError(
            f"{text}: expected a folder with one sub-folder for each class, a table (.csv, .tsv, .parquet, or .json of "
            "FiftyOne or Croissant), tables with images (.parquet, .arrow) or tar shards (.tar)."
        )
    if image_root is not None:
        raise ConfigError(f"{text}: holds its images itself; leave the folder of the images out.")
    if not has_images:
        raise ConfigError(f"{text}: holds its images itself; only a table can do without (--no-images).")
    return section


def _manifest_section(path: str, *, image_root: str | None, has_images: bool) -> dict[str, Any]:
    if image_root is not None and not has_images:
        raise ConfigError(f"{path}: give the folder of its images (--image-root) or --no-images, not both.")
    section: dict[str, Any] = {"manifest": path}
    if image_root is not None:
        section["image_root"] = image_root
    if not has_images:
        section["images"] = "none"
    return section


def _plain(text: str) -> str:
    """What somebody typed, without `file://`."""
    path = Path(text)
    return str(plain_path(path)) if plain_path(path) != path else text


def _holds_images(path: Path) -> bool:
    """Whether the first Parquet file of a path or pattern has a column of bytes, or metadata describe such files."""
    import pyarrow as pa
    from pyarrow import parquet

    if is_address(path):
        from barlow_report.storage.fetching import fetch_named

        path = fetch_named(str(address_of(path)))
    if path.suffix.lower() == ".json":
        from barlow_report.vision.sources.croissant_parquet import describes_parquet

        return describes_parquet(path)
    files = sorted(path.parent.glob(path.name)) if path.parent.is_dir() else []
    if not files:
        raise ConfigError(f"{path}: nothing is there. Give the path of a folder of images or of a table.")
    try:
        types = [field.type for field in parquet.read_schema(files[0])]
    except (OSError, pa.ArrowInvalid) as error:
        raise ConfigError(f"{files[0]}: cannot be read as Parquet ({error}).") from error
    return any(pa.types.is_binary(t) or (pa.types.is_struct(t) and t.get_field_index("bytes") >= 0) for t in types)


def class_section(text: str) -> dict[str, Any]:
    """Return the keys of `data` that name the classes: none, the word imagenet, or the path of a file.

    Raises:
        ConfigError: There is no such file.
    """
    text = _plain(text)
    if not text:
        return {}
    if text == "imagenet":
        return {"classes": "imagenet"}
    if not is_address(text) and not Path(text).expanduser().is_file():
        raise ConfigError(f"{text}: no such file. Give a file that lists the classes, or the word imagenet.")
    return {"class_file": text}


def model_section(
    text: str, *, weights: str = "", arguments: str = "", preprocessing: str = "", n_classes: int | None = None
) -> dict[str, Any]:
    """Return the section of a model.

    Args:
        text: `torchvision:NAME`, `timm:NAME`, `transformers:FOLDER`, `factory:…`, `program:…` or `onnx:…`; the word
            in front may be left out where a file or folder is there, and for `my_model.py:function`.
        weights: A file, the word `published`, or nothing.
        arguments: Of the factory, as YAML: `{n_classes: 7}`.
        preprocessing: As YAML: `{resize: 256, crop: 224}`.
        n_classes: Classes of the data, for a model of a library whose weights are in a file.

    Raises:
        ConfigError: It cannot be told what the model is, or something does not go together.
    """
    kind, name = _kind_and_name(_plain(text))
    weights = _plain(weights)
    section: dict[str, Any] = {kind: name}
    given = _mapping(arguments, "the arguments")
    if kind in ("torchvision", "timm") and weights:
        if weights == PUBLISHED:
            section["pretrained"] = True
        elif n_classes not in (None, 1000):
            given = {"num_classes": n_classes, **given}
    if given:
        section["arguments"] = given
    if weights and weights != PUBLISHED:
        if kind in (*_FILES, "transformers"):
            raise ConfigError(f"{text}: has its weights itself; leave the file of weights out.")
        if not is_address(weights) and not Path(weights).expanduser().is_file():
            raise ConfigError(f"{weights}: no such file of weights.")
        section["weights"] = weights
    if preprocessing:
        section["preprocessing"] = _mapping(preprocessing, "the preprocessing")
    return section


def _kind_and_name(text: str) -> tuple[str, str]:
    prefix, _, rest = text.partition(":")
    if prefix in _KINDS and rest:
        return prefix, _plain(rest)
    path = local_file(Path(text)).expanduser()
    if path.is_dir():
        if (path / "config.json").is_file():
            return "transformers", text
        raise ConfigError(f"{text}: a folder without config.json. transformers' save_pretrained writes one.")
    if path.is_file():
        return _kind_of_file(path), text
    if rest and rest.isidentifier():
        return "factory", text
    raise ConfigError(
        f"{text}: no such file. Write torchvision:NAME or timm:NAME for a model of a library, transformers:NAME for "
        "one of the hub, my_model.py:function or package.module:function for your own."
    )


def _kind_of_file(path: Path) -> str:
    suffix = path.suffix.lower()
    if suffix == ".onnx":
        return "onnx"
    if suffix == ".pt2" or _is_torchscript(path):
        return "program"
    if suffix == ".py":
        raise ConfigError(f"{path}: say which function returns the model: {path}:FUNCTION.")
    raise ConfigError(
        f"{path}: holds weights, not a whole model. Give the model (torchvision:NAME, timm:NAME, my_model.py:function) "
        "and this file as its weights."
    )


def _is_torchscript(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.partition("/")[2] == "constants.pkl" for name in archive.namelist())
    except (OSError, zipfile.BadZipFile):
        return False


def _mapping(text: str, what: str) -> dict[str, Any]:
    if not text:
        return {}
    try:
        _, values = parse_yaml(text if text.lstrip().startswith("{") else f"{{{text}}}")
    except ValueError as error:
        raise ConfigError(f"{what}: {text!r} is no YAML ({error}).") from error
    if not isinstance(values, dict):
        raise ConfigError(f"{what}: found {text!r}, expected keys and values such as 'resize: 256, crop: 224'.")
    return values
