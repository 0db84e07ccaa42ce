"""The run folder: everything that later stages and other programs need, and nothing that is pickled.

The module is not called `run`, because `barlow_report.run` is the function that does everything.

`Run` is the only place that knows where things lie on disk. Tables are Parquet and checked against
`tables` on every write and read; features are one `.npy` that is opened memory-mapped; pictures are named
by the hash of their bytes, so one picture is stored once however often it is shown.

Every file is checked before anything in it is believed: tables, arrays and run.json carry a seal (see `seals`),
pictures their name. Arrays are read once as a whole when a process first opens them, at about 1 GB a second: rules
need every row anyhow. A folder of format 1 had no checksums; it is refused and not read unchecked, because a file
that never had a seal cannot be told from one whose seal is damaged.

A stage that has finished leaves a mark: the fingerprint of what went into it. The same fingerprint again
means the stage is skipped; another one means it is redone, and the marks of later stages are dropped.
"""

import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from barlow_report.errors import DamagedFileError, RunFolderError
from barlow_report.files import atomic_write, digest_text, lock, output_errors
from barlow_report.lenses import registry
from barlow_report.lenses.lens import Lens
from barlow_report.seals import (
    UNSEALED,
    check_seal,
    content_name,
    read_named,
    read_sealed,
    read_sealed_json,
    sealed_file,
    write_sealed_json,
)
from barlow_report.tables import ANSWER_TABLES, all_tables, check_table

__all__ = ["FORMAT", "STAGES", "Run", "fingerprint", "stage_tables"]

FORMAT = 2
"""Number of the run folder's format; a run of another format is refused."""

STAGES = ("extract", "explain", "visualize")
"""The stages that write to a run folder, in order."""

_STAGE_TABLES = {
    "extract": ("classes", "skipped", "images", "contents"),
    "explain": (
        "splits",
        "groups",
        "group_classes",
        "memberships",
        "selection",
        "nodes",
        "rules",
        "conditions",
        "evaluations",
        "evaluation",
        "explained",
    ),
    "visualize": ("tiles", "galleries", "quantiles", "histograms"),
}


_START_AGAIN = (
    "Rename the folder, and run barlow-report run with the configuration again. People's answers are in its folder "
    "annotations: copy that into the new folder, and run barlow-report annotations merge."
)


def stage_tables() -> dict[str, tuple[str, ...]]:
    """Return the tables that each stage and each lens writes, some of them only where they are asked for."""
    of_lenses = {lens.key: tuple(table.name for table in lens.tables()) for lens in registry.LENSES}
    return _STAGE_TABLES | of_lenses


def fingerprint(**inputs: object) -> str:
    """Return a hash of everything a stage depends on; `inputs` must be writable as JSON."""
    return digest_text(json.dumps({"format": FORMAT, **inputs}, sort_keys=True, default=str))


class Run:
    """One run folder; make it with `Run.create` or `Run.open`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._checked: set[tuple[str, int, int, int]] = set()

    @classmethod
    def create(cls, folder: Path, *, info: Mapping[str, Any]) -> "Run":
        """Open `folder` for writing, making it if need be, and bring its `run.json` up to date with `info`.

        Raises:
            RunFolderError: The folder holds other files, or a run of another format.
            OutputError: The folder cannot be written.
        """
        run = cls(folder)
        run.refuse_foreign_files()
        old = run.info if run._info_path.exists() else {"format": FORMAT, "stages": {}}
        if {**old, **info} != old or not run._info_path.exists():
            run._write_info({**old, **info})
        return run

    @classmethod
    def open(cls, folder: Path) -> "Run":
        """Open an existing run folder for reading.

        Raises:
            RunFolderError: There is none at `folder`, or it has another format.
        """
        run = cls(folder)
        if not run._info_path.is_file():
            raise RunFolderError(
                f"{folder}: no run.json found, expected a run folder. Make one with barlow-report run."
            )
        _ = run.info
        return run

    def refuse_foreign_files(self) -> None:
        """Make the folder if it is not there, and check that it holds nothing but a run.

        Raises:
            RunFolderError: It holds other files.
            OutputError: It cannot be made.
        """
        with output_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            others = [f for f in self.folder.iterdir() if not f.name.startswith("run.")]
        if others and not self._info_path.exists():
            raise RunFolderError(
                f"{self.folder}: holds files but no run.json, so it is not a run folder. Give an empty or new folder."
            )

    @property
    def _info_path(self) -> Path:
        return self.folder / "run.json"

    @property
    def info(self) -> dict[str, Any]:
        """The content of run.json: format, configuration, versions, models, finished stages."""
        try:
            found = json.loads(self._info_path.read_text(encoding="utf-8"))["format"]
        except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
            raise RunFolderError(f"{self._info_path}: cannot be read ({error}). {_START_AGAIN}") from error
        if found != FORMAT:
            raise RunFolderError(
                f"{self._info_path}: found format {found}, expected {FORMAT}. "
                "It was written by another version of barlow-report: use that version, or a new folder."
            )
        return read_sealed_json(self._info_path, advice=_START_AGAIN)

    def identify(self, explained: str, *, created_at: str) -> None:
        """Name this run by the fingerprint of `explain`: people's descriptions of features belong to it alone."""
        if self.info.get("run_id") != explained[:16]:
            self.update_info(run_id=explained[:16], created_at=created_at)

    def record_config(self, sections: Mapping[str, Any]) -> None:
        """Note the sections of the configuration that what is in the folder was computed with."""
        config = {**self.info.get("config", {}), **sections}
        if config != self.info.get("config"):
            self.update_info(config=config)

    def update_info(self, **values: Any) -> None:
        """Set entries of run.json."""
        self._write_info({**self.info, **values})

    def _write_info(self, info: Mapping[str, Any]) -> None:
        write_sealed_json(self._info_path, info, indent=2)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes from writing to this folder until the block ends, however it ends.

        Raises:
            RunFolderError: Another process is writing to it.
        """
        with output_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            file = (self.folder / "run.lock").open("w")
        with file:
            if not lock(file.fileno()):
                raise RunFolderError(
                    f"{self.folder}: another process is writing to this run. Wait until it ends, or use another --run."
                )
            yield

    # --- stages -------------------------------------------------------------------------------------------

    def is_done(self, stage: str, *, fingerprint: str) -> bool:
        """Whether `stage` has finished with exactly these inputs."""
        found = self.info["stages"].get(stage)
        return bool(found == fingerprint)

    def is_finished(self, stage: str) -> bool:
        """Whether `stage` has finished, with whatever inputs."""
        return stage in self.info["stages"]

    def promised_tables(self, stage: str) -> list[str]:
        """The tables that `stage` left when it finished; none where it has not."""
        return list(self.info.get("tables", {}).get(stage, ())) if self.is_finished(stage) else []

    def require(self, stage: str) -> None:
        """Check that `stage` has finished.

        Raises:
            RunFolderError: It has not.
        """
        if not self.is_finished(stage):
            raise RunFolderError(
                f"{self.folder}: stage {stage!r} has not finished here. Run barlow-report run with the configuration."
            )

    def begin(self, stage: str, *, fingerprint: str) -> Path:
        """Drop the marks of `stage` and later ones, and return the folder for its unfinished work.

        Work of an earlier attempt is kept only if it was begun with the same fingerprint.
        """
        lenses = [lens for lens in registry.LENSES if stage in STAGES or stage == lens.key]
        later = {*STAGES[STAGES.index(stage) :], *(lens.key for lens in lenses)} if stage in STAGES else {stage}
        stages = self.info["stages"]
        if any(s in stages for s in later):
            self.update_info(stages={s: mark for s, mark in stages.items() if s not in later})
        for lens in lenses:
            self._delete_tables(lens)
        work = self.folder / "work" / stage
        begun = work / "fingerprint"
        goes_on = begun.is_file() and begun.read_bytes() == fingerprint.encode()
        if not goes_on:
            self._forget_assumptions(later)
        with output_errors(work):
            if work.exists() and not goes_on:
                shutil.rmtree(work)
            work.mkdir(parents=True, exist_ok=True)
        atomic_write(begun, fingerprint)
        return work

    def redo(self, stage: str) -> None:
        """Drop the mark of `stage`, so that it is done again."""
        stages = self.info["stages"]
        if stage in stages:
            self.update_info(stages={s: mark for s, mark in stages.items() if s != stage})

    def drop(self, lens: Lens[Any]) -> None:
        """Forget a lens that is no longer asked for: its mark, its tables, what it assumed."""
        was_there = self.is_finished(lens.key) or any(self.has_table(table.name) for table in lens.tables())
        self.redo(lens.key)
        self._forget_assumptions([lens.key])
        if was_there:  # otherwise nothing that follows can rest on it
            self._delete_tables(lens)

    def _delete_tables(self, lens: Lens[Any]) -> None:
        for stale in (lens, *registry.followers(lens)):
            for table in stale.tables():
                self.delete_table(table.name)

    def finish(self, stage: str, *, fingerprint: str) -> None:
        """Mark `stage` as finished and note which tables it has left, then delete its unfinished work."""
        info = self.info
        tables = [name for name in stage_tables().get(stage, ()) if self.has_table(name)]
        self.update_info(
            stages={**info["stages"], stage: fingerprint}, tables={**info.get("tables", {}), stage: tables}
        )
        with output_errors(self.folder):
            shutil.rmtree(self.folder / "work" / stage, ignore_errors=True)
            if (self.folder / "work").is_dir() and not any((self.folder / "work").iterdir()):
                (self.folder / "work").rmdir()

    # --- assumptions --------------------------------------------------------------------------------------

    def assume(self, stage: str, key: str, text: str) -> None:
        """Note in one sentence what `stage` took for granted and a reader of the report must know.

        The site shows it under *What was assumed*. It is kept until the stage is done again with other inputs.

        Args:
            stage: The stage that assumes it.
            key: Names the assumption; the same key again replaces the sentence.
            text: A sentence about the data or the models, for readers of the site: no paths.
        """
        assumptions = self.info.get("assumptions", {})
        if assumptions.get(stage, {}).get(key) != text:
            self.update_info(assumptions={**assumptions, stage: {**assumptions.get(stage, {}), key: text}})

    def _forget_assumptions(self, stages: Iterable[str]) -> None:
        assumptions = self.info.get("assumptions", {})
        if stale := assumptions.keys() & set(stages):
            self.update_info(assumptions={stage: noted for stage, noted in assumptions.items() if stage not in stale})

    # --- tables and arrays --------------------------------------------------------------------------------

    def has_table(self, name: str) -> bool:
        """Whether table `name` is there."""
        return self._table_path(name).is_file()

    def _table_path(self, name: str) -> Path:
        return self.folder / f"{name}.parquet"

    def write_table(self, name: str, frame: pd.DataFrame) -> None:
        """Check `frame` against its schema and write it.

        Raises:
            SchemaError: It does not fit.
            OutputError: The file cannot be written.
        """
        path = self._table_path(name)
        checked = check_table(name, frame, where=str(path))
        table = pa.Table.from_pandas(checked, schema=all_tables()[name].arrow_schema, preserve_index=False)
        table = table.replace_schema_metadata({"seal": UNSEALED})
        with sealed_file(path, appends=False) as file:
            pq.write_table(table, file, compression="zstd", write_page_checksum=True)

    def read_table(self, name: str) -> pd.DataFrame:
        """Read table `name` and check it against its schema.

        Raises:
            RunFolderError: The table is missing, damaged, or does not fit its schema.
        """
        path, advice = self._table_path(name), _advice(name)
        if not path.is_file():
            raise DamagedFileError(f"{path}: not found. {advice}")
        data = read_sealed(path, advice=advice)
        try:
            table = pq.read_table(pa.BufferReader(data))
            frame = table.to_pandas(ignore_metadata=True, types_mapper={pa.int64(): pd.Int64Dtype()}.get)
        except (OSError, pa.ArrowException) as error:
            raise DamagedFileError(f"{path}: cannot be read ({error}). {advice}") from error
        return check_table(name, frame, where=str(path))

    def check_table_file(self, name: str) -> None:
        """Check that the file of table `name` is there and whole, without a look at its values.

        Raises:
            DamagedFileError: It is not.
        """
        check_seal(self._table_path(name), advice=_advice(name))

    def delete_table(self, name: str) -> None:
        """Delete table `name` if it is there."""
        with output_errors(self._table_path(name)):
            self._table_path(name).unlink(missing_ok=True)

    def write_features(
        self, blocks: Iterable[np.ndarray], *, shape: tuple[int, int], dtype: str, name: str = "features"
    ) -> None:
        """Write features.npy, or another array of a row per image, from blocks of rows; one block is in memory.

        Raises:
            OutputError: The file cannot be written.
            RunFolderError: The blocks do not add up to `shape`.
        """
        n_rows = 0
        with sealed_file(self.folder / f"{name}.npy") as file:
            header = {"descr": np.lib.format.dtype_to_descr(np.dtype(dtype)), "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(file, header)
            for block in blocks:
                file.write(np.ascontiguousarray(block, dtype=dtype).data)
                n_rows += len(block)
            if n_rows != shape[0]:
                raise RunFolderError(f"{self.folder}: {n_rows} rows of {name}, expected {shape[0]}: run again.")

    def features(self, name: str = "features") -> np.ndarray:
        """Open the features, shape (n_images, n_features), or another such array, memory-mapped and read-only.

        The first time the whole file is read and checked, a block at a time.

        Raises:
            DamagedFileError: The file is missing or damaged.
        """
        path = self.folder / f"{name}.npy"
        self.check_array_file(name)
        try:
            features: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError) as error:
            raise DamagedFileError(f"{path}: cannot be read ({error}). {_advice(name)}") from error
        return features

    def check_array_file(self, name: str) -> None:
        """Check that the file of an array is there and whole, unless this object has done that already.

        Raises:
            DamagedFileError: It is not.
        """
        path = self.folder / f"{name}.npy"
        found = path.stat() if path.is_file() else None
        version = (name, found.st_ino, found.st_size, found.st_mtime_ns) if found else None
        if version is None or version not in self._checked:
            check_seal(path, advice=_advice(name))
        if version is not None:
            self._checked.add(version)

    # --- pictures -----------------------------------------------------------------------------------------

    @property
    def media(self) -> Path:
        """The folder of pictures."""
        return self.folder / "media"

    def add_media(self, data: bytes, *, suffix: str = ".webp") -> str:
        """Store a picture and return its name below `media`; the same bytes are stored once."""
        digest = content_name(data)
        name = f"{digest[:2]}/{digest}{suffix}"
        if not self.has_media(name):
            atomic_write(self.media / name, data, durable=False)
        return name

    def read_media(self, name: str) -> bytes:
        """Return the bytes of a picture.

        Raises:
            DamagedFileError: It is missing, or its bytes are not those that it was stored with.
        """
        return read_named(self.media / name)

    def has_media(self, name: str) -> bool:
        """Whether a picture is there, and whole."""
        try:
            self.read_media(name)
        except DamagedFileError:
            return False
        return True

    def delete_unused_media(self, used: Iterable[str]) -> None:
        """Delete pictures that no table names any more."""
        keep = set(used)
        with output_errors(self.media):
            for folder, _, names in os.walk(self.media):
                for name in names:
                    if f"{Path(folder).name}/{name}" not in keep:
                        (Path(folder) / name).unlink()


def _advice(name: str) -> str:
    """What to do where the file of a table or an array is missing or damaged."""
    if name in ANSWER_TABLES:
        return (
            "Run barlow-report annotations merge with the run folder and no files: it makes the tables of names again."
        )
    if name == "planted":
        return "Run barlow-report demo again."
    stages = (stage for stage, tables in stage_tables().items() if name in tables)
    stage = "extract" if name == "features" else next(stages, None)
    again = f": it does the stage {stage} again" if stage else ": it writes it again"
    return f"Run barlow-report run with the run's configuration{again}."
