"""What `barlow-report annotations forget` does: one person's words out of a run folder and a collector's database.

Deleting is not enough: a database keeps what was deleted in free pages and in its log, and a killed command may
have left a half-written file. What lies elsewhere cannot be reached, and the answer says so.
"""

import difflib
import itertools
import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from barlow_report.annotations.answers import canonical
from barlow_report.annotations.identity import pseudonym
from barlow_report.annotations.merge import Stored
from barlow_report.annotations.people import people
from barlow_report.commands.merge import merge_files, merge_settings
from barlow_report.errors import DataError
from barlow_report.files import delete_partial
from barlow_report.formatting import count, counted
from barlow_report.run_folder import Run
from barlow_report.stages.asking import annotations_folder
from barlow_report.tables import ANSWER_TABLES

__all__ = ["forget"]

_PLATFORMS = ("mturk", "prolific", "label-studio")
_WAIT_SECONDS = 5.0
_N_LISTED = 5
_MAX_SCANNED = 64 * 2**20


def forget(folder: Path, annotator: str, *, database: Path | None) -> str:
    """Delete everything of one person, who cannot be merged again, and say what was deleted.

    Tables are made anew; a site has to be built again.

    Args:
        folder: The run folder.
        annotator: A pseudonym, or a platform and somebody's id there, such as `mturk:A1B2C3`.
        database: Also delete from this collector's database.

    Raises:
        DataError: Nobody of that name is known, and nothing was deleted. Or everything is deleted, but the words are
            still in the database's file, or the names of the others cannot be made anew.
    """
    platform = annotator.partition(":")[0]
    if ":" in annotator and platform not in _PLATFORMS:
        raise DataError(
            f"annotator: found {annotator!r}, expected a pseudonym, or {', '.join(_PLATFORMS)} with a colon and the id "
            "there."
        )
    run = Run.open(folder)
    with ExitStack() as opened:
        store = None
        if database is not None:
            from barlow_report.annotations.collector.store import Store

            store = opened.enter_context(Store(database, must_exist=True, seconds=_WAIT_SECONDS))
        opened.enter_context(run.locked())
        salts = [store.salt] if store else []
        if ":" in annotator:
            salts.append(annotations_folder(run).salt())
        names = _pseudonyms(annotator, salts)
        in_store = names & set(store.names()) if store else set()
        if not in_store and not any(_is_known(run, name) for name in names):
            known = {*_people(run), *(store.names() if store else ())}
            raise DataError(_unknown(annotator, run, database, known=known, salts=salts))

        problems: list[str] = []
        n = _delete(run, names, problems)
        words = f"{counted(n, 'record')} deleted from {run.folder}"
        if store:
            with _noting(problems):
                words += f", {count(store.forget(*sorted(in_store), seconds=_WAIT_SECONDS))} from {database}"
        if problems:
            raise DataError(" ".join([f"{words}.", *problems]))
        return f"{words}. {_not_reached(run, names, is_all=store is not None)}"


def _pseudonyms(annotator: str, salts: Iterable[str]) -> set[str]:
    """What somebody is called in the run folder and in the database, whose salts differ."""
    platform, colon, platform_id = annotator.partition(":")
    return {pseudonym(platform, platform_id, salt=salt) for salt in salts} if colon else {annotator}


@contextmanager
def _noting(problems: list[str]) -> Iterator[None]:
    """Go on after an error: the rest must be deleted all the same."""
    try:
        yield
    except DataError as error:
        problems.append(str(error))


# --- the run folder ---------------------------------------------------------------------------------------


def _people(run: Run) -> set[str]:
    """The pseudonyms of all answers, accepted or not, and of the table that was made of them."""
    folder = annotations_folder(run)
    stored = folder.stored()
    found = {item.answer.annotator for item in stored}
    found |= set(people({canonical(item.answer): (item.answer, item.raw) for item in stored}).values())
    for problem in folder.rejected():
        raw = problem.raw.get("annotator") if isinstance(problem.raw, Mapping) else None
        found |= {raw} if isinstance(raw, str) else set()
    if run.has_table("annotations"):
        found |= set(run.read_table("annotations")["annotator"])
    return found


def _is_known(run: Run, name: str) -> bool:
    """Whether somebody has answers here, accepted or not, or had some before they were forgotten."""
    folder = annotations_folder(run)
    return name in _people(run) or name in folder.forgotten() or any(_is_of(p.raw, name) for p in folder.rejected())


def _delete(run: Run, names: Iterable[str], problems: list[str]) -> int:
    """Delete the answers of somebody of these names, make the tables anew and return how many answers that were.

    Raises:
        DataError: The names are of several people; nothing was deleted.
    """
    folder = annotations_folder(run)
    stored, refused = folder.stored(), folder.rejected()
    is_theirs = _is_theirs(stored, names)
    theirs = list(itertools.compress(stored, is_theirs))
    kept = [item for item, is_out in zip(stored, is_theirs, strict=True) if not is_out]
    called = {*names, *(item.answer.annotator for item in theirs)}
    rejected = [problem for problem in refused if not any(_is_of(problem.raw, name) for name in called)]
    exported = [item.answer.record_id for item in theirs if item.answer.source == "label_studio"]
    folder.forget(called - {item.answer.annotator for item in kept}, exported)
    folder.write_records(kept, rejected)
    delete_partial(folder.folder)
    delete_partial(run.folder)
    if run.has_table("annotations"):
        for name in ANSWER_TABLES:  # at once, for making them anew can fail
            run.delete_table(name)
        try:
            merge_files(run, [], settings=merge_settings(run))
        except DataError as error:
            problems.append(
                f"The names from other people's answers could not be made again: {error} After that, run barlow-report "
                "annotations merge without files."
            )
    return len(stored) - len(kept) + len(refused) - len(rejected)


def _is_theirs(stored: Sequence[Stored], names: Iterable[str]) -> list[bool]:
    """Whether each answer is of the person of these names, under whatever name it was exported."""
    whose = people({canonical(item.answer): (item.answer, item.raw) for item in stored})
    persons = [whose.get(canonical(item.answer), item.answer.annotator) for item in stored]
    found: set[str] = set()
    for name in names:
        others = {p for p, item in zip(persons, stored, strict=True) if item.answer.annotator == name}
        if name not in persons and len(others) > 1:
            listed = ", ".join(repr(other) for other in sorted(others))
            raise DataError(
                "annotator: several people have that number, in different instances of Label Studio; nothing was "
                f"deleted. Give one of their pseudonyms: {listed}."
            )
        found |= {name} if name in persons else others
    return [person in found for person in persons]


def _is_of(raw: object, annotator: str) -> bool:
    """Whether a refused answer, or a line that is not even JSON, is somebody's."""
    if isinstance(raw, Mapping):
        return str(raw.get("annotator")).strip() == annotator or any(_is_of(v, annotator) for v in raw.values())
    if isinstance(raw, list):
        return any(_is_of(value, annotator) for value in raw)
    return isinstance(raw, str) and json.dumps(annotator, ensure_ascii=False) in raw


# --- what is said -----------------------------------------------------------------------------------------


def _unknown(annotator: str, run: Run, database: Path | None, *, known: Collection[str], salts: Iterable[str]) -> str:
    """Say that nobody of that name is known, and who may be meant."""
    places = f"{run.folder}{f' and {database}' if database else ''}"
    words = f"annotator: found nothing of {annotator!r} in {places}; nothing was deleted. "
    platform, colon, platform_id = annotator.partition(":")
    if colon:
        for other in (platform_id.upper(), platform_id.lower()):
            if _pseudonyms(f"{platform}:{other}", salts) & set(known):
                return words + f"There are records of {platform}:{other}: write the id as the platform does."
        hint = "" if database else " Only a collector's database knows the ids of its participants: give --database."
        return words + f"Check the id: upper and lower case matter.{hint}"
    same = sorted(name for name in known if name.casefold() == annotator.strip().casefold())
    close = same or difflib.get_close_matches(annotator, sorted(known), n=_N_LISTED, cutoff=0.6)
    listed = close or sorted(known)[:_N_LISTED]
    if not listed:
        return words + "Nobody else is known there. Check the run folder."
    names = ", ".join(repr(name) for name in listed)
    return words + (f"Close pseudonyms are {names}." if close else f"Pseudonyms there are {names}, …")


def _not_reached(run: Run, names: Iterable[str], *, is_all: bool) -> str:
    words = "Build the site again: it may still show this person's words. Not reached: the files that the answers came "
    words += f"in, exports, sites, zip files and backups elsewhere{'' if is_all else ', databases of collectors'}"
    left = sorted(str(path) for path in _files(run) if _names_somebody(path, names))
    return f"{words}; and in the run folder, where the person is named: {', '.join(left)}." if left else f"{words}."


def _files(run: Run) -> Iterator[Path]:
    """Files in the run folder that are not ours: copies that somebody has made."""
    folder = annotations_folder(run).folder
    for path in [*run.folder.iterdir(), *folder.rglob("*")]:
        if path.is_file() and path.suffix not in (".parquet", ".npy"):
            yield path


def _names_somebody(path: Path, names: Iterable[str]) -> bool:
    try:
        data = path.read_bytes() if path.stat().st_size <= _MAX_SCANNED else b""
    except OSError:
        return False
    return any(re.search(rb"(?<![\w.-])" + re.escape(name.encode()) + rb"(?![\w-])", data) for name in names)
