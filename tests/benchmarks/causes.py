"""Causes: does the effect that the lens estimates tell causes from what only goes along with failures?

    python -m tests.benchmarks.causes [--part developing|test] --folder FOLDER [--quick]

Scenes of the demo in which the true effect of every condition is known, because each is drawn with the thing and
without it (`tests.benchmarks.known_causes`). The lens gets a run folder: images, features, rules; it never sees what is
in a scene. The scenes of the part `test` have another seed, and are for the final table only. Conditions without a
failure among their scenes have no failure mode, and are left out.

The negative control moves features that were drawn at random, in images of modes that exist; none of them has anything
to do with the cue (absolute correlation at most 0.2). Their p-values are not corrected for being many.
"""

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from PIL import Image
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score

from barlow_report import pipeline
from barlow_report.config import Config
from barlow_report.demo.scenes import CLASSES
from barlow_report.lenses.causes.config import CausesConfig
from barlow_report.lenses.causes.experiments import Experiment
from barlow_report.lenses.causes.judging import judged
from barlow_report.lenses.causes.laboratory import Laboratory
from barlow_report.lenses.causes.stage import N_TOGETHER, find_causes
from barlow_report.lenses.causes.tables import TABLES
from barlow_report.progress import SilentProgress
from barlow_report.rules.metrics import error_coverage, error_rate
from barlow_report.run_folder import Run
from barlow_report.tables import all_tables, empty_table
from tests.benchmarks.known_causes import Models, Scenes, choose_side, make_scenes, plan_conditions

SEEDS = {"developing": 303, "test": 707}
DIRECTIONS = ("repair", "break")
MAX_CORRELATION = 0.2
LARGE = 0.5
"""A true effect that should not be missed."""
ESTIMATES = {"effect": "effect on failures", "confidence_effect": "effect on confidence"}
OLD_EVIDENCE = {"error_rate": "error rate in evidence", "importance_value": "importance value"}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=tuple(SEEDS), default="developing")
    parser.add_argument("--folder", type=Path, help="where the run and its effects are kept; default: nowhere")
    parser.add_argument("--n-strengths", type=int, default=5, help="strengths of association per class and kind")
    parser.add_argument("--n-scenes", type=int, default=80, help="scenes per condition")
    parser.add_argument("--n-random", type=int, default=1, help="random features per cue and direction")
    parser.add_argument("--n-workers", type=int, default=2, help="processes that draw")
    parser.add_argument("--quick", action="store_true", help="two strengths, few scenes")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.n_strengths, arguments.n_scenes = 2, 60
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        measure(folder / f"{arguments.part}-{arguments.n_strengths}-{arguments.n_scenes}", arguments)


def measure(folder: Path, arguments: argparse.Namespace) -> None:
    """Draw, test, and print."""
    started = time.perf_counter()
    plan = plan_conditions(n_per_class=arguments.n_strengths, n_scenes=arguments.n_scenes, seed=SEEDS[arguments.part])
    models = Models()
    made = make_scenes(plan, models, n_pilot=arguments.n_scenes // 2, n_workers=arguments.n_workers)
    scenes = [item for item in made if item.fails.any()]
    drawn = time.perf_counter()
    config, run, rules = prepare_run(scenes, models.config, folder, n_random=arguments.n_random)
    prepared = time.perf_counter()
    find_causes(config, run, explained="benchmark", progress=SilentProgress())
    tested = time.perf_counter()
    is_random = rules["kind"] == "random"
    found = rules[~is_random].drop(columns="direction", errors="ignore").merge(run.read_table("causes"), on="rule_id")
    found["true_effect"] = [scenes[i].true_effect(d) for i, d in zip(found["scenes"], found["direction"], strict=True)]
    found.to_csv(folder / "effects.csv", index=False)
    nulls = try_random_features(rules[is_random], config, run)
    nulls.to_csv(folder / "random.csv", index=False)
    print(
        f"{arguments.part} scenes (seed {SEEDS[arguments.part]}): {len(scenes)} conditions on {arguments.n_scenes} "
        f"scenes each, {len(made) - len(scenes)} more left out because no scene fails; "
        f"drawing {drawn - started:.0f} s, features {prepared - drawn:.0f} s, "
        f"{len(found)} effects {tested - prepared:.0f} s, random features {time.perf_counter() - tested:.0f} s\n"
    )
    print_strengths(found)
    print_scores(found, config)
    print_random(nulls, config)


def prepare_run(
    scenes: Sequence[Scenes], demo: Config, folder: Path, *, n_random: int
) -> tuple[Config, Run, pd.DataFrame]:
    """Write the scenes as images, extract features as every run does, and write a rule for each condition.

    Returns:
        The configuration, the run folder, and what each rule is: rule_id, scenes (a position), kind, phi, direction
        (of random features: the only one to test), separation.
    """
    images = folder / "images"
    for name in CLASSES:
        (images / name).mkdir(parents=True, exist_ok=True)
    for item in scenes:
        for i, picture in enumerate(item.pictures):
            path = images / item.condition.class_name / f"{item.condition.number:03d}-{i:04d}.png"
            Image.fromarray(picture).save(path, compress_level=1)
    settings = CausesConfig(n_pairs=1)
    data = demo.data.model_copy(update={"folder": images, "classes": list(CLASSES)})
    changes = {"name": "causes", "data": data, "causes": settings, "attributes": None}
    config = demo.model_copy(update=changes)
    run = pipeline.compute(config, folder=folder / "run", until="extract")
    return config, run, _write_rules(run, scenes, n_random=n_random)


def _write_rules(run: Run, scenes: Sequence[Scenes], *, n_random: int) -> pd.DataFrame:
    """Write the tables that the lens reads: a group for each condition, and its rules."""
    table = run.read_table("images")
    names = [Path(path).name.split("-")[0] for path in table["path"]]
    features = np.asarray(run.features())
    tables: dict[str, list[dict[str, Any]]] = {
        name: [] for name in ("groups", "group_classes", "memberships", "rules", "conditions")
    }
    known = []
    for position, item in enumerate(scenes):
        condition = item.condition
        members = np.flatnonzero(np.array(names) == f"{condition.number:03d}")  # in the order of their files
        branch, threshold = choose_side(features[members, item.feature_id], item)
        own = (item.feature_id, branch, threshold)
        leaf = (features[members, item.feature_id] <= threshold) == (branch == "le")
        class_id = list(CLASSES).index(condition.class_name)
        tables["groups"].append(_group(position, members, item))
        tables["group_classes"].append({"group_id": position, "position": 0, "class_id": class_id})
        tables["memberships"] += [{"group_id": position, "image_id": int(i)} for i in members]
        about: dict[str, Any] = {
            "scenes": position,
            "kind": condition.kind,
            "class_name": condition.class_name,
            "aim": condition.phi,
        }
        measures = _measures(leaf, item.fails)
        shows = float((leaf == item.on_failing_side).mean())
        known.append(_add_rule(tables, [own], measures, position, **about, agreement=shows, phi=item.phi))
        if condition.kind == "cue":
            random = np.random.default_rng([condition.seed, condition.number, 9])
            for direction in DIRECTIONS:
                side = own if direction == "repair" else (item.feature_id, "gt" if branch == "le" else "le", threshold)
                for feature_id in _unrelated(features[members], item.is_shown, n_random, random):
                    median = float(np.median(features[members, feature_id]))
                    extra = (int(feature_id), "le" if random.random() < 0.5 else "gt", median)
                    about |= {"kind": "random", "direction": direction}
                    known.append(_add_rule(tables, [side, extra], measures, position, **about, verdict="can_be_chance"))
    tables["splits"] = [{"image_id": i, "split": "fit"} for i in range(len(table))]
    for name, rows in tables.items():
        _write(run, name, rows)
    return pd.DataFrame(known)


def _group(group_id: int, members: npt.NDArray[np.int64], item: Scenes) -> dict[str, Any]:
    return {
        "group_id": group_id,
        "grouping": "confused_pairs",
        "name": f"{item.condition.class_name} {item.condition.number}",
        "n_images": len(members),
        "n_failures": int(item.fails.sum()),
        "status": "fitted",
    }


def _measures(leaf: npt.NDArray[np.bool_], fails: npt.NDArray[np.bool_]) -> dict[str, float]:
    """What the evidence of a report says of a rule, on all images: the rule was not chosen by their failures."""
    n, k = int(leaf.sum()), int((leaf & fails).sum())
    rate, coverage = float(error_rate(n, k)), float(error_coverage(k, fails.sum()))
    return {
        "n_images": n,
        "n_failures": k,
        "base_error_rate": float(fails.mean()),
        "error_rate": rate,
        "error_coverage": coverage,
        "importance_value": rate * coverage,
    }


def _add_rule(
    tables: dict[str, list[dict[str, Any]]],
    conditions: Sequence[tuple[int, str, float]],
    measures: dict[str, float],
    group_id: int,
    *,
    verdict: str = "verified",
    **about: Any,
) -> dict[str, Any]:
    rule_id = len(tables["rules"])
    rule = {"rule_id": rule_id, "group_id": group_id, "node_id": rule_id, "rank": 1, "is_failure_mode": True}
    tables["rules"].append({**rule, **measures, "verdict": verdict})
    tables["conditions"] += [
        {
            "rule_id": rule_id,
            "position": position,
            "feature_id": feature_id,
            "branch": branch,
            "threshold": threshold,
            "printed_threshold": threshold,
        }
        for position, (feature_id, branch, threshold) in enumerate(conditions)
    ]
    last = conditions[-1]
    rates = {name: measures[name] for name in ("error_rate", "importance_value")}
    return {"rule_id": rule_id, "moved_feature": last[0], "moved_branch": last[1], **rates, **about}


def _unrelated(
    features: npt.NDArray[np.float32], is_shown: npt.NDArray[np.bool_], n: int, random: np.random.Generator
) -> npt.NDArray[np.int64]:
    """Features at random that do not go along with the cue, and that differ between images."""
    varies = np.flatnonzero(features.std(axis=0) > 1e-6)
    correlations = np.array([np.corrcoef(features[:, j], is_shown)[0, 1] for j in varies])
    return np.asarray(random.choice(varies[np.abs(correlations) <= MAX_CORRELATION], n, replace=False), dtype=np.int64)


def _write(run: Run, name: str, rows: list[dict[str, Any]]) -> None:
    """Write a table; counts of held-out images are 0, and what else is not said has no value."""
    frame = pd.DataFrame(rows)
    for column in all_tables()[name].columns:
        if column.name not in frame:
            frame[column.name] = None if column.nullable else 0
    run.write_table(name, frame[empty_table(name).columns])


def try_random_features(rules: pd.DataFrame, config: Config, run: Run) -> pd.DataFrame:
    """Move random features as the lens would, and judge them as the effects of one run; returns a row each."""
    if config.inspected_model is None:
        raise ValueError("the demo's configuration names no inspected model.")
    laboratory = Laboratory(config, config.section("causes"), run, inspected=config.inspected_model)
    units = [
        Experiment(
            rule_id=int(row.rule_id),
            group_id=int(row.scenes),
            position=1,
            feature_id=int(row.moved_feature),
            branch=str(row.moved_branch),
            direction=str(row.direction),
        )
        for row in rules.itertuples()
    ]
    results = [
        rows for first in range(0, len(units), N_TOGETHER) for rows in laboratory.test(units[first:][:N_TOGETHER])
    ]
    effects, controls = (
        pd.DataFrame(
            [row for rows in results for row in rows[table.name]],
            columns=table.column_names,
        )
        for table in TABLES
        if table.name in ("causes", "cause_controls")
    )
    return rules.drop(columns="direction").merge(judged(effects, controls, config), on="rule_id")


def print_strengths(found: pd.DataFrame) -> None:
    """Print the effects by kind and strength."""
    tested = found.assign(
        is_causal=found["verdict"] == "causal",
        is_weak=found["verdict"] == "weak",
        is_not_tested=found["verdict"] == "not_tested",
    )
    columns = ["phi", "agreement", "true_effect", *ESTIMATES, "is_causal", "is_weak", "is_not_tested"]
    means = tested.astype(dict.fromkeys(ESTIMATES, float)).groupby(["kind", "aim", "direction"])[columns].mean()
    print(means.round(2).rename(columns=lambda name: name.removeprefix("is_")).to_string(), "\n")


def print_scores(found: pd.DataFrame, config: Config) -> None:
    """Print how well the estimates tell what is a cause: of conditions, the mean of both directions, and of each."""
    tested = found[found["effect"].notna()].astype(dict.fromkeys(ESTIMATES, float))
    columns = [*ESTIMATES, "true_effect", "error_rate", "importance_value"]
    conditions = tested.groupby(["kind", "rule_id"], as_index=False)[columns].mean()
    for level, rows in (("conditions", conditions), ("effects", tested)):
        print(f"{len(rows)} {level}")
        for name, words in ESTIMATES.items():
            rank = spearmanr(rows[name], rows["true_effect"])[0]
            print(f"  rank correlation with the true effect, {words:<24} {rank:.2f}")
        for name, words in {**ESTIMATES, **OLD_EVIDENCE}.items():
            print(f"  AUROC cue against decoy, {words:<38} {roc_auc_score(rows['kind'] == 'cue', rows[name]):.2f}")
    is_cue = tested["kind"] == "cue"
    print(f"effects on failures of exactly 0: {(tested.loc[is_cue, 'effect'] == 0).sum()} of {is_cue.sum()} cues")
    is_decoy = found["kind"] == "decoy"
    _print_verdicts("decoys", found[is_decoy], found[is_decoy])
    for least in (config.rules.rho, LARGE):
        is_true = found["true_effect"] >= least
        of_conditions = found[found["rule_id"].isin(found.loc[is_true, "rule_id"])]
        _print_verdicts(f"causes with a true effect of at least {least:g}", of_conditions, found[is_true])


def _print_verdicts(words: str, of_conditions: pd.DataFrame, effects: pd.DataFrame) -> None:
    """Print which share is causal and weak: a condition is causal in either direction, and weak in both."""
    modes = of_conditions.groupby("rule_id")["verdict"]
    for verdict, found in (
        ("causal", modes.apply(lambda v: (v == "causal").any())),
        ("weak", modes.apply(lambda v: (v == "weak").all())),
    ):
        k = int((effects["verdict"] == verdict).sum())
        print(f"{words} called {verdict}: {found.sum()} of {len(found)} conditions, {k} of {len(effects)} effects")


def print_random(nulls: pd.DataFrame, config: Config) -> None:
    """Print how often random features are called causes, with both tests of the lens and with each alone."""
    tested = nulls[nulls["p_value"].notna()]
    for words, column in (
        ("both tests", "p_value"),
        ("the test of features alone", "p_features"),
        ("the test of images alone", "p_images"),
    ):
        is_causal = (tested[column] <= config.rules.max_q_value) & (tested["effect"] >= config.rules.rho)
        k, n = int(is_causal.sum()), len(tested)
        print(f"random features called causal, {words}: {k} of {n} ({k / max(n, 1):.0%})")


if __name__ == "__main__":
    main()
