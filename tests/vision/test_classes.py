"""Class lists: ImageNet's readable names, keys and names in a file, nested class folders."""

from pathlib import Path

import pytest
from torchvision.models import ResNet18_Weights

from barlow_report.config import DataConfig
from barlow_report.errors import DataError
from barlow_report.vision.classes import imagenet_classes
from barlow_report.vision.datasets import list_images

TENCH, GOLDFISH, CRANE_BIRD, CRANE = "n01440764", "n01443537", "n02012849", "n03126707"


def touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")
    return root


def test_the_table_of_imagenet_has_a_thousand_classes_in_the_order_of_torchvision_s_outputs() -> None:
    table = imagenet_classes()
    assert list(table) == sorted(table)
    assert list(table.values()) == ResNet18_Weights.DEFAULT.meta["categories"]
    assert len(set(table.values())) == 1000
    assert (table[TENCH], table[GOLDFISH], table["n02504458"]) == ("tench", "goldfish", "African elephant")
    assert (table[CRANE_BIRD], table[CRANE]) == ("crane bird", "crane")


def test_synset_folders_get_readable_names_in_the_order_of_the_ids(tmp_path: Path) -> None:
    touch(tmp_path, f"{GOLDFISH}/1.png", f"{TENCH}/1.png", f"{CRANE}/1.png")
    images = list_images(DataConfig(folder=tmp_path))
    assert images.class_names == ("tench", "goldfish", "crane")
    assert images.paths == [f"{TENCH}/1.png", f"{GOLDFISH}/1.png", f"{CRANE}/1.png"]
    assert images.labels.tolist() == [0, 1, 2]


def test_folders_that_are_not_all_of_imagenet_keep_their_names(tmp_path: Path) -> None:
    touch(tmp_path, f"{TENCH}/1.png", "n99999999/1.png")
    assert list_images(DataConfig(folder=tmp_path)).class_names == (TENCH, "n99999999")


def test_a_few_folders_of_imagenet_count_among_all_its_classes_if_wished(tmp_path: Path) -> None:
    touch(tmp_path, f"{GOLDFISH}/1.png", "crane/1.png")
    images = list_images(DataConfig(folder=tmp_path, classes="imagenet"))
    assert len(images.class_names) == 1000
    assert images.labels.tolist() == [517, 1]
    with pytest.raises(DataError, match="sub-folder 'dragon' is not a class"):
        list_images(DataConfig(folder=touch(tmp_path, "dragon/1.png"), classes="imagenet"))


def test_a_manifest_may_use_synsets_names_or_indices_of_imagenet(tmp_path: Path) -> None:
    for label, prediction in ((GOLDFISH, "tench"), ("1", "0"), ("goldfish", TENCH)):
        (tmp_path / "list.csv").write_text(f"path,label,prediction\n1.png,{label},{prediction}\n")
        images = list_images(DataConfig(manifest=tmp_path / "list.csv", classes="imagenet"))
        assert images.predictions is not None
        assert (images.labels.tolist(), images.predictions.tolist()) == ([1], [0])


@pytest.mark.parametrize(
    ("lines", "names", "labels"),
    [
        ("b\tBee\na\tAnt, small\n", ("Bee", "Ant, small"), [1, 0]),
        ("b\na\n", ("b", "a"), [1, 0]),
        ("b\tTwin\na\tTwin\n", ("Twin (b)", "Twin (a)"), [1, 0]),
        ("b bee\na\tx\n", None, None),  # not all lines have a key
    ],
)
def test_a_class_file_may_give_what_the_data_say_and_what_readers_see(
    tmp_path: Path, lines: str, names: tuple[str, ...] | None, labels: list[int] | None
) -> None:
    touch(tmp_path / "images", "a/1.png", "b/1.png")
    (tmp_path / "classes.txt").write_text(lines)
    config = DataConfig(folder=tmp_path / "images", class_file=tmp_path / "classes.txt")
    if names is None:
        with pytest.raises(DataError, match="sub-folders 'a', 'b' are not classes of the configured list"):
            list_images(config)
        return
    images = list_images(config)
    assert (images.class_names, images.labels.tolist()) == (names, labels)


def test_imagenet_s_own_mapping_file_is_understood(tmp_path: Path) -> None:
    touch(tmp_path / "val", f"{GOLDFISH}/1.png", f"{TENCH}/1.png")
    lines = f"{TENCH} tench, Tinca tinca\n{GOLDFISH} goldfish, Carassius auratus\n"
    (tmp_path / "LOC_synset_mapping.txt").write_text(lines)
    images = list_images(DataConfig(folder=tmp_path / "val", class_file=tmp_path / "LOC_synset_mapping.txt"))
    assert images.class_names == ("tench, Tinca tinca", "goldfish, Carassius auratus")
    assert images.labels.tolist() == [0, 1]


def test_a_class_may_be_named_by_several_levels_of_folders(tmp_path: Path) -> None:
    touch(tmp_path, "animals/cat/1.png", "animals/cat/deep/2.png", "animals/dog/1.png", "things/cat/1.png")
    touch(tmp_path, "animals/stray.png", "loose.png", "things/cup/1.heic")
    images = list_images(DataConfig(folder=tmp_path, class_depth=2))
    assert images.class_names == ("animals/cat", "animals/dog", "things/cat", "things/cup")
    assert images.paths == ["animals/cat/1.png", "animals/cat/deep/2.png", "animals/dog/1.png", "things/cat/1.png"]
    assert images.labels.tolist() == [0, 0, 1, 2]
    reason = "not in the folder of a class"
    assert images.skipped[:2] == [("animals/stray.png", reason), ("loose.png", reason)]
    assert images.skipped[2][0] == "things/cup/1.heic"
    assert list_images(DataConfig(folder=tmp_path)).class_names == ("animals", "things")
    with pytest.raises(DataError, match=r"found no image; 6 images lie beside .*/<group>/<group>/<group>/<class>/"):
        list_images(DataConfig(folder=tmp_path, class_depth=4))
