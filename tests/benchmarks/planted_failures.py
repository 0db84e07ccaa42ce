"""Planted failures: who finds them, and who finds what is not there.

    python -m tests.benchmarks.planted_failures [--part tuning|test] --folder FOLDER [--peers-python PATH]

Scenes of the demo, features of its robust model, and failures planted by a rule that no method sees; see
`tests.benchmarks.peers`. The scenes of the part `test` have another seed and are for the final table only. Peers
with requirements of their own run in another interpreter, which `--peers-python` names; without it their rows say so.
"""

import argparse
from functools import partial
from pathlib import Path

from tests.benchmarks.peers.experiments import make_experiment, plan_experiments
from tests.benchmarks.peers.installed import external_slicer
from tests.benchmarks.peers.pools import CUED_CLASSES, load_pool
from tests.benchmarks.peers.product import product_methods
from tests.benchmarks.peers.selection import Slicer, select_everything, select_in_sample, select_verified
from tests.benchmarks.peers.slicers import slice_by_direction, slice_by_error_tree, slice_by_spotlight
from tests.benchmarks.peers.table import Method, print_table

SEEDS = {"tuning": 101, "test": 202}
COLUMNS = ("discovery", "false", "spurious", "any in null", "precision at 10", "slices")


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
    print_table(methods(arguments.peers_python), experiments, columns=COLUMNS, only=arguments.only)


def methods(peers_python: Path | None) -> dict[str, Method]:
    """Return every method by name: the product first, then each peer as it is and with the product's evidence."""
    found = product_methods()
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


if __name__ == "__main__":
    main()
