"""The files that the cascade takes: every format, what is read from it, and what is wrong with a bad one."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from barlow_report.errors import DataError
from barlow_report.lenses.error_types import proposals
from barlow_report.lenses.error_types.classes import Vocabulary
from barlow_report.lenses.error_types.files import read_category, read_lines
from barlow_report.lenses.error_types.images import ImageNames
from barlow_report.lenses.error_types.multi_labels import match_labels, read_label_sets
from barlow_report.lenses.error_types.pairs import count_co_occurrences, imagenet_overlapping, read_pairs
from barlow_report.lenses.error_types.proposals import nearest_labels, read_proposals
from barlow_report.lenses.error_types.superclasses import Superclasses, read_superclasses, suggestion_text
from barlow_report.vision.classes import imagenet_classes
from tests.lenses.error_types.build import CAR, CAT, DOG, SUPERCLASSES, TREE, TRUCK, VOCABULARY, WOLF

IMAGENET = Vocabulary(
    names=list(imagenet_classes().values()),
    synsets=dict(enumerate(imagenet_classes())),
    all_synsets=list(imagenet_classes()),
)
SUBSET = Vocabulary(
    names=["tench", "goldfish"], synsets={0: "n01440764", 1: "n01443537"}, all_synsets=list(imagenet_classes())
)


def _write(path: Path, content: object) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


# --- superclasses ---------------------------------------------------------------------------------------------


def test_superclasses_from_yaml_by_name_and_by_index(tmp_path: Path) -> None:
    path = _write(tmp_path / "s.yaml", "animals: [cat, dog, 3]\nvehicles: [car, truck]\nred: [car, cat]\n")
    found, _ = read_superclasses(path, vocabulary=VOCABULARY)
    assert found.names == ("animals", "vehicles", "red")
    assert found.origin == "given"
    assert found.are_same([CAT, CAT, CAR, DOG, TREE], [WOLF, CAR, TRUCK, CAR, TREE]).tolist() == [
        True,
        True,
        True,
        False,
        True,
    ]
    assert found.shared([CAT, CAT, DOG], [WOLF, CAR, CAR]).tolist() == [0, 2, -1]


def test_a_suggestion_is_marked_until_somebody_deletes_the_mark(tmp_path: Path) -> None:
    suggested = Superclasses.from_classes({"cat, dog: {x}": [CAT, DOG]}, n_classes=7, origin="suggested")
    text = suggestion_text(suggested, vocabulary=VOCABULARY)
    again, _ = read_superclasses(_write(tmp_path / "s.yaml", text), vocabulary=VOCABULARY)
    assert (again.names, again.origin) == (("cat, dog: {x}",), "suggested")
    assert again.members.tolist() == suggested.members.tolist()
    confirmed = _write(tmp_path / "s.yaml", text.replace("origin: suggested\n", ""))
    assert read_superclasses(confirmed, vocabulary=VOCABULARY)[0].origin == "given"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "found NoneType, expected `superclass: "),
        ("- a\n", "found list, expected"),
        ("animals: cat\n", "'animals': expected"),
        ("animals: [kat]\n", "'kat' is not a class of this run"),
        ("animals: [7]\n", "its index from 0 to 6"),
        ("animals: [{a: b}]\n", "'animals': expected"),
        ("animals: [cat\n", "not valid YAML"),
    ],
)
def test_wrong_superclasses_say_what_is_wrong(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(DataError, match=problem):
        read_superclasses(_write(tmp_path / "s.yaml", text), vocabulary=VOCABULARY)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere\.yaml: cannot be read"):
        read_superclasses(tmp_path / "nowhere.yaml", vocabulary=VOCABULARY)


# --- pairs ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("p.csv", "label,prediction\ncat,dog\ncar,4\n"),
        ("p.tsv", "prediction\tlabel\ndog\tcat\n"),
        ("p.yaml", "cat: [dog]\ncar: [car]\n"),
        ("p.json", '{"cat": "dog"}'),
    ],
)
def test_pairs_from_every_format(tmp_path: Path, name: str, text: str) -> None:
    path = _write(tmp_path / name, text)
    one_way, _ = read_pairs(path, vocabulary=VOCABULARY, columns=("label", "prediction"), both_ways=False)
    assert one_way.hold([CAT, DOG, CAR], [DOG, CAT, CAR]).tolist() == [True, False, False]
    assert len(one_way) == 1


def test_pairs_both_ways(tmp_path: Path) -> None:
    path = _write(tmp_path / "p.csv", "first,second\ncat,dog\ndog,cat\n")
    pairs, _ = read_pairs(path, vocabulary=VOCABULARY, columns=("first", "second"), both_ways=True)
    assert pairs.hold([CAT, DOG], [DOG, CAT]).all()
    assert len(pairs) == 2


def test_a_pair_file_without_its_columns_says_which(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"found the columns 'label', 'predicton', without 'prediction'"):
        read_pairs(
            _write(tmp_path / "p.csv", "label,predicton\ncat,dog\n"),
            vocabulary=VOCABULARY,
            columns=("label", "prediction"),
            both_ways=False,
        )


def test_the_overlapping_classes_of_imagenet_are_the_published_ones() -> None:
    pairs, _ = imagenet_overlapping(IMAGENET)
    both = [(836, 837), (638, 639), (657, 744), (620, 681), (664, 782)]
    weasels = [(a, b) for a in range(356, 360) for b in range(356, 360) if a != b]
    one_way = [(250, 248), (249, 248), (385, 101), (386, 101), (504, 968), (482, 848), (435, 876)]
    expected = {*one_way, *both, *((b, a) for a, b in both), *weasels}
    assert {divmod(int(key), 1000) for key in pairs.keys} == expected


def test_a_subset_of_imagenet_keeps_the_pairs_that_it_has() -> None:
    names = ["polecat", "mink", "tench"]
    some = Vocabulary(names=names, synsets={0: "n02443114", 1: "n02442845", 2: "n01440764"})
    assert len(imagenet_overlapping(some)) == 2
    with pytest.raises(DataError, match="'imagenet' goes with classes of ImageNet"):
        imagenet_overlapping(VOCABULARY)


def test_pairs_are_counted_across_superclasses_on_images_that_show_both() -> None:
    sets = [(CAT, CAR), (CAR, CAT), (CAT, DOG), (CAT, DOG), (TREE, CAR), (TREE, CAT, CAR)]
    pairs = count_co_occurrences(sets, superclasses=SUPERCLASSES, least=2)
    found = {divmod(int(key), 7) for key in pairs.keys}
    assert found == {(CAT, CAR), (CAR, CAT), (TREE, CAR), (CAR, TREE)}
    assert len(count_co_occurrences([], superclasses=SUPERCLASSES, least=1)) == 0


# --- multi-labels ---------------------------------------------------------------------------------------------


def test_labels_from_csv(tmp_path: Path) -> None:
    text = "path,labels,problematic\na/1.png,cat; dog,no\na/2.png,,\na/3.png,car,yes\nelsewhere.png,4,\n"
    sets = read_label_sets(_write(tmp_path / "l.csv", text), vocabulary=VOCABULARY)
    assert sets.labels == {"a/1.png": (CAT, DOG), "a/2.png": (), "a/3.png": (CAR,), "elsewhere.png": (CAR,)}
    assert sets.problematic == {"a/2.png", "a/3.png"}
    found, matches = match_labels(sets, images=ImageNames(["a/1.png", "b/9.png", "a/2.png", "a/3.png"]), where="l.csv")
    assert matches.words == "3 of 4 entries of l.csv are images of the run; the others are not, such as 'elsewhere.png'"
    assert found.is_annotated.tolist() == [True, False, True, True]
    assert found.is_problematic.tolist() == [False, False, True, True]
    assert list(zip(found.image_ids.tolist(), found.class_ids.tolist(), strict=True)) == [
        (0, CAT),
        (0, DOG),
        (3, CAR),
    ]


def test_labels_from_json_by_path(tmp_path: Path) -> None:
    tree = {
        "1.png": ["cat", 1],
        "2.png": {"correct": ["cat"], "unclear": ["dog"], "wrong": ["car"]},
        "3.png": {"correct": ["cat"], "problematic": True},
    }
    sets = read_label_sets(_write(tmp_path / "l.json", tree), vocabulary=VOCABULARY)
    assert sets.labels == {"1.png": (CAT, DOG), "2.png": (CAT, DOG), "3.png": (CAT,)}
    assert sets.problematic == {"3.png"}


def test_imagenets_multi_labels(tmp_path: Path) -> None:
    """The layout of human_accuracy_v3.0.0.json: synset ids by image, in three kinds, and a list of problems."""
    tree = {
        "initial_annots": {
            "ILSVRC2012_val_00000001.JPEG": {
                "correct": ["n01443537"],
                "unclear": ["n01440764"],
                "wrong": ["n01484850"],
            },
            "ILSVRC2012_val_00000002.JPEG": {"wrong": ["n01440764"]},
            "ILSVRC2012_val_00000003.JPEG": {"correct": ["n01440764"]},
        },
        "problematic_images": {"ILSVRC2012_val_00000003.JPEG": "drawing"},
        "imagenet_m": ["ILSVRC2012_val_00000001.JPEG"],
    }
    path = _write(tmp_path / "human_accuracy_v3.0.0.json", tree)
    for vocabulary in (IMAGENET, SUBSET):
        sets = read_label_sets(path, vocabulary=vocabulary)
        assert sets.labels["ILSVRC2012_val_00000001.JPEG"] == (1, 0)
        assert sets.problematic == {"ILSVRC2012_val_00000002.JPEG", "ILSVRC2012_val_00000003.JPEG"}


def test_real_counts_images_and_classes_as_imagenet_does(tmp_path: Path) -> None:
    path = _write(tmp_path / "real.json", [[0, 1], [], [389, 1]])
    images = ImageNames(["goldfish/ILSVRC2012_val_00000003.JPEG", "tench/ILSVRC2012_val_00000001.png"])
    found, _ = match_labels(read_label_sets(path, vocabulary=SUBSET), images=images, where="real.json")
    assert found.is_annotated.all()
    assert list(zip(found.image_ids.tolist(), found.class_ids.tolist(), strict=True)) == [(0, 1), (1, 0), (1, 1)]
    own = Vocabulary(names=["b", "a"])
    assert read_label_sets(_write(tmp_path / "r.json", [[1]]), vocabulary=own).labels == {
        "ILSVRC2012_val_00000001": (1,)
    }


@pytest.mark.parametrize(
    ("names", "values", "found"),
    [
        (["1", "2", "3"], ["1", "2", "0"], [1, 2, 0]),  # 0 is no name, so all are indices
        (["1", "2", "3"], ["3", "1"], [2, 0]),
        (["a", "b"], ["1.0", "0.0"], [1, 0]),
        (["a", "b"], [1, 0], [1, 0]),
        (["a", "b"], ["b", "a "], [1, 0]),
        (["a", "b"], ["1", "2"], "found the index 2, expected 0 to 1 .* may count from 1"),
        (["a", "b"], ["A"], "'A' is not a class"),
        (["a", "b"], [-1], "'-1' is not a class"),
    ],
)
def test_a_column_of_predictions_holds_names_or_indices(names: list[str], values: list[Any], found: Any) -> None:
    vocabulary = Vocabulary(names=names)
    if isinstance(found, str):
        with pytest.raises(DataError, match=found):
            vocabulary.find_column(values, where="models.csv")
    else:
        assert vocabulary.find_column(values, where="models.csv") == found


def test_an_index_in_ones_own_file_counts_the_runs_classes(tmp_path: Path) -> None:
    swapped = Vocabulary(
        names=["goldfish", "tench"], synsets={0: "n01443537", 1: "n01440764"}, all_synsets=list(imagenet_classes())
    )
    assert read_label_sets(_write(tmp_path / "l.csv", "path,labels\n1.png,0\n"), vocabulary=swapped).labels == {
        "1.png": (0,)
    }
    assert read_label_sets(_write(tmp_path / "r.json", [[0]]), vocabulary=swapped).labels == {
        "ILSVRC2012_val_00000001": (1,)
    }


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("l.json", 3, "found int, expected `path: "),
        ("l.json", {"1.png": 3}, "'1.png': expected `path: "),
        ("l.json", [3], "item 0 is int"),
        ("l.json", {"1.png": ["kat"]}, "'1.png': 'kat' is not a class"),
        ("l.json", {"1.png": [True]}, "'True' is not a class"),
        ("l.json", {"initial_annots": []}, "expected `path: "),
        ("l.csv", "path,labels\n1.png,kat\n", "line 2: 'kat' is not a class"),
        ("l.csv", "path,labels\n1.png,cat\n1.png,dog\n", "'1.png' occurs twice"),
        ("l.csv", "path,labels\n1.png,cat,dog\n", "line 2 has 3 values, the header 2"),
        ("l.csv", "path,labels,problematic\n1.png,cat,perhaps\n", "problematic is 'perhaps'"),
        ("l.csv", "", "found the columns \\(none\\), without 'path' and 'labels'"),
    ],
)
def test_wrong_labels_say_what_is_wrong(tmp_path: Path, name: str, content: object, problem: str) -> None:
    with pytest.raises(DataError, match=problem):
        read_label_sets(_write(tmp_path / name, content), vocabulary=VOCABULARY)


def test_an_image_that_is_meant_twice_and_a_name_of_several_images_are_refused(tmp_path: Path) -> None:
    sets = read_label_sets(_write(tmp_path / "l.json", {"a/1.png": ["cat"], "1.png": ["dog"]}), vocabulary=VOCABULARY)
    with pytest.raises(DataError, match=r"'a/1.png' and '1.png' are one image"):
        match_labels(sets, images=ImageNames(["a/1.png"]), where="l.json")
    with pytest.raises(DataError, match=r"'1.png' may be several images of the run, such as 'b/1.png' and 'c/1.png'"):
        match_labels(sets, images=ImageNames(["b/1.png", "c/1.png"]), where="l.json")


# --- proposals ------------------------------------------------------------------------------------------------


def test_the_best_proposal_counts_and_known_words_are_recognised(tmp_path: Path) -> None:
    text = (
        "path,proposal,score,neighbors\n"
        "1.png,lynx,0.2,cat;dog\n1.png,Tabby_Cat,0.7,\n1.png,caracal,0.9,dog\n"
        "2.png,CAT,,\nelsewhere.png,x,,\n"
    )
    images = ImageNames(["1.png", "2.png"])
    found, _ = read_proposals(_write(tmp_path / "p.csv", text), vocabulary=VOCABULARY, images=images)
    assert sorted(found) == [0, 1]
    assert (found[0].words, found[0].is_known, found[0].neighbors) == ("caracal", False, (DOG,))
    assert (found[1].is_known, found[1].neighbors) == (True, None)


@pytest.mark.parametrize(
    ("row", "problem"),
    [("1.png,lynx,high,", "score is 'high'"), ("1.png, ,1,", "empty"), ("1.png,a,1,kat", "not a class")],
)
def test_wrong_proposals_say_what_is_wrong(tmp_path: Path, row: str, problem: str) -> None:
    path = _write(tmp_path / "p.csv", f"path,proposal,score,neighbors\n{row}\n")
    with pytest.raises(DataError, match=problem):
        read_proposals(path, vocabulary=VOCABULARY, images=ImageNames(["1.png"]))


def test_neighbours_are_the_nearest_others_by_angle() -> None:
    features = np.array([[1, 0], [10, 1], [0, 1], [-1, 0], [0, 0]], dtype=np.float32)
    labels = np.array([3, 4, 5, 6, 0])
    found = nearest_labels(features, labels, np.array([0, 3]), n=2)
    assert found == {0: (4, 5), 3: (5, 0)}
    assert nearest_labels(features, labels, np.array([], dtype=np.int64), n=2) == {}


@pytest.mark.parametrize("n", [1, 3, 60])
def test_neighbours_do_not_depend_on_how_many_images_are_looked_at_at_a_time(
    monkeypatch: pytest.MonkeyPatch, n: int
) -> None:
    rng = np.random.default_rng(0)
    features = rng.integers(0, 3, (50, 4)).astype(np.float32)  # with many ties
    labels, wanted = np.arange(50), np.array([0, 7, 20, 49])
    whole = nearest_labels(features, labels, wanted, n=n)
    unit = features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-9)
    for image_id, found in whole.items():
        similarity = unit @ unit[image_id]
        similarity[image_id] = -np.inf
        assert len(found) == min(n, 49)
        assert image_id not in found
        expected = np.sort(similarity)[::-1][: len(found)]
        np.testing.assert_allclose(similarity[list(found)], expected, atol=1e-6)
    monkeypatch.setattr(proposals, "_ROWS_AT_A_TIME", 2)
    monkeypatch.setattr(proposals, "_IMAGES_AT_A_TIME", 3)
    parts = nearest_labels(features, labels, wanted, n=n)
    assert parts.keys() == whole.keys()
    for image_id, found in parts.items():
        np.testing.assert_allclose(unit[list(found)] @ unit[image_id], unit[list(whole[image_id])] @ unit[image_id])


def test_written_proposals_are_read_back_and_are_no_formulas(tmp_path: Path) -> None:
    names = ("cat", "=1+1", "a;b", " padded", "a\nb\u2028c", '<script>"', "-2", "@x")
    vocabulary = Vocabulary(names=names)
    paths = ["=cmd()/1.png", "cat/2.png", "a\n,b/3.png", "+x/4.png"]
    words = ["=SUM(A1)", "lynx, wild", "-2", 'a "quoted" thing']
    rows = [(p, w, 0.25, range(len(names))) for p, w in zip(paths, words, strict=True)]
    path = tmp_path / "p.csv"
    path.write_text(proposals.proposals_text(rows, vocabulary=vocabulary), encoding="utf-8", newline="")
    with path.open(encoding="utf-8", newline="") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]
    found, _ = read_proposals(path, vocabulary=vocabulary, images=ImageNames(paths))
    assert [found[i].words for i in range(4)] == words
    assert [found[i].is_known for i in range(4)] == [False, False, True, False]
    assert all(proposal.neighbors == tuple(range(len(names))) for proposal in found.values())


@pytest.mark.parametrize(("name", "text"), [("odd.txt", ""), ("odd.txt", "# none yet\n\n"), ("odd.json", "[]")])
def test_a_list_with_nothing_in_it_is_no_answer(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=f"{name}: found no paths of images"):
        read_lines(tmp_path / name)


def test_the_keys_of_an_object_are_not_taken_for_a_list(tmp_path: Path) -> None:
    path = _write(tmp_path / "mistakes.json", {"a/1.png": "fine-grained", "a/2.png": "non-prototypical"})
    with pytest.raises(DataError, match="found an object, expected a list of paths of images"):
        read_lines(path)


MISTAKES = {
    "a/1.png": {"failure category": "non-prototypical", "severity": "minor"},
    "a/2.png": {"failure category": "fine-grained", "severity": "major"},
    "a/3.png": {"failure category": "Non-prototypical ", "severity": "minor"},
}


def test_an_object_of_mistakes_is_read_by_category_and_says_which_it_has(tmp_path: Path) -> None:
    path = _write(tmp_path / "mistakes.json", MISTAKES)
    assert read_category(path, "non-prototypical", key="k") == ["a/1.png", "a/3.png"]
    short = _write(tmp_path / "short.json", {"a/1.png": "fine-grained", "a/2.png": "non-prototypical"})
    assert read_category(short, "Non-Prototypical", key="k") == ["a/2.png"]
    with pytest.raises(DataError, match=r"'fine-grained' \(1\), 'non-prototypical' \(1\); name one"):
        read_lines(short)
    with pytest.raises(DataError, match=r"no entry is of the category 'odd'.*'fine-grained' \(1\)"):
        read_category(short, "odd", key="k")


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (["a/1.png"], "needs an object .* and found list"),
        ({}, "and found an empty one"),
        ({"a/1.png": "odd", "a/2.png": 3}, "1 of 2 entries have no category, or several, the first 'a/2.png'"),
        ({"a/1.png": {"category": "x", "sub-category": "y"}}, "1 of 1 entries have no category, or several"),
        ({"a/1.png": {"severity": "x"}}, "1 of 1 entries have no category"),
    ],
)
def test_what_states_no_category_for_certain_is_refused(tmp_path: Path, content: object, error: str) -> None:
    with pytest.raises(DataError, match=error):
        read_category(_write(tmp_path / "m.json", content), "odd", key="k")
