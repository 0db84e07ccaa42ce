"""A run folder in an object store: worked on as a copy on this machine, with the store following.

An object store puts whole objects and knows no rename, so order does what renames do on a disk. Whatever is finished
is put first, and `run.json`, which says what is finished, last; before a stage begins to write, `run.json` without
its mark is put. So the store always holds a run that resumes, and never claims what is not there. Unfinished work (the
folder `work`) is put as it is written: after a kill another machine goes on with it. Nothing half-written is read:
objects appear whole, and every file carries a seal.

The store is the truth. A copy that an earlier process has left in the cache is brought in line with it first.

One writer at a time: an object says who writes and since when, and is renewed; one that was not renewed for some
minutes is taken over.
"""

import json
import os
import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from barlow_report.errors import BarlowReportError, OutputError, RunFolderError
from barlow_report.files import PARTIAL, atomic_write, observe, output_errors, unobserve
from barlow_report.storage.addresses import joined, note_copy
from barlow_report.storage.fetching import place_of
from barlow_report.storage.filesystem import open_filesystem, remote_errors, version_of

__all__ = ["Mirror", "mirrored"]

LIST = "run.json"
"""What says which stages have finished: put last."""

_LOCK = "run.writer.json"
_LOCAL_ONLY = frozenset({"run.lock", _LOCK})
_N_AT_ONCE = 8
_N_ATTEMPTS = 3

RENEWED_EVERY = 60.0
"""Seconds between two renewals of a writer's claim."""
TAKEN_OVER_AFTER = 300.0
"""Seconds after which a claim that was not renewed is void."""


@dataclass(frozen=True)
class _State:
    """A file as it was when it was last equal to its object: size, time in nanoseconds; and the object's version."""

    size: int
    time: int
    version: str


class Mirror:
    """A local folder and the folder of an object store that it is a copy of."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.folder = place_of(address, "runs")
        self._system, self._path = open_filesystem(address)
        self._known: dict[str, _State] = {}
        self._waiting: list[Future[None]] = []
        self._pool = ThreadPoolExecutor(max_workers=_N_AT_ONCE, thread_name_prefix="store")
        self._commits = threading.RLock()
        self._pid = os.getpid()
        note_copy(self.folder, address)

    # --- from the store -------------------------------------------------------------------------------------

    def pull(self) -> None:
        """Bring the local folder in line with the store.

        A reader may come while somebody writes: `run.json` is looked at before and after, until it is the same.

        Raises:
            RunFolderError: Somebody writes again and again, or an object cannot be read.
        """
        for _ in range(_N_ATTEMPTS):
            before = self._objects()
            self._pull(before)
            after = self._objects()
            if before.get(LIST) == after.get(LIST):
                return
        raise RunFolderError(f"{self.address}: is being written to. Wait until that ends.")

    def _objects(self) -> dict[str, tuple[int, str]]:
        """Size and version of every object of the folder, by its path below it."""
        try:
            with remote_errors(self.address, error_type=RunFolderError):
                found = self._system.find(self._path, detail=True)
        except RunFolderError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                return {}
            raise
        names = {name[len(self._path) :].strip("/"): info for name, info in found.items()}
        return {
            name: (int(info.get("size") or 0), version_of(info))
            for name, info in names.items()
            if name and name not in _LOCAL_ONLY and not name.endswith(PARTIAL)
        }

    def _pull(self, objects: Mapping[str, tuple[int, str]]) -> None:
        self._known = self._read_states()
        for name in objects:
            target = Path(os.path.normpath(self.folder / name))
            if not target.is_relative_to(self.folder):
                raise RunFolderError(f"{self.address}: holds an object named {name!r}, which is no path below it.")
        wanted = [name for name, found in objects.items() if not self._is_same(name, found)]
        with output_errors(self.folder):
            for path in self._local():
                if path not in objects:
                    (self.folder / path).unlink()
        for _ in self._pool.map(self._get, wanted):
            pass
        self._known = {name: self._state(name, version) for name, (_, version) in objects.items()}
        self._write_states()

    def _is_same(self, name: str, found: tuple[int, str]) -> bool:
        known = self._known.get(name)
        return known is not None and (known.size, known.version) == found and known == self._state(name, known.version)

    def _get(self, name: str) -> None:
        target = self.folder / name
        partial = target.with_name(f"{target.name}.{secrets.token_hex(4)}{PARTIAL}")
        with output_errors(target):
            target.parent.mkdir(parents=True, exist_ok=True)
        try:
            with remote_errors(joined(self.address, name), error_type=RunFolderError):
                self._system.get_file(f"{self._path}/{name}", str(partial))
            with output_errors(target):
                partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)

    # --- to the store ---------------------------------------------------------------------------------------

    def written(self, path: Path) -> None:
        """Hear that a file was written: unfinished work is put at once, `run.json` after all that it speaks of.

        Raises:
            OutputError: An object cannot be written.
        """
        if os.getpid() != self._pid or not path.is_relative_to(self.folder):
            return  # what other processes write is put with the next `run.json`
        name = path.relative_to(self.folder).as_posix()
        if name == LIST:
            self.commit()
        elif name.startswith("work/"):
            self._waiting.append(self._pool.submit(self._put, name))

    def commit(self) -> None:
        """Put what has changed, `run.json` last, then delete what is gone.

        Raises:
            OutputError: An object cannot be written.
        """
        with self._commits:
            self._wait()
            local = self._local()
            changed = [name for name in local if name != LIST and self._has_changed(name)]
            for _ in self._pool.map(self._put, changed):
                pass
            if LIST in local and self._has_changed(LIST):
                self._put(LIST)
            gone = [name for name in self._known if name not in local]
            if gone:
                with remote_errors(self.address, error_type=OutputError, verb="write"):
                    self._delete([f"{self._path}/{name}" for name in gone])
                self._known = {name: state for name, state in self._known.items() if name not in gone}

    def _delete(self, paths: list[str]) -> None:
        """Delete objects; another process may have done it."""
        with suppress(FileNotFoundError):
            self._system.rm(paths)
            return
        for path in paths:
            with suppress(FileNotFoundError):
                self._system.rm_file(path)

    def _wait(self) -> None:
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            future.result()

    def _put(self, name: str) -> None:
        path = self.folder / name
        try:
            state = self._state(name, "")
            with remote_errors(joined(self.address, name), error_type=OutputError, verb="write"):
                self._system.put_file(str(path), f"{self._path}/{name}")
        except (FileNotFoundError, OutputError):
            if path.exists():  # otherwise it was deleted meanwhile
                raise
            return
        self._known[name] = state

    def _has_changed(self, name: str) -> bool:
        known = self._known.get(name)
        return known is None or known != self._state(name, known.version)

    def _state(self, name: str, version: str) -> _State:
        found = (self.folder / name).stat()
        return _State(found.st_size, found.st_mtime_ns, version)

    def _local(self) -> set[str]:
        """The paths of all files below the local folder that the store is to have."""
        found = set()
        for folder, _, files in os.walk(self.folder):
            for file in files:
                name = os.path.relpath(Path(folder) / file, self.folder).replace(os.sep, "/")
                if name not in _LOCAL_ONLY and not name.endswith(PARTIAL):
                    found.add(name)
        return found

    # --- what is known of the copy --------------------------------------------------------------------------

    @property
    def _states_path(self) -> Path:
        return self.folder.parent / "objects.json"

    def _read_states(self) -> dict[str, _State]:
        try:
            found = json.loads(self._states_path.read_text(encoding="utf-8"))
            return {name: _State(*state) for name, state in found.items()}
        except (OSError, ValueError, TypeError, AttributeError):
            return {}

    def _write_states(self) -> None:
        states = {name: [state.size, state.time, state.version] for name, state in self._known.items()}
        atomic_write(self._states_path, json.dumps(states))

    def close(self, *, is_written: bool) -> None:
        """Put what is left, and remember which versions the copy is of, so that it need not be fetched again.

        Raises:
            OutputError: An object cannot be written.
        """
        try:
            if is_written:
                self.commit()
                objects = self._objects()
                self._known = {
                    name: _State(state.size, state.time, objects[name][1])
                    for name, state in self._known.items()
                    if name in objects and objects[name][0] == state.size
                }
                self._write_states()
        finally:
            self._pool.shutdown(wait=True, cancel_futures=True)

    # --- one writer -----------------------------------------------------------------------------------------

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """Keep other machines from writing until the block ends.

        Raises:
            RunFolderError: Another process writes to the folder.
        """
        claim, place = secrets.token_hex(8), f"{self._path}/{_LOCK}"
        found = self._claim(place)
        age = time.time() - float(found.get("renewed", 0)) if found else TAKEN_OVER_AFTER
        if found and age < TAKEN_OVER_AFTER:
            raise RunFolderError(
                f"{self.address}: another process is writing to this run. Wait until it ends, or use another --run. If "
                f"it was killed, its claim is void {int(TAKEN_OVER_AFTER - age) + 1} seconds from now."
            )
        self._renew(place, claim)
        if self._claim(place).get("claim") != claim:  # two came at once, and the other one was later
            raise RunFolderError(f"{self.address}: another process has just begun to write to this run.")
        ended = threading.Event()

        def renew() -> None:
            while not ended.wait(RENEWED_EVERY):
                with suppress(BarlowReportError):
                    self._renew(place, claim)

        thread = threading.Thread(target=renew, name="claim", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
            with suppress(Exception):
                self._system.rm_file(place)

    def _claim(self, place: str) -> dict[str, Any]:
        try:
            with remote_errors(self.address, error_type=RunFolderError):
                found = json.loads(self._system.cat_file(place))
        except RunFolderError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                return {}
            raise
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    def _renew(self, place: str, claim: str) -> None:
        with remote_errors(self.address, error_type=OutputError, verb="write"):
            self._system.pipe_file(place, json.dumps({"claim": claim, "renewed": time.time()}).encode())


@contextmanager
def mirrored(address: str, *, is_written: bool) -> Iterator[Path]:
    """Yield a local copy of the run folder at an address; the store follows what is written to it.

    Args:
        address: Of the run folder, which need not be there if it is to be written.
        is_written: Whether the block writes.

    Raises:
        RunFolderError: It is not there, cannot be read, or another process writes to it.
        OutputError: An object cannot be written; what was put before is kept.
    """
    mirror = Mirror(address)
    with _nothing() if not is_written else mirror.claimed():
        mirror.pull()
        if not mirror.folder.is_dir():
            with output_errors(mirror.folder):
                mirror.folder.mkdir(parents=True, exist_ok=True)
        try:
            if is_written:
                observe(mirror.written)
            yield mirror.folder
        finally:
            unobserve(mirror.written)
            mirror.close(is_written=is_written)


@contextmanager
def _nothing() -> Iterator[None]:
    yield
