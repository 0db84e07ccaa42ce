"""bfloat16 in the pass: features within 2 %, the same predictions, and the same verified groups on the demo.

Rules by label are the same too. Among images taken for a class, two features can tell the failures about equally well
(76 or 73 of the failures among images taken for vases), and rounding decides which one is named.
"""

from pathlib import Path

import numpy as np
import pytest

from barlow_report import pipeline
from barlow_report.progress import SilentProgress
from barlow_report.run_folder import Run
from barlow_report.stages.demo import demo_config, draw

pytestmark = pytest.mark.slow


def _compute(folder: Path, images: Path, precision: str) -> Run:
    config = demo_config(images)
    extraction = config.extraction.model_copy(update={"precision": precision})
    return pipeline.compute(
        config.model_copy(update={"extraction": extraction}), folder=folder / precision, until="explain"
    )


def _verified(run: Run) -> set[tuple[str, str, int, str]]:
    rules = run.read_table("rules").merge(run.read_table("conditions"), on="rule_id")
    groups = run.read_table("groups").set_index("group_id")
    return {
        (groups.loc[rule.group_id, "grouping"], groups.loc[rule.group_id, "name"], rule.feature_id, rule.branch)
        for rule in rules[rules["verdict"] == "verified"].itertuples()
    }


def test_bfloat16_verifies_the_same_groups_of_the_demo_and_the_same_rules_by_label(tmp_path: Path) -> None:
    draw(tmp_path / "images", progress=SilentProgress())
    exact, fast = (_compute(tmp_path, tmp_path / "images", precision) for precision in ("float32", "bfloat16"))
    expected, found = np.asarray(exact.features()), np.asarray(fast.features())
    assert found.tobytes() != expected.tobytes()
    assert (np.linalg.norm(found - expected, axis=1) < 0.02 * np.linalg.norm(expected, axis=1)).all()
    changed = exact.read_table("images")["prediction"] != fast.read_table("images")["prediction"]
    assert changed.mean() <= 0.001
    right, rounded = _verified(exact), _verified(fast)
    by_label = {rule for rule in right if rule[0] == "label"}
    assert len(by_label) >= 5
    assert {rule for rule in rounded if rule[0] == "label"} == by_label
    assert {rule[:2] for rule in rounded} == {rule[:2] for rule in right}
    assert len(rounded) == len(right)
    assert len(rounded - right) <= 1
