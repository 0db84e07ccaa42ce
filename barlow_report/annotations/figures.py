"""The study's figures for one report: how people answered, and how well they agree.

Each figure is given twice, for all answers and for those without a quality flag.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from barlow_report.annotations.agreement import Estimate, Texts, agreement
from barlow_report.annotations.answers import MOST_USEFUL, RELATIONS
from barlow_report.annotations.krippendorff import Level, alpha
from barlow_report.annotations.names import FeatureName, Vote
from barlow_report.annotations.quality import FLAGS

__all__ = ["Figure", "study_figures"]

_STATUSES = ("agreed", "disputed", "single", "cannot_tell")
_VERDICTS = ("core", "spurious", "undecided")
_ALPHAS: tuple[tuple[str, Level, tuple[object, ...]], ...] = (
    ("ease", "ordinal", (1, 2, 3, 4, 5)),
    ("confidence", "ordinal", (1, 2, 3, 4, 5)),
    ("most_useful", "nominal", MOST_USEFUL),
    ("relation", "nominal", RELATIONS),
)


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One number; `n` says of how many, `value` is None where it cannot be computed.

    Attributes:
        measure: What is measured, such as `ease` or `agreement_short`.
        category: The answer that is counted, or empty.
        subset: `all` answers, or the `unflagged` ones.
        value: A share, a mean cosine or alpha.
        low: Lower end of a 95 % interval.
        high: Upper end.
        n: Answers, items or people that the value is about.
    """

    measure: str
    category: str = ""
    subset: str = "all"
    value: float | None = None
    low: float | None = None
    high: float | None = None
    n: int = 0


def study_figures(
    votes: Sequence[Vote], vectors: dict[str, np.ndarray], names: Sequence[FeatureName], *, embedding: str, seed: int
) -> list[Figure]:
    """Return every figure; the same measures and categories whatever the answers.

    Args:
        votes: All answers.
        vectors: Of the `short` and `long` descriptions, (n, d) each, zeros where there is none.
        names: What the answers came to.
        embedding: What the vectors are, in words.
        seed: Of the bootstrap.
    """
    found = [Figure(measure="embedding", category=embedding)]
    unflagged = [i for i, vote in enumerate(votes) if not vote.flags]
    for subset, rows in (("all", list(range(len(votes)))), ("unflagged", unflagged)):
        chosen = [votes[i] for i in rows]
        of_subset = [*_counts(chosen), *_distributions(chosen), *_alphas(chosen)]
        for kind in ("short", "long"):
            of_subset += _agreement(chosen, vectors[kind][rows], kind, seed=seed)
        found += [replace(figure, subset=subset) for figure in of_subset]
    found += _shares("status", _STATUSES, [name.status for name in names if name.n_people])
    found += _shares("verdict", _VERDICTS, [name.relation for name in names if name.relation])
    n = len(votes)
    for flag in FLAGS:
        k = sum(flag in vote.flags for vote in votes)
        found.append(Figure(measure="flag", category=flag, value=k / n if n else None, n=k))
    return found


def _counts(votes: Sequence[Vote]) -> Iterator[Figure]:
    answers = [vote.answer for vote in votes]
    n = len(answers)
    yield Figure(measure="people", n=len({answer.annotator for answer in answers}))
    yield Figure(measure="answers", n=n)
    yield Figure(measure="items", n=len({(answer.group_id, answer.feature_id) for answer in answers}))
    for name in ("cannot_tell", "several"):
        k = sum(getattr(answer.answers, name) for answer in answers)
        yield Figure(measure=name, value=k / n if n else None, n=k)


def _distributions(votes: Sequence[Vote]) -> Iterator[Figure]:
    for name, _, domain in _ALPHAS:
        given = [getattr(vote.answer.answers, name) for vote in votes]
        yield from _shares(name, [str(v) for v in domain], [str(v) for v in given if v is not None])


def _shares(measure: str, categories: Sequence[str], values: Sequence[object]) -> Iterator[Figure]:
    counts = Counter(values)
    for category in categories:
        share = counts[category] / len(values) if values else None
        yield Figure(measure=measure, category=category, value=share, n=counts[category])


def _alphas(votes: Sequence[Vote]) -> Iterator[Figure]:
    for name, level, domain in _ALPHAS:
        place = {value: float(i) for i, value in enumerate(domain)}
        units: dict[tuple[int, int], list[float]] = {}
        for vote in votes:
            value = getattr(vote.answer.answers, name)
            if value is not None:
                units.setdefault((vote.answer.group_id, vote.answer.feature_id), []).append(place[value])
        n_units = sum(len(unit) > 1 for unit in units.values())
        yield Figure(measure=f"alpha_{name}", value=alpha(list(units.values()), level=level), n=n_units)


def _agreement(votes: Sequence[Vote], vectors: np.ndarray, kind: str, *, seed: int) -> Iterator[Figure]:
    used = [i for i, vote in enumerate(votes) if getattr(vote.answer.answers, kind)]
    answers = [votes[i].answer for i in used]
    texts = Texts(
        vectors=vectors[used],
        items=[(answer.group_id, answer.feature_id) for answer in answers],
        features=[answer.feature_id for answer in answers],
        people=[answer.annotator for answer in answers],
    )
    found = agreement(texts, seed=seed)
    parts = (("", found.within), ("_baseline", found.baseline), ("_above_baseline", found.above_baseline))
    for suffix, estimate in parts:
        yield _as_figure(f"agreement_{kind}{suffix}", estimate, n=found.n_items)


def _as_figure(measure: str, estimate: Estimate, *, n: int) -> Figure:
    return Figure(measure=measure, value=estimate.value, low=estimate.low, high=estimate.high, n=n)
