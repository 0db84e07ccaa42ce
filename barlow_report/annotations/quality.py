"""Signs that an answer may not come from looking: shown beside the figures, never a reason to drop a vote.

In the nearest public data of this kind (25,000 answers) 37 % of the free texts were copies.
"""

from collections.abc import Sequence

from barlow_report.annotations.embeddings import normalized
from barlow_report.annotations.records import Record

__all__ = ["FLAGS", "MIN_SECONDS", "flags"]

FLAGS = {
    "duplicate_text": "the same person wrote the same text about another feature",
    "pasted_text": "text was pasted",
    "too_fast": "answered in less time than it takes to look",
}

MIN_SECONDS = 5.0
"""Below this many active seconds an answer is flagged; nobody sees three rows of pictures and answers in less."""


def flags(records: Sequence[Record], *, min_seconds: float = MIN_SECONDS) -> list[tuple[str, ...]]:
    """Return the flags of each record, in the order of `FLAGS`.

    A text is a duplicate when the same person gave it to another feature; the same feature in another group may
    well deserve the same name.
    """
    features: dict[tuple[str, str, str], set[int]] = {}
    for record in records:
        for key in _texts(record):
            features.setdefault(key, set()).add(record.feature_id)
    found = []
    for record in records:
        signs = {
            "duplicate_text": any(len(features[key]) > 1 for key in _texts(record)),
            "pasted_text": record.n_pastes > 0,
            "too_fast": record.active_seconds is not None and record.active_seconds < min_seconds,
        }
        found.append(tuple(name for name in FLAGS if signs[name]))
    return found


def _texts(record: Record) -> list[tuple[str, str, str]]:
    """The texts of a record as keys: who, which kind, what."""
    pairs = (("short", record.answers.short), ("long", record.answers.long))
    return [(record.annotator, kind, words) for kind, text in pairs if text and (words := normalized(text))]
