"""Croissant metadata as a manifest: records in the file or in a table beside it."""

import json
from pathlib import Path
from typing import Any

import pytest

from barlow_report.errors import DataError
from barlow_report.vision.manifest import list_manifest


def _field(record_set: str, name: str, column: str, *, file: str = "labels.csv", kind: str = "sc:Text") -> Any:
    return {
        "@type": "cr:Field", "@id": f"{record_set}/{name}", "name": name, "dataType": kind,
        "source": {"fileObject": {"@id": file}, "extract": {"column": column}},
    }  # fmt: skip


def _metadata(*record_sets: Any, **changes: Any) -> dict[str, Any]:
    files = [
        {"@type": "cr:FileObject", "@id": "labels.csv", "contentUrl": "meta/labels.csv", "encodingFormat": "text/csv"},
        {"@type": "cr:FileSet", "@id": "shards", "includes": "data/*.parquet"},
    ]
    return {
        "@context": {"@vocab": "https://schema.org/", "cr": "http://mlcommons.org/croissant/"},
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
            r"files of their own, data/\*.parquet; for Parquet with images: data.parquet.files",
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
