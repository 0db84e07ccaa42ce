"""Planted failures: who finds them, and who finds what is not there.

    python -m tests.benchmarks.planted_failures [--part tuning|test] --folder FOLDER [--peers-python PATH]

Scenes of the demo, features of its robust model, and failures planted by a rule that no method sees; see
`tests.benchmarks.peers`. The scenes of the part `test` have another seed and are for the final table only. Peers
with requirements of their own run in another interpreter, which `--peers-python` names; without it their rows say so.
"""

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from barlow_report.config import RulesConfig
from tests.benchmarks.peers.experiments import Experiment, make_experiment, plan_experiments
from tests.benchmarks.peers.installed import external_slicer
from tests.benchmarks.peers.pools import CUED_CLASSES, load_pool
from tests.benchmarks.peers.product import explain_experiments
from tests.benchmarks.peers.scoring import Outcome, score_slices, summarize
from tests.benchmarks.peers.selection import Slicer, select_everything, select_in_sample, select_verified
from tests.benchmarks.peers.slicers import slice_by_direction, slice_by_error_tree, slice_by_spotlight

SEEDS = {"tuning": 101, "test": 202}
COLUMNS = ("discovery", "false", "spurious", "any in null", "precision at 10", "slices")

Method = Callable[[Sequence[Experiment]], list[npt.NDArray[np.float64]]]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=tuple(SEEDS), default="tuning")
    parser.add_argument("--folder", type=Path, required=True, help="where pools are kept")
    parser.add_argument("--n-per-class", type=int, default=500, help="pairs of scenes per class")
    parser.add_argument("--n-planted", type=int, default=80)
    parser.add_argument("--n-own", type=int, default=12, help="experiments with the standard model's failures")
    parser.add_argument("--n-null", type=int, default=40)
    parser.add_argument("--peers-python", type=Path, help="interpreter that has the packages of the peers")
    parser.add_argument("--only", default="", help="only the methods with this in their names")
    arguments = parser.parse_args()
    seed = SEEDS[arguments.part]
    pool = load_pool(arguments.folder, seed=seed, n_per_class=arguments.n_per_class)
    plans = plan_experiments(
        n_planted=arguments.n_planted,
        n_own=arguments.n_own,
        n_null=arguments.n_null,
        n_classes=len(CUED_CLASSES),
        seed=seed,
    )
    experiments = [make_experiment(pool, plan) for plan in plans]
    print(
        f"{arguments.part} scenes: {arguments.n_planted} planted, {arguments.n_own} of a model's own failures, "
        f"{arguments.n_null} with nothing planted"
    )
    print(f"{'method':<62}" + "".join(f"{name:>16}" for name in COLUMNS))
    for name, method in methods(arguments.peers_python).items():
        if arguments.only not in name:
            continue
        try:
            outcomes = run_method(method, experiments)
        except FileNotFoundError as error:
            print(f"{name:<62}  not run: {error}", flush=True)
            continue
        found = summarize(outcomes)
        print(f"{name:<62}" + "".join(_cell(column, found[column]) for column in COLUMNS), flush=True)
        kinds = dict.fromkeys(o.kind for o in outcomes if o.kind != "none")
        parts = [(kind, [o for o in outcomes if o.kind == kind]) for kind in kinds]
        print("    discovery: " + "; ".join(f"{k} {np.mean([o.is_discovered for o in p]):.0%}" for k, p in parts))


def methods(peers_python: Path | None) -> dict[str, Method]:
    """Return every method by name: the product first, then each peer as it is and with the product's evidence."""
    found: dict[str, Method] = {}
    thresholds: Literal["natural", "entropy"]
    for depth in (1, 2):
        for thresholds in ("natural", "entropy"):
            for label, fraction in (("verified", 0.3), ("in-sample", 0.0)):
                settings = RulesConfig(max_depth=depth, held_out_fraction=fraction, thresholds=thresholds)
                name = f"barlow-report, {thresholds} thresholds, depth {depth}, {label}"
                found[name] = partial(explain_experiments, settings=settings)
    slicers: dict[str, Slicer] = {
        "error tree (scikit-learn)": slice_by_error_tree,
        "failure direction (linear SVM)": slice_by_direction,
        "Spotlight (after the paper)": slice_by_spotlight,
        "error tree (package erroranalysis 0.5.5)": external_slicer("erroranalysis", peers_python),
        "mixture slicer (package domino 0.1.5)": external_slicer("domino", peers_python),
    }
    for name, slicer in slicers.items():
        found[f"{name}, as returned"] = partial(select_everything, slicer)
        found[f"{name}, in-sample"] = partial(select_in_sample, slicer)
        found[f"{name}, with our evidence"] = partial(select_verified, slicer)
    return found


def run_method(method: Method, experiments: Sequence[Experiment]) -> list[Outcome]:
    """Run a method on every experiment and judge what it returns."""
    returned = method(experiments)
    return [score_slices(experiment, scores) for experiment, scores in zip(experiments, returned, strict=True)]


def _cell(column: str, value: float) -> str:
    return f"{value:>16.2f}" if column in ("precision at 10", "slices") else f"{value:>16.1%}"


if __name__ == "__main__":
    main()
