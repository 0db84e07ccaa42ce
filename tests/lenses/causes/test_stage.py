"""The lens on a tiny task whose cause is known: a green mark makes red squares be taken for blue ones."""

import shutil
from pathlib import Path

import pandas as pd
import pytest

from barlow_report.config import Config
from barlow_report.lenses.causes.stage import find_causes
from barlow_report.progress import SilentProgress
from barlow_report.run_folder import Run


def test_the_mark_is_a_cause_in_both_directions(finished: tuple[Config, Run]) -> None:
    _, run = finished
    causes = run.read_table("causes")
    label = run.read_table("groups").query("grouping == 'label' and name == 'red'")["group_id"].item()
    rules = run.read_table("rules").query(f"group_id == {label} and verdict == 'verified'")
    found = causes[causes["rule_id"].isin(rules["rule_id"])].set_index("direction")
    assert found.loc["repair", "n_failures_before"] == found.loc["repair", "n_images"] == 12
    assert found.loc["repair", "n_failures_moved"] == 0
    assert found.loc["break", "n_failures_before"] == 0
    assert found.loc["break", "n_failures_moved"] == 12
    assert set(found["verdict"]) == {"causal"}
    assert (found["feature_id"] == 1).all()
    assert (found["effect"] > 0.4).all()
    assert (found["confidence_effect"] > 0.4).all()
    assert (found["p_value"] == found[["p_images", "p_features"]].max(axis=1)).all()
    assert (found["n_reached"] == 12).all()


def test_controls_are_counted_for_each_feature(finished: tuple[Config, Run]) -> None:
    _, run = finished
    causes = run.read_table("causes").query("reason.isna()").set_index(["rule_id", "position", "direction"])
    controls = run.read_table("cause_controls")
    key = ["rule_id", "position", "direction"]
    of_class = controls[controls["kind"] == "class"].groupby(key)["n_images"].sum()
    others = controls[controls["kind"] == "other"]
    assert (of_class == causes.loc[of_class.index, "n_images"]).all()  # one for each image
    assert (others["n_images"].to_numpy() == causes.loc[list(map(tuple, others[key].to_numpy())), "n_images"]).all()
    rates = (others["n_failures"] / others["n_images"]).groupby([others[name] for name in key]).mean()
    assert rates.to_numpy() == pytest.approx(causes.loc[rates.index, "control_rate"].to_numpy())


def test_doses_rise_from_the_unchanged_images_to_the_whole_move(finished: tuple[Config, Run]) -> None:
    _, run = finished
    causes, doses = run.read_table("causes"), run.read_table("cause_doses")
    key = ["rule_id", "position", "direction"]
    first, last = (doses[doses["dose"] == dose].merge(causes, on=key) for dose in (0.0, 1.0))
    assert (first["n_failures_moved_x"] == first["n_failures_before"]).all()
    assert (first["n_failures_control"] == first["n_failures_before"]).all()
    assert (last["n_failures_moved_x"] == last["n_failures_moved_y"]).all()
    assert doses["dose"].drop_duplicates().tolist() == [0.0, 0.25, 0.5, 0.75, 1.0]


def test_pictures_show_the_change(finished: tuple[Config, Run]) -> None:
    _, run = finished
    pairs = run.read_table("cause_pairs")
    assert len(pairs)
    for name in [*pairs["before"], *pairs["after"], *pairs["difference"]]:
        assert run.has_media(name)
    assert (pairs["before"] != pairs["after"]).all()
    assert (pairs["rank"] <= 2).all()


def test_a_second_run_changes_nothing(finished: tuple[Config, Run], tmp_path: Path) -> None:
    config, run = finished
    before = {name: (run.folder / f"{name}.parquet").read_bytes() for name in ("causes", "cause_doses", "cause_pairs")}
    copied = tmp_path / "run"
    shutil.copytree(run.folder, copied)
    again = Run.open(copied)
    explained = again.info["stages"]["explain"]
    find_causes(config, again, explained=explained, progress=SilentProgress())  # up to date
    again.redo("causes")
    find_causes(config, again, explained=explained, progress=SilentProgress())  # from the beginning
    for name, content in before.items():
        assert (copied / f"{name}.parquet").read_bytes() == content


def test_a_killed_run_draws_pictures_again_that_were_deleted_meanwhile(
    finished: tuple[Config, Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, run = finished
    shutil.copytree(run.folder, tmp_path / "run")
    again = Run.open(tmp_path / "run")
    explained = again.info["stages"]["explain"]
    again.redo("causes")

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("barlow_report.lenses.causes.stage._write", killed)
        with pytest.raises(KeyboardInterrupt):
            find_causes(config, again, explained=explained, progress=SilentProgress())
    again.delete_unused_media([])  # as another stage does that is done again
    find_causes(config, again, explained=explained, progress=SilentProgress())
    pairs = again.read_table("cause_pairs")
    assert len(pairs)
    assert all(again.has_media(name) for column in ("before", "after", "difference") for name in pairs[column])


def test_predictions_from_a_table_are_not_tested(finished: tuple[Config, Run], tmp_path: Path) -> None:
    config, run = finished
    shutil.copytree(run.folder, tmp_path / "run")
    again = Run.open(tmp_path / "run")
    again.update_info(models={**again.info["models"], "inspected": None})
    again.redo("causes")
    find_causes(config, again, explained=again.info["stages"]["explain"], progress=SilentProgress())
    causes = again.read_table("causes")
    assert set(causes["verdict"]) == {"not_tested"}
    assert causes["reason"].str.contains("no inspected model").all()
    assert causes["effect"].isna().all()
    assert not len(again.read_table("cause_pairs"))


def test_a_leaf_of_three_images_is_not_tested(finished: tuple[Config, Run], tmp_path: Path) -> None:
    config, run = finished
    shutil.copytree(run.folder, tmp_path / "run")
    again = Run.open(tmp_path / "run")
    conditions = again.read_table("conditions")
    features = again.features()
    red = again.read_table("images").query("label == 1")["image_id"].to_numpy()
    third = float(pd.Series(features[red, 1]).nlargest(4).iloc[-1])
    again.write_table("conditions", conditions.assign(threshold=third))
    again.redo("causes")
    find_causes(config, again, explained=again.info["stages"]["explain"], progress=SilentProgress())
    causes = again.read_table("causes")
    small = causes[causes["reason"].str.contains("3 images can be changed, and 10 are needed", na=False)]
    assert "repair" in set(small["direction"])
    assert (small["n_images"] == 0).all()


def test_a_target_that_is_never_reached_is_said(finished: tuple[Config, Run], tmp_path: Path) -> None:
    config, run = finished
    shutil.copytree(run.folder, tmp_path / "run")
    again = Run.open(tmp_path / "run")
    again.redo("causes")
    short = config.model_copy(update={"causes": config.section("causes").model_copy(update={"radius": 0.01})})
    find_causes(short, again, explained=again.info["stages"]["explain"], progress=SilentProgress())
    causes = again.read_table("causes")
    assert causes["reason"].str.contains("no image reached the target within an L2 radius of 0.01").any()
    assert causes.loc[causes["reason"].notna(), "effect"].isna().all()
