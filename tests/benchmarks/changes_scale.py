"""How long `barlow-report compare` and `gate` take, and how much memory: 1,000 classes, 50,000 images, 2,048 features.

    python -m tests.benchmarks.changes_scale

Two run folders are made up: each class is a group by label and by prediction, each with two failure modes that were
tested, one of them verified. Each command runs in a process of its own, which reports its time and its peak memory; the
gate compares as well, looks at every measure and writes every output.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import yaml

from barlow_report.lenses.gate.measures import MEASURES
from barlow_report.run_folder import Run
from barlow_report.tables import Column, all_tables, empty_table

__all__ = ["write_run"]

_START = """
import sys, time
from pathlib import Path
start, cpu = time.perf_counter(), time.process_time()
"""
_COMPARE = """
from barlow_report.lenses.changes.stage import compare
print(compare([Path(name) for name in sys.argv[1:3]]).answer)
"""
_GATE = """
from barlow_report.lenses.gate.junit import junit_xml
from barlow_report.lenses.gate.machine import gate_json
from barlow_report.lenses.gate.markdown import markdown_summary
from barlow_report.lenses.gate.stage import judge_run
from barlow_report.lenses.gate.terminal import terminal_table
verdict = judge_run(Path(sys.argv[2]), policy=Path(sys.argv[3]), baseline=Path(sys.argv[1]))
sizes = [len(write(verdict)) for write in (terminal_table, markdown_summary, gate_json, junit_xml)]
print("gate:", verdict.outcome, "- terminal, Markdown, JSON and JUnit of", *sizes, "characters")
"""
_END = """
wall, cpu = time.perf_counter() - start, time.process_time() - cpu
status = dict(line.split(":", 1) for line in open("/proc/self/status"))  # ru_maxrss would count the parent as well
peak = int(status["VmHWM"].split()[0]) / 2**20
print(f"{wall:.1f} s, {cpu:.1f} s of processor time, {peak:.2f} GB at most", flush=True)
"""


def write_run(
    folder: Path, *, n_classes: int, n_images: int, n_features: int, failure_rate: float, seed: int, evidence: str
) -> Path:
    """Write a run folder with made-up failure modes; images and features are the same whatever the seed."""
    random, same = np.random.default_rng([1, seed]), np.random.default_rng(0)
    labels = np.arange(n_images) % n_classes
    fails = random.random(n_images) < failure_rate
    predictions = np.where(fails, random.integers(0, n_classes, n_images), labels)
    models = {"feature": {"sha256": "cd" * 32, "n_features": n_features, "preprocessing": None}}
    run = Run.create(folder, info={"name": folder.name, "run_id": folder.name, "models": models})
    run.record_config({"seed": 0, "rules": {"evidence": evidence}})
    for stage in ("extract", "explain"):
        run.begin(stage, fingerprint=str(seed))
    ids = np.arange(n_images)
    names = [f"class {i}" for i in range(n_classes)]
    groups = [(grouping, class_id) for grouping in ("label", "prediction") for class_id in range(n_classes)]
    rules = np.repeat(np.arange(len(groups)), 2)
    tables: dict[str, dict[str, Any]] = {
        "classes": {"class_id": range(n_classes), "name": names, "slug": names},
        "images": {"image_id": ids, "label": labels, "prediction": predictions},
        "contents": {"image_id": ids, "digest": [f"{i:032x}" for i in ids]},
        "splits": {"image_id": ids, "split": np.where(same.random(n_images) < 0.3, "held_out", "fit")},
        "groups": {
            "group_id": range(len(groups)),
            "grouping": [grouping for grouping, _ in groups],
            "class_id": [class_id for _, class_id in groups],
            "name": [names[class_id] for _, class_id in groups],
            "status": "fitted",
        },
        "rules": {
            "rule_id": range(len(rules)),
            "group_id": rules,
            "error_rate": 0.5,
            "error_rate_held_out": 0.4,
            "error_rate_held_out_low": 0.3,
            "error_rate_held_out_high": 0.5,
            "verdict": np.where(np.arange(len(rules)) % 2, "can_be_chance", "verified"),
        },
        "conditions": {
            "rule_id": range(len(rules)),
            "position": 0,
            "feature_id": np.random.default_rng(1).integers(0, n_features, len(rules)),
            "branch": "gt",
            "threshold": 0.3,
            "printed_threshold": 0.3,
        },
    }
    for name, columns in tables.items():
        filled = {column.name: _filling(column) for column in all_tables()[name].columns}
        run.write_table(name, pd.DataFrame(columns).assign(**{k: v for k, v in filled.items() if k not in columns}))
    for name in ("group_classes", "memberships"):
        run.write_table(name, empty_table(name))
    run.write_features(_blocks(same, n_images, n_features), shape=(n_images, n_features), dtype="float32")
    for stage in ("extract", "explain"):
        run.finish(stage, fingerprint=str(seed))
    return folder


def _filling(column: Column) -> object:
    return None if column.nullable else {"int": 0, "float": 0.0, "bool": False, "text": ""}[column.type]


def _blocks(random: np.random.Generator, n_images: int, n_features: int) -> Iterator[npt.NDArray[np.float32]]:
    for start in range(0, n_images, 5000):
        yield random.random((min(5000, n_images - start), n_features), dtype=np.float32)


def main() -> None:
    """Make both runs and print what comparing them took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--classes", type=int, default=1000)
    parser.add_argument("--images", type=int, default=50_000)
    parser.add_argument("--features", type=int, default=2048)
    arguments = parser.parse_args()
    for evidence in ("held_out", "shuffles"):
        with tempfile.TemporaryDirectory() as folder:
            runs = [
                write_run(
                    Path(folder) / name,
                    n_classes=arguments.classes,
                    n_images=arguments.images,
                    n_features=arguments.features,
                    failure_rate=rate,
                    seed=seed,
                    evidence=evidence,
                )
                for seed, (name, rate) in enumerate((("old", 0.2), ("new", 0.25)))
            ]
            policy = Path(folder) / "policy.yaml"
            policy.write_text(yaml.safe_dump({"conditions": list(_conditions())}))
            print(evidence, flush=True)
            for work in (_COMPARE, _GATE):
                command = [sys.executable, "-c", f"{_START}{work}{_END}", *map(str, runs), str(policy)]
                subprocess.run(command, check=True)


def _conditions() -> Iterator[dict[str, object]]:
    """Every measure that there is."""
    for name, measure in MEASURES.items():
        limit = {"limit": "lower"} if measure.has_interval else {}
        yield {"measure": name, measure.bounds[0]: 0, **limit}


if __name__ == "__main__":
    main()
