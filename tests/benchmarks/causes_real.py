"""Causes on a real configuration: their cost beside the pictures, what they find, and the level of a test.

    python -m tests.benchmarks.causes_real CONFIG [--folder FOLDER] [--n-repeats N]

The configuration is that of a run with a section `causes`, such as configs/cifar10.yaml with `causes: {}`.

* **Cost**: processor time of the stage with the feature attack and all other pictures, and of the lens, one after the
  other in one process, each time from a run that is explained and has neither. The first time modules are loaded, too.
* **Level of the test of features**: each control feature in turn takes the place of the moved one, and is compared with
  the other controls of its effect. It is of their kind by construction, so p-values of at most 0.05 should be 5 %.
"""

import argparse
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from barlow_report import pipeline
from barlow_report.config import Config, load_config
from barlow_report.lenses.causes.feature_tests import feature_tests
from barlow_report.lenses.causes.stage import find_causes
from barlow_report.lenses.causes.tables import KEY
from barlow_report.progress import SilentProgress
from barlow_report.run_folder import Run
from barlow_report.stages.visualize import visualize

COLUMNS = ["n_failures_before", "n_failures_moved", "control_rate", "effect", "confidence_effect"]
P_VALUES = ["p_images", "p_features", "q_value", "verdict"]


def main() -> None:
    """Print everything."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path)
    parser.add_argument("--folder", type=Path, help="where the runs are kept; default: nowhere")
    parser.add_argument("--n-repeats", type=int, default=3, help="how often both are timed")
    arguments = parser.parse_args()
    config = load_config(arguments.config)
    if config.section("causes") is None:
        parser.error("the configuration has no section `causes`.")
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        pipeline.compute(config, folder=folder / "explained", until="explain")
        for _ in range(arguments.n_repeats):
            shutil.rmtree(folder / "run", ignore_errors=True)
            shutil.copytree(folder / "explained", folder / "run")
            run = Run.open(folder / "run")
            print_cost(config, run)
        print_effects(run)
        print_level(run)


def print_cost(config: Config, run: Run) -> None:
    """Do the pictures and the causes, and print the processor time of both."""
    explained = run.info["stages"]["explain"]
    pictures = _seconds(lambda: visualize(config, run, explained=explained, progress=SilentProgress()))
    causes = _seconds(lambda: find_causes(config, run, explained=explained, progress=SilentProgress()))
    print(f"processor time: pictures {pictures:.1f} s, causes {causes:.1f} s, {causes / pictures:.2f} times as long")


def _seconds(action: Callable[[], object]) -> float:
    began = time.process_time()
    action()
    return time.process_time() - began


def print_effects(run: Run) -> None:
    """Print every effect, and how many failure modes have a cause."""
    groups = run.read_table("groups")[["group_id", "grouping", "name"]]
    rules = run.read_table("rules")[["rule_id", "group_id"]].merge(groups, on="group_id")
    causes = run.read_table("causes").merge(rules, on="rule_id")
    shown = causes[["grouping", "name", "feature_id", "direction", "n_images", *COLUMNS, *P_VALUES]]
    print(f"\n{shown.round(4).to_string(index=False)}\n")
    modes = causes.groupby("rule_id")["verdict"].agg(set)
    n_causal, n_modes = sum("causal" in verdicts for verdicts in modes), len(modes)
    print(f"{n_causal} of {n_modes} failure modes have a cause; {(causes['verdict'] == 'causal').sum()} effects do")


def print_level(run: Run) -> None:
    """Print how often a control feature seems to be of another kind than the other controls."""
    controls = run.read_table("cause_controls").query("kind == 'other'")
    effects = [rows for _, rows in controls.groupby(list(KEY)) if len(rows) > 2]
    p_values = np.concatenate(
        [
            _p_values_without(effects, place, sign)
            for place in range(max(len(rows) for rows in effects))
            for sign in (-1, 1)
        ]
    )
    shares = ", ".join(f"{(p_values <= level).mean():.1%} at {level:g}" for level in (0.05, 0.025, 0.01))
    print(f"a control in place of the moved feature, {len(p_values)} tests: {shares}")


def _p_values_without(effects: list[pd.DataFrame], place: int, sign: int) -> npt.NDArray[np.float64]:
    """Of one control of each effect, compared with the others."""
    rates = [sign * (rows["n_failures"] / rows["n_images"]).to_numpy() for rows in effects if place < len(rows)]
    return feature_tests(
        np.array([rate[place] for rate in rates]),
        [np.delete(rate, place) for rate in rates],
        n_images=np.array([float(rows["n_images"].iloc[0]) for rows in effects if place < len(rows)]),
    )


if __name__ == "__main__":
    main()
