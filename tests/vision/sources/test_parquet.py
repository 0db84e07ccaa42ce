"""Parquet and Arrow tables that hold the images: labels, row groups, memory, broken rows and files."""

import json
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from barlow_report.config import DataConfig, ParquetDataConfig
from barlow_report.errors import DataError
from barlow_report.vision.datasets import ImageList, list_images, open_source
from barlow_report.vision.reading import UnreadableImage
from barlow_report.vision.sources import parquet
from tests.vision.sources.writers import image_table, noise_png, write_arrow, write_parquet
from tests.vision.toys import noise_image

ROWS = [{"image": noise_png(seed), "label": seed % 3} for seed in range(10)]
NAMES = ["cat", "dog", "<b>|*"]


NAMED = {"_type": "ClassLabel", "names": ["dog", "cat"]}


def config(files: Path, **settings: Any) -> DataConfig:
    return DataConfig(parquet=ParquetDataConfig(files=files), **settings)


def listed(files: Path, **settings: Any) -> ImageList:
    return list_images(config(files, **settings))


def pixels(images: ImageList, position: int) -> np.ndarray:
    return np.asarray(images.source.read(images.paths[position]).image)


def expected(seed: int) -> np.ndarray:
    return np.asarray(noise_image(seed))


@pytest.fixture(params=["parquet", "arrow stream", "arrow file"])
def table_file(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    table = image_table(ROWS, class_names=NAMES)
    if request.param == "parquet":
        return write_parquet(tmp_path / "test.parquet", table)
    return write_arrow(tmp_path / "test.arrow", table, is_stream="stream" in request.param)


def test_rows_are_listed_in_order_with_the_class_names_of_the_metadata(table_file: Path) -> None:
    images = listed(table_file)
    assert images.class_names == tuple(NAMES)
    assert images.paths == [f"{table_file.name}/{row}" for row in range(10)]
    assert images.labels.tolist() == [seed % 3 for seed in range(10)]
    assert images.predictions is None
    assert images.skipped == []


def test_any_row_can_be_read_in_any_order_from_any_thread_and_process(table_file: Path) -> None:
    images = listed(table_file)
    for position in (9, 0, 5, 5, 3):
        assert np.array_equal(pixels(images, position), expected(position))
    order = list(range(10)) * 5
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda position: pixels(images, position), order))
    assert all(np.array_equal(image, expected(seed)) for image, seed in zip(found, order, strict=True))
    for source in (pickle.loads(pickle.dumps(images.source)), open_source(config(table_file))):  # noqa: S301 - our own
        assert np.array_equal(np.asarray(source.read(images.paths[7]).image), expected(7))


def test_shards_of_a_pattern_are_one_data_set_in_the_order_of_their_names(tmp_path: Path) -> None:
    for shard in (1, 0):
        rows = ROWS[5 * shard : 5 * shard + 5]
        write_parquet(tmp_path / f"data/test-{shard:05d}-of-00002.parquet", image_table(rows, class_names=NAMES))
    write_parquet(tmp_path / "data/train-00000-of-00001.parquet", image_table(ROWS[:1], class_names=NAMES))
    images = listed(tmp_path / "data/test-*.parquet")
    assert images.paths[4:6] == ["test-00000-of-00002.parquet/4", "test-00001-of-00002.parquet/0"]
    assert all(np.array_equal(pixels(images, position), expected(position)) for position in range(10))


def test_no_more_than_a_few_row_groups_are_kept_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "CACHED_BYTES", 0)
    rows = [{"image": noise_png(seed), "label": seed % 2} for seed in range(60)]
    images = listed(write_parquet(tmp_path / "a.parquet", image_table(rows), rows_per_group=3))
    n_reads = 0
    open_file = parquet._open

    def counting(path: Path) -> Any:
        opened = open_file(path)

        def read(group: int, columns: list[str]) -> pa.Table:
            nonlocal n_reads
            n_reads += 1
            assert columns == ["image"]
            table = opened.read(group, columns)
            assert len(table) == 3
            return table

        return parquet._File(schema=opened.schema, starts=opened.starts, read=read)

    monkeypatch.setattr(parquet, "_open", counting)
    source = images.source
    assert isinstance(source, parquet.ParquetSource)
    for path in images.paths:
        source.read(path)
        assert len(source._cache.groups) <= parquet.N_CACHED
    assert n_reads == 20


def test_rows_without_a_label_are_skipped_and_rows_without_an_image_have_a_reason(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [dict(row) for row in ROWS[:6]]
    rows[1]["label"] = -1
    rows[2]["label"] = None
    rows[3] |= {"image": None, "file": "/etc/passwd"}
    rows[4]["image"] = b"no image"
    rows[5]["image"] = b""
    images = listed(write_parquet(tmp_path / "a.parquet", image_table(rows, class_names=NAMES)))
    assert images.skipped == [("a.parquet/1", "no label"), ("a.parquet/2", "no label")]
    for path, reason in (("3", "no image bytes"), ("4", "not an image of a known format"), ("5", "no bytes")):
        with pytest.raises(UnreadableImage, match=reason):
            images.source.read(f"a.parquet/{path}")
    for path in ("a.parquet/6", "a.parquet/-1", "a.parquet/x", "b.parquet/0"):
        with pytest.raises(UnreadableImage):
            images.source.read(path)


def test_labels_may_be_names_and_plain_bytes_are_images(tmp_path: Path) -> None:
    table = pa.table({"picture": [noise_png(0), noise_png(1)], "label": ["dog", "cat"]})
    images = listed(write_parquet(tmp_path / "a.parquet", table))
    assert (images.class_names, images.labels.tolist()) == (("cat", "dog"), [1, 0])
    assert np.array_equal(pixels(images, 1), expected(1))


def test_predictions_and_confidences_are_read_from_columns(tmp_path: Path) -> None:
    rows = [{**row, "prediction": 1, "confidence": 0.5 if i else None} for i, row in enumerate(ROWS)]
    images = listed(write_parquet(tmp_path / "a.parquet", image_table(rows, class_names=NAMES)))
    assert images.predictions is not None
    assert images.predictions.tolist() == [1] * 10
    assert images.confidences is not None
    assert np.isnan(images.confidences[0])
    assert images.confidences[1:].tolist() == [0.5] * 9


def test_the_only_class_label_is_the_label_and_one_of_several_has_to_be_named(tmp_path: Path) -> None:
    features = {
        "fine_label": {"_type": "ClassLabel", "names": ["a", "b"]},
        "coarse_label": {"_type": "ClassLabel", "names": ["x", "y"]},
    }
    table = pa.table({"img": [noise_png(0), noise_png(1)], "fine_label": [0, 1], "coarse_label": [1, 0]})

    def write(names: list[str]) -> Path:
        metadata = {"huggingface": json.dumps({"info": {"features": {name: features[name] for name in names}}})}
        return write_parquet(tmp_path / "a.parquet", table.replace_schema_metadata(metadata))

    assert listed(write(["fine_label"])).class_names == ("a", "b")
    path = write(["fine_label", "coarse_label"])
    with pytest.raises(
        DataError, match=r"'fine_label', 'coarse_label' may all hold the label. Say in data.parquet.label_column"
    ):
        listed(path)
    named = DataConfig(parquet=ParquetDataConfig(files=path, label_column="coarse_label"))
    images = list_images(named)
    assert (images.class_names, images.labels.tolist()) == (("x", "y"), [1, 0])


@pytest.mark.parametrize(
    ("columns", "feature"),
    [
        ({"label": pa.array([1, 0], pa.uint8())}, NAMED),
        ({"label": pa.array([1, 0]).dictionary_encode()}, NAMED),
        ({"label": pa.array([1.0, 0.0])}, NAMED),
        ({"label": ["cat", "dog"]}, NAMED),
        ({"label": ["1", "0"]}, NAMED),
        ({"label": [1, 0]}, {"_type": "ClassLabel", "names": {"0": "dog", "1": "cat"}}),
        ({"label": [1, 0], "prediction": ["dog", "dog"]}, NAMED),
    ],
)
@pytest.mark.parametrize("place", ["schema", "beside"])
def test_names_of_a_class_label_are_kept_however_it_is_stored(
    tmp_path: Path, columns: dict[str, Any], feature: dict[str, Any], place: str
) -> None:
    table = pa.table({"image": [noise_png(0), noise_png(1)], **columns})
    features = {"label": feature}
    if place == "schema":
        table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    else:
        (tmp_path / "dataset_info.json").write_text(json.dumps({"features": features}))
    images = listed(write_arrow(tmp_path / "a.arrow", table, is_stream=True))
    assert (images.class_names, images.labels.tolist()) == (("dog", "cat"), [1, 0])


def test_a_prediction_with_class_names_of_its_own_is_read_by_them(tmp_path: Path) -> None:
    table = pa.table({"image": [noise_png(0), noise_png(1)], "label": [0, 1], "pred": [0, 0]})
    features = {"label": NAMED, "pred": {"_type": "ClassLabel", "names": ["cat", "dog"]}}
    table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    images = listed(write_parquet(tmp_path / "a.parquet", table))
    assert images.predictions is not None
    assert images.predictions.tolist() == [1, 1]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"label": [0, 1], "labels": [1, 0]}, "'label', 'labels' may all hold the label. Say in data.parquet.label_c"),
        ({"label": [0, 1], "true_label": [1, 0]}, "'label', 'true_label' may all hold the label"),
        (
            {"label": [0, 1], "prediction": [1, 0], "pred": [0, 1]},
            "hold the prediction. Say in data.parquet.prediction",
        ),
        ({"label": [0, 1], "img": [b"x", b"y"]}, "found 2 columns of image bytes.*data.parquet.image_column"),
    ],
)
def test_which_of_several_columns_is_meant_is_asked(tmp_path: Path, columns: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        listed(write_parquet(tmp_path / "a.parquet", pa.table({"image": [b"x", b"y"], **columns})))


def test_a_column_that_cannot_hold_classes_is_no_label(tmp_path: Path) -> None:
    table = pa.table({"image": [b"x", b"y"], "label": [1, 0], "labels": [[1, 2], [0]]})
    assert listed(write_parquet(tmp_path / "a.parquet", table)).labels.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (pa.table({"label": [0, 1]}), "found 0 columns of image bytes among 'label'"),
        (pa.table({"a": [b"x"], "b": [b"y"], "label": [0]}), "found 2 columns of image bytes"),
        (pa.table({"image": [b"x", b"y"]}), "found 0 columns of labels"),
        (pa.table({"image": [b"x"], "label": [None]}), "no row with a label among 1"),
        (
            pa.table({"image": [b"x"], "label": [[1, 2]]}),
            "found 0 columns of labels among .*list.* expected one with a name",
        ),
        (pa.table({"image": [b"x"] * 2, "label": [0, 1], "confidence": [0.5, 0.5]}), "goes with a column 'prediction'"),
        (
            pa.table({"image": [b"x"] * 2, "label": [0, 1], "prediction": [0, 0], "confidence": [0.5, 2.0]}),
            "outside of 0 to 1",
        ),
        (pa.table({"image": [b"x"] * 2, "label": [0, 0]}), "found the class '0' only"),
    ],
)
def test_a_table_that_does_not_fit_is_a_clear_error(tmp_path: Path, table: pa.Table, message: str) -> None:
    with pytest.raises(DataError, match=message):
        listed(write_parquet(tmp_path / "a.parquet", table))


def test_missing_and_broken_files_are_clear_errors(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"data.parquet.files: found no file .*none-\*.parquet"):
        listed(tmp_path / "none-*.parquet")
    for name in ("a.parquet", "a.arrow"):
        (tmp_path / name).write_bytes(b"neither of them")
        with pytest.raises(DataError, match=f"{name}: cannot be read as a Parquet or Arrow table"):
            listed(tmp_path / name)


def test_files_that_do_not_belong_together_are_a_clear_error(tmp_path: Path) -> None:
    write_parquet(tmp_path / "a.parquet", image_table(ROWS, class_names=NAMES))
    write_parquet(tmp_path / "b.parquet", image_table(ROWS, class_names=NAMES[::-1]))
    with pytest.raises(DataError, match=r"b.parquet: lists other class names"):
        listed(tmp_path / "*.parquet")
    write_parquet(tmp_path / "b.parquet", image_table([{**row, "prediction": 0} for row in ROWS], class_names=NAMES))
    with pytest.raises(DataError, match=r"b.parquet: has columns for"):
        listed(tmp_path / "*.parquet")


def test_a_damaged_row_group_costs_its_images_only(tmp_path: Path) -> None:
    images = listed(write_parquet(tmp_path / "a.parquet", image_table(ROWS, class_names=NAMES)))
    content = bytearray((tmp_path / "a.parquet").read_bytes())
    content[8:120] = bytes(112)
    (tmp_path / "a.parquet").write_bytes(content)
    with pytest.raises(UnreadableImage, match="its part of the file cannot be read") as caught:
        images.source.read("a.parquet/0")
    assert str(tmp_path) not in caught.value.reason
    assert np.array_equal(pixels(images, 9), expected(9))


def test_the_state_of_an_image_is_that_of_its_file(tmp_path: Path) -> None:
    for name in "ab":
        write_parquet(tmp_path / f"{name}.parquet", image_table(ROWS[:3], class_names=NAMES))
    images = listed(tmp_path / "*.parquet")
    before = list(images.source.states(images.paths))
    write_parquet(tmp_path / "b.parquet", image_table(ROWS[1:4], class_names=NAMES))
    after = list(images.source.states(images.paths))
    assert [a == b for a, b in zip(before, after, strict=True)] == [True] * 3 + [False] * 3
