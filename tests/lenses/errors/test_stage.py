"""The table of failures, whatever else a run has found."""

from pathlib import Path

from barlow_report import pipeline
from barlow_report.config import load_config
from tests.pipeline.toy import write_task


def test_failures_are_listed_where_no_group_has_a_rule(tmp_path: Path) -> None:
    settings = {"rules": {"min_images": 1000}, "directions": {}, "visuals": {"attack": "none"}}
    config = load_config(write_task(tmp_path, n_per_class=40, settings=settings))
    run = pipeline.compute(config, folder=tmp_path / "run")
    errors, images = run.read_table("errors"), run.read_table("images")
    fails = images["label"] != images["prediction"]
    assert len(run.read_table("rules")) == 0
    assert errors["image_id"].tolist() == images.loc[fails, "image_id"].tolist() != []
    assert set(errors["rule_ids"]) == {""}
