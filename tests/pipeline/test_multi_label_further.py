"""A pool and training images beside the data of a multi-label model: read and counted for each output."""

import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from barlow_report import pipeline
from barlow_report.config import load_config
from barlow_report.errors import DataError
from barlow_report.progress import SilentProgress
from barlow_report.report.links import broken_links
from barlow_report.run_folder import Run
from barlow_report.slugs import slugs
from barlow_report.stages.forecast import forecast
from tests.pipeline.things import THINGS, scores, write_things

RED, BLUE, MARK = slugs(THINGS)


def write_further(folder: Path, *, n: int, seed: int) -> pd.DataFrame:
    """Scenes with a manifest of their own; return it. Of every tenth it is not known whether it has a blue patch."""
    write_things(folder, n=n, seed=seed)
    return pd.read_csv(folder / "labels.csv")


def with_further(config: Path, **sections: Any) -> Path:
    values = yaml.safe_load(config.read_text())
    further = {"pool": {"manifest": "pool/labels.csv"}, "training": {"manifest": "train/labels.csv"}}
    config.write_text(yaml.safe_dump(values | further | sections))
    return config


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The configuration of a finished run, with its site beside it."""
    folder = tmp_path_factory.mktemp("further")
    config = with_further(write_things(folder))
    write_further(folder / "pool", n=120, seed=1)
    write_further(folder / "train", n=90, seed=2)
    pipeline.run(load_config(config), folder=folder / "run", site=folder / "site")
    return config


def _labels(folder: Path, name: str) -> np.ndarray:
    return np.asarray(pd.read_csv(folder / "labels.csv")[name])


def _meets(folder: Path, run: Run, rule_id: int) -> np.ndarray:
    """Which scenes meet a rule of one condition on the mean red, green or blue, computed without the product."""
    conditions = run.read_table("conditions")
    ((feature_id, branch, threshold),) = conditions.loc[
        conditions["rule_id"] == rule_id, ["feature_id", "branch", "threshold"]
    ].to_numpy()
    logits = scores(folder)
    green = (logits[:, 2] + 3.6) / 30
    colours = np.column_stack([(logits[:, 0] + 2 + 60 * green) / 30, green, (logits[:, 1] + 5.7) / 30])
    values = colours[:, int(feature_id)]
    return np.asarray(values > threshold if branch == "gt" else values <= threshold)


def _positive_mode(run: Run) -> int:
    """The rule of the verified failure mode among images that are positive for the output."""
    groups, rules = run.read_table("groups"), run.read_table("rules")
    positive = groups.loc[(groups["grouping"] == "label") & (groups["class_id"] == 1), "group_id"]
    return int(rules.loc[(rules["verdict"] == "verified") & rules["group_id"].isin(positive), "rule_id"].iloc[0])


def test_candidates_are_images_of_the_pool_that_are_positive_for_the_output_and_meet_the_rule(finished: Path) -> None:
    run = Run.open(finished.parent / "run" / RED)
    rule_id = _positive_mode(run)
    is_red, meets = _labels(finished.parent / "pool", "red patch") == 1, _meets(finished.parent / "pool", run, rule_id)
    row = run.read_table("pool_modes").set_index("rule_id").loc[rule_id]
    assert row["n_may_be_of_class"] == row["n_by_label"] + (is_red & ~meets).sum() == is_red.sum()
    assert row["n_candidates"] == (is_red & meets).sum() > 10
    candidates = run.read_table("pool_candidates")
    listed = candidates[candidates["rule_id"] == rule_id].merge(run.read_table("pool_images"), on="pool_image_id")
    rows = [int(Path(path).stem) for path in listed["path"]]
    assert sorted(rows) == np.flatnonzero(is_red & meets).tolist()
    assert (listed["label"] == 1).all()
    fails = scores(finished.parent / "pool")[rows, 0] < 0
    assert (listed["prediction"].to_numpy() == 0).tolist() == fails.tolist()


def test_what_is_not_known_of_an_output_leaves_an_image_without_a_label_for_it_alone(finished: Path) -> None:
    for slug, n_unlabelled in ((RED, 0), (BLUE, 12), (MARK, 0)):
        summary = Run.open(finished.parent / "run" / slug).read_table("pool_summary").iloc[0]
        assert (summary["n_labelled"], summary["n_unlabelled"]) == (120 - n_unlabelled, n_unlabelled)
        training = Run.open(finished.parent / "run" / slug).read_table("training_summary").iloc[0]
        assert training["n_unlabelled"] == (9 if slug == BLUE else 0)


def test_training_images_of_the_mode_count_as_much_as_the_others_that_are_positive(finished: Path) -> None:
    run = Run.open(finished.parent / "run" / RED)
    rule_id = _positive_mode(run)
    train = finished.parent / "train"
    is_red, meets = _labels(train, "red patch") == 1, _meets(train, run, rule_id)
    row = run.read_table("training_modes").set_index("rule_id").loc[rule_id]
    n, m = is_red.sum(), (is_red & meets).sum()
    assert (row["n_class"], row["n_meets"]) == (n, m)
    weights = np.load(run.folder / "weights" / "weights.npy")
    factor = max((n - m) / m, 1)
    assert row["factor"] == pytest.approx(factor)
    if run.read_table("training_modes")["factor"].gt(1).sum() == 1:
        assert np.flatnonzero(weights > weights.min()).tolist() == np.flatnonzero(is_red & meets).tolist()


def test_the_pages_of_each_output_speak_of_it(finished: Path) -> None:
    site = finished.parent / "site"
    assert broken_links(site)[0] == []
    page = (site / RED / "collect/index.html").read_text(encoding="utf-8")
    assert "positive for red patch" in page
    assert "The pool has 120 images." in page
    assert "positive for red patch" in (site / RED / "training/index.html").read_text(encoding="utf-8")


def _copied(finished: Path, tmp_path: Path, **sections: Any) -> Path:
    shutil.copytree(finished.parent, tmp_path / "copy", copy_function=shutil.copy2)
    return with_further(tmp_path / "copy" / finished.name, **sections)


def test_a_manifest_without_the_columns_is_a_pool_without_labels(finished: Path, tmp_path: Path) -> None:
    config = _copied(finished, tmp_path)
    table = pd.read_csv(config.parent / "pool/labels.csv")
    table[["path", "mark"]].to_csv(config.parent / "pool/labels.csv", index=False)
    pipeline.compute_folder(load_config(config), folder=config.parent / "run", until="pool")
    red, mark = (Run.open(config.parent / "run" / slug) for slug in (RED, MARK))
    assert red.read_table("pool_summary")["n_unlabelled"].item() == 120
    assert set(red.read_table("pool_candidates")["basis"]) <= {"prediction", "taken_for"}
    assert "There is no column 'red patch'" in red.info["assumptions"]["pool"]["labels"]
    assert mark.read_table("pool_summary")["n_labelled"].item() == 120


def test_training_images_without_the_column_are_refused_with_its_name(finished: Path, tmp_path: Path) -> None:
    config = _copied(finished, tmp_path)
    table = pd.read_csv(config.parent / "train/labels.csv")
    table[["path"]].to_csv(config.parent / "train/labels.csv", index=False)
    with pytest.raises(DataError, match=r"training: found no image with a label for 'red patch'. Give a manifest with"):
        pipeline.compute_folder(load_config(config), folder=config.parent / "run", until="training")


def test_something_else_than_a_label_is_refused_with_its_row(finished: Path, tmp_path: Path) -> None:
    config = _copied(finished, tmp_path)
    table = pd.read_csv(config.parent / "pool/labels.csv", dtype=str)
    table.loc[4, "red patch"] = "maybe"
    table.to_csv(config.parent / "pool/labels.csv", index=False)
    with pytest.raises(DataError, match=r"^pool: .*column 'red patch' holds 'maybe' in row 5, expected 1"):
        pipeline.compute_folder(load_config(config), folder=config.parent / "run", until="pool")


def test_a_column_of_lists_says_the_same(finished: Path, tmp_path: Path) -> None:
    listed = {"classes": list(THINGS), "label_list": "things"}
    config = _copied(finished, tmp_path, pool={"manifest": "pool/labels.parquet"})
    values = yaml.safe_load(config.read_text())
    config.write_text(yaml.safe_dump({**values, "data": {"manifest": "labels.parquet", **listed}}))
    for folder in (config.parent, config.parent / "pool"):
        table = pd.read_csv(folder / "labels.csv")
        lists = [[name for name in THINGS if row[name] == 1] for row in table.to_dict("records")]
        pd.DataFrame({"path": table["path"], "things": lists}).to_parquet(folder / "labels.parquet")
    pipeline.compute_folder(load_config(config), folder=config.parent / "lists", until="pool")
    same = [Run.open(config.parent / run / RED).read_table("pool_candidates") for run in ("run", "lists")]
    assert same[0]["pool_image_id"].tolist() == same[1]["pool_image_id"].tolist()


def test_what_the_passes_would_take_is_said_before(finished: Path) -> None:
    config = load_config(finished)
    said = {part.key: part.text for part in forecast(config, finished.parent / "run", progress=SilentProgress())}
    assert re.fullmatch(r"about \d+ s, 0\.1 MB: 120 images; a pass for each of 3 outputs", said["pool_pass"])
    assert re.fullmatch(r"about \d+ s, 0\.1 MB: 90 images; a pass for each of 3 outputs", said["training_pass"])
    assert said["pool"].endswith("for each of 3 outputs")
