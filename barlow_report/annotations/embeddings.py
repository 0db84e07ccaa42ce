"""Texts to unit vectors whose product says how alike the texts are.

The default counts character n-grams, needs nothing and knows nothing: "dots" and "spots" share letters,
"sofa" and "couch" do not. Averaged word vectors (as in the study, arXiv 2012.01750) or a sentence model see
further; they are given as a file, or as the name of a model.
"""

import re
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path

import numpy as np

from barlow_report.errors import DataError

__all__ = ["Embedding", "choose_embedding", "ngram_vectors", "normalized", "word_vectors"]

Embedding = Callable[[Sequence[str]], np.ndarray]
"""From n texts to (n, d) float64, each row of length 1, or 0 for a text that says nothing."""

_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_N_GRAMS = (2, 3, 4)
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
    frequency: dict[str, int] = {}
    for found in grams:
        for gram in found:
            frequency[gram] = frequency.get(gram, 0) + 1
    # Beyond this many, n-grams of a single text are left out: they cannot make two texts more alike.
    kept = sorted(frequency, key=lambda gram: (-frequency[gram], gram))[:_MAX_DIMENSIONS]
    index = {gram: i for i, gram in enumerate(kept)}
    weight = np.array([1.0 + np.log((1 + len(texts)) / (1 + frequency[gram])) for gram in kept])
    vectors = np.zeros((len(texts), len(kept)))
    lengths = np.zeros(len(texts))
    for row, found in enumerate(grams):
        for gram, n in found.items():
            value = (1.0 + np.log(n)) * (1.0 + np.log((1 + len(texts)) / (1 + frequency[gram])))
            lengths[row] += value * value
            if gram in index:
                vectors[row, index[gram]] = (1.0 + np.log(n)) * weight[index[gram]]
    return vectors / np.sqrt(np.where(lengths == 0, 1.0, lengths))[:, None]


def _grams(text: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for word in normalized(text).split():
        padded = f" {word} "
        for n in _N_GRAMS:
            for start in range(len(padded) - n + 1):
                gram = padded[start : start + n]
                found[gram] = found.get(gram, 0) + 1
    return found


def word_vectors(texts: Sequence[str], *, path: Path) -> np.ndarray:
    """Average the vectors of the words of each text, without stop words and words the file does not have.

    Raises:
        DataError: The file cannot be read, or its lines differ in length.
    """
    words = [[w for w in normalized(text).split() if w not in _STOP_WORDS] for text in texts]
    known = _read_vectors(path, wanted={word for found in words for word in found})
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
                word, *values = line.rstrip("\n").split(" ")
                if number == 1 and len(values) == 1:
                    continue  # the header of word2vec's text format: how many words, how many numbers
                key = word.casefold()
                if key not in wanted or key in found:
                    continue
                found[key] = np.array([float(v) for v in values if v])
                size = size or len(found[key])
                if len(found[key]) != size or not np.isfinite(found[key]).all():
                    raise ValueError(f"line {number}: expected {size} finite numbers")
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
    return _unit(np.asarray(library.SentenceTransformer(model).encode(list(texts)), dtype=float))


def _unit(vectors: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths == 0, 1.0, lengths))
