"""The words that a model suggests for features, ready to be asked for by group and feature."""

from collections.abc import Mapping
from dataclasses import dataclass

from barlow_report.report.rows import rows
from barlow_report.report.source import ReportSource
from barlow_report.visible import visible

__all__ = ["FeatureWords", "Word", "WordView", "read_words"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """A word with its score in standard deviations; `fits` where it is better than the best of all by chance."""

    text: str
    score: float
    fits: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureWords:
    """What is suggested for a feature in a group, the best word first; see tables `word_tests`, `suggested_words`."""

    group_id: int
    feature_id: int
    status: str
    n_images: int
    n_picked: int
    chance_score: float | None
    p_value: float | None
    q_value: float | None
    words: tuple[Word, ...]
    fits: bool

    @property
    def fitting(self) -> tuple[str, ...]:
        """The words that fit, none where the best of them may be chance."""
        return tuple(word.text for word in self.words if word.fits) if self.fits else ()


@dataclass(frozen=True, kw_only=True)
class WordView:
    """All suggestions, by group and feature."""

    features: Mapping[tuple[int, int], FeatureWords]


def read_words(source: ReportSource) -> WordView | None:
    """Link the tables of suggested words; None where the run has none."""
    tables = source.tables
    if "word_tests" not in tables or "suggested_words" not in tables:
        return None
    limit = float(source.info["config"]["rules"]["max_q_value"])
    found: dict[tuple[int, int], list[tuple[str, float]]] = {}
    for row in rows(tables["suggested_words"].sort_values(["group_id", "feature_id", "rank"])):
        found.setdefault((row["group_id"], row["feature_id"]), []).append((visible(row["word"]), row["score"]))
    features = {}
    for row in rows(tables["word_tests"].sort_values(["group_id", "feature_id"])):
        key = (row["group_id"], row["feature_id"])
        chance, q = row["chance_score"], row["q_value"]
        words = tuple(
            Word(text=text, score=score, fits=chance is not None and score > chance)
            for text, score in found.get(key, ())
        )
        features[key] = FeatureWords(**row, words=words, fits=q is not None and q <= limit)
    return WordView(features=features)
