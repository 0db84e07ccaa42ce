"""A row of figures for each method, in Markdown, with counts and 95 % intervals."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from barlow_report.rules.evidence import wilson_interval
from tests.benchmarks.peers.experiments import Experiment
from tests.benchmarks.peers.scoring import Outcome, count_outcomes, score_slices, summarize

__all__ = ["Method", "print_table"]

Method = Callable[[Sequence[Experiment]], list[npt.NDArray[np.float64]]]
"""From experiments to the scores of their judging images, (n_judge, n_slices) each, positive for members."""


def print_table(
    methods: Mapping[str, Method], experiments: Sequence[Experiment], *, columns: Sequence[str], only: str = ""
) -> None:
    """Run each method whose name contains `only` and print its row, and its discoveries for each kind of plant."""
    print(f"| method | {' | '.join(columns)} |\n|{' --- |' * (len(columns) + 1)}", flush=True)
    for name, method in methods.items():
        if only not in name:
            continue
        try:
            returned = method(experiments)
        except FileNotFoundError as error:
            print(f"{name}: not run: {error}", flush=True)
            continue
        outcomes = [score_slices(experiment, scores) for experiment, scores in zip(experiments, returned, strict=True)]
        print(f"| {name} | {' | '.join(_cells(outcomes, columns))} |")
        kinds = dict.fromkeys(o.kind for o in outcomes if o.kind != "none")
        shares = [(kind, summarize([o for o in outcomes if o.kind == kind])) for kind in kinds]
        for criterion in ("discovery", "true slice"):
            print(
                f"    {criterion}: " + "; ".join(f"{kind} {found[criterion]:.0%}" for kind, found in shares), flush=True
            )


def _cells(outcomes: Sequence[Outcome], columns: Sequence[str]) -> list[str]:
    counts, found = count_outcomes(outcomes), summarize(outcomes)
    return [_share(*counts[column]) if column in counts else f"{found[column]:.2f}" for column in columns]


def _share(k: int, n: int) -> str:
    if not n:
        return "none"
    interval = wilson_interval(k, n)
    return f"{k / n:.1%} ({k} of {n}; {interval.low:.0%} to {interval.high:.0%})".replace("%", " %")
