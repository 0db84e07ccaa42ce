"""The pictures of joint modes: which are drawn, when, and when they are drawn again."""

import numpy as np
import pandas as pd
import pytest

from barlow_report import pipeline
from barlow_report.config import Config, load_config
from barlow_report.lenses.joint.selection import choose_examples, shown_groups
from barlow_report.lenses.joint.stage import draw_joint_modes
from barlow_report.progress import SilentProgress
from barlow_report.run_folder import Run
from tests.pipeline.toy import write_task


def test_examples_are_the_images_of_the_group_that_activate_a_feature_most() -> None:
    features = np.array([[9, 9], [1, 5], [3, 5], [2, 0], [0, 7]], dtype=np.float32)
    members = np.array([1, 2, 3, 4])
    found = choose_examples(features, members, [1, 0])
    assert found[found["feature_id"] == 1]["image_id"].tolist() == [4, 1, 2]  # of equal ones the lower id first
    assert found[found["feature_id"] == 0]["image_id"].tolist() == [2, 3, 1]
    assert found["rank"].tolist() == [1, 2, 3, 1, 2, 3]
    assert found["activation"].tolist() == [7, 5, 5, 3, 2, 1]


def test_a_group_with_a_verified_rule_or_a_mode_that_can_be_chance_is_not_shown() -> None:
    modes = pd.DataFrame(
        {"group_id": [0, 1, 2, 3], "verdict": ["verified", "verified", "real_but_small", "can_be_chance"]}
    )
    rules = pd.DataFrame({"group_id": [0, 0, 1, 2], "verdict": ["can_be_chance", "verified", "real_but_small", None]})
    assert shown_groups(modes, rules) == {1, 2}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Config, Run]:
    """A toy run whose group 0 has no verified rule and a joint mode; that of group 1 can be chance."""
    folder = tmp_path_factory.mktemp("joint")
    config = load_config(write_task(folder, n_per_class=30))
    run = pipeline.compute(config, folder=folder / "run")
    rates = ("error_rate", "error_coverage")
    ends = {f"{name}{end}": 0.5 for name in rates for end in ("", "_low", "_high")}
    plain = {
        "auc": 0.8,
        "threshold": 0.5,
        "printed_threshold": 0.5,
        "n_images": 9,
        "n_failures": 5,
        "importance_value": 0.25,
        "q_value": 0.01,
    }
    modes = [
        {"group_id": group_id, **plain, **ends, "p_value": 0.01, "verdict": verdict}
        for group_id, verdict in ((0, "verified"), (1, "can_be_chance"))
    ]
    ids = run.read_table("images").groupby("label")["image_id"].apply(list)
    run.write_table("rules", run.read_table("rules").assign(verdict="can_be_chance"))
    run.write_table("joint_modes", pd.DataFrame(modes))
    run.write_table(
        "joint_features",
        pd.DataFrame([{"group_id": g, "rank": r, "feature_id": 3 - r, "weight": 0.1} for g in (0, 1) for r in (1, 2)]),
    )
    run.write_table(
        "joint_images",
        pd.DataFrame(
            [
                {"group_id": g, "position": i, "image_id": ids[g][i], "score": 1 - i / 9}
                for g in (0, 1)
                for i in range(4)
            ]
        ),
    )
    run.redo("joint")
    return config, run


def test_pictures_are_drawn_once_and_only_of_what_is_shown(finished: tuple[Config, Run]) -> None:
    config, run = finished
    draw_joint_modes(config, run, explained="a mark", progress=SilentProgress())
    pictures, examples = run.read_table("joint_pictures"), run.read_table("joint_examples")
    assert pictures[["group_id", "position"]].to_numpy().tolist() == [[0, 0], [0, 1], [0, 2], [0, 3]]
    assert set(examples["group_id"]) == {0}
    assert examples["feature_id"].tolist() == [1, 1, 1, 2, 2, 2] or examples["feature_id"].tolist() == [
        2,
        2,
        2,
        1,
        1,
        1,
    ]
    assert all(run.has_media(name) for name in [*pictures["thumbnail"], *examples["thumbnail"]])
    mark = run.info["stages"]["joint"]
    run.write_table("joint_pictures", pictures.iloc[:1])
    draw_joint_modes(config, run, explained="a mark", progress=SilentProgress())
    assert len(run.read_table("joint_pictures")) == 1  # it is up to date: nothing was drawn
    draw_joint_modes(config, run, explained="another mark", progress=SilentProgress())
    assert len(run.read_table("joint_pictures")) == 4
    assert run.info["stages"]["joint"] != mark


def test_before_pictures_are_asked_for_none_is_drawn(finished: tuple[Config, Run]) -> None:
    config, run = finished
    stages = dict(run.info["stages"])
    run.begin("visualize", fingerprint="an unfinished attempt")
    draw_joint_modes(config, run, explained="a mark", progress=SilentProgress())
    assert "joint" not in run.info["stages"]
    assert not run.has_table("joint_pictures")
    run.update_info(stages=stages)
