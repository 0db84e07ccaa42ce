"""How candidates and their number are said, on every page."""

from barlow_report.formatting import count, counted, percent
from barlow_report.lenses.pool.records import Candidate, ModeCandidates, PoolSummary
from barlow_report.report.pages.page import Site
from barlow_report.report.records import Share

__all__ = ["CHOICE_WORDS", "KNOWN_WORDS", "candidate_words", "how_many", "share_words", "summary_sentences"]

CHOICE_WORDS = {
    "ranked": "These candidates",
    "lowest_confidence": "Lowest confidence",
    "random": "Random images",
}
KNOWN_WORDS = {
    "labels": "Labels known",
    "predictions": "Labels hidden",
}

_NEVER = (
    ("n_analysed", "was analysed", "were analysed"),
    ("n_trained", "is a training image", "are training images"),
    ("n_near_analysed", "is nearly the same as an analysed one", "are nearly the same as analysed ones"),
)


def candidate_words(site: Site, candidate: Candidate) -> str:
    """Say what is known of a candidate: labelled red, taken for blue; or: no label, taken for blue."""
    image = candidate.image
    label = "no label" if image.label is None else f"labelled {site.class_name(image.label)}"
    return f"{label}, taken for {site.class_name(image.prediction)}"


def how_many(mode: ModeCandidates) -> str:
    """Say how many candidates there are, and why they may be of the class."""
    reasons = {
        "label": "labelled as the class",
        "prediction": "without a label, taken for the class",
        "taken_for": "without a label, taken for what its failures are taken for",
    }
    found = [(n, reasons[basis]) for basis, n in mode.n_by.items() if n]
    if not found:
        return "No candidate."
    parts = [words if len(found) == 1 else f"{count(n)} {words}" for n, words in found]
    listed = len(mode.candidates)
    best = f" The best {count(listed)} are listed." if listed < mode.n_candidates else ""
    return f"{counted(mode.n_candidates, 'candidate')}, {'; '.join(parts)}.{best}"


def share_words(share: Share) -> str:
    """Write a share with its counts: 33 % (40/120)."""
    return f"{percent(share.value, decimals=0)} ({count(share.k)}/{count(share.n)})"


def summary_sentences(summary: PoolSummary, *, n_skipped: int) -> tuple[str, ...]:
    """Say what the pool is, and which of its images could not be candidates."""
    found = [f"The pool has {counted(summary.n_read, 'image')}."]
    labelled = [
        (summary.n_labelled, "labelled as a class of the run"),
        (summary.n_unlabelled, "without a label"),
        (summary.n_other_class, "labelled as something else, never a candidate"),
    ]
    if parts := [f"{count(n)} {words}" for n, words in labelled if n]:
        found.append(f"{'; '.join(parts)}.")
    for name, one, many in _NEVER:
        if n := getattr(summary, name):
            end = f"{one}, and is never a candidate" if n == 1 else f"{many}, and are never candidates"
            found.append(f"{counted(n, 'image')} of these {end}.")
    if n_skipped:
        found.append(f"{counted(n_skipped, 'more entry', 'more entries')} of the source could not be used.")
    return tuple(found)
