"""Groups of more images than rules are fitted to: memory, how often noise passes, and whether rates are the true ones.

    python -m tests.benchmarks.large_groups memory [--sizes 65000 130000 650000 1300000] [--n-features 2048]
    python -m tests.benchmarks.large_groups noise [--n-runs 400]
    python -m tests.benchmarks.large_groups rates [--n-runs 200]

memory: a file of features of the largest size (1.3 million × 2,048 in half precision: 5.3 GB) in a temporary folder,
removed at the end. The images are one group, by label, of which one in five fails, more often where feature 7 is high;
999 shuffles, an evaluation at depth 1. `resident` is the peak of the process's memory in GB, `anonymous` what it
allocated of that. A size at most the limit is explained whole.

noise: random features that have no bearing on the failures, in groups of 4,000 images with a limit of 500: by label, by
prediction, and the images of one value of a column, of ten classes which a fifth of the features tell apart. Every mode
is false, a joint mode as well: at most 5 % of the p-values of cuts and of directions should be at most 0.05, and of the
runs at most 5 % should have anything with such a q-value. By held-out images, all of them test the modes, and every
leaf that fails more often than its group is one (ρ and τ are 0): with the defaults hardly any is.

rates: groups of 6,000 images with a limit of 600. In each an effect of another size is planted on one feature of 200.
Of every mode that passes its test, the rate that is shown is compared with the true probability of failure of new
images that meet its rule: whole groups, samples without the other images, and samples corrected by them.
"""

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from barlow_report.config import RulesConfig
from barlow_report.rules import explain_failures, group_by_column
from barlow_report.rules.explain import Explanation
from barlow_report.rules.groups import Grouping
from barlow_report.rules.inputs import read_rows
from barlow_report.significance import wilson_interval
from tests.benchmarks.scale import Memory

CAUSE = 7
BASE_ERROR_RATE = 0.2
_CHUNK = 20_000


def main() -> None:
    """Print the table that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=("memory", "noise", "rates"))
    parser.add_argument("--sizes", type=int, nargs="+", default=[65_000, 130_000, 650_000, 1_300_000])
    parser.add_argument("--n-features", type=int, default=2048)
    parser.add_argument("--limit", type=int, default=50_000, help="of memory: images that rules are fitted to")
    parser.add_argument("--n-runs", type=int, default=200)
    parser.add_argument("--folder", type=Path, default=None, help="where the temporary folder is made")
    arguments = parser.parse_args()
    if arguments.part == "memory":
        _memory(arguments)
    elif arguments.part == "noise":
        _noise(arguments.n_runs)
    else:
        _rates(arguments.n_runs)


def _settings(limit: int, **changes: Any) -> RulesConfig:
    """Settings whose limit may be below what a configuration may say."""
    return RulesConfig(groupings=("label",), n_workers=1, **changes).model_copy(update={"max_fitted_images": limit})


def _memory(arguments: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        path = Path(folder) / "features.npy"
        _write(path, max(arguments.sizes), arguments.n_features)
        print(f"{arguments.n_features} features in half precision, rules fitted to at most {arguments.limit} images")
        print("| images of the group | seconds | resident, GB | anonymous, GB | rule | shown | seen |")
        print("| --- | --- | --- | --- | --- | --- | --- |")
        for n_images in sorted(arguments.sizes):
            settings = _settings(arguments.limit, n_shuffles=999, n_resamples=0, evaluation_depths=(1,))
            _measure(np.load(path, mmap_mode="r")[:n_images], settings)


def _write(path: Path, n_images: int, n_features: int) -> None:
    """Write rectified random features in half precision, the same block again and again: memory does not mind."""
    block = np.maximum(0, np.random.default_rng(0).standard_normal((_CHUNK, n_features), dtype=np.float32))
    data = block.astype(np.float16).data
    with path.open("wb") as file:
        np.lib.format.write_array_header_2_0(
            file, {"descr": np.dtype(np.float16).str, "fortran_order": False, "shape": (n_images, n_features)}
        )
        for start in range(0, n_images, _CHUNK):
            file.write(data[: n_images - start])


def _measure(features: npt.NDArray[np.float16], settings: RulesConfig) -> None:
    random = np.random.default_rng(1)
    high = np.empty(len(features), dtype=np.bool_)
    for start in range(0, len(features), _CHUNK):  # not through the map, whose pages would count as memory
        rows = np.arange(start, min(start + _CHUNK, len(features)))
        high[rows] = read_rows(features, rows)[:, CAUSE] > ndtri(0.8)
    fails = random.random(len(features)) < np.where(high, 0.6, 0.1)
    start_of_run = time.perf_counter()
    with Memory() as memory:
        found = explain_failures(
            features, np.zeros(len(features), dtype=np.int64), fails.astype(np.int64), settings=settings
        )
    seconds = time.perf_counter() - start_of_run
    mode = found.rules[found.rules["p_value"].notna()].iloc[0]
    conditions = found.conditions[found.conditions["rule_id"] == mode["rule_id"]]
    rule = " and ".join(
        f"feature {c.feature_id} {'≤' if c.branch == 'le' else '>'} {c.printed_threshold:g}"
        for c in conditions.itertuples()
    )
    print(
        f"| {len(features):,} | {seconds:.0f} | {memory.resident:.2f} | {memory.anonymous:.2f} | {rule} | "
        f"{mode['error_rate_held_out']:.4f} "
        f"({mode['error_rate_held_out_low']:.4f} to {mode['error_rate_held_out_high']:.4f}) | "
        f"{mode['n_failures']:,} of {mode['n_images']:,} |",
        flush=True,
    )


def _noise(n_runs: int) -> None:
    print(f"{n_runs} runs, groups of 4,000 images, 512 random features, limit 500; shares of p ≤ 0.05, nominal 5 %")
    print("| groups | tested by | modes | cuts | directions | groups, both tests | runs with q ≤ 0.05 | verified |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for grouping in ("label", "prediction", "column"):
        for evidence in ("shuffles", "held_out"):
            _print_noise(grouping, evidence, n_runs)


def _print_noise(grouping: str, evidence: str, n_runs: int) -> None:
    runs = [_noise_run(grouping, evidence, seed) for seed in range(n_runs)]
    cuts = np.concatenate([_p_values(run) for run in runs])
    directions = np.concatenate([run.joint_modes["p_value"].to_numpy(dtype=np.float64) for run in runs])
    both = np.array([_p_value_of_group(run) for run in runs]) if len(directions) else np.empty(0)
    verdicts = [{*run.rules["verdict"].dropna(), *run.joint_modes["verdict"]} for run in runs]
    real = np.array([0.0 if found & {"verified", "real_but_small"} else 1.0 for found in verdicts])
    verified = np.array([0.0 if "verified" in found else 1.0 for found in verdicts])
    shares = " | ".join(_share(values) for values in (cuts, directions, both, real, verified))
    print(f"| {grouping} | {evidence} | {len(cuts)} | {shares} |", flush=True)


def _p_values(run: Explanation) -> npt.NDArray[np.float64]:
    """Of the first cuts, which are tested whatever they are, or of the modes of a run by held-out images."""
    is_mode = run.rules["is_failure_mode"].to_numpy(dtype=np.bool_)
    p_values = run.rules["p_value"].to_numpy(dtype=np.float64)
    baselines = run.rules["p_value_baseline"].to_numpy(dtype=np.float64)
    is_split = (run.splits["split"] == "held_out").any()
    found: npt.NDArray[np.float64] = p_values[is_mode] if is_split else np.fmax(p_values, baselines)
    return np.asarray(found[~np.isnan(found)])


def _p_value_of_group(run: Explanation) -> float:
    """Simes' of the cut and the direction, as the q-values take it."""
    cut, direction = min(_p_values(run), default=1.0), float(run.joint_modes["p_value"].min())
    return min(2 * min(cut, direction), max(cut, direction))


def _share(values: npt.NDArray[np.float64]) -> str:
    """The share that is at most 0.05, with its interval at 95 %."""
    if not len(values):
        return "–"
    interval = wilson_interval(int((values <= 0.05).sum()), len(values))
    return f"{(values <= 0.05).mean():.1%} ({interval.low:.1%} to {interval.high:.1%})"


def _noise_run(grouping: str, evidence: str, seed: int) -> Explanation:
    """Explain one draw of noise.

    By prediction, failures are images of a second class; of which more were not taken for the first one.
    """
    random = np.random.default_rng([404, seed])
    n_images = 8000 if grouping == "prediction" else 4000
    features = np.maximum(0, random.standard_normal((n_images, 512), dtype=np.float32))
    labels = np.zeros(n_images, dtype=np.int64)
    groupings: tuple[Grouping, ...] = ()
    if grouping == "prediction":  # the first class is taken for itself; of the second, 800 are taken for the first
        labels[3200:] = 1
        predictions = np.where(np.arange(n_images) < 4000, 0, 1)
    else:
        if grouping == "column":
            labels = random.integers(0, 10, n_images)
            features[:, :100] += 2 * random.standard_normal((10, 100), dtype=np.float32)[labels]
            groupings = (group_by_column("column", ["all"] * n_images),)
        predictions = np.where(random.random(n_images) < BASE_ERROR_RATE, (labels + 1) % 10, labels)
    limits = {"rho": 0.0, "tau": 0.0} if evidence == "held_out" else {}
    settings = _settings(500, evidence=evidence, evaluation_depths=(1,), n_resamples=0, **limits)
    settings = settings.model_copy(update={"groupings": () if grouping == "column" else (grouping,)})
    return explain_failures(features, labels, predictions, settings=settings, groupings=groupings, seed=seed)


def _rates(n_runs: int) -> None:
    kinds = {"whole groups": 0, "samples alone": 1, "samples corrected by the other images": 2}
    found: dict[str, list[tuple[float, float, float]]] = {kind: [] for kind in kinds}
    for seed in range(n_runs):
        features, fails, rates = _planted(seed)
        for kind, which in kinds.items():
            used = slice(0, 600) if which == 1 else slice(None)
            explanation = explain_failures(
                features[used],
                np.zeros(len(fails[used]), dtype=np.int64),
                fails[used].astype(np.int64),
                settings=_settings(6000 if which != 2 else 600, evaluation_depths=(1,), n_resamples=0, max_depth=1),
                seed=seed,
            )
            found[kind] += _shown(explanation, rates, seed)
    print(f"{n_runs} groups of 6,000 images, 200 features, one of which has an effect; limit 600")
    print("| rules found on | modes | shown − true, points | interval covers | width of it, points |")
    print("| --- | --- | --- | --- | --- |")
    for kind, modes in found.items():
        errors, covers, widths = (np.array(column) for column in zip(*modes, strict=True))
        spread = 100 * errors.std() / np.sqrt(len(errors))
        print(
            f"| {kind} | {len(modes)} | {100 * errors.mean():+.2f} ± {spread:.2f} | {covers.mean():.1%} | "
            f"{100 * widths.mean():.1f} |"
        )


def _planted(seed: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_], tuple[float, float]]:
    """Features, failures, and the rates at which images fail with the cause and without it."""
    random = np.random.default_rng([505, seed])
    features = random.standard_normal((6000, 200), dtype=np.float32)
    base, effect = random.uniform(0.05, 0.3), random.uniform(0.08, 0.3)
    rates = (float(base + effect), float(base))
    fails = random.random(6000) < np.where(features[:, CAUSE] > ndtri(0.75), *rates)
    return features, fails, rates


def _shown(explanation: Explanation, rates: tuple[float, float], seed: int) -> list[tuple[float, float, float]]:
    """Of each mode that passed: shown − true, whether the interval covers the truth, and its width."""
    new = np.random.default_rng([606, seed]).standard_normal(200_000)
    chances = np.where(new > ndtri(0.75), *rates)
    modes = explanation.rules[explanation.rules["verdict"].isin(("verified", "real_but_small"))]
    found = []
    for _, mode in modes.iterrows():
        condition = explanation.conditions[explanation.conditions["rule_id"] == mode["rule_id"]].iloc[0]
        # other features have no bearing on the failures: of their sides, new images fail like all
        meets = new <= condition["threshold"] if condition["branch"] == "le" else new > condition["threshold"]
        truth = float((chances[meets] if condition["feature_id"] == CAUSE else chances).mean())
        low, high = mode["error_rate_held_out_low"], mode["error_rate_held_out_high"]
        found.append((float(mode["error_rate_held_out"]) - truth, float(low <= truth <= high), float(high - low)))
    return found


if __name__ == "__main__":
    main()
