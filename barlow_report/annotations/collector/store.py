"""The collector's one file: SQLite in write-ahead mode, a row per revision of an answer, never changed.

`add` returns only after the row is on the disk (`synchronous=FULL`: the log is flushed before a commit
returns), so an answer that was acknowledged survives the process and the machine. A submission that is sent
again, because its answer got lost, changes nothing.
"""

import os
import sqlite3
from pathlib import Path
from types import TracebackType
from typing import Literal

from barlow_report.annotations.answers import Answer, canonical
from barlow_report.annotations.collector.connection import Connection, UnavailableError
from barlow_report.annotations.exchange.database import APPLICATION_ID, is_database
from barlow_report.annotations.identity import new_salt, new_token, pseudonym, token_digest
from barlow_report.errors import DataError

__all__ = ["Annotator", "ConflictError", "Store"]

_SCHEMA = f"""
BEGIN IMMEDIATE;
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = 1;
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS annotators (
    annotator TEXT PRIMARY KEY, token_digest TEXT NOT NULL UNIQUE, part INTEGER, platform TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS records (
    record_id TEXT NOT NULL, revision INTEGER NOT NULL, annotator TEXT NOT NULL, group_id INTEGER NOT NULL,
    feature_id INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY (record_id, revision)
) STRICT;
CREATE INDEX IF NOT EXISTS records_of_annotator ON records (annotator);
COMMIT;
"""
_SECONDS = 20.0


class ConflictError(Exception):
    """An answer contradicts one that is stored; the message says how."""


class Annotator:
    """Somebody with a token: pseudonym, part of the batch (None: theirs to choose), and where they come from."""

    __slots__ = ("name", "part", "platform")

    def __init__(self, name: str, part: int | None, platform: str) -> None:
        self.name, self.part, self.platform = name, part, platform


class Store:
    """The database: one connection that writes and one that reads, which no writer keeps waiting.

    Args:
        path: The file.
        must_exist: Whether a missing file is an error.
        seconds: How long to wait for other threads and processes, at most.

    Attributes:
        salt: For the ids of platforms.

    Raises:
        DataError: The file is something else, or cannot be opened.
    """

    def __init__(self, path: Path, *, must_exist: bool = False, seconds: float = _SECONDS) -> None:
        self.path = path
        if path.exists() and path.stat().st_size and not is_database(path):
            raise DataError(f"{path}: not a database. Choose another file for --database.")
        if must_exist and not path.exists():
            raise DataError(f"{path}: not found. Give the collector's database.")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))  # answers are not for everybody on this machine
            self._writer = Connection(path, seconds=seconds)
            self._reader = Connection(path, seconds=seconds)
            self._prepare()
        except (sqlite3.Error, OSError) as error:
            raise DataError(f"{path}: the database cannot be opened ({error}). Check the path and the disk.") from error

    def _prepare(self) -> None:
        try:
            with self._writer.using() as db:
                (found,) = db.execute("PRAGMA application_id").fetchone()
                (n_tables,) = db.execute("SELECT count(*) FROM sqlite_master").fetchone()
                if n_tables and found != APPLICATION_ID:
                    raise DataError(
                        f"{self.path}: an SQLite database, but not one of the collector. Choose another file."
                    )
                db.execute("PRAGMA journal_mode = WAL")
                db.execute("PRAGMA synchronous = FULL")
                db.execute("PRAGMA secure_delete = ON")  # what is forgotten is overwritten
                db.execute("PRAGMA temp_store = MEMORY")
                if not n_tables:
                    db.executescript(_SCHEMA)
                    db.execute("INSERT OR IGNORE INTO meta VALUES ('salt', ?)", (new_salt(),))
                (self.salt,) = db.execute("SELECT value FROM meta WHERE name = 'salt'").fetchone()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Write the log back into the file and close it."""
        self._reader.close()
        self._writer.close()

    @property
    def problem(self) -> str:
        """Why the last change could not be written; empty where it was."""
        return self._writer.problem

    # --- annotators ---------------------------------------------------------------------------------------

    def invite(self, annotator: str) -> str:
        """Return a new token for an annotator; an earlier one is not valid any more.

        Raises:
            DataError: The pseudonym has characters that it must not have.
        """
        if not _is_pseudonym(annotator):
            raise DataError(
                f"annotator: found {annotator!r}, expected a pseudonym of at most 64 letters, digits, dots and hyphens."
            )
        return self._issue(annotator, platform="invited", n_parts=0)

    def enrol(self, platform: str, platform_id: str, *, n_parts: int) -> tuple[Annotator, str]:
        """Let in somebody known to a platform and return them with a new token; the id itself is not kept."""
        name = pseudonym(platform, platform_id, salt=self.salt)
        token = self._issue(name, platform=platform, n_parts=n_parts)
        found = self.annotator(token)
        if found is None:  # forgotten between the two statements
            raise ConflictError("the participant was deleted meanwhile; try again")
        return found, token

    def _issue(self, annotator: str, *, platform: str, n_parts: int) -> str:
        token = new_token()
        with self._writer.changing() as db:
            counts = dict(db.execute("SELECT part, count(*) FROM annotators GROUP BY part").fetchall())
            part = min(range(n_parts), key=lambda p: (counts.get(p, 0), p), default=None)
            db.execute(
                "INSERT INTO annotators VALUES (?, ?, ?, ?) "
                "ON CONFLICT (annotator) DO UPDATE SET token_digest = excluded.token_digest",
                (annotator, token_digest(token), part, platform),
            )
        return token

    def annotator(self, token: str) -> Annotator | None:
        """The annotator of a token; None where it is not valid."""
        with self._reader.using() as db:
            row = db.execute(
                "SELECT annotator, part, platform FROM annotators WHERE token_digest = ?", (token_digest(token),)
            ).fetchone()
        return None if row is None else Annotator(*row)

    def names(self) -> list[str]:
        """The pseudonyms of everybody who has a token or an answer here."""
        with self._reader.using() as db:
            rows = db.execute("SELECT annotator FROM annotators UNION SELECT annotator FROM records").fetchall()
        return sorted(str(name) for (name,) in rows)

    # --- records ------------------------------------------------------------------------------------------

    def add(self, answer: Answer) -> Literal["stored", "unchanged"]:
        """Store an answer; it is on the disk when this returns.

        Raises:
            ConflictError: Its id belongs to somebody else's or another item's answer, or this revision says
                something else already.
            UnavailableError: It cannot be stored at the moment.
        """
        body = canonical(answer)
        key = (answer.record_id, answer.revision, answer.annotator, answer.group_id, answer.feature_id)
        with self._writer.changing() as db:
            if _is_there(db, answer, body):
                return "unchanged"
            db.execute("INSERT INTO records VALUES (?, ?, ?, ?, ?, ?)", (*key, body))
        return "stored"

    def records_of(self, annotator: str) -> list[str]:
        """The last revision of each of somebody's answers, as JSON."""
        with self._reader.using() as db:
            rows = db.execute(
                "SELECT body, max(revision) FROM records WHERE annotator = ? GROUP BY record_id ORDER BY record_id",
                (annotator,),
            ).fetchall()
        return [body for body, _ in rows]

    def items_of(self, annotator: str) -> set[tuple[int, int]]:
        """The (group, feature) pairs that somebody has answered about."""
        with self._reader.using() as db:
            return set(
                db.execute(
                    "SELECT DISTINCT group_id, feature_id FROM records WHERE annotator = ?", (annotator,)
                ).fetchall()
            )

    def n_records(self) -> int:
        """Number of stored revisions; reads the file, so it fails where the file cannot be read."""
        with self._reader.using() as db:
            (n,) = db.execute("SELECT count(*) FROM records").fetchone()
        return int(n)

    def forget(self, *annotators: str, seconds: float = _SECONDS) -> int:
        """Delete everything about somebody, known by one or more pseudonyms, and return how many answers that were.

        What was deleted is also taken out of free pages and out of the log beside the file, even if it was deleted
        by an earlier call.

        Args:
            annotators: The pseudonyms.
            seconds: How long to wait for others that read the database, for each of two steps.

        Raises:
            UnavailableError: Everything is deleted, but somebody else was reading all the time, and so the words are
                still there. Or nothing could be deleted.
        """
        with self._writer.changing() as db:
            n = 0
            for annotator in annotators:
                n += db.execute("DELETE FROM records WHERE annotator = ?", (annotator,)).rowcount
                db.execute("DELETE FROM annotators WHERE annotator = ?", (annotator,))
        is_clean = self._writer.write_back(seconds=seconds)
        if is_clean:
            with self._writer.using() as db:
                db.execute("VACUUM")
            is_clean = self._writer.write_back(seconds=seconds)
        if not is_clean:
            raise UnavailableError(
                self.path,
                f"{n} record{'s' * (n != 1)} deleted, but the words are still in the file or in the log beside it "
                f"({self.path.name}-wal), because another process is reading the database",
                advice="Stop the collector, close whatever else has the file open, and run the same command again.",
            )
        return n


def _is_there(db: sqlite3.Connection, answer: Answer, body: str) -> bool:
    rows = db.execute(
        "SELECT revision, annotator, group_id, feature_id, body FROM records WHERE record_id = ?",
        (answer.record_id,),
    ).fetchall()
    for revision, annotator, group_id, feature_id, stored in rows:
        if (annotator, group_id, feature_id) != (answer.annotator, answer.group_id, answer.feature_id):
            raise ConflictError("record_id: belongs to another record; choose a new one")
        if revision == answer.revision:
            if stored == body:
                return True
            raise ConflictError(f"revision: {revision} is stored with other answers; send the next revision")
    return False


def _is_pseudonym(text: str) -> bool:
    return 0 < len(text) <= 64 and text.isascii() and text[0].isalnum() and all(c.isalnum() or c in "._-" for c in text)
