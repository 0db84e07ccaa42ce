"""A made-up run folder of any size, with as many classes, groups and features as one likes and few pictures.

    python -m tests.benchmarks.site_run FOLDER [--n-classes 1000] [--n-features 5000]

Each class is grouped by label and by prediction, each group has a tree of depth 2, and all pages share a few
dozen pictures, so that the folder is small whatever the number of pages. `barlow-report site FOLDER` builds it.
"""

import argparse
from pathlib import Path

from barlow_report.run_folder import STAGES, Run
from tests.report.synthetic import Recipe, synthetic_source

__all__ = ["make_run"]


def make_run(folder: Path, *, n_classes: int, n_features: int) -> Run:
    """Write the run folder and return it."""
    recipe = Recipe(
        n_classes=n_classes,
        n_per_class=50,
        depth=2,
        n_features=_n_to_draw_from(2 * n_classes, n_features),
        n_pictures=64,
        image_size=224,
    )
    source = synthetic_source(folder, recipe)
    run = Run.open(folder)
    run.update_info(config={**run.info["config"], "site": {"title": f"{n_classes} classes"}})
    for name, table in source.tables.items():
        run.write_table(name, table)
    for stage in STAGES:
        run.finish(stage, fingerprint="made up")
    return run


def _n_to_draw_from(n_groups: int, n_features: int) -> int:
    """Return how many features the model must have for the made-up trees to use `n_features` different ones."""
    splits = [group * 7 + node * 3 for group in range(n_groups) for node in (0, 1, 4)]
    wanted = min(n_features, 3 * n_groups)
    return next((n for n in range(n_features, 8 * n_features) if len({s % n for s in splits}) >= wanted), n_features)


def main() -> None:
    """Write the run folder and say what is in it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--n-classes", type=int, default=1000)
    parser.add_argument("--n-features", type=int, default=5000)
    arguments = parser.parse_args()
    run = make_run(arguments.folder, n_classes=arguments.n_classes, n_features=arguments.n_features)
    n_groups, conditions = len(run.read_table("groups")), run.read_table("conditions")
    print(f"{arguments.folder}: {n_groups} groups, {conditions['feature_id'].nunique()} features in rules")


if __name__ == "__main__":
    main()
