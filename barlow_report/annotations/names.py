"""From what several people wrote about a feature in a group to one name, its status and its variants.

The name is the description closest to all others (the medoid): words somebody used, never a blend. It is
`agreed` only when the descriptions are more alike than 95 % of as many descriptions of different features.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from barlow_report.annotations.agreement import Texts, item_agreement, shuffled_quantile
from barlow_report.annotations.answers import Answer, plain_text
from barlow_report.annotations.embeddings import normalized

__all__ = ["FALLBACK_SIMILARITY", "FeatureName", "Variant", "Vote", "name_features"]

FALLBACK_SIMILARITY = 0.5
"""Agreement needed where too few different features were described for a shuffled baseline."""

Status = Literal["agreed", "disputed", "single", "cannot_tell"]


@dataclass(frozen=True, kw_only=True)
class Vote:
    """An answer with what is known about its quality."""

    answer: Answer
    flags: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One wording and how many people used it, differences of case and punctuation aside."""

    text: str
    n_people: int


@dataclass(frozen=True, kw_only=True)
class FeatureName:
    """What people call a feature in a group.

    Attributes:
        name: The name; None where nobody gave one.
        status: See `Status`; an override does not change it.
        is_override: Whether the owner chose the name.
        n_people: People who answered.
        n_described: Of these, people who gave a short description.
        n_flagged: Of these, people whose answers are flagged; they have no part in the name unless all are flagged.
        agreement: Mean cosine of pairs of short descriptions, -1 to 1; None below two.
        relation: `core`, `spurious` or `undecided`; None where nobody was asked.
    """

    group_id: int
    feature_id: int
    name: str | None
    status: Status
    is_override: bool
    n_people: int
    n_described: int
    n_cannot_tell: int
    n_several: int
    n_flagged: int
    agreement: float | None
    relation: Literal["core", "spurious", "undecided"] | None
    n_core: int
    n_spurious: int
    n_relation: int
    variants: tuple[Variant, ...]


def name_features(
    votes: Sequence[Vote],
    vectors: np.ndarray,
    *,
    overrides: Mapping[tuple[int, int], str],
    seed: int,
) -> list[FeatureName]:
    """Return one name per (group, feature) that people answered about or the owner named, in order.

    Args:
        votes: All answers, one per person and item.
        vectors: Of their short descriptions, (n, d), zeros where there is none.
        overrides: The owner's names.
        seed: Of the shuffled baseline.
    """
    rows: dict[tuple[int, int], list[int]] = {key: [] for key in overrides}
    for row, vote in enumerate(votes):
        rows.setdefault((vote.answer.group_id, vote.answer.feature_id), []).append(row)
    limits = _Limits(votes, vectors, seed=seed)
    return [
        _name_feature(key, [votes[row] for row in found], vectors[found], limits, override=overrides.get(key))
        for key, found in sorted(rows.items())
    ]


class _Limits:
    """How much alike descriptions must be, by how many there are."""

    def __init__(self, votes: Sequence[Vote], vectors: np.ndarray, *, seed: int) -> None:
        used = [row for row, vote in enumerate(votes) if vote.answer.answers.short and not vote.flags]
        answers = [votes[row].answer for row in used]
        self._texts = Texts(
            vectors=vectors[used],
            items=[(answer.group_id, answer.feature_id) for answer in answers],
            features=[answer.feature_id for answer in answers],
            people=[answer.annotator for answer in answers],
        )
        self._seed = seed
        self._found: dict[int, float] = {}

    def of(self, n_people: int) -> float:
        """The agreement that chance exceeds in 1 of 20 draws."""
        if n_people not in self._found:
            limit = shuffled_quantile(self._texts, n_people=n_people, seed=self._seed)
            self._found[n_people] = FALLBACK_SIMILARITY if limit is None else limit
        return self._found[n_people]


def _name_feature(
    key: tuple[int, int], votes: Sequence[Vote], vectors: np.ndarray, limits: _Limits, *, override: str | None
) -> FeatureName:
    replies = [vote.answer.answers for vote in votes]
    described = [i for i, a in enumerate(replies) if a.short]
    trusted = [i for i in described if not votes[i].flags] or described
    texts = [replies[i].short or "" for i in trusted]
    similarity = item_agreement(vectors[trusted])
    name = _medoid(texts, vectors[trusted]) if texts else None
    n_core, n_spurious, n_relation = _relations(votes)
    n_cannot_tell = sum(a.cannot_tell for a in replies)
    return FeatureName(
        group_id=key[0],
        feature_id=key[1],
        name=override or name,
        status=_status(texts, similarity, limits, n_cannot_tell=n_cannot_tell),
        is_override=override is not None,
        n_people=len(votes),
        n_described=len(described),
        n_cannot_tell=n_cannot_tell,
        n_several=sum(a.several for a in replies),
        n_flagged=sum(bool(vote.flags) for vote in votes),
        agreement=similarity,
        relation=_relation(n_core, n_spurious, n_relation),
        n_core=n_core,
        n_spurious=n_spurious,
        n_relation=n_relation,
        variants=tuple(_variants(replies[i].short or "" for i in described)),
    )


def _status(texts: Sequence[str], similarity: float | None, limits: _Limits, *, n_cannot_tell: int) -> Status:
    if not texts or n_cannot_tell > len(texts):
        return "cannot_tell"
    if similarity is None:
        return "single"
    same = len({normalized(text) for text in texts}) == 1
    return "agreed" if same or similarity > limits.of(len(texts)) else "disputed"


def _medoid(texts: Sequence[str], vectors: np.ndarray) -> str:
    """The text closest to the others; ties go to the more common, then the shorter, then the first by letter."""
    closeness = np.round((vectors @ vectors.T).sum(axis=1) - (vectors * vectors).sum(axis=1), 9)
    counts = Counter(normalized(text) for text in texts)
    wording = {variant.text for variant in _variants(texts)}

    def order(i: int) -> tuple[float, int, bool, int, str]:
        return (-float(closeness[i]), -counts[normalized(texts[i])], texts[i] not in wording, len(texts[i]), texts[i])

    return texts[min(range(len(texts)), key=order)]


def _variants(texts: Iterable[str]) -> list[Variant]:
    """The wordings with their counts, most common first; each is shown as it was most often written."""
    forms: dict[str, Counter[str]] = {}
    for text in texts:
        forms.setdefault(normalized(text) or text, Counter())[plain_text(text)] += 1
    found = [
        Variant(text=min(forms_of, key=lambda form, c=forms_of: (-c[form], len(form), form)), n_people=forms_of.total())  # type: ignore[misc]
        for forms_of in forms.values()
    ]
    return sorted(found, key=lambda variant: (-variant.n_people, variant.text))


def _relations(votes: Sequence[Vote]) -> tuple[int, int, int]:
    given = [vote.answer.answers.relation for vote in votes if vote.answer.answers.relation is not None]
    n_core = sum(relation == "part_of_object" for relation in given)
    n_spurious = sum(relation in ("separate_object", "background") for relation in given)
    return n_core, n_spurious, len(given)


def _relation(n_core: int, n_spurious: int, n: int) -> Literal["core", "spurious", "undecided"] | None:
    """More than half of those who were asked decide, as in the follow-up study (three of five)."""
    if not n:
        return None
    if 2 * n_core > n:
        return "core"
    return "spurious" if 2 * n_spurious > n else "undecided"
