"""Signs that an answer may not come from looking: shown beside the figures, never a reason to drop a vote.

In the nearest public data of this kind (25,000 answers) 37 % of the free texts were copies.
"""

from collections.abc import Sequence

from barlow_report.annotations.answers import Answer
from barlow_report.annotations.embeddings import normalized

__all__ = ["FLAGS", "MIN_SECONDS", "flags"]

FLAGS = {
    "duplicate_text": "the same person wrote the same text about another feature",
    "pasted_text": "text was pasted",
    "too_fast": "answered in less time than it takes to look",
}

MIN_SECONDS = 5.0
"""Below this many active seconds an answer is flagged; nobody sees three rows of pictures and answers in less."""


def flags(answers: Sequence[Answer], *, min_seconds: float = MIN_SECONDS) -> list[tuple[str, ...]]:
    """Return the flags of each answer, in the order of `FLAGS`.

    A text is a duplicate when the same person gave it to another feature; the same feature in another group may
    well deserve the same name.
    """
    features: dict[tuple[str, str, str], set[int]] = {}
    for answer in answers:
        for key in _texts(answer):
            features.setdefault(key, set()).add(answer.feature_id)
    found = []
    for answer in answers:
        signs = {
            "duplicate_text": any(len(features[key]) > 1 for key in _texts(answer)),
            "pasted_text": answer.n_pastes > 0,
            "too_fast": answer.active_seconds is not None and answer.active_seconds < min_seconds,
        }
        found.append(tuple(name for name in FLAGS if signs[name]))
    return found


def _texts(answer: Answer) -> list[tuple[str, str, str]]:
    """The texts of an answer as keys: who, which kind, what."""
    pairs = (("short", answer.answers.short), ("long", answer.answers.long))
    return [(answer.annotator, kind, words) for kind, text in pairs if text and (words := normalized(text))]
