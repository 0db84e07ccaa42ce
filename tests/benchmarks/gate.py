"""How often a gate fails where nothing has changed: two samples of one model, drawn as in tests.benchmarks.changes.

    python -m tests.benchmarks.gate

Both releases fail by the same probabilities, on the same images or on others of the same kind. Two policies are held to
what they say themselves: the one that `barlow-report gate --init` writes, and one with every comparison there is. What
has no verdict stops a release as well and is counted by itself. Each failure mode has an interval of its own: how many
hold the true change, 0, and how wide they are.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np

from barlow_report.lenses.changes.tabulating import comparison_tables
from barlow_report.lenses.gate.facts import Facts
from barlow_report.lenses.gate.policy import Policy, load_policy, write_starter
from barlow_report.lenses.gate.reading import read_changes, read_facts, why_unjudged
from barlow_report.lenses.gate.results import Verdict
from barlow_report.lenses.gate.verdict import judge
from barlow_report.significance import wilson_interval
from tests.benchmarks.changes import Design, compare_unchanged

__all__ = ["every_comparison", "judge_unchanged", "starter"]

_TODAY = date(2026, 11, 27)
_NAMES = ("the starter", "every comparison")


def starter(folder: Path) -> Policy:
    """The policy to start from, written to `folder`."""
    write_starter(folder / "policy.yaml")
    return load_policy(folder / "policy.yaml")


def every_comparison() -> Policy:
    """A policy with every measure that compares two runs, failing where a change for the worse is shown."""
    modes = ({"measure": measure, "at_most": 0} for measure in ("worse_modes", "new_modes"))
    measures = ("mode_error_rate_rise", "class_error_rate_rise", "accuracy_drop")
    rates = ({"measure": measure, "at_most": 0, "limit": "lower"} for measure in measures)
    return Policy.model_validate({"conditions": [*modes, *rates]})


@dataclass(frozen=True)
class Judged:
    """What two policies say of one pair of releases, and the intervals of its failure modes."""

    verdicts: tuple[Verdict, ...]
    bands: tuple[tuple[float, float], ...]


def judge_unchanged(design: Design, policies: Sequence[Policy], *, seed: int) -> Judged:
    """Draw two releases between which nothing changed, and judge the second."""
    comparison = compare_unchanged(design, seed)
    tables = comparison_tables(comparison)
    changes = read_changes(tables, unjudged=why_unjudged(comparison.pair.old))
    names = {rule_id: name for rule_id, (name, _) in comparison.names_of_new().items()}
    facts = read_facts(comparison.pair.new, names=names, changes=changes)
    verdicts = tuple(judge(policy, facts, today=_TODAY) for policy in policies)
    return Judged(verdicts=verdicts, bands=tuple(_bands(facts)))


def _bands(facts: Facts) -> Iterator[tuple[float, float]]:
    for change in facts.changes.modes if facts.changes else ():
        found = change.difference
        if found is not None and found.low is not None and found.high is not None:
            yield found.low, found.high


def _designs() -> Iterator[tuple[str, Design, float]]:
    """Designs with their name and their share of the pairs: shuffles take longer."""
    for evidence, share in (("held_out", 1.0), ("shuffles", 0.4)):
        plain = Design(evidence=evidence)
        weak = replace(plain, rates=(0.48, 0.2), n_per_class=100, n_features=60)
        yield f"{evidence}, same images", plain, share
        yield f"{evidence}, other images", replace(plain, paired=False), share
        yield f"{evidence}, other images, weak modes", replace(weak, paired=False), share


def _share(count: int, n: int) -> str:
    low, high = wilson_interval(count, n)
    return f"{count / n:.1%} ({low:.1%} to {high:.1%})"


def main() -> None:
    """Print the table."""
    import tempfile

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=200)
    n_pairs = parser.parse_args().pairs
    with tempfile.TemporaryDirectory() as folder:
        policies = (starter(Path(folder)), every_comparison())
    stated = [f"{judge_unchanged(Design(), policies, seed=0).verdicts[i].false_alarm_rate:.0%}" for i in (0, 1)]
    limits = " | ".join(f"{name} fails (at most {rate})" for name, rate in zip(_NAMES, stated, strict=True))
    print(f"| nothing changed | pairs | {limits} | no verdict | intervals of modes that hold 0 | narrowest, widest |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name, design, share in _designs():
        n = round(share * n_pairs)
        found = [judge_unchanged(design, policies, seed=seed) for seed in range(n)]
        outcomes = [[judged.verdicts[i].outcome for judged in found] for i in (0, 1)]
        fails = " | ".join(_share(outcome.count("failed"), n) for outcome in outcomes)
        bands = np.array([band for judged in found for band in judged.bands]).reshape(-1, 2)
        holds = _share(int(((bands[:, 0] <= 0) & (bands[:, 1] >= 0)).sum()), max(len(bands), 1))
        widths = bands[:, 1] - bands[:, 0]
        print(
            f"| {name} | {n} | {fails} | {outcomes[0].count('no_verdict')} | {holds} of {len(bands)} | "
            f"{widths.min(initial=2):.0%}, {widths.max(initial=0):.0%} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
