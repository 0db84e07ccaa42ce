"""Superclasses from hypernyms: on a database written by hand, and on Debian's, where it is installed."""

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from barlow_report.errors import DataError
from barlow_report.lenses.error_types.classes import Vocabulary
from barlow_report.lenses.error_types.kinds import read_kinds, superclasses_by_kind
from barlow_report.lenses.error_types.superclasses import Superclasses
from barlow_report.lenses.error_types.wordnet import WordNet, superclasses_by_hypernym, superclasses_by_size
from barlow_report.vision.classes import imagenet_classes


def write_wordnet(folder: Path, synsets: Sequence[tuple[str, Sequence[str], Sequence[str]]]) -> dict[str, str]:
    """Write data.noun with synsets of (first word, further words, first words of hypernyms); return ids by word."""
    head = b"  1 A licence.\n"
    where: dict[str, int] = {}
    for _ in range(2):  # the length of a line does not depend on its offsets, so the second time they are right
        lines, place = [], len(head)
        for word, others, above in synsets:
            words = "".join(f"{w.replace(' ', '_')} 0 " for w in (word, *others))
            pointers = "".join(f"@ {where.get(a, 0):08d} n 0000 " for a in above)
            line = (
                f"{place:08d} 03 n {1 + len(others):02x} {words}{1 + len(above):03d} {pointers}"
                f"+ 00000000 v 0101 | what {word} means  \n"
            )
            where[word] = place
            lines.append(line)
            place += len(line.encode())
    (folder / "data.noun").write_bytes(head + "".join(lines).encode())
    return {word: f"n{offset:08d}" for word, offset in where.items()}


SYNSETS = (
    ("entity", (), ()),
    ("animal", ("creature",), ("entity",)),
    ("dog", ("domestic dog",), ("animal", "pet")),
    ("pet", (), ("animal",)),
    ("terrier", (), ("dog",)),
    ("hound", (), ("dog",)),
    ("siamese", (), ("cat",)),
    ("cat", (), ("pet",)),
    ("truck", (), ("vehicle",)),
    ("vehicle", (), ("entity",)),
    ("car", (), ("vehicle",)),
)
CLASSES = ("terrier", "hound", "siamese", "truck", "car")


@pytest.fixture
def database(tmp_path: Path) -> tuple[WordNet, Vocabulary]:
    """A small database, and some of its leaves as classes."""
    found = write_wordnet(tmp_path, SYNSETS)
    return WordNet(tmp_path), Vocabulary(names=CLASSES, synsets={i: found[c] for i, c in enumerate(CLASSES)})


def _classes(superclasses: Superclasses) -> dict[str, list[str]]:
    return {
        name: [CLASSES[i] for i in range(len(CLASSES)) if superclasses.members[i, column]]
        for column, name in enumerate(superclasses.names)
    }


def test_ancestors_follow_every_hypernym(database: tuple[WordNet, Vocabulary]) -> None:
    wordnet, vocabulary = database
    words = {wordnet.synset(i).words[0] for i in wordnet.ancestors(vocabulary.synsets[0])}
    assert words == {"terrier", "dog", "animal", "pet", "entity"}
    assert wordnet.synset(next(iter(wordnet.synset(vocabulary.synsets[0]).hypernyms))).words == ("dog", "domestic dog")


def test_superclasses_below_given_hypernyms(database: tuple[WordNet, Vocabulary]) -> None:
    wordnet, vocabulary = database
    wanted = {"dogs": ["domestic dog"], "moving": ["creature", "vehicle"], "by id": [vocabulary.synsets[4]]}
    found = superclasses_by_hypernym(wordnet, wanted, vocabulary=vocabulary)
    assert _classes(found) == {"dogs": ["terrier", "hound"], "moving": list(CLASSES), "by id": ["car"]}
    assert found.origin == "wordnet"
    with pytest.raises(DataError, match=r"no class is a kind of 'plant' \('plants'\)"):
        superclasses_by_hypernym(wordnet, {"plants": ["plant"]}, vocabulary=vocabulary)


@pytest.mark.parametrize(
    ("most", "expected"),
    [
        (2, {"dog": ["terrier", "hound"], "vehicle": ["truck", "car"]}),
        (3, {"animal": ["terrier", "hound", "siamese"], "vehicle": ["truck", "car"]}),
        (5, {"entity": list(CLASSES)}),
    ],
)
def test_the_most_general_hypernyms_of_at_most_some_classes(
    database: tuple[WordNet, Vocabulary], most: int, expected: dict[str, list[str]]
) -> None:
    wordnet, vocabulary = database
    assert _classes(superclasses_by_size(wordnet, max_classes=most, vocabulary=vocabulary)) == expected


def test_what_is_missing_is_named(database: tuple[WordNet, Vocabulary], tmp_path: Path) -> None:
    wordnet, vocabulary = database
    with pytest.raises(DataError, match=r"data.noun: cannot be read .*Debian: wordnet-base"):
        WordNet(tmp_path / "nowhere")
    with pytest.raises(DataError, match="no synset 'n00000003'"):
        wordnet.synset("n00000003")
    with pytest.raises(DataError, match="no synset 'n99999999'"):
        wordnet.synset("n99999999")
    own = Vocabulary(names=["a", "b"], synsets={0: vocabulary.synsets[0]})
    with pytest.raises(DataError, match="'b' is not known as such"):
        superclasses_by_size(wordnet, max_classes=2, vocabulary=own)


@pytest.fixture(scope="module")
def debian() -> WordNet:
    """Debian's database; without it the test is skipped, or fails where CI is set."""
    folder = Path(os.environ.get("BARLOW_REPORT_WORDNET", "/usr/share/wordnet"))
    if not (folder / "data.noun").is_file():
        reason = "WordNet not found; install wordnet-base or name its folder in BARLOW_REPORT_WORDNET"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return WordNet(folder)


def test_every_class_of_imagenet_is_found_in_debians_database(debian: WordNet) -> None:
    ids = list(imagenet_classes())
    vocabulary = Vocabulary(names=list(imagenet_classes().values()), synsets=dict(enumerate(ids)))
    wanted = {"dogs": ["n02084071"], "birds": ["bird"], "insects": ["insect"]}
    given = superclasses_by_hypernym(debian, wanted, vocabulary=vocabulary)
    assert given.members.sum(axis=0).tolist() == [118, 59, 27]
    assert set(range(151, 269)) == {int(i) for i in given.members[:, 0].nonzero()[0]}
    found = superclasses_by_size(debian, max_classes=50, vocabulary=vocabulary)
    assert 2 <= found.members.sum(axis=0).min() <= found.members.sum(axis=0).max() <= 50
    assert found.members.any(axis=1).mean() > 0.9


# --- kinds that people have one word for ----------------------------------------------------------------------


def _of_imagenet(names: Sequence[str]) -> list[int]:
    found = list(imagenet_classes().values())
    return [found.index(name) for name in names]


@pytest.fixture(scope="module")
def kinds(debian: WordNet) -> Superclasses:
    """The kinds of ImageNet's classes."""
    ids = list(imagenet_classes())
    vocabulary = Vocabulary(names=list(imagenet_classes().values()), synsets=dict(enumerate(ids)))
    return superclasses_by_kind(debian, vocabulary=vocabulary)


@pytest.mark.parametrize(
    ("first", "second", "kind"),
    [
        ("cock", "hen", "chicken or game bird"),
        ("Lhasa", "Maltese dog", "dog"),
        ("tabby", "Egyptian cat", "domestic cat"),
        ("trimaran", "catamaran", "ship or boat"),
        ("minivan", "ambulance", "car, van or truck"),
        ("oboe", "flute", "wind instrument"),
        ("cheeseburger", "hotdog", "sandwich"),
        ("tabby", "lynx", None),  # a pet is no wild cat,
        ("malamute", "timber wolf", None),  # a dog no wolf,
        ("lens cap", "thimble", None),  # and a hypernym is no word
        ("missile", "warplane", None),
    ],
)
def test_errors_within_a_kind_that_people_name_are_fine_grained(
    kinds: Superclasses, first: str, second: str, kind: str | None
) -> None:
    pair = _of_imagenet([first, second])
    shared = int(kinds.shared(pair[:1], pair[1:])[0])
    assert (kinds.names[shared] if shared >= 0 else None) == kind


def test_kinds_are_hypernyms_so_that_they_hold_other_classes_than_imagenets(debian: WordNet) -> None:
    vocabulary = Vocabulary(
        names=("mongrel", "dingo", "rook"), synsets={0: "n02084861", 1: "n02115641", 2: "n01579410"}
    )
    found = superclasses_by_kind(debian, vocabulary=vocabulary)
    assert found.names == ()  # one of a kind is no superclass
    two = Vocabulary(names=("mongrel", "pug"), synsets={0: "n02084861", 1: "n02110958"})
    assert superclasses_by_kind(debian, vocabulary=two).names == ("dog",)


def test_every_kind_is_named_once_and_consists_of_synsets_of_wordnet(debian: WordNet) -> None:
    assert len(read_kinds()) > 100
    for name, synsets in read_kinds().items():
        assert name == name.strip() != ""
        assert synsets
        for synset in synsets:
            assert not (debian.ancestors(synset) - {synset}) & synsets, f"{name}: {synset} is below another one"
