"""Agreement beside its baseline, embeddings, names and flags, on cases with a known answer."""

import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from barlow_report.annotations.agreement import Agreement, Texts, agreement, item_agreement, shuffled_quantile
from barlow_report.annotations.embeddings import choose_embedding, ngram_vectors, normalized, word_vectors
from barlow_report.annotations.names import FeatureName, Vote, name_features
from barlow_report.annotations.quality import flags
from barlow_report.errors import DataError
from tests.annotations.people import record

NOUNS = ("spots", "stripes", "handle", "buckle", "wheel", "grass", "water", "window", "fur", "shadow")


def _texts(rows: Sequence[tuple[str, int, str]]) -> Texts:
    """(text, feature, person); one group only."""
    return Texts(
        vectors=ngram_vectors([text for text, _, _ in rows]),
        items=[(0, feature) for _, feature, _ in rows],
        features=[feature for _, feature, _ in rows],
        people=[person for _, _, person in rows],
    )


def test_the_mean_cosine_of_pairs_is_computed_by_hand() -> None:
    vectors = np.array([[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]])
    assert item_agreement(vectors) == pytest.approx((0.6 + 0.0 + 0.8) / 3)
    assert item_agreement(vectors[:1]) is None


def test_people_who_agree_are_far_above_the_baseline_and_the_intervals_say_so() -> None:
    rows = [(f"the {noun}" if p % 2 else noun, f, f"p{p}") for f, noun in enumerate(NOUNS) for p in range(4)]
    found = agreement(_texts(rows), seed=0)
    assert found.n_items == len(NOUNS)
    assert found.above_baseline.low is not None
    assert found.above_baseline.low > 0.4
    assert found == agreement(_texts(rows), seed=0)


def test_people_who_write_at_random_are_at_the_baseline() -> None:
    rng = np.random.default_rng(3)
    rows = [(str(rng.choice(NOUNS)), f, f"p{p}") for f in range(60) for p in range(4)]
    found = agreement(_texts(rows), seed=0)
    assert found.above_baseline.low is not None
    assert found.above_baseline.high is not None
    assert found.above_baseline.low < 0 < found.above_baseline.high
    assert found.within.value == pytest.approx(found.baseline.value, abs=0.05)


def test_the_baseline_compares_other_features_of_other_people_only() -> None:
    # Everybody writes their own word for everything: pairs of the same person would make the baseline high.
    rows = [(NOUNS[p], f, f"p{p}") for f in range(5) for p in range(3)]
    found = agreement(_texts(rows), seed=0)
    assert found.baseline.value == pytest.approx(found.within.value)


def test_without_two_descriptions_of_anything_nothing_is_computed() -> None:
    found = agreement(_texts([("spots", 0, "a"), ("wheel", 1, "b")]), seed=0)
    assert (found.within.value, found.baseline.value, found.n_items) == (None, None, 0)
    assert isinstance(agreement(_texts([("spots", 0, "a"), ("dots", 0, "b")]), seed=0), Agreement)
    assert agreement(_texts([("spots", 0, "a"), ("dots", 0, "b")]), seed=0).baseline.value is None


def test_ngrams_see_common_letters_and_nothing_in_empty_texts() -> None:
    spots, dots, again, sofa, nothing = ngram_vectors(["white spots", "white dots", "White  SPOTS!", "sofa", "?!"])
    assert spots @ again == pytest.approx(1.0)
    assert 0.4 < spots @ dots < 0.95
    assert spots @ sofa < 0.05
    assert not nothing.any()


def test_averaged_word_vectors_leave_out_stop_words_and_unknown_ones(tmp_path: Path) -> None:
    path = tmp_path / "vectors.txt"
    path.write_text("3 2\nwhite 1 0\nspots 0 1\nthe 5 5\n", encoding="utf-8")
    vectors = word_vectors(["the white spots", "WHITE", "unheard of"], path=path)
    assert vectors == pytest.approx(np.array([[2**-0.5, 2**-0.5], [1, 0], [0, 0]]))
    assert choose_embedding(f"vectors:{path}")[1](["white"]).tolist() == [[1.0, 0.0]]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"white": [1, 0]}', "has none of the 3 words"),
        ("red 1 0\n", "has none of the 3 words"),
        ("white 1 0\nspots 1\n", "line 2: expected 2 finite numbers"),
        ("white 1e308 1e308\n", "line 1"),
        ("a b\nwhite nan 1\n", "line 2"),
        ("a b\nwhite\n", "line 2"),
        ("a b\nwhite one two\n", "could not convert"),
    ],
)
def test_a_file_that_is_no_word_vectors_is_an_error(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "vectors.txt").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=reason):
        word_vectors(["white spots", "handle"], path=tmp_path / "vectors.txt")


def test_a_sentence_model_is_used_where_its_library_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    class Model:
        def __init__(self, name: str, **_: object) -> None:
            if name != "tiny":
                raise OSError(f"{name} is not a model")

        def encode(self, texts: list[str], **_: object) -> list[list[float]]:
            return [[3.0, 4.0] if "sofa" in text or "couch" in text else [0.0, 2.0] for text in texts]

    library = ModuleType("sentence_transformers")
    library.SentenceTransformer = Model  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "sentence_transformers", library)
    words, embed = choose_embedding("sentences:tiny")
    assert words == "sentence model tiny"
    vectors = embed(["a sofa", "a couch", "a dog", ""])
    assert vectors @ vectors.T == pytest.approx(
        np.array([[1, 1, 0.8, 0], [1, 1, 0.8, 0], [0.8, 0.8, 1, 0], [0, 0, 0, 0]])
    )
    assert embed([]).shape[0] == 0
    with pytest.raises(DataError, match="cannot be loaded"):
        choose_embedding("sentences:other")[1](["x"])


@pytest.mark.parametrize("modules", ['[{"type": "mine.Model"}]', '[{"type": "os.system"}]', "[{}]", "[1]", "no JSON"])
def test_a_sentence_model_with_code_of_its_own_is_refused_before_it_is_loaded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, modules: str
) -> None:
    monkeypatch.setitem(sys.modules, "sentence_transformers", ModuleType("sentence_transformers"))  # loads nothing
    (tmp_path / "modules.json").write_text(modules)
    with pytest.raises(DataError, match=r"wants to run code of its own|modules.json cannot be read"):
        choose_embedding(f"sentences:{tmp_path}")[1](["x"])


@pytest.mark.parametrize("name", ["glove", "vectors:", "vectors:/nowhere/at/all.txt", "sentences:x"])
def test_an_embedding_that_cannot_be_had_is_an_error_that_says_what_to_do(name: str) -> None:
    with pytest.raises(DataError, match=r"[Ee]xpected|pip install"):
        choose_embedding(name)[1](["white spots"])


def _names(rows: Sequence[tuple[int, str, dict[str, Any]]]) -> dict[int, FeatureName]:
    records = [record(person, item=(0, feature), **answers) for feature, person, answers in rows]
    votes = [Vote(answer=r, flags=f) for r, f in zip(records, flags(records), strict=True)]
    vectors = ngram_vectors([r.answers.short or "" for r in records])
    return {n.feature_id: n for n in name_features(votes, vectors, overrides={(0, 99): "chosen"}, seed=0)}


def _filler() -> list[tuple[int, str, dict[str, Any]]]:
    """Two people on each of eight features, in words of their own."""
    return [(100 + f, f"f{p}{f}", {"short": NOUNS[(f + p * 4) % 8]}) for f in range(8) for p in range(2)]


def test_the_name_is_the_description_closest_to_the_others_with_all_variants_counted() -> None:
    texts = ["white spots", "White spots.", "white dots", "white spots on red", "a lamp"]
    found = _names([*((1, f"p{i}", {"short": text}) for i, text in enumerate(texts)), *_filler()])[1]
    assert found.name == "white spots"
    assert (found.status, found.n_people, found.n_described) == ("agreed", 5, 5)
    assert (found.variants[0].text, found.variants[0].n_people) == ("white spots", 2)
    assert sum(v.n_people for v in found.variants) == 5


def test_statuses_follow_from_how_much_people_agree() -> None:
    found = _names(
        [
            *((1, p, {"short": "red stripes"}) for p in "ab"),
            *((2, p, {"short": text}) for p, text in zip("ab", ("wheel", "a meadow in fog"), strict=True)),
            (3, "a", {"short": "handle"}),
            (4, "a", {"short": "handle of cup"}),
            *((4, p, {"cannot_tell": True}) for p in "bc"),
            (5, "a", {"cannot_tell": True}),
            *_filler(),
        ]
    )
    statuses = {feature: found[feature].status for feature in range(1, 6)}
    assert statuses == {1: "agreed", 2: "disputed", 3: "single", 4: "cannot_tell", 5: "cannot_tell"}
    assert found[5].name is None
    assert (found[4].n_people, found[4].n_cannot_tell) == (3, 2)
    assert (found[99].name, found[99].is_override, found[99].n_people) == ("chosen", True, 0)


def test_more_than_half_decide_whether_a_feature_is_spurious() -> None:
    def relations(*given: str) -> FeatureName:
        return _names([(1, f"p{i}", {"short": "sky", "relation": r}) for i, r in enumerate(given)])[1]

    assert relations("background", "separate_object", "part_of_object").relation == "spurious"
    assert relations("part_of_object", "part_of_object", "cannot_tell").relation == "core"
    assert relations("part_of_object", "background").relation == "undecided"
    assert _names([(1, "a", {"short": "sky"})])[1].relation is None


def test_flagged_answers_are_counted_but_do_not_name() -> None:
    rows: list[tuple[int, str, dict[str, Any]]] = [
        *((f, "lazy", {"short": "nice picture"}) for f in (1, 2, 3)),
        *((f, p, {"short": f"{NOUNS[f]} here"}) for f in (1, 2, 3) for p in "ab"),
    ]
    found = _names(rows)
    assert [found[f].name for f in (1, 2, 3)] == [f"{NOUNS[f]} here" for f in (1, 2, 3)]
    assert [found[f].n_flagged for f in (1, 2, 3)] == [1, 1, 1]


def test_each_quality_flag_has_its_sign() -> None:
    records = [
        record("a", item=(0, 1), short="spots"),
        record("a", item=(5, 1), short="Spots!"),  # the same feature in another group: no copy
        record("b", item=(0, 1), short="thing"),
        record("b", item=(0, 2), short="a thing".removeprefix("a ")),
        record("c", item=(0, 1), short="spots"),
    ]
    records[4] = records[4].model_copy(update={"n_pastes": 2, "active_seconds": 1.0})
    assert flags(records) == [(), (), ("duplicate_text",), ("duplicate_text",), ("pasted_text", "too_fast")]


def test_the_limit_for_agreement_is_that_of_shuffled_descriptions() -> None:
    rows = [(f"{noun} {noun}", f, f"p{p}") for f, noun in enumerate(NOUNS) for p in range(3)]
    limit = shuffled_quantile(_texts(rows), n_people=3, seed=0)
    assert limit is not None
    assert limit < 0.5
    assert shuffled_quantile(_texts(rows[:3]), n_people=2, seed=0) is None


def test_normalized_keeps_words_only() -> None:
    assert normalized("  The WHITE-spots, e.g. dots! ") == "the white-spots e g dots"
