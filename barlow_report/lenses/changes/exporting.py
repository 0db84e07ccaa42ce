"""The results of a run in one file: what a comparison needs of it, without its pictures.

A zip archive: `results.json`, the tables as they are in the run folder, and `features.npy` with the activations of the
features that rules use. It is read in memory, entry by entry and by known names: nothing is extracted, nothing is
unpickled, and what would unpack or decode to far more than it holds is refused (`limits.py`). The same run gives the
same bytes.
"""

import io
import json
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, ValidationError

from barlow_report.errors import OutputError, RunFolderError
from barlow_report.files import atomic_file
from barlow_report.lenses.changes.limits import MOST_EXPANSION, refuse_bomb
from barlow_report.lenses.changes.results import FURTHER_TABLES, TABLE_NAMES, Integers, RunResults
from barlow_report.run_folder import Run, parse_table

__all__ = ["export_results", "read_export"]

Floats = npt.NDArray[np.floating[Any]]

_HEADER, _FEATURES = "results.json", "features.npy"
_ENTRIES = {_HEADER, _FEATURES, *(f"{name}.parquet" for name in (*TABLE_NAMES, *FURTHER_TABLES))}
_NEEDED = {_HEADER, _FEATURES, *(f"{name}.parquet" for name in TABLE_NAMES)}
_LONGEST_HEADER = 2**24
_EXPORT_AGAIN = "Make it again with barlow-report export-results RUN FILE."
_KEPT_OF_MODELS = ("name", "sha256", "n_features", "preprocessing")


class _Header(BaseModel):
    """What results.json holds."""

    model_config = ConfigDict(extra="forbid", strict=True)

    kind: Literal["barlow-report results"]
    format: Literal[1]
    name: str
    run_id: str | None
    created_at: str | None
    models: dict[Literal["inspected", "feature"], dict[str, Any]]
    seed: int
    rules: dict[str, Any]
    feature_ids: list[int]


def export_results(run: Run, file: Path, *, all_features: bool = False) -> None:
    """Write what a comparison needs of a run to `file`.

    Args:
        run: A run folder with the stage `explain` finished.
        file: Replaced where it is such a file already.
        all_features: Also of features that no failure mode uses, so that rules of other runs can be applied to the
            images of this one; a comparison on the same images does without.

    Raises:
        OutputError: `file` is something else, or cannot be written.
        RunFolderError: The run is not explained, or damaged.
    """
    run.require("explain")
    if file.exists():
        _refuse_foreign(file)
    features = run.features()
    ids = list(range(features.shape[1])) if all_features else _used_features(run)
    names = [*TABLE_NAMES, *(name for name in FURTHER_TABLES if run.has_table(name))]
    entries = {
        _HEADER: _header(run.info, ids).encode(),
        **{f"{name}.parquet": run.table_bytes(name) for name in names},
        _FEATURES: _array_bytes(np.asarray(features[:, ids])),
    }
    with atomic_file(file) as target, zipfile.ZipFile(target, "w") as archive:
        for name, data in entries.items():
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)  # dated 1980: the same bytes every time


def _used_features(run: Run) -> list[int]:
    rules, conditions = run.read_table("rules"), run.read_table("conditions")
    modes = rules.loc[rules["verdict"].notna(), "rule_id"]
    return sorted({int(i) for i in conditions.loc[conditions["rule_id"].isin(modes), "feature_id"]})


def _header(info: Mapping[str, Any], feature_ids: Sequence[int]) -> str:
    models, config = info.get("models", {}), info.get("config", {})
    header = _Header(
        kind="barlow-report results",
        format=1,
        name=info["name"],
        run_id=info.get("run_id"),
        created_at=info.get("created_at"),
        models={
            role: {key: models[role].get(key) for key in _KEPT_OF_MODELS}
            for role in ("inspected", "feature")
            if models.get(role)
        },
        seed=config.get("seed", 0),
        rules=config.get("rules", {}),
        feature_ids=list(feature_ids),
    )
    return header.model_dump_json(indent=2) + "\n"


def _array_bytes(array: Floats) -> bytes:
    file = io.BytesIO()
    np.save(file, np.ascontiguousarray(array), allow_pickle=False)
    return file.getvalue()


def _refuse_foreign(file: Path) -> None:
    try:
        with zipfile.ZipFile(file) as archive:
            is_own = _HEADER in archive.namelist()
    except (OSError, zipfile.BadZipFile):
        is_own = False
    if not is_own:
        raise OutputError(
            f"{file}: exists already and is not an export of results. Give another name, such as results.zip."
        )


def read_export(path: Path) -> RunResults:
    """Read a file that `export_results` wrote; whether its tables fit together is not checked here.

    Raises:
        RunFolderError: It is something else, of another version, or damaged.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            _check_entries(archive, path)
            content = {entry.filename: archive.read(entry) for entry in archive.infolist()}
    except (OSError, EOFError, RuntimeError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise RunFolderError(
            f"{path}: cannot be read as exported results ({error}). Give a run folder, or a file that barlow-report "
            "export-results wrote."
        ) from error
    header = _read_header(content.pop(_HEADER), path)
    features = _read_features(content.pop(_FEATURES), header, path)
    tables = {}
    for entry, data in sorted(content.items()):
        refuse_bomb(data, where=f"{path}/{entry}", advice=_EXPORT_AGAIN)
        name = entry.removesuffix(".parquet")
        tables[name] = parse_table(name, data, where=f"{path}/{entry}", advice=_EXPORT_AGAIN)
    if len(features) != len(tables["images"]):
        raise RunFolderError(
            f"{path}: features of {len(features)} images, expected {len(tables['images'])}. {_EXPORT_AGAIN}"
        )
    places = {feature_id: column for column, feature_id in enumerate(header.feature_ids)}

    def activations(feature_id: int, image_ids: Integers) -> Floats | None:
        column = places.get(feature_id)
        return None if column is None else features[image_ids, column]

    info = header.model_dump(include={"name", "run_id", "created_at", "models"})
    return RunResults(
        info={**info, "config": {"seed": header.seed, "rules": header.rules}},
        tables=tables,
        activations=activations,
        source=str(path),
    )


def _check_entries(archive: zipfile.ZipFile, path: Path) -> None:
    """Raise RunFolderError where an archive has other entries than an export, or would unpack to far too much."""
    names = [entry.filename for entry in archive.infolist()]
    wrong = [ascii(name) for name in sorted(set(names) - _ENTRIES)]
    twice = sorted({name for name in names if names.count(name) > 1})
    missing = sorted(_NEEDED - set(names))
    problems = [
        *([f"it holds {', '.join(wrong[:3])}{', …' * (len(wrong) > 3)}, which an export does not"] if wrong else []),
        *([f"it holds {', '.join(twice)} twice"] if twice else []),
        *([f"it lacks {', '.join(missing)}"] if missing else []),
    ]
    size = sum(entry.file_size for entry in archive.infolist())
    if size > MOST_EXPANSION * path.stat().st_size:
        problems.append(f"it would unpack to {size} bytes, more than {MOST_EXPANSION} times its size")
    if problems:
        raise RunFolderError(f"{path}: is not an export of results: {'; '.join(problems)}. {_EXPORT_AGAIN}")


def _read_header(data: bytes, path: Path) -> _Header:
    where = f"{path}/{_HEADER}"
    if len(data) > _LONGEST_HEADER:
        raise RunFolderError(f"{where}: {len(data)} bytes, expected at most {_LONGEST_HEADER}. {_EXPORT_AGAIN}")
    try:
        found = json.loads(data)
        if isinstance(found, dict) and found.get("format") not in (None, 1):
            raise RunFolderError(
                f"{where}: found format {found['format']!a}, expected 1. It was written by another version of "
                "barlow-report: use that version, or export the results again."
            )
        return _Header.model_validate(found)
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(str(part) for part in problem["loc"])
        raise RunFolderError(f"{where}: {place}: {problem['msg']}. {_EXPORT_AGAIN}") from error
    except (ValueError, RecursionError) as error:
        raise RunFolderError(f"{where}: is not valid JSON ({error}). {_EXPORT_AGAIN}") from error


def _read_features(data: bytes, header: _Header, path: Path) -> Floats:
    """Return the array of an .npy file (n_images, n_exported), whose header is checked before anything is allocated."""
    where, ids = f"{path}/{_FEATURES}", header.feature_ids
    file = io.BytesIO(data)
    try:
        version = np.lib.format.read_magic(file)
        shape, fortran_order, dtype = np.lib.format.read_array_header_1_0(file)
    except ValueError as error:
        raise RunFolderError(f"{where}: is not an array ({error}). {_EXPORT_AGAIN}") from error
    n_bytes = len(data) - file.tell()
    is_array = version == (1, 0) and not fortran_order and dtype.kind == "f" and len(shape) == 2
    if (
        not is_array
        or shape[1] != len(ids)
        or len(set(ids)) != len(ids)
        or shape[0] * shape[1] * dtype.itemsize != n_bytes
    ):
        raise RunFolderError(
            f"{where}: found {dtype} of shape {shape} in {n_bytes} bytes, expected numbers of {len(ids)} features. "
            f"{_EXPORT_AGAIN}"
        )
    return np.frombuffer(data, dtype=dtype, offset=file.tell()).reshape(shape)
