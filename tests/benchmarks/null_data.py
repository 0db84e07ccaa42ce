"""How often noise passes for a failure mode: features without any bearing on the failures.

    python -m tests.benchmarks.null_data [--n-runs 200] [--n-features 2048] [--n-groups 1]

Each run explains groups of random rectified features whose failures are drawn independently of them: in-sample as in
the paper, with held-out images, and with shuffled failures, the default. Every mode found is false, a joint mode as
well, so the share of runs with any verified mode is the false-discovery rate; it should be at most 5 %.
"""

import argparse
from typing import Any

import numpy as np

from barlow_report.config import RulesConfig
from barlow_report.rules import explain_failures
from barlow_report.rules.evidence import wilson_interval

SIZES = (50, 260, 1406)
DEPTHS = (1, 2)
KINDS: tuple[dict[str, Any], ...] = ({"held_out_fraction": 0.0}, {"evidence": "held_out"}, {"evidence": "shuffles"})
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
        f"{'images':>6} {'depth':>5} | {'in-sample: any failure mode':>27} | {'held out: any verified':>22} "
        f"{'95 % interval':>15} | {'shuffles: any verified':>22} {'95 % interval':>15} | {'real or small':>13}"
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
    """Explain one draw of noise at every depth: whether anything was found, by kind of evidence.

    The last value: with shuffles, anything that is verified or real but small.
    """
    random = np.random.default_rng([n_images, seed])
    features = np.maximum(0, random.standard_normal((n_images, n_features), dtype=np.float32))
    labels = np.arange(n_images) % n_groups
    predictions = np.where(random.random(n_images) < BASE_ERROR_RATE, n_groups, labels)
    found = []
    for depth in DEPTHS:
        verdicts = []
        for kind in KINDS:
            settings = RulesConfig(max_depth=depth, groupings=("label",), evaluation_depths=(depth,), **kind)
            explanation = explain_failures(features, labels, predictions, settings=settings, seed=seed)
            verdicts.append([*explanation.rules["verdict"].dropna(), *explanation.joint_modes["verdict"]])
        in_sample, held_out, shuffled = verdicts
        real = {"verified", "real_but_small"}
        found.append(
            [
                float(bool(in_sample)),
                float("verified" in held_out),
                float("verified" in shuffled),
                float(bool(real & set(shuffled))),
            ]
        )
    return found


def _line(n_images: int, depth: int, outcome: "np.ndarray[tuple[int], np.dtype[np.float64]]", n_runs: int) -> str:
    in_sample, held_out, shuffled, real = outcome
    return (
        f"{n_images:>6} {depth:>5} | {in_sample:>27.1%} | {held_out:>22.1%} {_interval(held_out, n_runs):>15} | "
        f"{shuffled:>22.1%} {_interval(shuffled, n_runs):>15} | {real:>13.1%}"
    )


def _interval(share: float, n_runs: int) -> str:
    interval = wilson_interval(round(share * n_runs), n_runs)
    return f"{interval.low:.1%} to {interval.high:.1%}"


if __name__ == "__main__":
    main()
