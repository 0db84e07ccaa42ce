"""Images, manifests, tables and shards at an address: listed and read as on a disk."""

import io
import pickle
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from barlow_report.config import DataConfig
from barlow_report.errors import DataError, OutputError
from barlow_report.run_folder import Run
from barlow_report.storage.fetching import fetch, fetch_matching
from barlow_report.storage.filesystem import open_filesystem
from barlow_report.storage.mirror import mirrored
from barlow_report.vision.datasets import ImageList, list_images, open_source
from barlow_report.vision.reading import UnreadableImage
from barlow_report.vision.sources.folder import list_loose_folder

ROOT = "memory://data/set"


@pytest.fixture
def memory() -> Iterator[Any]:
    system = fsspec.filesystem("memory")
    system.store.clear()
    yield system
    system.store.clear()


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """A folder with all that lies in folders of images."""
    folder = tmp_path / "set"
    for label in ("cat", "dog"):
        for i in range(3):
            _write(folder / label / f"{i}.png", seed=i)
    _write(folder / "cat" / "deep" / "er.JPG", seed=9)
    _write(folder / "loose.png", seed=1)
    for name, content in {
        "cat/notes.txt": b"x",
        "cat/.hidden.png": b"x",
        "cat/unknown.xyz": b"\x89PNG and so on",
        "cat/other.abc": b"nothing known",
        "cat/empty.what": b"",
        "dog/broken.png": b"no image",
        "dog/photo.heic": b"x",
        ".git/x.png": b"x",
        "cat/@eaDir/x.png": b"x",
        "README.md": b"x",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def _write(path: Path, *, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 255, (9, 7, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)


def _upload(memory: Any, folder: Path, to: str = ROOT) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            memory.pipe_file(f"{to.removeprefix('memory:/')}/{path.relative_to(folder).as_posix()}", path.read_bytes())


def _same(found: ImageList, expected: ImageList) -> None:
    assert found.paths == expected.paths
    assert found.labels.tolist() == expected.labels.tolist()
    assert found.class_names == expected.class_names
    assert sorted(found.skipped) == sorted(expected.skipped)
    for path in expected.paths:
        try:
            one = expected.source.read(path)
        except UnreadableImage as error:
            with pytest.raises(UnreadableImage, match=error.reason):
                found.source.read(path)
        else:
            other = found.source.read(path)
            assert other.digest == one.digest
            assert np.array_equal(np.asarray(other.image), np.asarray(one.image))


def test_a_folder_of_objects_is_listed_and_read_as_on_a_disk(memory: Any, disk: Path) -> None:
    _upload(memory, disk)
    config = DataConfig(folder=Path(ROOT))
    found, expected = list_images(config), list_images(DataConfig(folder=disk))
    _same(found, expected)
    assert len(expected.skipped) > 7
    again = pickle.loads(pickle.dumps(open_source(config)))  # noqa: S301 - ours: other processes get it so
    assert again.read("cat/0.png").digest == expected.source.read("cat/0.png").digest
    states = list(found.source.states([*found.paths, "cat/nowhere.png"]))
    assert states[-1] == "missing"
    memory.pipe_file("/data/set/cat/0.png", memory.cat_file("/data/set/cat/1.png"))
    changed = [a != b for a, b in zip(states, found.source.states([*found.paths, "x"]), strict=True)]
    assert [path for path, is_other in zip(found.paths, changed, strict=False) if is_other] == ["cat/0.png"]
    with pytest.raises(UnreadableImage, match="no such object"):
        found.source.read("cat/nowhere.png")
    loose = list_loose_folder(Path(ROOT))
    assert loose.paths == list_loose_folder(disk).paths


def test_known_classes_and_what_is_no_class(memory: Any, disk: Path) -> None:
    _upload(memory, disk)
    for root in (Path(ROOT), disk):
        with pytest.raises(DataError, match=r"'?dog'?"):
            list_images(DataConfig(folder=root, classes=("cat", "bird")))
    with pytest.raises(DataError, match=r"memory://data/nowhere: found nothing there, expected a folder"):
        list_images(DataConfig(folder=Path("memory://data/nowhere")))


def test_a_manifest_lies_beside_its_images_or_anywhere(memory: Any, disk: Path, tmp_path: Path) -> None:
    _upload(memory, disk)
    frame = pd.DataFrame({"path": ["cat/0.png", "dog/1.png", "dog/gone.png"], "label": ["cat", "dog", "dog"]})
    frame.to_csv(disk / "table.csv", index=False)
    frame.assign(path=[f"{ROOT}/{path}" for path in frame["path"]]).to_csv(tmp_path / "whole.csv", index=False)
    memory.pipe_file("/data/set/table.csv", (disk / "table.csv").read_bytes())
    expected = list_images(DataConfig(manifest=disk / "table.csv"))
    for config in (
        DataConfig(manifest=Path(f"{ROOT}/table.csv")),
        DataConfig(manifest=disk / "table.csv", image_root=Path(ROOT)),
        DataConfig(manifest=tmp_path / "whole.csv", image_root=Path(ROOT)),
    ):
        found = list_images(config)
        assert found.paths == expected.paths
        assert found.source.read("cat/0.png").digest == expected.source.read("cat/0.png").digest
        assert open_source(config).read("dog/1.png").digest == expected.source.read("dog/1.png").digest
    with pytest.raises(DataError, match="not below the image root"):
        list_images(DataConfig(manifest=tmp_path / "whole.csv", image_root=Path("memory://data/other")))


def test_tables_and_tar_shards_are_copied_once_and_again_when_they_change(
    memory: Any, disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    local = tmp_path / "shards"
    local.mkdir()
    files = sorted(disk.glob("*/[0-9].png"))
    for number, part in enumerate((files[:3], files[3:])):
        pq.write_table(
            pa.table(
                {
                    "image": [{"bytes": f.read_bytes(), "path": f.name} for f in part],
                    "label": [f.parent.name for f in part],
                }
            ),
            local / f"part-{number}.parquet",
        )
        with tarfile.open(local / f"part-{number:03}.tar", "w") as tar:
            for i, f in enumerate(part):
                for suffix, content in (("png", f.read_bytes()), ("cls", f.parent.name.encode())):
                    entry = tarfile.TarInfo(f"{number}{i}.{suffix}")
                    entry.size = len(content)
                    tar.addfile(entry, io.BytesIO(content))
    _upload(memory, local, "memory://data/shards")
    monkeypatch.chdir(tmp_path)
    for kind, key, pattern in (
        ("parquet", "files", "part-*.parquet"),
        ("parquet", "files", "part-1.parquet"),
        ("webdataset", "shards", "part-{000..001}.tar"),
        ("webdataset", "shards", "part-00?.tar"),
    ):
        classes = {"classes": ("cat", "dog")}
        found = list_images(DataConfig.model_validate({kind: {key: f"memory://data/shards/{pattern}"}, **classes}))
        expected = list_images(DataConfig.model_validate({kind: {key: str(local / pattern)}, **classes}))
        _same(found, expected)
    got: list[str] = []
    get_file = type(memory).get_file

    def noted(system: Any, name: str, *arguments: Any, **options: Any) -> None:
        got.append(name)
        get_file(system, name, *arguments, **options)

    monkeypatch.setattr(type(memory), "get_file", noted)
    fetch_matching("memory://data/shards/part-*.parquet")
    assert got == []
    memory.pipe_file("/data/shards/part-0.parquet", (local / "part-1.parquet").read_bytes())
    memory.rm_file("/data/shards/part-1.parquet")
    copies = fetch_matching("memory://data/shards/part-*.parquet")
    assert got == ["/data/shards/part-0.parquet"]
    assert [path.name for path in copies.parent.glob(copies.name)] == ["part-0.parquet"]
    with pytest.raises(DataError, match=r"part-9\*: found no file"):
        fetch_matching("memory://data/shards/part-9*")


def test_an_object_that_arrives_in_part_is_no_copy(memory: Any, monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    memory.pipe_file("/data/weights.bin", b"0123456789")
    get_file = type(memory).get_file

    def half(system: Any, name: str, to: str, **options: Any) -> None:
        get_file(system, name, to, **options)
        Path(to).write_bytes(b"01234")

    monkeypatch.setattr(type(memory), "get_file", half)
    with pytest.raises(DataError, match="5 of 10 bytes arrived"):
        fetch("memory://data/weights.bin")
    assert not [path for path in cache.rglob("*") if path.is_file()]
    monkeypatch.undo()
    monkeypatch.setenv("BARLOW_REPORT_CACHE", str(cache))
    copy = fetch("memory://data/weights.bin")
    assert copy.read_bytes() == b"0123456789"
    assert copy.name == "weights.bin"
    before = copy.stat()
    shutil.rmtree(cache)
    assert fetch("memory://data/weights.bin").stat().st_mtime_ns == before.st_mtime_ns  # the object's, not the copy's


def test_a_folder_is_copied_whole_and_names_lead_nowhere_else(memory: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    memory.pipe_file("/data/model/config.json", b"{}")
    memory.pipe_file("/data/model/sub/weights", b"w")
    folder = fetch("memory://data/model")
    assert (folder / "config.json").read_bytes() == b"{}"
    assert (folder / "sub" / "weights").read_bytes() == b"w"
    found = {"/data/model/../../evil": {"name": "/data/model/config.json", "size": 2, "type": "file"}}
    monkeypatch.setattr(type(memory), "find", lambda *_, **__: found)
    with pytest.raises(DataError, match="no path below it"):
        fetch("memory://data/model")


def test_what_is_missing_is_said() -> None:
    with pytest.raises(DataError, match=r"gs://bucket/x: a library for gs:// is not installed .* pip install gcsfs"):
        open_filesystem("gs://bucket/x")
    with pytest.raises(DataError, match=r"nothing://x: .* Give an address of a kind that fsspec knows"):
        open_filesystem("nothing://x")
    with pytest.raises(DataError, match=r"memory://no/file: not found"):
        fetch("memory://no/file")


def test_refusals_say_where_credentials_come_from(memory: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: Any, **__: Any) -> None:
        raise PermissionError("Forbidden")

    class NoCredentialsError(Exception):
        pass

    def without(*_: Any, **__: Any) -> None:
        raise NoCredentialsError("Unable to locate credentials")

    def lost(*_: Any, **__: Any) -> None:
        raise TimeoutError("timed out")

    monkeypatch.setattr(type(memory), "info", refused)
    with pytest.raises(
        DataError, match=r"permission to read was refused\. Credentials are taken from .* \(Forbidden\)"
    ):
        fetch("memory://data/x")
    monkeypatch.setattr(type(memory), "info", without)
    with pytest.raises(DataError, match=r"permission to read was refused\. .* \(Unable to locate credentials\)"):
        fetch("memory://data/x")
    monkeypatch.setattr(type(memory), "info", lost)
    with pytest.raises(DataError, match=r"cannot be read \(TimeoutError: timed out\)\. Check the address and the conn"):
        fetch("memory://data/x")
    monkeypatch.setattr(type(memory), "put_file", refused)
    with pytest.raises(OutputError, match="permission to write was refused"), mirrored(ROOT, is_written=True) as folder:
        Run.create(folder, info={})
