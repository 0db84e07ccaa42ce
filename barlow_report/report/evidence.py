"""How a site speaks of evidence: verdicts, stability, and which images a rule was tested with.

A run has one of two kinds of evidence, or none. Whatever a page says of it, it says with the words of this module, so
that no page claims held-out images where there are none.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from barlow_report.config import EvidenceKind, RulesConfig
from barlow_report.formatting import THIN_SPACE, count, counted, interval, number, p_value, percent, points, ratio
from barlow_report.report.glossary import meaning
from barlow_report.report.records import FAIRLY_STABLE, Estimate, Measures, Rule
from barlow_report.significance import smallest_p_value

__all__ = [
    "EVIDENCE",
    "STABILITY",
    "STABLE",
    "VERDICTS",
    "EvidenceWords",
    "evidence_words",
    "modes_words",
    "stability_words",
    "verdict_counts",
]

VERDICTS = {
    "verified": "verified",
    "real_but_small": "real but small",
    "not_of_class": "not specific",
    "can_be_chance": "may be chance",
    "too_few_images": "too few images to tell",
    "in_sample_only": "in-sample only",
}
"""What is said of failure modes, the strongest first."""

STABLE = 0.8
STABILITY = ((STABLE, "stable"), (FAIRLY_STABLE, "fairly stable"), (0.0, "unstable"))
"""What is said of a stability of at least so much."""


@dataclass(frozen=True, kw_only=True)
class EvidenceWords:
    """One kind of evidence in words.

    Attributes:
        kind: Which it is.
        short: Beside an abbreviation or a noun: ER held-out, held-out failures.
        images: The images that speak for a rule: verified on held-out images.
        fitted: Beside an abbreviation, for what was measured where the rule was fitted.
        row: `images` as the heading of a row of measures.
        fitted_row: The same for the images that the rule was fitted on.
        together: What all images of a group consist of; empty where there is nothing to tell apart.
        of_failures: Before a number of failures: 18/60 held-out failures.
        each: Behind it.
        source: Which images the rates of rules are of, a sentence; empty where the page says so at its top.
        measures: What the measures in evidence are, by the short names of columns: er, ber, ec and n.
    """

    kind: EvidenceKind
    short: str
    images: str
    fitted: str
    row: str
    fitted_row: str
    together: str = ""
    of_failures: str = ""
    each: str = ""
    source: str = ""
    measures: Mapping[str, str]

    @property
    def parts(self) -> tuple[str, str]:
        """What numbers of the fit are of, and those in evidence: the legend of a chart."""
        return (self.fitted, self.images if self.kind == "held_out" else self.short)

    def divide(self, n_fit: int, n_held_out: int) -> str:
        """Say what becomes of the images of the run."""
        if self.kind == "held_out":
            return f"{count(n_fit)} to fit rules on, {count(n_held_out)} held out"
        return (
            "all used to find rules and to test them"
            if self.kind == "shuffles"
            else "all used to fit rules, none to test them"
        )

    def leaf(self, n: int) -> str:
        """Begin a sentence about the `n` images in evidence that are in a leaf."""
        return f"Of the {count(n)} held-out image{'s that meet' if n != 1 else ' that meets'} the rule, "


def _measures(source: str, *, base: str = "", n: str = "") -> dict[str, str]:
    """The meaning of columns; `source` is where rates come from, `base` where that of the group does if it differs."""
    sources = {"er": source, "ber": base or source, "ec": source, "n": n}
    return {key: meaning(key, of=of) for key, of in sources.items()}


EVIDENCE: dict[EvidenceKind, EvidenceWords] = {
    "held_out": EvidenceWords(
        kind="held_out",
        short="held-out",
        images="held-out images",
        fitted="fitted images",
        row="Held-out images",
        fitted_row="Fitted images",
        together="fitted and held-out images",
        of_failures="held-out ",
        source="Rates are measured on held-out images, which no rule was fitted to.",
        measures=_measures("of held-out images", n="of the held-out ones"),
    ),
    "shuffles": EvidenceWords(
        kind="shuffles",
        short="estimated",
        images="all images, by estimate",
        fitted="as seen",
        row="Estimated",
        fitted_row="As seen",
        each=", by estimate",
        source="Rates are estimates from all images, corrected for the search for rules.",
        measures=_measures("estimated, corrected for the search for rules", base="of all images"),
    ),
    "in_sample": EvidenceWords(
        kind="in_sample",
        short="tested",
        images="images that rules were not fitted to",
        fitted="fitted images",
        row="Tested images",
        fitted_row="All images (in-sample only)",
        measures=_measures("as fitted, not tested"),
    ),
}


def verdict_counts(rules: Iterable[Rule]) -> tuple[tuple[int, str], ...]:
    """Count the verdicts of failure modes, the strongest first."""
    found = [rule.verdict for rule in rules]
    return tuple((found.count(verdict), words) for verdict, words in VERDICTS.items() if verdict in found)


def modes_words(rules: Sequence[Rule]) -> str:
    """Count failure modes and their verdicts: 13 failure modes: 5 verified, 6 real but small, 2 may be chance."""
    if not rules:
        return "no failure modes"
    n, found = f"{count(len(rules))} failure mode{'s' * (len(rules) != 1)}", verdict_counts(rules)
    if len(found) == 1:
        return f"{n}, {'all ' * (len(rules) > 1)}{found[0][1]}"
    return f"{n}: {', '.join(f'{count(k)} {words}' for k, words in found)}"


def stability_words(stability: float | None) -> str:
    """Say in a word and a number how stable a failure mode is; nothing where that was not computed."""
    if stability is None:
        return ""
    word = next(word for limit, word in STABILITY if stability >= limit)
    return f"{word} {number(stability, decimals=2)}"


def evidence_words(rule: Rule, config: RulesConfig) -> str:
    """Say what the evidence for a failure mode has shown, and what its verdict means."""
    words, measures = EVIDENCE[config.evidence_kind], rule.held_out
    if measures is None:
        return (
            "In-sample only: no image was held out, so this was measured on the images the rule was fitted to. Such "
            "rules look good even on random features: treat this one as a suggestion."
        )
    if isinstance(measures.error, Estimate):
        return _estimated_words(rule, measures, measures.error, config)
    if not measures.error.n:
        return f"None of the {words.images} meets the rule: too few images to tell."
    found = words.leaf(measures.error.n) + _rates(measures, config)
    missed = _missed(measures, config, words)
    if rule.verdict == "verified":
        return f"{found}; {_q_words(rule)}. The failure mode is verified."
    if rule.verdict == "real_but_small":
        smaller = f": {' and '.join(missed)}" if missed else ""
        return f"{found}. It is real ({_q_words(rule)}) but small{smaller}."
    if rule.verdict == "too_few_images":
        return f"{found}. {_too_few(measures, config)}"
    smaller = f", and it is small: {' and '.join(missed)}" if missed else ""
    return f"{found}. That may be chance ({_q_words(rule)}, limit {config.max_q_value:g}){smaller}."


def _estimated_words(rule: Rule, measures: Measures, error: Estimate, config: RulesConfig) -> str:
    """The same where rules were found on all images and tested by shuffling the failures."""
    words, base = EVIDENCE["shuffles"], measures.base
    found = (
        f"An estimated {percent(error.value, decimals=0)} of these images fail "
        f"({config.confidence_level * 100:g}{THIN_SPACE}% interval {interval(error.low, error.high)}), against a base "
        f"rate of {percent(base.value, decimals=0)} ({ratio(base.k, base.n)})"
    )
    missed = _missed(measures, config, words)
    smaller = f": {' and '.join(missed)}" if missed else ""
    p = f"shuffled failures give a rule as good with p {_signed(rule.p_value)}"
    if rule.verdict == "verified":
        return f"{found}; {p}, {_q_words(rule)}. The failure mode is verified."
    if rule.verdict == "real_but_small" and error.value is not None and error.value <= (base.value or 0.0):
        return (
            f"{found}; {p}, {_q_words(rule)}. So these images fail more often than those beside them in the tree, but "
            "not more often than the group: nothing to act on by itself."
        )
    if rule.verdict == "real_but_small":
        return f"{found}; {p}, {_q_words(rule)}. It is real but small{smaller}."
    if rule.verdict == "not_of_class":
        return (
            f"{found}; {p}. But the rule fits other images of their own classes as well, which were not taken for "
            f"this one (p {_signed(rule.p_value_baseline)}). It says that these images are of other classes, not why "
            "they are taken for this one."
        )
    return f"{found}; {p}. That may be chance ({_q_words(rule)}, limit {config.max_q_value:g})."


def _too_few(measures: Measures, config: RulesConfig) -> str:
    """Say why no outcome on so few images could have passed the test."""
    n, base = measures.error.n or 0, measures.base
    if not base.k or base.k == base.n:
        none = "none of the group's held-out images fails" if not base.k else "all of the group's held-out images fail"
        return f"Too few images to tell: {none}, so there is nothing to compare."
    smallest = p_value(float(smallest_p_value(n, n_group_images=base.n or 0, n_group_failures=base.k)))
    outcome = "all of them failed" if n <= base.k else "all failures of the group were among them"
    return (
        f"Too few images to tell: even if {outcome}, the p-value would be {smallest}, above the limit of "
        f"{config.max_q_value:g}."
    )


def _signed(value: float | None) -> str:
    text = p_value(value)
    return text if text.startswith("<") else f"= {text}"


def _rates(measures: Measures, config: RulesConfig) -> str:
    """Say what share of a leaf fails, against that of the group, without a full stop."""
    error, base = measures.error, measures.base
    level = f"{config.confidence_level * 100:g}{THIN_SPACE}%"
    return (
        f"{percent(error.value, decimals=0)} fail ({ratio(error.k, error.n)}; {level} interval "
        f"{interval(error.low, error.high)}), against a base rate of {percent(base.value, decimals=0)} "
        f"({ratio(base.k, base.n)})"
    )


def _q_words(rule: Rule) -> str:
    """Write the q-value with its sign: q = 0.012, or q < 0.001."""
    text = p_value(rule.q_value)
    return f"q {text}" if text.startswith("<") else f"q = {text}"


def _missed(measures: Measures, config: RulesConfig, words: EvidenceWords) -> list[str]:
    """Name each limit of a failure mode that the evidence misses, and by how much."""
    error, base, coverage = measures.error.value, measures.base.value, measures.coverage.value
    missed = []
    if error is not None and base is not None and error < base + config.rho:
        limit = f"{config.rho * 100:g}"
        side = "below the base rate" if error < base else f"above the base rate instead of {limit}"
        distance = points(error, base, unlike=config.rho).removeprefix("−")
        missed.append(f"error rate {counted(distance, 'point')} {side}")
    if coverage is not None and coverage < config.tau:
        share, limit = points(coverage, 0.0, unlike=config.tau), f"{config.tau * 100:g}"
        missed.append(f"covers {share}{THIN_SPACE}% of the {words.of_failures}failures instead of {limit}{THIN_SPACE}%")
    return missed
