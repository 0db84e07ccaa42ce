"""Words for what an image shows, where no class may be right: the candidates, and the best of them for each image.

The image-text model gives every word a vector; the best word for an image is that of the smallest angle. Words are
compared a few hundred at a time with a few thousand images, so that memory grows with neither.
"""

from collections.abc import Mapping, Set
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from barlow_report.errors import DataError
from barlow_report.lenses.error_types.classes import Vocabulary
from barlow_report.lenses.error_types.files import read_lines
from barlow_report.lenses.error_types.wordnet import Synset, WordNet

__all__ = ["BestWords", "candidate_words", "caption"]

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.floating]

_THINGS = ("n00002684", "n00020827")  # physical object, and matter, which food is
_IMAGES_AT_A_TIME = 4096


def caption(template: str, word: str) -> str:
    """Return `template` with the word in the place of its {}."""
    return template.replace("{}", word)


def candidate_words(source: Path | str, *, vocabulary: Vocabulary, wordnet_folder: Path) -> list[str]:
    """Return the names of the classes, which come first, and the words that are looked for beside them.

    Args:
        source: A file with one noun per line, or "wordnet".
        vocabulary: The classes.
        wordnet_folder: Where data.noun is.

    Raises:
        DataError: A file cannot be read, or holds no word that is not a class.
    """
    if source == "wordnet":
        words = _wordnet_nouns(WordNet(wordnet_folder), vocabulary)
    else:
        words = read_lines(Path(source), what="words")
    others: dict[str, str] = {}
    for word in words:
        if not vocabulary.holds_words(word):
            others.setdefault(word.casefold(), word)
    if not others:
        raise DataError(f"{source}: found no word that is not a class. Give nouns for what else images may show.")
    return [*(name for name in vocabulary.names if name.strip()), *others.values()]


def _wordnet_nouns(wordnet: WordNet, vocabulary: Vocabulary) -> list[str]:
    """The nouns for things that are no class, no kind of a class, and nothing that a class is a kind of.

    A classifier of terriers has a name for a Yorkshire terrier, and to call the image a dog is no other answer either.
    Names of persons and places are left out.
    """
    synsets = {synset.synset_id: synset for synset in wordnet}
    classes = synsets.keys() & vocabulary.synsets.values()
    classes |= {i for i, synset in synsets.items() if any(vocabulary.holds_words(word) for word in synset.words)}
    related = _below(classes, synsets).union(*(wordnet.ancestors(class_id) for class_id in classes))
    things = _below(synsets.keys() & _THINGS, synsets) or synsets.keys()
    wanted: dict[str, None] = {}
    for synset_id, synset in synsets.items():
        if synset_id in things and synset_id not in related and not synset.is_name:
            wanted |= dict.fromkeys(synset.words)
    taken = {word for synset_id in related for word in synsets[synset_id].words}  # in any of a word's meanings
    return [word for word in wanted if word not in taken]


def _below(tops: Set[str], synsets: Mapping[str, Synset]) -> set[str]:
    """Return `tops` and everything that is a kind of one of them."""
    kinds: dict[str, list[str]] = {}
    for synset_id, synset in synsets.items():
        for above in synset.hypernyms:
            kinds.setdefault(above, []).append(synset_id)
    found, waiting = set(tops), list(tops)
    while waiting:
        new = [i for i in kinds.get(waiting.pop(), ()) if i not in found]
        found.update(new)
        waiting += new
    return found


@dataclass(eq=False)
class BestWords:
    """The best word so far for each of some images.

    Attributes:
        index: (n,) position of the word.
        score: (n,) cosine of the angle.
    """

    index: Integers
    score: npt.NDArray[np.float32]

    @classmethod
    def of(cls, n: int) -> "BestWords":
        """No word yet for any of `n` images."""
        return cls(index=np.zeros(n, dtype=np.int64), score=np.full(n, -np.inf, dtype=np.float32))

    def update(self, images: Floats, image_ids: Integers, words: Floats, *, first: int) -> None:
        """Look at further words; of equally good ones the first is kept.

        Args:
            images: (n_images, n_dimensions) embeddings of length 1, of all images; may be memory-mapped.
            image_ids: (n,) the images whose words are wanted.
            words: (n_words, n_dimensions) embeddings of length 1.
            first: Position of the first of these words.
        """
        for start in range(0, len(image_ids), _IMAGES_AT_A_TIME):
            part = slice(start, start + _IMAGES_AT_A_TIME)
            similarity = np.asarray(images[image_ids[part]], dtype=np.float32) @ words.T
            best = similarity.argmax(axis=1)
            score = similarity[np.arange(len(best)), best]
            is_better = score > self.score[part]
            self.index[part] = np.where(is_better, first + best, self.index[part])
            self.score[part] = np.where(is_better, score, self.score[part])
