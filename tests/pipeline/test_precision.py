"""bfloat16 in the pass: features within 2 %, the same predictions, and the same verified rules on the demo."""

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


def test_bfloat16_changes_no_rule_of_the_demo_that_is_verified(tmp_path: Path) -> None:
    draw(tmp_path / "images", progress=SilentProgress())
    exact, fast = (_compute(tmp_path, tmp_path / "images", precision) for precision in ("float32", "bfloat16"))
    expected, found = np.asarray(exact.features()), np.asarray(fast.features())
    assert found.tobytes() != expected.tobytes()
    assert (np.linalg.norm(found - expected, axis=1) < 0.02 * np.linalg.norm(expected, axis=1)).all()
    changed = exact.read_table("images")["prediction"] != fast.read_table("images")["prediction"]
    assert changed.mean() <= 0.001
    assert len(_verified(exact)) >= 5
    assert _verified(fast) == _verified(exact)
