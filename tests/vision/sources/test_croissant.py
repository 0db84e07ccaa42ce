"""Croissant metadata as a manifest: records in the file, in a table beside it, or in the paths of images."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from barlow_report.errors import DataError
from barlow_report.vision.manifest import list_manifest
from tests.other_tools import said_by
from tests.vision.sources.writers import noise_png


def _field(record_set: str, name: str, column: str, *, file: str = "labels.csv", kind: str = "sc:Text") -> Any:
    return {
        "@type": "cr:Field", "@id": f"{record_set}/{name}", "name": name, "dataType": kind,
        "source": {"fileObject": {"@id": file}, "extract": {"column": column}},
    }  # fmt: skip


def _metadata(*record_sets: Any, **changes: Any) -> dict[str, Any]:
    files = [
        {"@type": "cr:FileObject", "@id": "labels.csv", "contentUrl": "meta/labels.csv", "encodingFormat": "text/csv"},
        {
            "@type": "cr:FileSet",
            "@id": "shards",
            "includes": "data/*.parquet",
            "encodingFormat": "application/x-parquet",
        },
    ]
    return {
        "@context": json.loads(Path(__file__).with_name("croissant_context.json").read_text(encoding="utf-8")),
        "@type": "sc:Dataset", "name": "pets", "conformsTo": "http://mlcommons.org/croissant/1.0",
        "distribution": files, "recordSet": list(record_sets), **changes,
    }  # fmt: skip


def _write(folder: Path, content: Any) -> Path:
    (folder / "meta").mkdir(exist_ok=True)
    (folder / "meta" / "labels.csv").write_text("file,species,split\nimg/1.png,cat,test\nimg/2.png,dog,train\n")
    path = folder / "croissant.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def _table(name: str = "images") -> Any:
    fields = [
        _field(name, "image", "file", kind="sc:ImageObject"),
        _field(name, "label", "species"),
        _field(name, "split", "split"),
    ]
    return {"@type": "cr:RecordSet", "@id": name, "name": name, "field": fields}


def test_a_table_beside_the_metadata_is_read_by_what_the_fields_are_called(tmp_path: Path) -> None:
    found = list_manifest(_write(tmp_path, _metadata(_table())), columns=["split"])
    assert (found.paths, found.labels) == (["img/1.png", "img/2.png"], ["cat", "dog"])
    assert found.attributes == {"split": ["test", "train"]}


def test_records_in_the_metadata_are_read(tmp_path: Path) -> None:
    inline = {
        "@type": "cr:RecordSet", "@id": "images",
        "field": [{"@id": "images/file_name"}, {"@id": "images/label"}],
        "data": [{"images/file_name": "a.png", "images/label": "cat"},
                 {"images/file_name": "b.png", "images/label": "dog"}],
    }  # fmt: skip
    found = list_manifest(_write(tmp_path, _metadata(inline)))
    assert (found.paths, found.labels) == (["a.png", "b.png"], ["cat", "dog"])


def test_record_sets_of_other_things_are_passed_over(tmp_path: Path) -> None:
    classes = {"@id": "classes", "field": [{"@id": "classes/name"}], "data": [{"classes/name": "cat"}]}
    found = list_manifest(_write(tmp_path, _metadata(classes, _table())))
    assert found.labels == ["cat", "dog"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (_metadata(), "no record set of this Croissant data set is a table of images with labels"),
        (_metadata(recordSet=None), "no record set"),
        (_metadata({"@id": "x", "field": "y"}), "its fields are not columns of a table"),
        (_metadata({"@id": "x", "data": [{"x/name": "cat"}]}), "x: has 'name', not both a path and a label"),
        (
            _metadata({"@id": "x", "field": [_field("x", "label", "l", file="shards")]}),
            r"files of their own, 'data/\*.parquet'",
        ),
    ],
)
def test_what_cannot_be_read_is_explained(tmp_path: Path, content: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        list_manifest(_write(tmp_path, content))


@pytest.mark.parametrize("address", ["https://example.org/labels.csv", "/etc/passwd", "../labels.csv", "a/../../b.csv"])
def test_only_a_table_below_the_metadata_is_read(tmp_path: Path, address: str) -> None:
    content = _metadata(_table())
    content["distribution"][0]["contentUrl"] = address
    with pytest.raises(DataError, match="fetch it and name it in"):
        list_manifest(_write(tmp_path, content))


def test_a_table_that_is_not_there_or_is_metadata_itself_is_an_error(tmp_path: Path) -> None:
    for address in ("meta/nothing.csv", "croissant.json"):
        content = _metadata(_table())
        content["distribution"][0]["contentUrl"] = address
        with pytest.raises(DataError, match="is not there"):
            list_manifest(_write(tmp_path, content))


def _pictures(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"")


def _from_path(name: str, pattern: str | None, *, of: str = "fullpath", kind: Any = "sc:Text") -> dict[str, Any]:
    source: dict[str, Any] = {"fileSet": {"@id": "pictures"}, "extract": {"fileProperty": of}}
    return {
        "@type": "cr:Field", "@id": f"images/{name}", "name": name, "dataType": kind,
        "source": source | ({} if pattern is None else {"transform": {"regex": pattern}}),
    }  # fmt: skip


def _files(*fields: Any, archive: str | None = None, includes: Any = "*.png", **changes: Any) -> dict[str, Any]:
    pictures = {
        "@type": "cr:FileSet",
        "@id": "pictures",
        "encodingFormat": "image/png",
        "includes": includes,
        **changes,
    }
    files = [pictures]
    if archive is not None:
        pictures["containedIn"] = {"@id": "archive"}
        files.append({"@type": "cr:FileObject", "@id": "archive", "contentUrl": archive,
                      "encodingFormat": "application/zip", "sha256": "0" * 64})  # fmt: skip
    image = _from_path("image", None, of="content", kind="sc:ImageObject")
    records = {"@type": "cr:RecordSet", "@id": "images", "name": "images", "field": [image, *fields]}
    return _metadata(records, distribution=files)


SPECIES = _from_path("species", r"^(?:train|test)/(\w+)/.*\.png$", kind=["sc:Text", "cr:Label"])


def test_labels_in_the_paths_of_images_are_read_by_a_pattern(tmp_path: Path) -> None:
    _pictures(tmp_path, "test/cat/1.png", "test/dog/2.png", "train/dog/3.png", "test/cat/._1.png", "__MACOSX/x.png")
    content = _files(SPECIES, _from_path("split", "^(train|test)/"), excludes=["*/2.png"])
    found = list_manifest(_write(tmp_path, content), columns=["split"])
    assert (found.paths, found.labels) == (["test/cat/1.png", "train/dog/3.png"], ["cat", "dog"])
    assert found.attributes == {"split": ["test", "train"]}


def test_the_first_group_is_looked_for_from_the_beginning_as_the_format_says(tmp_path: Path) -> None:
    _pictures(tmp_path, "b_cat/a_dog.png")
    by_name = _files(_from_path("label", r"a_(\w+)", of="filename"))
    assert list_manifest(_write(tmp_path, by_name)).labels == ["dog"]
    by_path = _files(_from_path("label", r"(?:b_|x)([a-z]+)"))
    assert list_manifest(_write(tmp_path, by_path)).labels == ["cat"]


def test_images_of_an_archive_are_read_where_it_was_unpacked(tmp_path: Path) -> None:
    content = _files(SPECIES, archive="data/pets.zip")
    with pytest.raises(DataError, match=r"its images are in 'data/pets.zip'; unpack it into a folder of its own, pets"):
        list_manifest(_write(tmp_path, content))
    _pictures(tmp_path, "data/pets/test/cat/1.png", "data/pets/train/dog/1.png")
    found = list_manifest(tmp_path / "croissant.json")
    assert found.paths == ["data/pets/test/cat/1.png", "data/pets/train/dog/1.png"]
    assert found.labels == ["cat", "dog"]
    found = list_manifest(tmp_path / "croissant.json", image_root=tmp_path / "data" / "pets")
    assert found.paths == ["test/cat/1.png", "train/dog/1.png"]


@pytest.mark.parametrize("archive", ["../pets.zip", "https://example.org/x/pets.zip"])
def test_an_archive_elsewhere_is_not_read(tmp_path: Path, archive: str) -> None:
    _pictures(tmp_path.parent, "pets/test/cat/1.png")
    with pytest.raises(DataError, match="unpack it"):
        list_manifest(_write(tmp_path, _files(SPECIES, archive=archive)))


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        (r"^train/(\w+)/", r"fits 1 of 2 values, and not 'test/cat/1.png'; if paths lack a folder"),
        (r"^pets/(\w+)/", r"fits 0 of 2 values"),
        (r"test/\w+/", r"it has 0 groups, expected one"),
        (r"(test|train)/(\w+)/", r"it has 2 groups, expected one"),
        (r"(?=test)(\w+)", r"invalid perl operator"),
        (r"(t)\1", r"invalid escape sequence"),
        ("(", r"missing \), unterminated subpattern"),
        ("(a)" + "b" * 1000, r"more than 1000 characters"),
    ],
)
def test_a_pattern_that_does_not_fit_or_cannot_be_used_is_explained(tmp_path: Path, pattern: str, message: str) -> None:
    _pictures(tmp_path, "test/cat/1.png", "train/dog/1.png")
    with pytest.raises(DataError, match=message):
        list_manifest(_write(tmp_path, _files(_from_path("label", pattern))))


def test_a_pattern_that_never_ends_in_other_engines_takes_no_time(tmp_path: Path) -> None:
    _pictures(tmp_path, "a" * 200 + ".png")
    with pytest.raises(DataError, match="fits 0 of 1 values"):
        list_manifest(_write(tmp_path, _files(_from_path("label", r"((?:a+)+)!"))))


@pytest.mark.parametrize("includes", ["../*.png", "/etc/*", "a/../../*.png", ["*.png", "../*"]])
def test_only_images_below_the_metadata_are_listed(tmp_path: Path, includes: Any) -> None:
    _pictures(tmp_path, "test/cat/1.png")
    with pytest.raises(DataError, match="are not below the folder of the metadata"):
        list_manifest(_write(tmp_path, _files(SPECIES, includes=includes)))


def test_without_such_images_their_folder_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no file below .* is like '\*.png'; set data.image_root"):
        list_manifest(_write(tmp_path, _files(SPECIES)))


def test_a_field_with_another_transform_is_left_out(tmp_path: Path) -> None:
    split = _field("images", "label", "species")
    split["source"]["transform"] = {"separator": ","}
    records = {"@id": "images", "field": [_field("images", "image", "file", kind="sc:ImageObject"), split]}
    with pytest.raises(DataError, match="images: has 'image', not both a path and a label"):
        list_manifest(_write(tmp_path, _metadata(records)))


def test_a_pattern_is_used_on_a_column_too(tmp_path: Path) -> None:
    label = _field("images", "label", "file")
    label["source"]["transform"] = [{"regex": r"img/(\d)"}]
    records = {"@id": "images", "field": [_field("images", "image", "file", kind="sc:ImageObject"), label]}
    assert list_manifest(_write(tmp_path, _metadata(records))).labels == [1, 2]


@pytest.mark.parametrize("kind", ["sha256", "md5"])
def test_a_table_with_another_digest_than_the_metadata_say_is_refused(tmp_path: Path, kind: str) -> None:
    content = _metadata(_table())
    path = _write(tmp_path, content)
    content["distribution"][0][kind] = hashlib.new(kind, (tmp_path / "meta" / "labels.csv").read_bytes()).hexdigest()
    assert list_manifest(_write(tmp_path, content)).labels == ["cat", "dog"]
    content["distribution"][0][kind] = hashlib.new(kind, b"other").hexdigest()
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(DataError, match=f"its {kind} is .*, and the metadata say .*copy it again"):
        list_manifest(path)


def test_what_is_no_digest_is_passed_over(tmp_path: Path) -> None:
    content = _metadata(_table())
    content["distribution"][0]["sha256"] = "https://github.com/mlcommons/croissant/issues/80"
    assert list_manifest(_write(tmp_path, content)).labels == ["cat", "dog"]


@pytest.mark.slow
def test_croissant_itself_reads_the_same_labels_from_paths(tmp_path: Path) -> None:
    names = ["test/cat/1.png", "train/cat/3.png", "train/dog/2.png"]
    for seed, name in enumerate(names):
        _pictures(tmp_path, name)
        (tmp_path / name).write_bytes(noise_png(seed))
    described = {"description": "Pets.", "url": "https://example.org/pets", "license": "mit"}
    content = _files(SPECIES, _from_path("split", "^(train|test)/"), archive="pets") | described
    content["distribution"][1] |= {"encodingFormat": "git+https", "contentUrl": "https://example.org/pets.git"}
    path = _write(tmp_path, content)
    found = list_manifest(path, columns=["split"])
    said = said_by("tests.vision.sources.mlcroissant_session", path, "images", tmp_path, "archive", home=tmp_path)
    assert said["issues"] == []
    assert found.paths == names
    assert [record["species"] for record in said["records"]] == found.labels
    assert [record["split"] for record in said["records"]] == found.attributes["split"]


@pytest.mark.slow
def test_croissant_itself_reads_the_same_labels_from_a_table(tmp_path: Path) -> None:
    described = {"description": "Pets.", "url": "https://example.org/pets", "license": "mit"}
    table = _table()
    table["field"][0]["dataType"] = "sc:Text"  # it holds paths; with images the package wants their bytes
    table["field"][0]["name"] = "file_name"
    path = _write(tmp_path, _metadata(table) | described)
    content = json.loads(path.read_text(encoding="utf-8"))
    content["distribution"][0]["sha256"] = hashlib.sha256((tmp_path / "meta/labels.csv").read_bytes()).hexdigest()
    path.write_text(json.dumps(content), encoding="utf-8")
    found = list_manifest(path)
    said = said_by("tests.vision.sources.mlcroissant_session", path, "images", tmp_path, home=tmp_path)
    assert said["issues"] == []
    assert [record["label"] for record in said["records"]] == found.labels == ["cat", "dog"]
    assert [record["image"] for record in said["records"]] == found.paths
