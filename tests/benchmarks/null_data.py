"""How often noise passes for a failure mode: features without any bearing on the failures.

    python -m tests.benchmarks.null_data [--n-runs 200] [--n-features 2048] [--n-groups 1]

Each run explains groups of random rectified features whose failures are drawn independently of them, once with
held-out evidence and once in-sample as in the paper. Every mode found is false, so the share of runs with any
verified mode is the false-discovery rate; it should be at most 5 %.
"""

import argparse

import numpy as np

from barlow_report.config import RulesConfig
from barlow_report.rules import explain_failures
from barlow_report.rules.evidence import wilson_interval

SIZES = (50, 260, 1406)
DEPTHS = (1, 2, 3)
BASE_ERROR_RATE = 0.2


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n-runs", type=int, default=200)
    parser.add_argument("--n-features", type=int, default=2048)
    parser.add_argument("--n-groups", type=int, default=1, help="groups per run, all tested together")
    arguments = parser.parse_args()
    print(
        f"{arguments.n_runs} runs each of {arguments.n_groups} group(s), {arguments.n_features} random features, "
        f"base error rate {BASE_ERROR_RATE}; nominal rate 5 %"
    )
    print(
        f"{'images':>6} {'depth':>5} | {'in-sample: any failure mode':>27} {'ALER - BER':>10} | "
        f"{'candidate on fitted part':>24} | {'any verified mode':>17} {'95 % interval':>15} {'ALER - BER':>10}"
    )
    for n_images in SIZES:
        found = np.array(
            [
                _run(n_images * arguments.n_groups, arguments.n_groups, arguments.n_features, seed=seed)
                for seed in range(arguments.n_runs)
            ]
        )
        for depth, outcome in zip(DEPTHS, found.mean(axis=0), strict=True):
            print(_line(n_images, depth, outcome, arguments.n_runs), flush=True)


def _run(n_images: int, n_groups: int, n_features: int, *, seed: int) -> list[list[float]]:
    """Explain one draw of noise at every depth: what was found in-sample, and with held-out images."""
    random = np.random.default_rng([n_images, seed])
    features = np.maximum(0, random.standard_normal((n_images, n_features), dtype=np.float32))
    labels = np.arange(n_images) % n_groups
    predictions = np.where(random.random(n_images) < BASE_ERROR_RATE, n_groups, labels)
    found = []
    for depth in DEPTHS:
        row = []
        for held_out_fraction in (0.0, 0.3):
            explanation = explain_failures(
                features,
                labels,
                predictions,
                settings=RulesConfig(
                    max_depth=depth,
                    held_out_fraction=held_out_fraction,
                    groupings=("label",),
                    evaluation_depths=(depth,),
                ),
                seed=seed,
            )
            evaluation = explanation.evaluation.iloc[0]
            gain = evaluation["mean_tree_gain_held_out" if held_out_fraction else "mean_tree_gain"]
            row += [
                float(explanation.rules["is_failure_mode"].any()),
                float((explanation.rules["verdict"] == "verified").any()),
                float(np.nan_to_num(gain)),
            ]
        found.append(row)
    return found


def _line(n_images: int, depth: int, outcome: "np.ndarray[tuple[int], np.dtype[np.float64]]", n_runs: int) -> str:
    in_sample, _, in_sample_gain, candidate, verified, held_out_gain = outcome
    interval = wilson_interval(round(verified * n_runs), n_runs)
    return (
        f"{n_images:>6} {depth:>5} | {in_sample:>26.1%} {in_sample_gain:>11.3f} | {candidate:>24.1%} | "
        f"{verified:>17.1%} {f'{interval.low:.1%} to {interval.high:.1%}':>15} {held_out_gain:>10.3f}"
    )


if __name__ == "__main__":
    main()
