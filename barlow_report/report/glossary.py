"""The words of a report that need explaining, each said once: for buttons on pages, headers of tables and Method.

The words that need no explaining are in the docstring of the package; `tests/report/test_vocabulary.py` finds others.

A lens explains what only its own pages show where it shows it, with `explain` of the templates.
"""

from dataclasses import dataclass

__all__ = ["GLOSSARY", "MEASURES", "Term", "meaning"]


@dataclass(frozen=True, kw_only=True)
class Term:
    """A word and what it means.

    Attributes:
        short: As it stands on pages: ER.
        name: In full: error rate.
        formula: For N images of a group with F failures, and n images of a rule with k failures; or empty.
        words: A clause that says it to somebody who does not read formulas.
    """

    short: str
    name: str
    formula: str = ""
    words: str


GLOSSARY = {
    "ber": Term(
        short="BER", name="base error rate", formula="F / N", words="how often the model fails in the whole group"
    ),
    "er": Term(
        short="ER", name="error rate", formula="k / n", words="how often the model fails among the images of the rule"
    ),
    "ec": Term(
        short="EC",
        name="error coverage",
        formula="k / F",
        words="the share of the group's failures that are among the images of the rule",
    ),
    "iv": Term(
        short="IV",
        name="importance value",
        formula="ER · EC",
        words="error rate × error coverage, high when images fail often and cover many failures; ranks failure modes",
    ),
    "aler": Term(
        short="ALER",
        name="average leaf error rate",
        formula="Σ EC · ER over the leaves = (1/F) Σ k² / n",
        words="the mean error rate of the leaves, each weighted by its share of the group's failures",
    ),
    "gain": Term(
        short="ALER − BER",
        name="tree gain",
        words="what the tree gains over the base error rate; never negative, so no evidence by itself",
    ),
    "n": Term(
        short="n",
        name="number of images",
        words="how many images meet the rule",
    ),
    "failure_mode": Term(
        short="Failure modes",
        name="failure mode",
        words="a rule whose images fail much more often than their group and cover enough of its failures",
    ),
    "verified": Term(
        short="Verified",
        name="verified",
        words="failure modes that passed their test and both limits",
    ),
    "confidence": Term(
        short="Confidence",
        name="confidence",
        words="how sure the model is of its prediction",
    ),
    "recall": Term(
        short="Recall",
        name="recall of a class",
        formula="right / labelled",
        words="the share of the images labelled as the class that the model recognises",
    ),
    "precision": Term(
        short="Precision",
        name="precision of a class",
        formula="right / predicted",
        words="the share of the images taken for the class that are labelled as it",
    ),
    "f1": Term(
        short="F1",
        name="F1 of a class",
        formula="2 · right / (labelled + predicted)",
        words="the harmonic mean of recall and precision: high only when both are",
    ),
    "noise_floor": Term(
        short="Noise floor",
        name="noise floor",
        words="the ALER − BER that 19 of 20 trees do not exceed when the failures of the group are shuffled",
    ),
    "q": Term(
        short="q",
        name="q-value",
        words="the expected share of false discoveries among failure modes with a q-value this small",
    ),
    "stability": Term(
        short="Stability",
        name="stability",
        words="the share of other draws of the group's images whose best rule picks mostly the same images",
    ),
    "information": Term(
        short="Information",
        name="mutual information",
        words="how much the feature tells about the failures of the group, in nats, and its rank among all features",
    ),
}

MEASURES = ("ber", "er", "ec", "iv", "aler", "gain", "recall", "precision", "f1")
"""The terms that Method has a table of."""


def meaning(key: str, *, of: str = "") -> str:
    """Say in a sentence what a term means, and, with `of`, which images its numbers are of here.

    The sentence stands behind the short form, so it begins with the name only where that is another.
    """
    term = GLOSSARY[key]
    is_short = term.short.casefold().startswith(term.name)
    words = f"{term.words if is_short else f'{term.name}: {term.words}'}{f'; {of}' if of else ''}."
    return f"{words[:1].upper()}{words[1:]}"
