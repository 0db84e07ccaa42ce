"""One connection to the collector's file: short waits, and errors that say what can be done."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from barlow_report.errors import DataError

__all__ = ["Connection", "UnavailableError"]

_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL}
_FULL = {
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR_WRITE,  # also over quota
    sqlite3.SQLITE_IOERR_FSYNC,
    sqlite3.SQLITE_IOERR_DIR_FSYNC,
    sqlite3.SQLITE_IOERR_SHMSIZE,
}
_PAUSE_SECONDS = 0.1


class UnavailableError(DataError):
    """The database cannot be used at the moment; nothing was changed.

    Attributes:
        reason: What is the matter, without the path.
        is_full: Whether the disk does not take any more.
    """

    def __init__(self, path: Path, reason: str, *, is_full: bool = False, advice: str) -> None:
        super().__init__(f"{path}: {reason}. {advice}")
        self.reason, self.is_full = reason, is_full


class Connection:
    """A connection that is used by one thread at a time.

    Args:
        path: The file.
        seconds: How long to wait for other threads, and for other processes.

    Attributes:
        problem: Why the last change could not be written; empty where it was.
    """

    def __init__(self, path: Path, *, seconds: float) -> None:
        self.problem = ""
        self._path, self._seconds = path, seconds
        self._lock = threading.Lock()
        self._file = _identity(path)
        self._db = sqlite3.connect(path, timeout=seconds, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA trusted_schema = OFF")

    @contextmanager
    def using(self) -> Iterator[sqlite3.Connection]:
        """Give the connection to this thread alone.

        Raises:
            UnavailableError: Another thread or process holds it for too long, or the file cannot be used.
        """
        if not self._lock.acquire(timeout=self._seconds):
            raise UnavailableError(self._path, "the database is in use", advice="Try again.")
        try:
            self._check_place()
            yield self._db
        except (sqlite3.Error, UnicodeDecodeError) as error:  # the latter where the file is damaged
            raise _unavailable(self._path, error) from error
        finally:
            self._lock.release()

    @contextmanager
    def changing(self) -> Iterator[sqlite3.Connection]:
        """Make all changes of the block, or none; they are on the disk when it has ended. See `using`."""
        try:
            with self.using() as db:
                db.execute("BEGIN IMMEDIATE")
                try:
                    yield db
                    db.execute("COMMIT")
                except BaseException:
                    with suppress(sqlite3.Error):  # SQLite may have rolled back by itself
                        db.execute("ROLLBACK")
                    raise
        except UnavailableError as error:
            self.problem = error.reason
            raise
        self.problem = ""

    def _check_place(self) -> None:
        """What is written to a file that has been moved or deleted is lost, though every write may succeed."""
        try:
            is_there = _identity(self._path) == self._file
        except OSError:
            is_there = False
        if not is_there:
            advice = "Put it back, or start the collector again."
            raise UnavailableError(self._path, "the database was moved, replaced or deleted", advice=advice)

    def write_back(self, *, seconds: float) -> bool:
        """Write the whole log into the file and empty it; False where a reader kept it from that all the time."""
        end = time.monotonic() + seconds
        while True:
            with self.using() as db:
                (is_busy, _, _) = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            if not is_busy:
                return True
            if time.monotonic() > end:
                return False
            time.sleep(_PAUSE_SECONDS)

    def close(self) -> None:
        """Close it; the last one of all writes the log back."""
        with self._lock, suppress(sqlite3.Error):
            self._db.close()


def _identity(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_dev, found.st_ino


def _unavailable(path: Path, error: Exception) -> UnavailableError:
    code = getattr(error, "sqlite_errorcode", None) or 0
    if code & 0xFF in _BUSY:
        advice = "Wait until that has ended, or end it, and try again."
        return UnavailableError(path, "the database is in use by another process", advice=advice)
    if code in _FULL:
        advice = "Free some space and try again; what was acknowledged is kept."
        return UnavailableError(path, f"the disk takes no more data ({error})", is_full=True, advice=advice)
    return UnavailableError(path, f"the database cannot be used ({error})", advice="Check the file and the disk.")
