"""Reading bytes: what passes is tried again, what stays is told without the path."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from barlow_report.config import DataConfig
from barlow_report.errors import DataError
from barlow_report.vision import reading
from barlow_report.vision.datasets import list_images
from barlow_report.vision.reading import UnreadableImage, patiently, read_file
from barlow_report.vision.sources.folder import FolderSource
from tests.vision.toys import save_colour


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that were made; none takes any time."""
    made: list[float] = []
    monkeypatch.setattr("barlow_report.vision.reading.time.sleep", made.append)
    return made


class Hiccups:
    """Fails now and then, as a network drive does: the first `n` calls for each argument."""

    def __init__(self, function: Any, *, n: int, code: int = errno.EIO) -> None:
        self.function, self.n, self.code = function, n, code
        self.n_calls: dict[str, int] = {}

    def __call__(self, path: Any, *arguments: Any, **options: Any) -> Any:
        self.n_calls[str(path)] = self.n_calls.get(str(path), 0) + 1
        if self.n_calls[str(path)] <= self.n:
            raise OSError(self.code, os.strerror(self.code), str(path))
        return self.function(path, *arguments, **options)


def open_with(monkeypatch: pytest.MonkeyPatch, hiccups: Hiccups) -> None:
    monkeypatch.setattr(Path, "open", lambda path, *a, **k: hiccups(path, *a, **k))


@pytest.mark.parametrize("code", [errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.EAGAIN])
def test_an_error_that_passes_costs_pauses_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pauses: list[float], code: int
) -> None:
    path = save_colour(tmp_path / "a.png", (1, 2, 3))
    open_with(monkeypatch, Hiccups(Path.open, n=3, code=code))
    loaded = FolderSource(tmp_path).read("a.png")
    assert loaded.image.getpixel((0, 0)) == (1, 2, 3)
    assert pauses == list(reading.PAUSES)
    assert path.is_file()


def test_an_error_that_does_not_pass_becomes_a_reason_with_the_number_of_attempts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pauses: list[float]
) -> None:
    save_colour(tmp_path / "a.png", (1, 2, 3))
    open_with(monkeypatch, Hiccups(Path.open, n=99))
    with pytest.raises(UnreadableImage, match=r"^Input/output error \(4 attempts\)$"):
        FolderSource(tmp_path).read("a.png")
    assert len(pauses) == 3


@pytest.mark.parametrize("code", [errno.ENOENT, errno.EACCES, errno.ELOOP, errno.ENAMETOOLONG])
def test_an_error_that_stays_is_not_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pauses: list[float], code: int
) -> None:
    save_colour(tmp_path / "a.png", (1, 2, 3))
    open_with(monkeypatch, hiccups := Hiccups(Path.open, n=99, code=code))
    with pytest.raises(UnreadableImage) as caught:
        read_file(tmp_path / "a.png")
    assert str(tmp_path) not in caught.value.reason
    assert sum(hiccups.n_calls.values()) == 1
    assert pauses == []


def test_a_decoder_that_gives_up_is_not_asked_again(pauses: list[float]) -> None:
    def decode() -> None:
        raise OSError("image file is truncated")

    with pytest.raises(OSError, match="truncated"):
        patiently(decode)
    assert pauses == []


def test_a_part_of_a_file_is_read_and_one_beyond_its_end_is_not(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"0123456789")
    assert read_file(tmp_path / "a", offset=3, size=4) == b"3456"
    with pytest.raises(UnreadableImage, match="the file ends before it does"):
        read_file(tmp_path / "a", offset=8, size=4)


def test_a_file_of_absurd_size_is_refused_before_it_is_read(tmp_path: Path) -> None:
    with (tmp_path / "huge.png").open("wb") as file:
        file.truncate(2**40)  # a hole: it takes no space
    with pytest.raises(UnreadableImage, match="1099511627776 bytes, at most 536870912 are read"):
        read_file(tmp_path / "huge.png")


def test_a_file_that_changes_while_it_is_read_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pauses: list[float]
) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    opened = Path.open

    def growing(self: Path, *arguments: Any, **options: Any) -> Any:
        if not pauses:
            os.truncate(self, 0)
            with opened(self, "wb") as file:
                file.write(b"new content")
        return opened(self, *arguments, **options)

    monkeypatch.setattr(Path, "open", growing)
    assert read_file(path) == b"new content"
    assert len(pauses) == 1


def test_a_folder_that_cannot_be_listed_for_a_moment_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a/1.png", "b/1.png", "b/deep/2.png"):
        save_colour(tmp_path / name, (1, 2, 3))
    expected = list_images(DataConfig(folder=tmp_path))
    monkeypatch.setattr(os, "scandir", Hiccups(os.scandir, n=2))
    found = list_images(DataConfig(folder=tmp_path))
    assert (found.paths, found.skipped) == (expected.paths, [])
    monkeypatch.setattr(os, "scandir", Hiccups(os.scandir, n=99))
    with pytest.raises(DataError, match=r"the folder cannot be read \(Input/output error\)"):
        list_images(DataConfig(folder=tmp_path))
