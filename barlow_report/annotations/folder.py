"""The folder `annotations` of a run: the batch, the answers as they came, the salt, the owner's names.

batch.json       what people are asked; made by the owner, shown by the site
reports.json     the groups of every report of this run so far, by which older answers are understood
records.jsonl    every accepted answer with what it was made from
rejected.jsonl   every answer that is invalid or belongs elsewhere, with the reason
names.yaml       names that the owner has chosen; written by hand
salt             for the ids of platforms; readable by its owner alone
forgotten.json   salted hashes of people whose answers were deleted and must not come back, and of these answers

The last line of records, rejected, reports and forgotten is the file's checksum, see `seals`: changed words are an
error and never somebody's answer. Who puts such a file together by hand leaves the line out.
"""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from barlow_report.annotations.batches import Batch, load_batch
from barlow_report.annotations.identity import is_salt, new_salt, pseudonym
from barlow_report.annotations.loose_json import parse_loose_json
from barlow_report.annotations.merge import Problem, Stored, read_stored, write_stored
from barlow_report.annotations.overrides import Override, load_overrides
from barlow_report.errors import DataError
from barlow_report.files import atomic_write, output_errors
from barlow_report.seals import UNSEALED, check_seal, sealed_file

__all__ = ["AnnotationsFolder", "Forgotten", "GroupKey"]

_SEAL = '{"seal": "'
_MERGE_AGAIN = "Restore the file from a copy, or delete it and merge people's files again."
_RESTORE = "Restore the file from a copy: it says who must not come back."

GroupKey = tuple[str, int | None, str]
"""Grouping, class id and name: what stays the same when a run is analysed again."""


@dataclass(frozen=True)
class Forgotten:
    """The people whose answers were deleted, or the ids of these answers; it cannot be listed, only asked."""

    digests: frozenset[str]
    salt: str
    kind: str = "forgotten"

    def __contains__(self, name: object) -> bool:
        return bool(self.digests) and pseudonym(self.kind, str(name), salt=self.salt) in self.digests


class AnnotationsFolder:
    """Reads and writes the files; see the module."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def batch_path(self) -> Path:
        """The batch file."""
        return self.folder / "batch.json"

    @property
    def names_path(self) -> Path:
        """The owner's names."""
        return self.folder / "names.yaml"

    def batch(self) -> Batch | None:
        """The batch; None where the owner has not made one."""
        text = self._read(self.batch_path)
        return load_batch(text, where=str(self.batch_path)) if text else None

    def write_batch(self, batch: Batch) -> None:
        """Write the batch file."""
        atomic_write(self.batch_path, batch.as_json())

    def overrides(self) -> tuple[Override, ...]:
        """The owner's names; none where there is no such file."""
        if (other := self.names_path.with_suffix(".yml")).exists():
            raise DataError(f"{other}: is not read. Call it {self.names_path.name}.")
        return load_overrides(self.names_path) if os.path.lexists(self.names_path) else ()

    def stored(self) -> list[Stored]:
        """The accepted answers."""
        path = self.folder / "records.jsonl"
        return read_stored(self._read_sealed(path), where=str(path))

    def rejected(self) -> list[Problem]:
        """The answers that were not accepted."""
        path = self.folder / "rejected.jsonl"
        try:
            lines = [parse_loose_json(line) for line in self._read_sealed(path).split("\n") if line]
            return [Problem(kind=v["kind"], where="run folder", reason=v["reason"], raw=v["raw"]) for v in lines]
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(f"{path}: {error}. Delete the file and merge again.") from error

    def write_records(self, stored: Sequence[Stored], rejected: Sequence[Problem]) -> None:
        """Write accepted and rejected answers."""
        self._write_sealed("records.jsonl", write_stored(stored))
        self._write_sealed("rejected.jsonl", write_stored(rejected))

    def reports(self) -> dict[str, dict[int, GroupKey]]:
        """The groups of every known report, by its id and theirs."""
        path = self.folder / "reports.json"
        try:
            found = parse_loose_json(self._read_sealed(path) or "{}")
            return {
                str(report): {int(g): (str(kind), class_id, str(name)) for g, kind, class_id, name in groups}
                for report, groups in found.items()
            }
        except (ValueError, TypeError, AttributeError) as error:
            raise DataError(f"{path}: {error}. Delete the file and merge again.") from error

    def add_report(self, report_id: str, groups: Mapping[int, GroupKey]) -> dict[str, dict[int, GroupKey]]:
        """Note the groups of a report, and return those of all known ones."""
        known = self.reports()
        if known.get(report_id) != groups:
            known[report_id] = dict(groups)
            rows = {r: [[g, *key] for g, key in sorted(found.items())] for r, found in sorted(known.items())}
            self._write_sealed("reports.json", json.dumps(rows, ensure_ascii=False) + "\n")
        return known

    def salt(self) -> str:
        """The salt; made when it is first asked for."""
        path = self.folder / "salt"
        found = self._read(path).strip()
        if not found:
            found = new_salt()
            with output_errors(path):
                path.parent.mkdir(parents=True, exist_ok=True)
                descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
                with os.fdopen(descriptor, "w") as file:
                    file.write(found + "\n")
                    file.flush()
                    os.fsync(file.fileno())
        if not is_salt(found):
            raise DataError(f"{path}: expected 64 hexadecimal digits, found something else. Restore the file.")
        return found

    def forgotten(self) -> Forgotten:
        """The people who must not come back."""
        path = self.folder / "forgotten.json"
        try:
            digests = frozenset(str(d) for d in parse_loose_json(self._read_sealed(path, advice=_RESTORE) or "[]"))
        except (ValueError, TypeError) as error:
            raise DataError(f"{path}: {error}. Restore the file.") from error
        return Forgotten(digests, self.salt() if digests else "")

    def forgotten_records(self) -> Forgotten:
        """The ids of answers that must not come back under another name."""
        return replace(self.forgotten(), kind="forgotten-record")

    def forget(self, annotators: Iterable[str], record_ids: Iterable[str] = ()) -> None:
        """Note that somebody's answers must not come back, nor the answers of these ids."""
        digests = set(self.forgotten().digests)
        digests |= {pseudonym("forgotten", name, salt=self.salt()) for name in annotators}
        digests |= {pseudonym("forgotten-record", record_id, salt=self.salt()) for record_id in record_ids}
        self._write_sealed("forgotten.json", json.dumps(sorted(digests)) + "\n")

    def _write_sealed(self, name: str, text: str) -> None:
        with sealed_file(self.folder / name, appends=False) as file:
            file.write(f'{text}{_SEAL}{UNSEALED}"}}\n'.encode())

    def _read_sealed(self, path: Path, *, advice: str = _MERGE_AGAIN) -> str:
        """The content of a sealed file without the line of its seal, or of one that somebody has put together."""
        text = self._read(path)
        content, newline, last = text.removesuffix("\n").rpartition("\n")
        if not last.startswith(_SEAL):
            return text
        check_seal(path, advice=advice)
        return content + newline

    @staticmethod
    def _read(path: Path) -> str:
        try:
            return path.read_text(encoding="utf-8") if path.is_file() else ""
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f"{path}: cannot be read ({error}). Restore the file.") from error
