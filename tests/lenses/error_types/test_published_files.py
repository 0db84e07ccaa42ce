"""The files that error types were published with are read as they are, and say how much of them the run has."""

import json
from pathlib import Path

import pytest

from barlow_report.errors import DataError
from barlow_report.lenses.error_types.classes import Vocabulary
from barlow_report.lenses.error_types.config import TaxonomyConfig, WordnetConfig
from barlow_report.lenses.error_types.images import ImageNames
from barlow_report.lenses.error_types.inputs import gather_inputs
from barlow_report.lenses.error_types.multi_labels import read_label_sets
from barlow_report.lenses.error_types.pairs import read_pairs
from barlow_report.lenses.error_types.person_types import error_type_of, read_person_types
from barlow_report.lenses.error_types.published import (
    is_definitions,
    is_listing,
    superclasses_by_definition,
    superclasses_by_listing,
)
from barlow_report.lenses.error_types.tables import ERROR_TYPES
from barlow_report.lenses.error_types.wordnet import WordNet
from tests.lenses.error_types.build import NAMES, VOCABULARY, ids
from tests.lenses.error_types.test_wordnet import CLASSES, SYNSETS, write_wordnet

CRANE = ("n02012849", "n03126707")  # a bird, and a machine
RED_WOLF, COYOTE = "n02114712", "n02114855"
IMAGENET = Vocabulary(
    names=("crane bird", "crane", "red wolf", "coyote"),
    synsets=dict(enumerate((*CRANE, RED_WOLF, COYOTE))),
    all_synsets=(*CRANE, RED_WOLF, COYOTE, "n01440764"),
)
COLUMNS = ("label", "prediction")
ERRORS = (
    "1) cnt mistakes = 961, file = n02114712/ILSVRC2012_val_00010883.JPEG\n"
    "target = 271, n02114712: red wolf, maned wolf\nmulti_labels:\n271, n02114712: red wolf, maned wolf\n"
    "pred = 272, n02114855: coyote, prairie wolf\n\n"
    "2) cnt mistakes = 9, file = n02114855/ILSVRC2012_val_00000007.JPEG\n"
    "target = 272, n02114855: coyote\nmulti_labels:\npred = 271, n02114712: red wolf\n"
)
IMAGES = ImageNames(["n02114712/ILSVRC2012_val_00010883.JPEG", "n02114855/ILSVRC2012_val_00000007.JPEG", "other.JPEG"])


def _write(path: Path, content: object) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


# --- pairs ------------------------------------------------------------------------------------------------------------


def test_published_confusions_are_pairs_in_both_orders(tmp_path: Path) -> None:
    path = _write(tmp_path / "p.json", [[RED_WOLF, COYOTE, 2], [CRANE[0], "n01440764", 1]])
    pairs, matched = read_pairs(path, vocabulary=IMAGENET, columns=COLUMNS, both_ways=False)
    assert pairs.hold([2, 3], [3, 2]).all()
    assert len(pairs) == 2
    assert (matched.n_entries, matched.n_matched) == (2, 1), "the run has no tench"
    assert matched.words.endswith(
        "are pairs of classes of the run; the others are not, such as 'n02012849 → n01440764'"
    )


@pytest.mark.parametrize(
    ("items", "problem"),
    [
        ([["crane", "red wolf", 1]], "item 0: 'crane' is the first name of two of ImageNet's classes"),
        ([[RED_WOLF]], "item 0: found .*, expected `.class, class.`"),
        ([[RED_WOLF, COYOTE, "often"]], "item 0: found"),
        ([[RED_WOLF, "dragon"]], "'dragon' is not a class of this run"),
        ({"cat": [["dog"]]}, "not a class of this run"),
        ('"a"', "found str, expected `class: "),
    ],
)
def test_lists_of_pairs_that_leave_something_open_are_refused(tmp_path: Path, items: object, problem: str) -> None:
    with pytest.raises(DataError, match=problem):
        read_pairs(_write(tmp_path / "p.json", items), vocabulary=IMAGENET, columns=COLUMNS, both_ways=False)


def test_outside_of_imagenet_a_crane_is_a_crane(tmp_path: Path) -> None:
    cranes = Vocabulary(names=("crane", "digger"))
    path = _write(tmp_path / "p.json", [["crane", "digger"]])
    assert len(read_pairs(path, vocabulary=cranes, columns=COLUMNS, both_ways=False)[0]) == 2


# --- superclasses -----------------------------------------------------------------------------------------------------


def _database(folder: Path) -> tuple[WordNet, Vocabulary]:
    found = write_wordnet(folder, SYNSETS)
    return WordNet(folder), Vocabulary(names=CLASSES, synsets={i: found[c] for i, c in enumerate(CLASSES)})


def test_superclasses_defined_by_words_of_wordnet(tmp_path: Path) -> None:
    wordnet, vocabulary = _database(tmp_path)
    lines = '{"dog": [["domestic_dog"]]}\n{"pet or car": [["animal", "pet"], ["car"]]}\n\n{"fish": [["fish"]]}\n'
    for path in (
        _write(tmp_path / "superclasses.json", lines),
        _write(
            tmp_path / "one.json",
            {"dog": [["domestic dog"]], "pet or car": [["animal", "pet"], ["car"]], "fish": [["fish"]]},
        ),
    ):
        assert is_definitions(path)
        found, matched = superclasses_by_definition(path, wordnet, vocabulary=vocabulary)
        assert found.names == ("dog", "pet or car")
        assert found.members.tolist() == [[True, True], [True, True], [False, True], [False, False], [False, True]]
        assert found.origin == "given"
        assert matched.words.startswith("2 of 3 entries of")
        assert matched.foreign == ("fish",)


@pytest.mark.parametrize(
    "text", ['{"a": ["cat"]}', '{"a": [[]]}', '{"a": []}', "[1]", '{"a": [["x"]]}\n{"a": [["y"]]}', "{", '{"a": [[1]]}']
)
def test_other_json_is_no_such_definition(tmp_path: Path, text: str) -> None:
    assert not is_definitions(_write(tmp_path / "s.json", text))


LISTING = (
    "wolf: 2 wnet classes\n{a} red wolf, maned wolf\n{b} coyote\n\n"
    "no superclass: 2 wnet classes\n{c} crane\nn01440764 tench\n"
)


def test_the_published_text_of_superclasses(tmp_path: Path) -> None:
    path = _write(tmp_path / "superclasses.txt", LISTING.format(a=RED_WOLF, b=COYOTE, c=CRANE[1]))
    assert is_listing(path)
    found, matched = superclasses_by_listing(path, vocabulary=IMAGENET)
    assert found.names == ("wolf",)
    assert found.members[:, 0].tolist() == [False, False, True, True]
    assert (matched.n_entries, matched.n_matched) == (4, 3)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("wolf: 3 wnet classes\nn02114712 red wolf\n", "line 1: says 3 classes, and lists 1"),
        ("wolf: 1 wnet classes\nred wolf\n", "line 2: found 'red wolf', expected a WordNet id"),
        ("wolf: 1 wnet classes\nn02114712 red wolf\n\nn02114855 coyote\n", "line 4: found"),
        ("wolf: 1 wnet classes\nn00000001 what\n", "'n00000001' is not a class"),
        ("wolf: 0 wnet classes\n\nwolf: 0 wnet classes\n", "line 3: 'wolf' occurs twice"),
    ],
)
def test_a_damaged_text_of_superclasses_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(DataError, match=problem):
        superclasses_by_listing(_write(tmp_path / "s.txt", text), vocabulary=IMAGENET)


@pytest.mark.parametrize("name", ["superclasses.json", "superclasses.txt"])
def test_the_configuration_takes_both_files_of_superclasses(tmp_path: Path, name: str) -> None:
    _, vocabulary = _database(tmp_path)
    terrier, hound = vocabulary.synsets[0], vocabulary.synsets[1]
    text = {
        "superclasses.json": '{"dog": [["dog"]]}',
        "superclasses.txt": f"dog: 2 wnet classes\n{terrier} terrier\n{hound} hound\n",
    }[name]
    inputs = gather_inputs(
        TaxonomyConfig(superclasses=_write(tmp_path / name, text), wordnet=WordnetConfig(folder=tmp_path)),
        vocabulary=vocabulary,
        paths=["1.png", "2.png"],
        labels=ids(0, 3),
        predictions=ids(1, 4),
        features=lambda: pytest.fail("features are not needed"),
    )
    assert inputs.superclasses.are_same([0], [1]).tolist() == [True]
    assert inputs.superclasses.names == ("dog",)
    assert inputs.matches["superclasses"].n_foreign == 0


# --- common errors ----------------------------------------------------------------------------------------------------


def test_lists_of_common_errors_have_multi_labels(tmp_path: Path) -> None:
    found = read_label_sets(_write(tmp_path / "most_common_fg.txt", ERRORS), vocabulary=IMAGENET)
    assert list(found.labels.values()) == [(2,), ()]
    assert found.problematic == {"n02114855/ILSVRC2012_val_00000007.JPEG"}


def test_lists_of_common_errors_may_be_of_non_prototypical_images(tmp_path: Path) -> None:
    inputs = gather_inputs(
        TaxonomyConfig(
            superclasses=_write(tmp_path / "s.yaml", f"wolf: [{RED_WOLF}, {COYOTE}]"),
            non_prototypical=_write(tmp_path / "most_common_non-proto.txt", ERRORS),
        ),
        vocabulary=IMAGENET,
        paths=["n02114712/ILSVRC2012_val_00010883.JPEG", "other.JPEG"],
        labels=ids(2, 3),
        predictions=ids(3, 3),
        features=lambda: pytest.fail("features are not needed"),
    )
    assert inputs.stages[-1].source == "1 image"
    matched = inputs.matches["non_prototypical"]
    assert (matched.n_entries, matched.n_matched) == (2, 1)


# --- types by a person ------------------------------------------------------------------------------------------------

MISTAKES = {
    "ILSVRC2012_val_00010883.JPEG": {
        "top_prediction": 3,
        "failure category": "Fine-grained error with OOV",
        "failure severity": "Minor",
    },
    "ILSVRC2012_val_00000007.JPEG": {"top_prediction": 2, "failure category": "Spurious Correlation"},
    "ILSVRC2012_val_00000009.JPEG": {"top_prediction": 2, "failure category": "Non-prototypical"},
}


def test_a_person_s_types_from_published_mistakes(tmp_path: Path) -> None:
    path = _write(tmp_path / "vit3b_mistakes.json", MISTAKES)
    found = read_person_types([path], images=IMAGES, vocabulary=IMAGENET)
    assert found.types == {0: "out_of_vocabulary", 1: "co_occurrence"}
    assert found.predictions == {0: 3, 1: 2}, "indices count ImageNet's classes"
    assert found.matches[0].words.startswith("2 of 3 entries of")


def test_a_person_s_types_from_lists_of_common_errors_and_a_table(tmp_path: Path) -> None:
    head, second = ERRORS.split("\n\n")
    paths = [
        _write(tmp_path / "most_common_fg-OOV.txt", head),
        _write(tmp_path / "most_common_model_failure.txt", second),
        _write(tmp_path / "mine.csv", "path,type\nother.JPEG,Multi-label\n"),
    ]
    found = read_person_types(paths, images=IMAGES, vocabulary=IMAGENET)
    assert found.types == {0: "out_of_vocabulary", 1: "model_failure", 2: "multi_label"}
    assert found.predictions == {0: 3, 1: 2}


def test_a_prediction_that_the_run_cannot_make_leaves_its_image_out(tmp_path: Path) -> None:
    mistakes = {"other.JPEG": {"top_prediction": 4, "category": "fg"}}
    found = read_person_types([_write(tmp_path / "m.json", mistakes)], images=IMAGES, vocabulary=IMAGENET)
    assert found.types == {}


def test_every_type_and_every_published_word_is_known() -> None:
    assert [error_type_of(name.replace("_", " ").capitalize()) for name in ERROR_TYPES] == list(ERROR_TYPES)
    published = (
        "overlapping_classes",
        "multi_label",
        "fg",
        "fg-OOV",
        "non-proto",
        "spurious_correlation",
        "model_failure",
    )
    assert [error_type_of(word) for word in published] == [
        "overlapping",
        "multi_label",
        "fine_grained",
        "out_of_vocabulary",
        "non_prototypical",
        "co_occurrence",
        "model_failure",
    ]
    assert error_type_of("blurred") is None


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("m.json", {"other.JPEG": "blurred"}, "'blurred' is no error type. Known are set aside, overlapping"),
        ("m.json", {"other.JPEG": {"top_prediction": 2}}, "1 of 1 entries have no category"),
        (
            "m.json",
            {"other.JPEG": {"top_prediction": [2], "category": "fg"}},
            "top_prediction is .2., expected a class",
        ),
        ("m.json", {"other.JPEG": {"top_prediction": 99, "category": "fg"}}, "'99' is not a class"),
        ("m.json", ["other.JPEG"], "found list, expected `path: type`"),
        ("m.json", {"nowhere.JPEG": "fg"}, "none of its 1 entries is an image of the run"),
        ("m.json", {}, "found no types"),
        ("m.csv", "path,kind\nother.JPEG,fg\n", "without 'type'"),
        ("m.csv", "path,type\nother.JPEG,fg\nother.JPEG,non-proto\n", "has another type or prediction before"),
        ("errors.txt", ERRORS, "the name of the file: 'errors' is no error type"),
    ],
)
def test_types_that_cannot_be_read_for_certain_are_refused(
    tmp_path: Path, name: str, content: object, problem: str
) -> None:
    with pytest.raises(DataError, match=problem):
        read_person_types([_write(tmp_path / name, content)], images=IMAGES, vocabulary=IMAGENET)


# --- how many entries matched -----------------------------------------------------------------------------------------


def test_every_list_says_how_many_of_its_entries_are_about_the_run(tmp_path: Path) -> None:
    settings = TaxonomyConfig(
        superclasses=_write(tmp_path / "s.yaml", "animals: [cat, dog]"),
        overlapping=_write(tmp_path / "o.csv", "label,prediction\ncat,dog\ncar,truck\n"),
        multi_labels=_write(tmp_path / "l.json", {"1.png": ["cat"], "9.png": ["dog"]}),
        co_occurrence_labels=_write(tmp_path / "c.json", {"1.png": ["cat"], "8.png": ["dog", "car"], "9.png": ["dog"]}),
        non_prototypical=_write(tmp_path / "n.txt", "1.png\n2.png\nnowhere.png\n"),
        proposals=_write(tmp_path / "p.csv", "path,proposal\n1.png,hat\n"),
    )
    inputs = gather_inputs(
        settings,
        vocabulary=VOCABULARY,
        paths=["1.png", "2.png"],
        labels=ids(0, 1),
        predictions=ids(1, 1),
        features=lambda: pytest.fail("features are not needed"),
    )
    found = {key: (matched.n_matched, matched.n_entries, matched.noun) for key, matched in inputs.matches.items()}
    assert found == {
        "superclasses": (2, 2, "classes of the run"),
        "overlapping": (2, 2, "pairs of classes of the run"),
        "multi_labels": (1, 2, "images of the run"),
        "co_occurrence_labels": (2, 3, "images that are not evaluated here"),
        "non_prototypical": (2, 3, "images of the run"),
        "proposals": (1, 1, "images of the run"),
    }
    assert len(NAMES) == 7
