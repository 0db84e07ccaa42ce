"""Croissant metadata that say which Parquet files hold images, as Hugging Face writes them."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest

from barlow_report.config import DataConfig, ParquetDataConfig
from barlow_report.errors import DataError
from barlow_report.starting.sources import data_section
from barlow_report.vision.datasets import ImageList, list_images, open_source
from barlow_report.vision.manifest import list_manifest
from tests.other_tools import said_by
from tests.vision.sources.writers import image_table, noise_png, write_parquet

NAMES = ["cat", "dog"]


def hub_metadata(*, subset: str = "default", splits: tuple[str, ...] = ("train", "test")) -> dict[str, Any]:
    """Metadata as the hub makes them for a data set of images with a class label."""
    file_set = f"parquet-files-for-config-{subset}"

    def field(name: str, kind: str, **source: Any) -> dict[str, Any]:
        source = {"fileSet": {"@id": file_set}, **source}
        return {"@type": "cr:Field", "@id": f"{subset}/{name}", "dataType": kind, "source": source}

    pattern = f"{re.escape(subset)}/(?:partial-)?({'|'.join(splits)})/.+parquet$"
    return {
        "@context": json.loads(Path(__file__).with_name("croissant_context.json").read_text(encoding="utf-8")),
        "@type": "sc:Dataset",
        "name": "pets",
        "description": "Pets.",
        "url": "https://huggingface.co/datasets/someone/pets",
        "license": "mit",
        "conformsTo": "http://mlcommons.org/croissant/1.1",
        "distribution": [
            {
                "@type": "cr:FileObject", "@id": "repo", "name": "repo",
                "description": "The Hugging Face git repository.",
                "contentUrl": "https://huggingface.co/datasets/someone/pets/tree/refs%2Fconvert%2Fparquet",
                "encodingFormat": "git+https", "sha256": "https://github.com/mlcommons/croissant/issues/80",
            },
            {
                "@type": "cr:FileSet", "@id": file_set, "containedIn": {"@id": "repo"},
                "encodingFormat": "application/x-parquet", "includes": f"{subset}/*/*.parquet",
            },
        ],
        "recordSet": [
            {
                "@type": "cr:RecordSet", "dataType": "cr:Split", "key": {"@id": f"{subset}_splits/split_name"},
                "@id": f"{subset}_splits", "name": f"{subset}_splits",
                "field": [{"@type": "cr:Field", "@id": f"{subset}_splits/split_name", "dataType": "sc:Text"}],
                "data": [{f"{subset}_splits/split_name": split} for split in splits],
            },
            {
                "@type": "cr:RecordSet", "@id": subset,
                "field": [
                    field("split", "sc:Text", extract={"fileProperty": "fullpath"}, transform={"regex": pattern})
                    | {"references": {"field": {"@id": f"{subset}_splits/split_name"}}},
                    field("image", "sc:ImageObject", extract={"column": "image"}, transform={"jsonPath": "bytes"}),
                    field("label", "sc:Integer", extract={"column": "label"}),
                ],
            },
        ],
    }  # fmt: skip


def written(folder: Path, content: dict[str, Any], *splits: str, subset: str = "default") -> Path:
    """Write metadata, and tables of some splits beside them."""
    for split in splits:
        rows = [{"image": noise_png(seed), "label": seed % 2} for seed in range(6 if split == "test" else 3)]
        (folder / subset / split).mkdir(parents=True)
        write_parquet(folder / subset / split / "0000.parquet", image_table(rows, class_names=NAMES))
    path = folder / "croissant.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def listed(path: Path) -> ImageList:
    return list_images(DataConfig(parquet=ParquetDataConfig(files=path)))


def test_images_of_the_split_that_is_there_are_listed_and_read(tmp_path: Path) -> None:
    path = written(tmp_path, hub_metadata(), "test")
    images = listed(path)
    assert images.class_names == tuple(NAMES)
    assert images.paths == [f"0000.parquet/{row}" for row in range(6)]
    assert images.labels.tolist() == [0, 1] * 3
    source = open_source(DataConfig(parquet=ParquetDataConfig(files=path)))
    assert source.read("0000.parquet/5").digest == images.source.read("0000.parquet/5").digest


def test_files_of_several_splits_are_not_mixed(tmp_path: Path) -> None:
    path = written(tmp_path, hub_metadata(), "train", "test")
    with pytest.raises(
        DataError, match=r"several splits are there, 'test', 'train'.*such as /.*/default/\w+/\*\.parquet"
    ):
        listed(path)


def test_the_columns_that_the_metadata_name_are_taken(tmp_path: Path) -> None:
    content = hub_metadata()
    content["recordSet"][1]["field"][2]["dataType"] = ["sc:Integer", "cr:Label"]
    path = written(tmp_path, content)
    rows = [{"image": noise_png(0), "label": 0, "fine_label": 1}, {"image": noise_png(1), "label": 1, "fine_label": 0}]
    (tmp_path / "default" / "test").mkdir(parents=True)
    write_parquet(tmp_path / "default" / "test" / "0.parquet", image_table(rows, class_names=NAMES))
    content["recordSet"][1]["field"][2]["source"]["extract"]["column"] = "fine_label"
    path.write_text(json.dumps(content), encoding="utf-8")
    assert listed(path).labels.tolist() == [1, 0]


def test_a_file_that_is_named_has_the_digest_that_is_given(tmp_path: Path) -> None:
    content = hub_metadata()
    path = written(tmp_path, content, "test")
    file = tmp_path / "default" / "test" / "0000.parquet"
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    content["distribution"][1] = {
        "@type": "cr:FileObject", "@id": "parquet-files-for-config-default", "sha256": digest,
        "contentUrl": "default/test/0000.parquet", "encodingFormat": "application/x-parquet",
    }  # fmt: skip
    path.write_text(json.dumps(content), encoding="utf-8")
    assert len(listed(path).paths) == 6
    content["distribution"][1]["sha256"] = digest[::-1]
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(DataError, match=r"its sha256 is .*copy it again"):
        listed(path)


def test_several_record_sets_with_images_are_not_guessed_between(tmp_path: Path) -> None:
    content, other = hub_metadata(), hub_metadata(subset="cropped")
    for key in ("distribution", "recordSet"):
        content[key] += other[key]
    path = written(tmp_path, content, "test")
    assert len(listed(path).paths) == 6  # of the other nothing is there
    written(tmp_path, content, "test", subset="cropped")
    with pytest.raises(DataError, match=r"several are there: 'default', 'cropped'. Name the files"):
        listed(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (hub_metadata(), "default: data.parquet.files: found no file .*Name the files themselves"),
        ({"recordSet": []}, "none is of images"),
        ({"samples": []}, "holds something else than metadata of Croissant"),
        ([], "holds something else"),
    ],
)
def test_what_describes_no_files_that_are_there_is_explained(tmp_path: Path, content: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        listed(written(tmp_path, content))


@pytest.mark.parametrize("includes", ["../*/*.parquet", "/data/*.parquet"])
def test_files_outside_of_the_folder_are_not_read(tmp_path: Path, includes: str) -> None:
    content = hub_metadata()
    content["distribution"][1]["includes"] = includes
    with pytest.raises(DataError, match="are not below the folder of the metadata"):
        listed(written(tmp_path, content, "test"))


def test_as_a_manifest_they_say_where_they_belong_and_init_knows_it(tmp_path: Path) -> None:
    path = written(tmp_path, hub_metadata(), "test")
    with pytest.raises(DataError, match=r"inside of Parquet files; give croissant.json in data.parquet.files instead"):
        list_manifest(path)
    assert data_section(str(path)) == {"parquet": {"files": str(path)}}


@pytest.mark.slow
def test_croissant_itself_reads_the_same_images_and_labels(tmp_path: Path) -> None:
    path = written(tmp_path, hub_metadata(), "test")
    images = listed(path)
    said = said_by("tests.vision.sources.mlcroissant_session", path, "default", tmp_path, "repo", home=tmp_path)
    assert said["issues"] == []
    assert [record["label"] for record in said["records"]] == images.labels.tolist()
    assert {record["split"] for record in said["records"]} == {"test"}
    sizes = [list(images.source.read(name).image.size) for name in images.paths]
    assert [record["image"] for record in said["records"]] == sizes
