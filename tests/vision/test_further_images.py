"""Images beside the analysed ones: the classes of the run, and labels only where there are any."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from barlow_report.config import DataConfig
from barlow_report.config.further import NO_LABEL, OTHER_CLASS, FurtherDataConfig
from barlow_report.errors import DataError
from barlow_report.vision.datasets import ImageList, list_images
from barlow_report.vision.further_images import list_further
from tests.vision.sources.writers import image_table, noise_png, write_parquet, write_tar
from tests.vision.test_datasets import touch

CLASSES = ("cat", "dog", "owl")


def further(*, of_run: tuple[str, ...] = CLASSES, data: DataConfig | None = None, **section: Any) -> ImageList:
    run = data or DataConfig(folder=Path("analysed"))
    return list_further(FurtherDataConfig(**section), data=run, class_names=of_run, key="pool")


def from_csv(folder: Path, text: str, **section: Any) -> ImageList:
    (folder / "new.csv").write_text(text, encoding="utf-8")
    return further(manifest=folder / "new.csv", **section)


def test_a_folder_may_hold_images_anywhere_and_folders_that_are_classes_label_them(tmp_path: Path) -> None:
    touch(tmp_path, "loose.png", "owl/b.png", "owl/deep/a.png", "zebra/c.png", "notes.txt")
    images = further(folder=tmp_path)
    assert images.class_names == CLASSES
    assert images.paths == ["loose.png", "owl/b.png", "owl/deep/a.png", "zebra/c.png"]
    assert images.labels.tolist() == [NO_LABEL, 2, 2, OTHER_CLASS]
    assert [path for path, _ in images.skipped] == ["notes.txt"]
    assert images.assumptions == {"other_classes": "Labels that are no class of the run: 'zebra'."}
    assert further(folder=tmp_path, labelled=False).labels.tolist() == [NO_LABEL] * 4


def test_deeper_folders_name_classes_where_the_section_says_so(tmp_path: Path) -> None:
    touch(tmp_path, "birds/owl/a.png", "birds/b.png")
    images = further(of_run=("birds/owl", "cat"), folder=tmp_path, class_depth=2)
    assert dict(zip(images.paths, images.labels.tolist(), strict=True)) == {"birds/b.png": -1, "birds/owl/a.png": 0}


def test_folders_none_of_which_is_a_class_are_asked_about(tmp_path: Path) -> None:
    touch(tmp_path, "2024/a.png", "2025/a.png")
    message = r"pool: .*none of the labels \('2024', '2025'\) is a class of the run .*labelled: false in pool"
    with pytest.raises(DataError, match=message):
        further(folder=tmp_path)
    assert further(folder=tmp_path, labelled=False).labels.tolist() == [NO_LABEL, NO_LABEL]


@pytest.mark.parametrize("text", ["path\na.png\nb.png\n", "path,label\na.png,\nb.png,\n"])
def test_a_manifest_needs_no_labels(tmp_path: Path, text: str) -> None:
    assert from_csv(tmp_path, text).labels.tolist() == [NO_LABEL, NO_LABEL]


def test_some_rows_of_a_manifest_may_have_no_label(tmp_path: Path) -> None:
    images = from_csv(tmp_path, "path,label\na.png,dog\nb.png,\nc.png,zebra\nd.png,-1\ne.png,None\nf.png,cat\n")
    assert images.labels.tolist() == [1, NO_LABEL, OTHER_CLASS, NO_LABEL, NO_LABEL, 0]


def test_numbers_count_the_classes_of_the_run_unless_the_section_lists_names(tmp_path: Path) -> None:
    text = "path,label\na.png,2\nb.png,\nc.png,0\nd.png,-1\n"
    assert from_csv(tmp_path, text).labels.tolist() == [2, NO_LABEL, 0, NO_LABEL]
    listed = from_csv(tmp_path, text, class_names=["dog", "zebra", "cat"])
    assert listed.labels.tolist() == [0, NO_LABEL, 1, NO_LABEL]
    with pytest.raises(DataError, match=r"pool: .*found the class index 3, expected 0 to 2 for 3 classes"):
        from_csv(tmp_path, "path,label\na.png,3\n")
    with pytest.raises(DataError, match=r"found the class index 2, expected 0 to 1 for the 2 classes of the source"):
        from_csv(tmp_path, "path,label\na.png,2\n", class_names=["dog", "cat"])


def test_numbers_that_are_names_of_the_classes_are_names(tmp_path: Path) -> None:
    (tmp_path / "new.csv").write_text("path,label\na.png,7\nb.png,3\n")
    images = further(of_run=("3", "7"), manifest=tmp_path / "new.csv")
    assert images.labels.tolist() == [1, 0]


def test_keys_of_the_runs_classes_are_known(tmp_path: Path) -> None:
    touch(tmp_path, "n01440764/a.png", "n99999999/b.png")
    images = further(of_run=("tench", "goldfish"), data=DataConfig(folder=tmp_path), folder=tmp_path)
    assert images.labels.tolist() == [0, OTHER_CLASS]


def test_predictions_are_matched_by_name_and_must_be_classes_of_the_run(tmp_path: Path) -> None:
    text = "path,label,prediction,confidence\na.png,,owl,0.25\nb.png,cat,cat,\n"
    images = from_csv(tmp_path, text)
    assert images.predictions is not None
    assert images.confidences is not None
    assert images.predictions.tolist() == [2, 0]
    assert images.confidences[0] == 0.25
    assert np.isnan(images.confidences[1])
    with pytest.raises(DataError, match=r"pool: .*column 'prediction': 'zebra' is not a class"):
        from_csv(tmp_path, "path,prediction\na.png,zebra\n")


@pytest.mark.parametrize("names", [("owl", "cat", "zebra"), None])
def test_a_table_of_images_counts_its_own_names_and_needs_no_labels(
    tmp_path: Path, names: tuple[str, ...] | None
) -> None:
    rows = [{"image": noise_png(i), "label": label} for i, label in enumerate([1, 0, -1, 2])]
    write_parquet(tmp_path / "new.parquet", image_table(rows, class_names=names))
    images = further(parquet={"files": tmp_path / "new.parquet"})
    assert images.paths == [f"new.parquet/{row}" for row in range(4)]
    expected = [0, 2, NO_LABEL, OTHER_CLASS] if names else [1, 0, NO_LABEL, 2]
    assert images.labels.tolist() == expected
    write_parquet(tmp_path / "bare.parquet", image_table([{"image": noise_png(1)}, {"image": noise_png(2)}]))
    assert further(parquet={"files": tmp_path / "bare.parquet"}).labels.tolist() == [NO_LABEL, NO_LABEL]


def test_samples_of_a_tar_file_need_no_labels(tmp_path: Path) -> None:
    write_tar(tmp_path / "new.tar", [("1.png", noise_png(1)), ("2.png", noise_png(2)), ("2.cls", "dog")])
    images = further(webdataset={"shards": tmp_path / "new.tar"})
    assert dict(zip(images.paths, images.labels.tolist(), strict=True)) == {"new.tar/1.png": -1, "new.tar/2.png": 1}
    assert images.skipped == []


def test_messages_name_the_section_and_an_empty_source_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"^pool: .*found no image"):
        further(folder=tmp_path / "empty")
    with pytest.raises(DataError, match=r"^pool: .*found no rows"):
        from_csv(tmp_path, "path,label\n")
    with pytest.raises(DataError, match=r"Say in pool\.columns which one does"):
        from_csv(tmp_path, "path,label,true_label\na.png,cat,cat\n")
    with pytest.raises(DataError, match=r"expected a folder of images"):
        further(folder=tmp_path / "nowhere")


def test_what_belongs_to_the_analysed_images_alone_is_refused(tmp_path: Path) -> None:
    for key in ("class_order", "confirm_class_order", "probabilities", "classes", "class_file"):
        with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
            FurtherDataConfig(manifest=tmp_path / "new.csv", **{key: None})


def test_images_are_read_like_the_analysed_ones_unless_the_section_says_how(tmp_path: Path) -> None:
    data = DataConfig(folder=tmp_path, decode="upright", pixel_range=(0.0, 4095.0))
    taken = FurtherDataConfig(folder=tmp_path).completed(data)
    assert (taken.decode, taken.pixel_range) == ("upright", (0.0, 4095.0))
    given = FurtherDataConfig(folder=tmp_path, decode="torchvision").completed(data)
    assert (given.decode, given.pixel_range) == ("torchvision", (0.0, 4095.0))


def test_a_manifest_is_decoded_as_the_configuration_says(tmp_path: Path) -> None:
    touch(tmp_path, "a.png", "b.png")
    pd.DataFrame({"path": ["a.png", "b.png"], "label": ["cat", "dog"]}).to_csv(tmp_path / "list.csv", index=False)
    images = list_images(DataConfig(manifest=tmp_path / "list.csv", decode="upright", pixel_range=(0, 100)))
    decoding = images.source.decoding  # type: ignore[attr-defined]
    assert (decoding.style, decoding.pixel_range) == ("upright", (0, 100))
