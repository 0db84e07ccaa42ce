"""Confused pairs, unions and columns of a manifest, from the configuration to the site."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from barlow_report import pipeline
from barlow_report.config import Config, load_config
from barlow_report.errors import ConfigError, DataError
from barlow_report.report.links import broken_links
from barlow_report.rules import leaf_members
from barlow_report.run_folder import Run
from tests.pipeline.toy import write_task

HOSTILE = "</script><img src=x onerror=alert(1)>"
RULES: dict[str, Any] = {
    "confused_pairs": 3,
    "unions": {"every <colour>": ["blue", "red"]},
    "manifest_columns": ["hospital", "<b>night"],
}


def configure(folder: Path, **rules: Any) -> Config:
    """Give the toy task a manifest with two further columns, one of them of hostile values."""
    path = folder / "toy.yaml"
    if not path.is_file():
        write_task(folder)
    paths = sorted(str(p.relative_to(folder)) for p in (folder / "images").rglob("*.png"))
    number = np.arange(len(paths))
    table = pd.DataFrame({"path": paths, "label": [p.split("/")[1] for p in paths]})
    table["hospital"] = np.array([HOSTILE, "=1+1", "Zürich\u202e"], dtype=object)[number // 3 % 3]
    table["<b>night"] = np.where(number % 2 == 0, "yes", "")
    table.to_csv(folder / "list.csv", index=False)
    values = yaml.safe_load(path.read_text()) | {"data": {"manifest": "list.csv"}, "rules": {**RULES, **rules}}
    path.write_text(yaml.safe_dump(values))
    return load_config(path)


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    return configure(tmp_path_factory.mktemp("groups"))


@pytest.fixture(scope="module")
def run(config: Config) -> Run:
    folder = Path(str(config.data.manifest)).with_name("run")
    pipeline.run(config, folder=folder, site=folder.with_name("site"))
    return Run.open(folder)


def _members(run: Run, group_id: int) -> np.ndarray:
    memberships = run.read_table("memberships")
    return np.isin(
        np.arange(len(run.read_table("images"))), memberships[memberships["group_id"] == group_id]["image_id"]
    )


def test_every_kind_of_group_is_explained_after_the_classes(run: Run) -> None:
    groups = run.read_table("groups")
    assert list(zip(groups["grouping"], groups["name"], strict=True)) == [
        ("label", "blue"),
        ("label", "red"),
        ("prediction", "blue"),
        ("prediction", "red"),
        ("confused_pairs", "red → blue"),
        ("unions_by_label", "every <colour>"),
        ("unions_by_prediction", "every <colour>"),
        ("column hospital", HOSTILE),
        ("column hospital", "=1+1"),
        ("column hospital", "Zürich\u202e"),
        ("column <b>night", "yes"),
    ]


def test_members_and_counts_are_those_of_the_manifest(config: Config, run: Run) -> None:
    table = pd.read_csv(str(config.data.manifest)).set_index("path")
    images, groups = run.read_table("images"), run.read_table("groups").set_index("group_id")
    hospital = table.loc[images["path"], "hospital"].to_numpy()
    np.testing.assert_array_equal(_members(run, 7), hospital == HOSTILE)
    np.testing.assert_array_equal(_members(run, 10), table.loc[images["path"], "<b>night"].to_numpy() == "yes")
    failure = (images["label"] != images["prediction"]).to_numpy()
    held_out = (run.read_table("splits")["split"] == "held_out").to_numpy()
    conditions = dict(tuple(run.read_table("conditions").groupby("rule_id")))
    rules = run.read_table("rules")
    others = rules[rules["group_id"] >= 4]
    assert (others["verdict"] == "verified").sum() >= 5
    for rule in others.itertuples():
        members = _members(run, rule.group_id)
        group = groups.loc[rule.group_id]
        assert group["n_failures"] == (members & failure & ~held_out).sum()
        leaf = members & leaf_members(run.features(), conditions[rule.rule_id])
        assert (rule.n_images, rule.n_images_held_out) == ((leaf & ~held_out).sum(), (leaf & held_out).sum())


def test_pictures_of_a_group_are_of_its_images(run: Run) -> None:
    rules = run.read_table("rules").set_index("rule_id")
    galleries, tiles = run.read_table("galleries"), run.read_table("tiles")
    for group_id in range(4, 11):
        members = _members(run, group_id)
        of_rules = galleries[galleries["rule_id"].map(rules["group_id"]) == group_id]
        of_group = tiles[tiles["group_id"] == group_id]
        assert len(of_rules)
        assert len(of_group)
        assert members[of_rules["image_id"]].all()
        assert members[of_group["image_id"]].all()


def test_the_site_has_a_page_for_each_group_and_nothing_in_it_runs(run: Run) -> None:
    site = run.folder.with_name("site")
    assert broken_links(site)[0] == []
    for group_id in range(4, 11):
        assert (site / f"groups/{group_id}/index.html").is_file()
    for path in site.rglob("*"):
        if path.suffix in (".html", ".json") and path.name != "search_index.js":
            assert "<img src=x" not in path.read_text(encoding="utf-8"), path
    assert ",'=1+1," in (site / "data/rules.csv").read_text(encoding="utf-8")


def test_another_column_repeats_the_rules_and_not_the_features(config: Config, run: Run) -> None:
    features = (run.folder / "features.npy").stat().st_mtime_ns
    before = run.info["stages"]
    other = config.model_copy(update={"rules": config.rules.model_copy(update={"manifest_columns": ("hospital",)})})
    try:
        again = pipeline.compute(other, folder=run.folder, until="explain")
        assert set(again.read_table("attributes")["column"]) == {"hospital"}
        assert len(again.read_table("groups")) == 10
        assert again.info["stages"]["extract"] == before["extract"]
        assert again.info["stages"]["explain"] != before["explain"]
        none = config.model_copy(update={"rules": config.rules.model_copy(update={"manifest_columns": ()})})
        assert not pipeline.compute(none, folder=run.folder, until="explain").has_table("attributes")
    finally:
        pipeline.compute(config, folder=run.folder)
    assert (run.folder / "features.npy").stat().st_mtime_ns == features
    assert run.info["stages"] == before


def test_a_changed_value_repeats_the_rules(tmp_path: Path) -> None:
    config = configure(tmp_path, manifest_columns=["hospital"])
    before = pipeline.compute(config, folder=tmp_path / "run", until="explain").info["stages"]
    manifest = Path(str(config.data.manifest))
    manifest.write_text(manifest.read_text().replace("=1+1", "Bern"))
    run = pipeline.compute(config, folder=tmp_path / "run", until="explain")
    assert run.info["stages"]["extract"] == before["extract"]
    assert run.info["stages"]["explain"] != before["explain"]
    assert "Bern" in run.read_table("groups")["name"].tolist()


def test_mistakes_come_out_before_any_work(tmp_path: Path) -> None:
    config = configure(tmp_path, unions={"pair": ["blue", "rde"]})
    with pytest.raises(ConfigError, match=r"'pair' names 'rde'.*did you mean 'red'"):
        pipeline.compute(config, folder=tmp_path / "run")
    with pytest.raises(DataError, match="found 0 columns 'ward'"):
        pipeline.compute(configure(tmp_path, manifest_columns=["ward"]), folder=tmp_path / "run")
    assert not (tmp_path / "run" / "features.npy").exists()


def test_columns_without_a_manifest_are_refused(tmp_path: Path) -> None:
    path = write_task(tmp_path, settings={"rules": {"manifest_columns": ["hospital"]}})
    with pytest.raises(ConfigError, match=r"goes with 'data\.manifest'"):
        load_config(path)


def test_a_run_may_explain_the_groups_of_columns_alone(tmp_path: Path) -> None:
    config = configure(tmp_path, groupings=[], unions={}, confused_pairs=0, n_resamples=0, n_shuffles=199)
    pipeline.run(config, folder=tmp_path / "run", site=tmp_path / "site")
    groups = Run.open(tmp_path / "run").read_table("groups")
    assert set(groups["grouping"]) == {"column hospital", "column <b>night"}
    assert broken_links(tmp_path / "site")[0] == []
    overview = (tmp_path / "site" / "index.html").read_text()
    assert "most important: images whose &lt;b&gt;night is yes, " in overview
    assert "Classes were not analysed by themselves" in (tmp_path / "site" / "classes" / "index.html").read_text()


def test_nothing_to_explain_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"'rules.groupings: \[\]' leaves nothing to explain"):
        configure(tmp_path, groupings=[], manifest_columns=[], unions={}, confused_pairs=0)
    with pytest.raises(ConfigError, match="unions are made for each of groupings"):
        configure(tmp_path, groupings=[])
