"""Texts to unit vectors whose product says how alike the texts are.

The default counts character n-grams, needs nothing and knows nothing: "dots" and "spots" share letters,
"sofa" and "couch" do not. Averaged word vectors (as in the study, arXiv 2012.01750) or a sentence model see
further; they are given as a file, or as the name of a model.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from importlib import import_module
from pathlib import Path

import numpy as np

from barlow_report.documents import parse_json
from barlow_report.errors import DataError
from barlow_report.hub import asking_hub

__all__ = ["Embedding", "choose_embedding", "ngram_vectors", "normalized", "word_vectors"]

Embedding = Callable[[Sequence[str]], np.ndarray]
"""From n texts to (n, d) float64, each row of length 1, or 0 for a text that says nothing."""

_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_N_GRAMS = (2, 3, 4)
_LARGEST = 1e100
_N_TELLING = 3  # words that are all missing, before the file is taken for another one
_MAX_DIMENSIONS = 4096
# Words without content of their own, left out of averaged word vectors.
_STOP_WORDS = frozenset(
    re.split(
        " ",
        "a an and are as at be by for from has have in is it its of on or some that the their there these this those "
        "to was were which with",
    )
)


def normalized(text: str) -> str:
    """Return the words of `text` in lower case with single spaces: what makes two descriptions the same."""
    return " ".join(_WORD.findall(text.casefold()))


def choose_embedding(name: str) -> tuple[str, Embedding]:
    """Return the words for an embedding and the embedding itself.

    Args:
        name: `ngrams`, `vectors:FILE` (text, a word and its numbers per line, as GloVe and fastText are
            distributed) or `sentences:MODEL` (needs the extra `sentences`).

    Raises:
        DataError: The name is none of these, the file cannot be read, or the extra is not installed.
    """
    kind, _, argument = name.partition(":")
    if name == "ngrams":
        return "character n-grams (TF-IDF)", ngram_vectors
    if kind == "vectors" and argument:
        path = Path(argument)
        return f"averaged word vectors ({path.name})", lambda texts: word_vectors(texts, path=path)
    if kind == "sentences" and argument:
        return f"sentence model {Path(argument).name}", lambda texts: _sentence_vectors(texts, model=argument)
    raise DataError(f"embedding: found {name!r}, expected 'ngrams', 'vectors:FILE' or 'sentences:MODEL'.")


def ngram_vectors(texts: Sequence[str]) -> np.ndarray:
    """Weigh character n-grams of words by TF-IDF; rare ones count more."""
    grams = [_grams(text) for text in texts]
    frequency = Counter(gram for found in grams for gram in found)
    rarity = {gram: 1.0 + math.log((1 + len(texts)) / (1 + n)) for gram, n in frequency.items()}
    # Beyond this many, the rarest are left out: what occurs once cannot make two texts more alike.
    kept = sorted(frequency, key=lambda gram: (-frequency[gram], gram))[:_MAX_DIMENSIONS]
    index = {gram: i for i, gram in enumerate(kept)}
    vectors = np.zeros((len(texts), len(kept)))
    for row, found in enumerate(grams):
        weights = {gram: (1.0 + math.log(n)) * rarity[gram] for gram, n in found.items()}
        length = math.sqrt(sum(weight * weight for weight in weights.values())) or 1.0
        columns = [(index[gram], weight / length) for gram, weight in weights.items() if gram in index]
        if columns:
            places, values = zip(*columns, strict=True)
            vectors[row, list(places)] = values
    return vectors


def _grams(text: str) -> Counter[str]:
    padded = [f" {word} " for word in normalized(text).split()]
    return Counter(word[i : i + n] for word in padded for n in _N_GRAMS for i in range(len(word) - n + 1))


def word_vectors(texts: Sequence[str], *, path: Path) -> np.ndarray:
    """Average the vectors of the words of each text, without stop words and words the file does not have.

    Raises:
        DataError: The file cannot be read, its lines differ in length, or it has none of the words.
    """
    words = [[w for w in normalized(text).split() if w not in _STOP_WORDS] for text in texts]
    wanted = {word for found in words for word in found}
    known = _read_vectors(path, wanted=wanted)
    if len(wanted) >= _N_TELLING and not known:
        raise DataError(
            f"{path}: has none of the {len(wanted)} words of the texts, such as {min(wanted)!r}. Give word vectors of "
            "their language, as text: a word and its numbers on each line, separated by spaces."
        )
    vectors = np.zeros((len(texts), len(next(iter(known.values()), ()))))
    for row, found in enumerate(words):
        for word in found:
            if word in known:
                vectors[row] += known[word]
    return _unit(vectors)


def _read_vectors(path: Path, *, wanted: set[str]) -> dict[str, np.ndarray]:
    """Read the vectors of the words that occur; the file may be far larger than the memory."""
    found: dict[str, np.ndarray] = {}
    size: int | None = None
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            for number, line in enumerate(file, start=1):
                word, _, rest = line.rstrip("\n").partition(" ")
                key = word.casefold()
                if key not in wanted or key in found:
                    continue
                values = rest.split()
                if number == 1 and len(values) == 1:
                    continue  # the header of word2vec's text format: how many words, how many numbers
                found[key] = np.array([float(v) for v in values])
                size = size or len(found[key])
                if not size or len(found[key]) != size or not (np.abs(found[key]) < _LARGEST).all():
                    raise ValueError(f"line {number}: expected {size or 'some'} finite numbers")
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read as word vectors ({error}). Expected a word and its numbers on each "
                        "line, separated by spaces.") from error  # fmt: skip
    return found


def _sentence_vectors(texts: Sequence[str], *, model: str) -> np.ndarray:
    try:
        library = import_module("sentence_transformers")
    except ImportError as error:
        raise DataError(
            "embedding: sentence models need the extra 'sentences'. Install it with pip install "
            "'barlow-report[sentences]', or use --embedding ngrams."
        ) from error
    _refuse_code(Path(model))
    reason = None
    try:
        with nullcontext() if Path(model).is_dir() else asking_hub() as reason:
            encoder = library.SentenceTransformer(model, device="cpu")  # the same numbers wherever the report is made
    except (OSError, ValueError, KeyError) as error:
        raise DataError(
            f"embedding: the sentence model {model!r} cannot be loaded ({reason or error}). Give the folder of a "
            "model, or a name that sentence-transformers can download."
        ) from error
    if not texts:
        return np.zeros((0, 1))
    vectors = np.asarray(encoder.encode(list(texts), show_progress_bar=False), dtype=float)
    vectors[[not normalized(text) for text in texts]] = 0.0
    return _unit(vectors)


def _refuse_code(folder: Path) -> None:
    """Refuse the folder of a model that names classes of its own: the library would run their code from there.

    Raises:
        DataError: It does, or its list of modules cannot be read.
    """
    path = folder / "modules.json"
    if not path.is_file():
        return
    try:
        kinds = [str(module["type"]) for module in parse_json(path.read_text(encoding="utf-8"))]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise DataError(
            f"embedding: {path} cannot be read ({error}). Give the folder of a sentence model as "
            "sentence-transformers saves it."
        ) from error
    foreign = [kind for kind in kinds if not kind.startswith("sentence_transformers.")]
    if foreign:
        raise DataError(
            f"embedding: the sentence model {folder} wants to run code of its own ({ascii(foreign[0])[:80]} in "
            "modules.json). Give one that consists of sentence-transformers' own modules."
        )


def _unit(vectors: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths == 0, 1.0, lengths))
