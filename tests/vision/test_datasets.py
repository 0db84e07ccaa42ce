"""Image folders and manifests: what is listed, and what is an error."""

import os
from pathlib import Path

import pandas as pd
import pytest

from barlow_report.config import DataConfig
from barlow_report.errors import DataError
from barlow_report.vision.datasets import ImageList, list_images
from barlow_report.vision.reading import UnreadableImage


def touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")
    return root


def from_csv(folder: Path, text: str, *, classes: list[str] | None = None) -> ImageList:
    (folder / "list.csv").write_text(text, encoding="utf-8")
    return list_images(DataConfig(manifest=folder / "list.csv", classes=classes))


def test_a_folder_lists_images_sorted_by_path_with_classes_sorted_by_name(tmp_path: Path) -> None:
    touch(tmp_path, "dog/b.JPG", "dog/a.png", "cat/z.jpeg", "cat/deep/1.webp")
    images = list_images(DataConfig(folder=tmp_path))
    assert images.class_names == ("cat", "dog")
    assert images.paths == ["cat/deep/1.webp", "cat/z.jpeg", "dog/a.png", "dog/b.JPG"]
    assert images.labels.tolist() == [0, 0, 1, 1]
    assert images.labels.dtype == "int64"
    assert images.predictions is None
    assert images.skipped == []


def test_the_order_does_not_depend_on_the_file_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, *(f"{c}/{i}.png" for c in "ab" for i in range(5)))
    expected = list_images(DataConfig(folder=tmp_path)).paths
    scandir = os.scandir

    class Backwards:
        def __init__(self, path: str) -> None:
            self.entries = sorted(scandir(path), key=lambda entry: entry.name, reverse=True)

        def __enter__(self) -> list[os.DirEntry[str]]:
            return self.entries

        def __exit__(self, *_: object) -> None:
            return None

    monkeypatch.setattr(os, "scandir", Backwards)
    assert list_images(DataConfig(folder=tmp_path)).paths == expected


JPEG, HEIC = b"\xff\xd8\xff\xe0", b"\0\0\0\x18ftypheic"


def test_everything_beside_the_images_is_listed_with_its_reason(tmp_path: Path) -> None:
    touch(tmp_path, "a/1.png", "b/1.png", "b/2.PNG", "a/.hidden.png", "a/notes.txt", "labels.csv", "Thumbs.db")
    touch(tmp_path, ".cache/1.png", "__MACOSX/a/1.png", "a/@eaDir/1.png/thumb.jpg", "$RECYCLE.BIN/1.png", "a/x.npy")
    (tmp_path / "lost+found").mkdir()
    contents = {
        "a/2.heic": HEIC,
        "a/3": JPEG,
        "a/4.png:large": JPEG,
        "a/5.jpg?raw=true": b"<html>",
        "a/6.jpg.part": JPEG,
    }
    for name, content in {**contents, "b/7": b"", "b/8": HEIC}.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "b/9").symlink_to("nowhere")
    os.mkfifo(tmp_path / "b/pipe")
    images = list_images(DataConfig(folder=tmp_path))
    assert images.paths == ["a/1.png", "b/1.png", "b/2.PNG"]
    assert images.class_names == ("a", "b")
    unread, renamed = "images in this format ({}) are not read", "its name does not end like that of an image, though"
    expected = {
        "$RECYCLE.BIN": "no image: folder of a system",
        ".cache": "no image: folder of a system",
        "Thumbs.db": "no image: file of the system",
        "__MACOSX": "no image: folder of a system",
        "a/.hidden.png": "no image: hidden file",
        "a/2.heic": unread.format(".heic"),
        "a/3": f"{renamed} it is one (JPEG)",
        "a/4.png:large": f"{renamed} it is one (JPEG)",
        "a/5.jpg?raw=true": "no image: unknown content",
        "a/6.jpg.part": "an unfinished file (.part)",
        "a/@eaDir": "no image: folder of a system",
        "a/notes.txt": "no image: .txt",
        "a/x.npy": unread.format(".npy"),
        "b/7": "the file is empty",
        "b/8": f"{renamed} it is one (HEIC)",
        "b/9": "broken link",
        "b/pipe": "not a file",
        "labels.csv": "no image: .csv",
        "lost+found": "no image: folder of a system",
    }
    found = dict(images.skipped)
    assert found.keys() == expected.keys()
    assert {path: reason for path, reason in found.items() if not reason.startswith(expected[path])} == {}


def test_many_files_that_are_no_images_are_one_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("barlow_report.vision.sources.skips.MAX_LISTED", 2)
    touch(tmp_path, "a/1.png", "b/1.png", *(f"a/{i}.heic" for i in range(4)), *(f"a/{i}.txt" for i in range(7)))
    unread = "images in this format (.heic) are not read; convert them to PNG or JPEG"
    assert list_images(DataConfig(folder=tmp_path)).skipped == [
        ("*.txt", "no image: .txt (5 more files)"),
        ("a/0.heic", unread),  # what may be an image is listed and counted each
        ("a/0.txt", "no image: .txt"),
        ("a/1.heic", unread),
        ("a/1.txt", "no image: .txt"),
        ("a/2.heic", unread),
        ("a/3.heic", unread),
    ]


@pytest.mark.parametrize("name", ["green", "docs/readme.txt", "green/empty/deeper"])
def test_a_folder_without_images_may_be_a_class_or_not_and_is_asked_about(tmp_path: Path, name: str) -> None:
    touch(tmp_path, "a/1.png", "z/1.png")
    folder = tmp_path / name
    touch(tmp_path, name) if folder.suffix else folder.mkdir(parents=True)
    top = name.split("/")[0]
    with pytest.raises(
        DataError, match=f"sub-folders without an image: '{top}'. .* list all classes .* in data.classes"
    ):
        list_images(DataConfig(folder=tmp_path))
    listed = list_images(DataConfig(folder=tmp_path, classes=["a", top, "z"]))
    assert listed.labels.tolist() == [0, 2]


def test_a_link_to_a_class_that_leads_nowhere_is_asked_about(tmp_path: Path) -> None:
    touch(tmp_path, "a/1.png", "z/1.png")
    (tmp_path / "green").symlink_to("nowhere")
    with pytest.raises(DataError, match="sub-folders without an image: 'green'"):
        list_images(DataConfig(folder=tmp_path))


def test_a_class_whose_images_cannot_be_read_keeps_its_place(tmp_path: Path) -> None:
    touch(tmp_path, "a/1.png", "b/1.heic", "c/1.png")
    images = list_images(DataConfig(folder=tmp_path))
    assert (images.class_names, images.labels.tolist()) == (("a", "b", "c"), [0, 2])
    assert [path for path, _ in images.skipped] == ["b/1.heic"]


def test_a_system_s_folder_is_a_class_where_the_list_says_so(tmp_path: Path) -> None:
    touch(tmp_path, "a/1.png", "__pycache__/1.png")
    images = list_images(DataConfig(folder=tmp_path, classes=["a", "__pycache__"]))
    assert images.labels.tolist() == [1, 0]


def test_parts_of_a_data_set_are_not_taken_for_classes(tmp_path: Path) -> None:
    touch(tmp_path, "train/a/1.png", "train/b/1.png", "val/a/1.png")
    with pytest.raises(DataError, match="'train', 'val' are called as parts of a data set are"):
        list_images(DataConfig(folder=tmp_path))
    assert list_images(DataConfig(folder=tmp_path, classes=["val", "train"])).class_names == ("val", "train")


def test_an_image_beside_the_class_folders_is_skipped_with_its_reason(tmp_path: Path) -> None:
    touch(tmp_path, "a/1.png", "b/1.png", "stray.png")
    assert list_images(DataConfig(folder=tmp_path)).skipped == [("stray.png", "not in the folder of a class")]


def test_a_name_that_is_no_text_is_skipped_with_its_reason(tmp_path: Path) -> None:
    touch(tmp_path, "a/1.png", "b/1.png")
    try:
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/a/\xff.png")).write_bytes(b"x")
    except OSError:
        pytest.skip("this file system refuses such names")
    assert list_images(DataConfig(folder=tmp_path)).skipped == [("a/\\xff.png", "name is not valid UTF-8")]


def test_links_are_followed_but_never_in_circles(tmp_path: Path) -> None:
    touch(tmp_path / "root", "a/1.png", "b/1.png")
    touch(tmp_path / "elsewhere", "2.png")
    (tmp_path / "root/b/more").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "root/a/loop").symlink_to(tmp_path / "root/a")
    images = list_images(DataConfig(folder=tmp_path / "root"))
    assert images.paths == ["a/1.png", "b/1.png", "b/more/2.png"]
    assert images.skipped == [("a/loop", "link to a folder above it")]


def test_links_to_themselves_and_to_each_other_are_skipped_with_their_reason(tmp_path: Path) -> None:
    touch(tmp_path, "a/1.png", "b/1.png")
    (tmp_path / "a/loop").symlink_to("loop")
    (tmp_path / "b/here").symlink_to("there")
    (tmp_path / "b/there").symlink_to("here")
    (tmp_path / "b/self.png").symlink_to("self.png")
    (tmp_path / "c").symlink_to(tmp_path)
    images = list_images(DataConfig(folder=tmp_path))
    assert images.paths == ["a/1.png", "b/1.png", "b/self.png"]
    loop = "Too many levels of symbolic links"
    assert images.skipped == [
        ("a/loop", loop),
        ("b/here", loop),
        ("b/there", loop),
        ("c", "link to a folder above it"),
    ]
    with pytest.raises(UnreadableImage, match=loop):
        images.source.read("b/self.png")


def test_names_of_200_characters_and_names_that_are_markup_are_kept(tmp_path: Path) -> None:
    long, markup = "é" * 98 + "-end.png", "<script>alert('x') & \"y\".png"
    assert len(long.encode()) == 204
    touch(tmp_path, f"{'k' * 200}/{long}", f"b/{markup}")
    images = list_images(DataConfig(folder=tmp_path))
    assert images.paths == [f"b/{markup}", f"{'k' * 200}/{long}"]
    assert images.class_names == ("b", "k" * 200)


def test_configured_classes_give_the_order_and_may_have_no_images(tmp_path: Path) -> None:
    touch(tmp_path, "dog/1.png")
    images = list_images(DataConfig(folder=tmp_path, classes=["dog", "cat"]))
    assert images.class_names == ("dog", "cat")
    assert images.labels.tolist() == [0]


def test_a_class_file_gives_one_name_per_line(tmp_path: Path) -> None:
    touch(tmp_path / "images", "dog/1.png", "<b>|*/1.png")
    (tmp_path / "classes.txt").write_text("dog\n<b>|*\r\ncat\n\n", encoding="utf-8")
    images = list_images(DataConfig(folder=tmp_path / "images", class_file=tmp_path / "classes.txt"))
    assert images.class_names == ("dog", "<b>|*", "cat")
    assert images.labels.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("files", "classes", "message"),
    [
        ([], None, "found no image"),
        (["1.png", "2.png"], None, "2 images lie beside the class folders"),
        (["a/notes.txt"], None, "found no image"),
        (["a/1.png"], None, "found the class 'a' only"),
        (["a/1.png", "x/1.png"], ["a", "b"], "sub-folder 'x' is not a class"),
        (["a/1.png"], ["a"], "at least 2"),
        (["a/1.png"], ["a", "a"], "'a' listed more than once"),
        (["a/1.png"], ["a", ""], "class 1 .* has no name"),
    ],
)
def test_a_folder_that_does_not_fit_is_a_clear_error(
    tmp_path: Path, files: list[str], classes: list[str] | None, message: str
) -> None:
    touch(tmp_path, *files)
    with pytest.raises(DataError, match=message):
        list_images(DataConfig(folder=tmp_path, classes=classes))


def test_a_missing_folder_and_a_file_in_its_place_are_clear_errors(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="found nothing there, expected a folder"):
        list_images(DataConfig(folder=tmp_path / "none"))
    with pytest.raises(DataError, match="found a file, expected a folder"):
        list_images(DataConfig(folder=touch(tmp_path, "file") / "file"))


def test_a_missing_class_file_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="class list cannot be read"):
        list_images(DataConfig(folder=touch(tmp_path, "a/1.png"), class_file=tmp_path / "none.txt"))


def test_a_manifest_keeps_its_order_and_reads_all_columns(tmp_path: Path) -> None:
    images = from_csv(tmp_path, "path,label,prediction,confidence\nb/2.png,dog,cat,0.75\na/1.png,cat,cat,\n")
    assert images.root == tmp_path
    assert images.class_names == ("cat", "dog")
    assert images.paths == ["b/2.png", "a/1.png"]
    assert images.labels.tolist() == [1, 0]
    assert images.predictions is not None
    assert images.predictions.tolist() == [0, 0]
    assert images.confidences is not None
    assert images.confidences.tolist()[0] == 0.75
    assert pd.isna(images.confidences[1])


def test_barlows_own_column_names_are_understood_in_any_case_beside_others(tmp_path: Path) -> None:
    images = from_csv(tmp_path, ",Filenames,LABELS,Predictions,WordNet\n0,1.png,3,11,x\n1,2.png,11,3,y\n")
    assert images.class_names == ("3", "11")
    assert images.labels.tolist() == [0, 1]
    assert images.predictions is not None
    assert images.predictions.tolist() == [1, 0]


def test_any_dialect_of_csv_is_read_with_decimal_commas(tmp_path: Path) -> None:
    images = from_csv(tmp_path, "Path;Label;Prediction;Confidence\n1,5.png;a;b;0,75\n2.png;b;b;1\n")
    assert images.paths == ["1,5.png", "2.png"]
    assert images.confidences is not None
    assert images.confidences.tolist() == [0.75, 1.0]


def test_what_columns_are_called_can_be_said(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("file,path,fine_label,coarse_label\n1.png,x,a,u\n2.png,y,b,v\n")
    config = DataConfig(manifest=tmp_path / "list.csv", columns={"path": "file", "label": "coarse_label"})
    images = list_images(config)
    assert (images.paths, images.class_names) == (["1.png", "2.png"], ("u", "v"))
    grouped = DataConfig(manifest=tmp_path / "list.csv", columns={"path": "file"})
    assert list_images(grouped, columns=["coarse_label"]).class_names == ("a", "b")


def test_parquet_is_read_like_csv(tmp_path: Path) -> None:
    frame = pd.DataFrame({"path": ["1.png", "2.png"], "label": [0.0, 1.0], "prediction": [1, 1]})
    frame.to_parquet(tmp_path / "list.parquet")
    images = list_images(DataConfig(manifest=tmp_path / "list.parquet", image_root=tmp_path / "images"))
    assert images.root == tmp_path / "images"
    assert images.class_names == ("0", "1")
    assert images.labels.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("labels", "classes", "expected"),
    [
        (["0", "2"], ["a", "b", "c"], [0, 2]),  # integers count the classes
        (["c", "a"], ["a", "b", "c"], [2, 0]),
        (["10", "30"], ["30", "20", "10"], [2, 0]),  # names that are numbers are names
        (["2", "0"], ["1", "2", "3"], [2, 0]),  # 0 is no name, so all are indices
        (["10", "9"], None, [1, 0]),  # integers without a list are sorted by number
        (["10", "09"], None, [1, 0]),  # "09" is a name, and then so is "10"
        (["NA", "null"], None, [0, 1]),  # never read as missing
        (["é", "日本"], None, [0, 1]),
    ],
)
def test_labels_are_class_names_or_indices(
    tmp_path: Path, labels: list[str], classes: list[str] | None, expected: list[int]
) -> None:
    rows = "".join(f"{i}.png,{label}\n" for i, label in enumerate(labels))
    assert from_csv(tmp_path, f"path,label\n{rows}", classes=classes).labels.tolist() == expected


def test_names_and_indices_may_be_mixed_between_columns_only_with_a_class_list(tmp_path: Path) -> None:
    text = "path,label,prediction\n1.png,cat,1\n2.png,dog,1\n"
    images = from_csv(tmp_path, text, classes=["cat", "dog"])
    assert images.predictions is not None
    assert images.predictions.tolist() == [1, 1]
    with pytest.raises(DataError, match="'prediction' holds numbers and column 'label' names"):
        from_csv(tmp_path, text)


def test_paths_are_normalised_and_absolute_ones_below_the_root_become_relative(tmp_path: Path) -> None:
    images = from_csv(tmp_path, f"path,label\n./a//1.png,x\na\\2.png,y\n{tmp_path}/b/3.png,y\n")
    assert images.paths == ["a/1.png", "a/2.png", "b/3.png"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty"),
        ("path,label\n", "found no rows"),
        ("file,class\n1.png,a\n", "'path' and 'label' not found among 'file', 'class'"),
        ("path,label,Labels\n1.png,a,a\n", "'label', 'Labels' may all hold the label. Say in data.columns"),
        ("path,label,confidence\n1.png,a,0.5\n", "goes with a column 'prediction'"),
        ("path,label\n1.png,a\n2.png,\n", "'label' has no value in 1 rows, first in row 2"),
        ("path,label\n1.png,a\n2.png\n", "line 3 has 1 values and the header 2"),
        ("path,file_name,label\n1.png,1.png,a\n", "'path', 'file_name' may all hold the path"),
        ("path,label,pred,prediction\n1.png,a,a,a\n", "'pred', 'prediction' may all hold the prediction"),
        ("path,label\n1.png,a,b\n2.png,a,b\n", r"table \(line 2 has 3 values and the header 2; put a value that"),
        ("path,label\n1.png,a\na,b.png,a\n", r"table \(line 3 has 3 values and the header 2"),
        ("path,label\n1.png,a\n./1.png,b\n", "'1.png' in more than one row"),
        ("path,label\n../1.png,a\n", "row 1: path '../1.png' is not below the image root"),
        ("path,label\n/elsewhere/1.png,a\n", "is not below the image root"),
        ("path,label\n1.png,a\n2.png,a\n", "found the class 'a' only"),
        ("path,label,prediction,confidence\n1.png,a,b,1.5\n", "expected probabilities from 0 to 1"),
        ("path,label,prediction,confidence\n1.png,a,b,high\n", "not numbers"),
    ],
)
def test_a_manifest_that_does_not_fit_is_a_clear_error(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        from_csv(tmp_path, text)


@pytest.mark.parametrize(
    ("label", "message"),
    [("2", "class index 2, expected 0 to 1"), ("-1", "class index -1"), ("c", "'c' is not a class")],
)
def test_a_label_outside_of_the_class_list_is_a_clear_error(tmp_path: Path, label: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        from_csv(tmp_path, f"path,label\n1.png,{label}\n", classes=["a", "b"])


def test_a_manifest_of_another_encoding_or_missing_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_bytes("path,label\n1.png,é\n".encode("latin-1"))
    with pytest.raises(DataError, match="cannot be read as a table"):
        list_images(DataConfig(manifest=tmp_path / "list.csv"))
    (tmp_path / "list.parquet").write_bytes(b"no parquet")
    with pytest.raises(DataError, match="cannot be read as a table"):
        list_images(DataConfig(manifest=tmp_path / "list.parquet"))
    with pytest.raises(DataError, match="found no file there"):
        list_images(DataConfig(manifest=tmp_path / "none.csv"))
