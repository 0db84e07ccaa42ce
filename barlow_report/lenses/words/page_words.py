"""What is said of suggested words."""

from barlow_report.formatting import number, p_value
from barlow_report.lenses.words.records import FeatureWords

__all__ = ["STATE_WORDS", "TAG", "quoted_words", "suggestion"]

TAG = "suggested by a model"
"""What stands beside each word: nobody has said it."""

STATE_WORDS = {
    "tested": "tested",
    "too_few_images": "not tested: the group has fewer than 20 images",
    "constant": "not tested: the feature is the same on all of these images",
}


def quoted_words(found: FeatureWords) -> str:
    """The words that fit: “handle”, “spout”."""
    return ", ".join(f"“{word}”" for word in found.fitting)


def suggestion(found: FeatureWords) -> str:
    """Say in a sentence which words fit a feature, and how sure that is."""
    if found.status != "tested":
        return f"{STATE_WORDS[found.status][:1].upper()}{STATE_WORDS[found.status][1:]}."
    best = found.words[0]
    q = p_value(found.q_value)
    sure = f"q {q if q.startswith('<') else f'= {q}'}"
    by_chance = f"by chance the best word reaches {number(found.chance_score, decimals=2)}"
    if not found.fitting:
        return (
            f"No word fits better than chance: the best, “{best.text}”, has a score of "
            f"{number(best.score, decimals=2)}; {by_chance}, {sure}."
        )
    return f"{quoted_words(found)}: score {number(best.score, decimals=2)}; {by_chance}, {sure}."
