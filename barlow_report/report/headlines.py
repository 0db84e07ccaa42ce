"""The first lines of a report: how often the model fails, and how much of that lies in known conditions.

A known condition is a verified failure mode. The words claim no more than was tested, and say which images the numbers
are of. Whether a model is good enough is for those to say who set a limit.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from barlow_report.config import EvidenceKind
from barlow_report.formatting import count, counted, percent
from barlow_report.report.catalog import Catalog
from barlow_report.report.evidence import verdict_counts
from barlow_report.report.judged import Judged
from barlow_report.report.records import Group, Rule, Share
from barlow_report.report.words import images_of
from barlow_report.tables import COLUMN_GROUPING

__all__ = ["KnownConditions", "confusion_headline", "headline", "known_conditions"]

_SOURCES: dict[EvidenceKind, str] = {
    "held_out": "Counted on held-out images.",
    "shuffles": "The share of the failures is estimated, corrected for the search for conditions.",
    "in_sample": "Counted on the images that the conditions were found on, so too high.",
}


@dataclass(frozen=True, kw_only=True)
class KnownConditions:
    """How many conditions are known, and how much of the failures lies in how much of the images.

    Attributes:
        title: What was found: 9 known conditions.
        failures: Share of the failures that lie in them; None where there is nothing to count.
        images: Share of the images that do.
        images_of: What images both shares are of, to stand behind "images"; empty for all.
        source: How the share of the failures was come by, a sentence.
        candidates: How many failure modes were found and how many held up, a sentence; empty without any.
    """

    title: str
    failures: Share | None
    images: Share | None
    images_of: str
    source: str
    candidates: str


def headline(catalog: Catalog, modes: Sequence[Rule], *, judged: Judged | None = None) -> str:
    """Say how many images fail, how many conditions fail more often, and which is the most important one.

    Args:
        catalog: The run.
        modes: All failure modes, the most important one first.
        judged: Why nothing could be judged; None where something was.
    """
    failures = catalog.images.failures
    if not failures.n:
        return "No image was analysed."
    if not failures.k:
        return "The one image does not fail." if failures.n == 1 else f"None of the {count(failures.n)} images fails."
    rate = f"{percent(failures.value)} of images fail."
    if judged is not None:
        return f"{rate} {judged.sentence}"
    points = counted(f"{catalog.rules_config.rho * 100:g}", "point")
    known = [rule for rule in modes if rule.verdict == "verified"]
    if known:
        worst = known[0]
        return (
            f"{rate} {_fail(len(known), 'known')} at least {points} more often; most important: "
            f"{_group_words(catalog.groups[worst.group_id])}, {percent(worst.best.error.value, decimals=0)} instead of "
            f"{percent(worst.best.base.value, decimals=0)}."
        )
    if not modes:
        return f"{rate} No condition was found that fails at least {points} more often."
    if catalog.is_in_sample:
        found = "it was" if len(modes) == 1 else "they were"
        return f"{rate} {_fail(len(modes), '')} at least {points} more often on the images that {found} found on."
    if any(rule.verdict == "real_but_small" for rule in modes):
        return f"{rate} Some conditions fail more often, but by less than {points} or covering few of the failures."
    return f"{rate} No known condition fails at least {points} more often."


def confusion_headline(catalog: Catalog) -> str:
    """Say how many images fail and which confusion is the most frequent, where failure modes were not looked for."""
    failures = catalog.images.failures
    if not failures.n or not failures.k:
        return headline(catalog, ())
    pairs = [
        (-n, label, prediction)
        for (grouping, label), found in catalog.confusions.items()
        if grouping == "label"
        for prediction, n in found[:1]
    ]
    least, label, prediction = min(pairs)
    names = (catalog.classes[label].name, catalog.classes[prediction].name)
    fails = f"{percent(failures.value)} of images fail" if failures.k < failures.n else counted(failures.k, "failure")
    return f"{fails}; the most frequent confusion: {names[0]} taken for {names[1]}, {counted(-least, 'image')}."


def _group_words(group: Group) -> str:
    if group.grouping == "prediction":
        return f"taken for {group.name}"
    if group.grouping.startswith(COLUMN_GROUPING):
        return images_of(group)  # a value alone, such as yes, says nothing
    return group.name


def _conditions(n: int, kind: str) -> str:
    return " ".join(part for part in (count(n), kind, f"condition{'s' * (n != 1)}") if part)


def _fail(n: int, kind: str) -> str:
    return f"{_conditions(n, kind)} {'fails' if n == 1 else 'fail'}"


def known_conditions(catalog: Catalog, modes: Sequence[Rule]) -> KnownConditions:
    """Say how much of the failures lies in the known conditions, and in how much of the images."""
    kind = catalog.evidence.kind
    n = len(modes) if catalog.is_in_sample else sum(rule.verdict == "verified" for rule in modes)
    of_run = next((row for row in catalog.explained if row.scope == "run"), None) if n else None
    return KnownConditions(
        title=_conditions(n, "untested" if catalog.is_in_sample else "known") if n else "No known conditions",
        failures=None if of_run is None else of_run.in_modes if catalog.is_in_sample else of_run.held_out,
        images=None if of_run is None else of_run.images_in_modes if catalog.is_in_sample else of_run.images_held_out,
        images_of=" held out" if kind == "held_out" else "",
        source=_SOURCES[kind] if of_run else "",
        candidates=_candidates(catalog, modes),
    )


def _candidates(catalog: Catalog, modes: Sequence[Rule]) -> str:
    if not modes:
        return ""
    n = f"{count(len(modes))} failure mode{'s' * (len(modes) != 1)} found"
    if catalog.is_in_sample:
        return f"{n}; not tested."
    n_known = sum(rule.verdict == "verified" for rule in modes)
    test = "against shuffled failures"
    if catalog.evidence.kind == "held_out":
        test = f"on {count(catalog.n_held_out)} held-out image{'s' * (catalog.n_held_out != 1)}"
    others = [f"{count(k)} {words}" for k, words in verdict_counts(r for r in modes if r.verdict != "verified")]
    rest = f" The others: {', '.join(others)}." if others else ""
    return f"{n}; {count(n_known) if n_known else 'none'} held up {test}.{rest}"
