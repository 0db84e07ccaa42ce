"""Failures planted in real images: who finds them, who finds what is not there, and how much could be found.

    python -m tests.benchmarks.real_plants [--part tuning|test] --images FOLDER --folder FOLDER [--only NAME]

CIFAR-10's test images, features of its robust model, and failures planted by conditions that no method sees; see
`tests.benchmarks.peers.real_experiments`. The parts share no class, image, statistic or edit; the part `test` is for
the final table only. Oracles know the condition: their rows are ceilings.
"""

import argparse
from functools import partial
from pathlib import Path

from tests.benchmarks.peers.oracles import slice_by_answer, slice_by_ridge, slice_by_threshold
from tests.benchmarks.peers.product import product_methods
from tests.benchmarks.peers.real_experiments import SEEDS, real_experiments
from tests.benchmarks.peers.selection import Slicer, select_everything, select_in_sample, select_verified
from tests.benchmarks.peers.slicers import slice_by_direction, slice_by_error_tree
from tests.benchmarks.peers.table import Method, print_table

COLUMNS = ("discovery", "discovery at 60", "true slice", "spurious", "any in null", "slices")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=tuple(SEEDS), default="tuning")
    parser.add_argument("--images", type=Path, required=True, help="CIFAR-10 with its models, as configs/cifar10.yaml")
    parser.add_argument("--folder", type=Path, required=True, help="where pools are kept")
    parser.add_argument("--only", default="", help="only the methods with this in their names")
    arguments = parser.parse_args()
    experiments = real_experiments(arguments.folder, arguments.images, part=arguments.part)
    n_null = sum(experiment.plan.kind == "none" for experiment in experiments)
    print(f"{arguments.part} images: {len(experiments) - n_null} planted, {n_null} with nothing planted\n")
    print_table(methods(), experiments, columns=COLUMNS, only=arguments.only)


def methods() -> dict[str, Method]:
    """Return every method by name: the product, peers as they are and with our evidence, then the oracles."""
    found = product_methods()
    peers: dict[str, Slicer] = {
        "failure direction (linear SVM)": slice_by_direction,
        "error tree (scikit-learn)": slice_by_error_tree,
    }
    for name, slicer in peers.items():
        found[f"{name}, as returned"] = partial(select_everything, slicer)
        found[f"{name}, in-sample"] = partial(select_in_sample, slicer)
        found[f"{name}, with our evidence"] = partial(select_verified, slicer)
    oracles: dict[str, Slicer] = {
        "best single threshold": slice_by_threshold,
        "linear direction (ridge)": slice_by_ridge,
        "the condition itself": slice_by_answer,
    }
    for name, slicer in oracles.items():
        for evidence, held_out in (("30 % held out", True), ("evidence on all images", False)):
            key = f"ORACLE, knows the condition: {name}, {evidence}"
            found[key] = partial(select_verified, slicer, is_oracle=True, held_out=held_out)
    return found


if __name__ == "__main__":
    main()
