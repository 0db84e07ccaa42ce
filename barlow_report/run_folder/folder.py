"""One run folder: making and opening it, and its stages one after the other."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from barlow_report.errors import RunFolderError
from barlow_report.files import atomic_write, delete_partial, output_errors
from barlow_report.lenses import registry
from barlow_report.lenses.lens import Lens
from barlow_report.run_folder.info import FORMAT, InfoFile
from barlow_report.run_folder.locking import locked_folder
from barlow_report.run_folder.outputs import is_of_each_output, some_outputs
from barlow_report.run_folder.pictures import PictureFiles
from barlow_report.run_folder.stages import STAGES, stage_tables
from barlow_report.run_folder.tables import TableFiles
from barlow_report.storage import address_of, plain_path

__all__ = ["Run"]


class Run(TableFiles, PictureFiles, InfoFile):
    """One run folder; make it with `Run.create` or `Run.open`."""

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
    def open(cls, folder: Path | str) -> "Run":
        """Open an existing run folder for reading; at an address, a copy of it as it is now.

        Raises:
            RunFolderError: There is none at `folder`, or it has another format.
        """
        folder = plain_path(Path(folder))
        if (address := address_of(folder)) is not None:
            from barlow_report.storage.mirror import mirrored

            with mirrored(address, is_written=False) as folder:
                pass
        run = cls(folder)
        if is_of_each_output(folder):
            raise RunFolderError(
                f"{folder}: holds a run for each output of a multi-label model. Give the folder of one of them: "
                f"{some_outputs(folder)}."
            )
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
        if (address := address_of(self.folder)) is not None:
            raise RunFolderError(f"{address}: is an address. Only `barlow_report.run` and commands write to one.")
        with output_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            others = [f for f in self.folder.iterdir() if not f.name.startswith("run.")]
        if others and not self._info_path.exists():
            raise RunFolderError(
                f"{self.folder}: holds files but no run.json, so it is not a run folder. Give an empty or new folder."
            )

    @contextmanager
    def locked(self, *, builds_site: bool = False) -> Iterator[None]:
        """Keep other processes from writing to this folder until the block ends, however it ends.

        Args:
            builds_site: Whether the block builds the site and does nothing else; others wait for that.

        Raises:
            RunFolderError: Another process is writing to it.
        """
        with locked_folder(self.folder, builds_site=builds_site):
            if self._info_path.exists():  # otherwise it may be anybody's folder
                for folder in (self.folder, *(path for path in self.folder.iterdir() if path.is_dir())):
                    delete_partial(folder)
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

    def is_kept(self, lens: Lens[Any]) -> bool:
        """Whether a lens that the configuration does not ask for stays: it has finished, and none has asked for it."""
        return self.is_finished(lens.key) and lens.key not in self.info.get("config", {})

    def drop(self, lens: Lens[Any]) -> None:
        """Forget a lens that is no longer asked for: its mark, its section, its tables, what it assumed."""
        was_there = self.is_finished(lens.key) or any(self.has_table(table.name) for table in lens.tables())
        self.redo(lens.key)
        config = self.info.get("config", {})
        if lens.key in config:
            self.update_info(config={key: section for key, section in config.items() if key != lens.key})
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
