"""The words of a report that need explaining, each said once: for buttons on pages, headers of tables and Method.

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
        words="how much of the group's failures are among the images of the rule",
    ),
    "iv": Term(
        short="IV",
        name="importance value",
        formula="ER · EC",
        words="error rate × error coverage; high when a rule is both bad and large; failure modes are ranked by it",
    ),
    "aler": Term(
        short="ALER",
        name="average leaf error rate",
        formula="Σ EC · ER over the leaves = (1/F) Σ k² / n",
        words="the error rate that a failure of the group meets in its leaf of the tree, on average",
    ),
    "gain": Term(
        short="ALER − BER",
        name="tree gain",
        words="never negative, whatever the data: no evidence by itself",
    ),
    "recall": Term(
        short="Recall",
        name="recall of a class",
        formula="right / labelled",
        words="how many of the images labelled as the class the model recognises",
    ),
    "precision": Term(
        short="Precision",
        name="precision of a class",
        formula="right / predicted",
        words="how many of the images that the model takes for the class are of it",
    ),
    "f1": Term(
        short="F1",
        name="F1 of a class",
        formula="2 · right / (labelled + predicted)",
        words="the harmonic mean of recall and precision: high only where both are",
    ),
    "noise_floor": Term(
        short="Noise floor",
        name="noise floor",
        words="the ALER − BER that 19 of 20 trees stay below when the failures are shuffled within the group",
    ),
    "q": Term(
        short="q",
        name="q-value",
        words="the share of false discoveries to expect among failure modes with a q-value this small",
    ),
    "stability": Term(
        short="Stability",
        name="stability",
        words="the share of other draws of the group's images in which the best rule describes mostly the same images",
    ),
    "information": Term(
        short="Information",
        name="mutual information",
        words="how much the feature says about the failures of the group, in nats, and its rank among all features",
    ),
}

MEASURES = ("ber", "er", "ec", "iv", "aler", "gain", "recall", "precision", "f1")
"""The terms that Method has a table of."""


def meaning(key: str, *, of: str = "") -> str:
    """Say in a sentence what a term means, and, with `of`, which images its numbers are of here."""
    term = GLOSSARY[key]
    return f"{term.name[:1].upper()}{term.name[1:]}: {term.words}{f'; {of}' if of else ''}."
