"""Suspected cues on the toy task: a green mark makes red squares be taken for blue ones."""

import csv
import io
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from playwright.sync_api import Browser

from barlow_report import pipeline
from barlow_report.config import Config, load_config
from barlow_report.errors import ConfigError, DataError
from barlow_report.lenses.attributes.places import mode_columns
from barlow_report.lenses.attributes.records import read_attributes
from barlow_report.progress import SilentProgress
from barlow_report.report.links import broken_links
from barlow_report.report.pages import Site
from barlow_report.run_folder import Run
from barlow_report.stages.site import _source
from tests.pipeline.toy import write_task
from tests.report.test_browser import violations

HOSTILE = "</script><img src=x onerror=alert(1)>"
COLUMNS = ["mark", HOSTILE, "camera", "once", "always", "empty"]


def configure(folder: Path, **sections: Any) -> Config:
    """Give the toy task a manifest: the mark itself, missing for some; three cameras; and columns that tell nothing."""
    path = folder / "toy.yaml"
    if not path.is_file():
        write_task(folder)
    paths = sorted(str(p.relative_to(folder)) for p in (folder / "images").rglob("*.png"))
    number = np.arange(len(paths))
    table = pd.DataFrame({"path": paths, "label": [p.split("/")[1] for p in paths]})
    is_marked = (table["label"] == "red") & (np.array([int(Path(p).stem) for p in paths]) % 3 == 0)
    table["mark"] = np.where(number % 10 == 7, "", np.where(is_marked, "present", "absent"))
    table[HOSTILE] = np.where(number % 4 < 2, "=1+1", "<b>")
    table["camera"] = np.array(["a", "b", "c"])[number * 7 % 31 % 3]
    table["once"] = np.where(number == 200, "yes", "no")
    table["always"], table["empty"], table["number"] = "yes", "", number
    table.to_csv(folder / "list.csv", index=False)
    values = yaml.safe_load(path.read_text()) | {"data": {"manifest": "list.csv"}, "directions": {}, **sections}
    path.write_text(yaml.safe_dump(values))
    return load_config(path)


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    return configure(tmp_path_factory.mktemp("attributes"), attributes=COLUMNS)  # a bare list


@pytest.fixture(scope="module")
def run(config: Config) -> Run:
    folder = Path(str(config.data.manifest)).with_name("run")
    pipeline.run(config, folder=folder, site=folder.with_name("site"))
    return Run.open(folder)


@pytest.fixture(scope="module")
def site(run: Run) -> Path:
    return run.folder.with_name("site")


def _words(path: Path) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", "", path.read_text(encoding="utf-8"))).replace("\u202f", " ")


def _of_red(run: Run) -> pd.DataFrame:
    groups, rules = run.read_table("groups"), run.read_table("rules")
    red = groups[(groups["grouping"] == "label") & (groups["name"] == "red")]["group_id"].item()
    rule = rules[(rules["group_id"] == red) & (rules["verdict"] == "verified")]["rule_id"].item()
    found = run.read_table("mode_attributes")
    return found[found["rule_id"] == rule].set_index(["column", "value"])


def test_the_cue_has_the_largest_phi_and_counts_are_those_of_the_manifest(config: Config, run: Run) -> None:
    found = _of_red(run)
    mark = found.loc["mark", "present"]
    assert mark["phi"] == found["phi"].abs().max() == 1.0
    assert 0.7 < mark["phi_low"] < mark["phi_high"] == 1.0
    assert mark["q_value"] < 0.001
    table = pd.read_csv(str(config.data.manifest), keep_default_na=False).query("label == 'red'")
    assert mark["n_inside"] + mark["n_outside"] + mark["n_missing"] == len(table) == 120
    assert mark["n_missing"] == (table["mark"] == "").sum() == 12
    assert mark["n_inside_with"] == mark["n_inside"] == (table["mark"] == "present").sum()
    assert (mark["n_outside_with"], mark["images"]) == (0, "all")
    assert found.drop(("mark", "present"))["phi"].abs().max() < 0.3


def test_two_values_are_one_question_and_what_cannot_be_tested_says_why(run: Run) -> None:
    found = _of_red(run)
    assert [value for column, value in found.index if column == "camera"] == ["a", "b", "c"]
    assert [value for column, value in found.index if column == "mark"] == ["present"]
    assert found.loc[("once", "yes"), "status"] == "too_few_images"
    assert found.loc[("always", "yes"), "status"] == "constant"
    assert "empty" not in found.index.get_level_values("column")
    untested = found[found["status"] != "tested"]
    assert untested[["phi", "phi_low", "phi_high", "p_value", "q_value"]].isna().all(axis=None)
    values = run.read_table("attribute_values").set_index(["column", "value"])
    assert values.loc[("empty", ""), "n_images"] == 240
    images = run.read_table("images")
    assert values.loc["camera", "n_failures"].sum() == (images["label"] != images["prediction"]).sum()


def test_directions_are_compared_on_images_they_were_not_fitted_to(run: Run) -> None:
    found = run.read_table("direction_attributes")
    mark = found[(found["column"] == "mark") & (found["status"] == "tested")].iloc[0]
    assert mark["auroc"] < 0.2  # marked squares are the hardest
    assert mark["images"] == "held_out"
    placed = run.read_table("directions")
    labels = run.read_table("images")["label"].to_numpy()
    n = (placed["is_held_out"] & (labels[placed["image_id"]] == mark["class_id"])).sum()
    assert mark["n_with"] + mark["n_without"] + mark["n_missing"] == n


def test_held_out_images_are_counted_where_rules_were_tested_on_them(config: Config, tmp_path: Path) -> None:
    rules = config.rules.model_copy(update={"evidence": "held_out"})
    other = pipeline.compute(config.model_copy(update={"rules": rules}), folder=tmp_path / "run", until="attributes")
    found = other.read_table("mode_attributes")
    assert set(found["images"]) == {"held_out"}
    label = found[(found["column"] == "always")].iloc[0]
    assert label["n_inside"] + label["n_outside"] < 60


def test_the_pages_say_it_and_nothing_in_them_runs(site: Path) -> None:
    assert broken_links(site)[0] == []
    page = site / "suspected-cues/index.html"
    words = _words(page)
    assert "go together with a suspected cue beyond chance" in words or "goes together with" in words
    assert "none were held out from their rules" in words
    assert "24 images without a value in mark are left out there" in words
    assert "240 images without a value in empty are left out there" in words
    classes = "\n".join(_words(p) for p in site.glob("classes/*/index.html"))
    assert re.search(r"mark = present: 100 % of the images of this failure mode have it \(\d+/\d+\)", classes)
    for path in (page, *site.glob("classes/*/index.html")):
        assert "<img src=x" not in path.read_text(encoding="utf-8")
        assert "nan" not in _words(path).lower().split()
    assert "phi is the correlation" in _words(site / "method/index.html")


def test_the_table_of_failure_modes_names_the_cue_that_goes_together_most(run: Run, site: Path) -> None:
    words = _words(site / "failure-modes/index.html")
    assert "mark = present" in words
    source = _source(run, images=None, progress=SilentProgress())
    catalog = Site.from_source(source)
    view = read_attributes(source)
    assert view is not None
    columns = mode_columns(catalog, view)
    assert [column.key for column in columns.columns] == ["suspected-cue", "phi"]
    of_red = next(rule_id for rule_id, found in view.modes.items() if found[0].column == "mark")
    rule = catalog.catalog.rules[of_red]
    assert columns.cells(rule) == ("mark = present", 1.0)
    chance = tuple(replace(cue, q_value=1.0) for cue in view.modes[of_red])
    assert mode_columns(catalog, replace(view, modes={of_red: chance})).cells(rule) == ("none beyond chance", None)
    untested = tuple(replace(cue, q_value=None, measure=None) for cue in view.modes[of_red])
    assert mode_columns(catalog, replace(view, modes={of_red: untested})).cells(rule) == (None, None)
    assert mode_columns(catalog, replace(view, modes={})).cells(rule) == (None, None)


def test_the_download_has_every_pair_and_no_formula(run: Run, site: Path) -> None:
    text = (site / "data/attributes.csv").read_text(encoding="utf-8")
    found = list(csv.DictReader(io.StringIO(text)))
    assert len(found) == len(run.read_table("mode_attributes"))
    assert ",=1+1," not in text
    largest = max(found, key=lambda row: abs(float(row["phi"] or 0)))
    assert (largest["column"], largest["cause_verdict"]) == ("mark", "")
    directions = list(csv.DictReader(io.StringIO((site / "data/direction-attributes.csv").read_text(encoding="utf-8"))))
    assert len(directions) == len(run.read_table("direction_attributes"))


def test_another_column_repeats_this_and_no_other_stage_and_none_drops_it(config: Config, run: Run) -> None:
    before = run.info["stages"]
    section = config.section("attributes")
    fewer = config.model_copy(update={"attributes": section.model_copy(update={"columns": ("camera",)})})
    none = config.model_copy(update={"attributes": None})
    try:
        again = pipeline.compute(fewer, folder=run.folder)
        assert set(again.read_table("mode_attributes")["column"]) == {"camera"}
        changed = {key for key, mark in again.info["stages"].items() if mark != before.get(key)}
        assert changed == {"attributes"}
        dropped = pipeline.compute(none, folder=run.folder)
        assert not any(dropped.has_table(n) for n in ("attributes", "mode_attributes", "attribute_values"))
    finally:
        pipeline.compute(config, folder=run.folder)
    assert run.info["stages"] == before


def test_columns_that_name_suspects_make_no_groups(run: Run) -> None:
    assert set(run.read_table("groups")["grouping"]) == {"label", "prediction"}


def test_mistakes_are_one_clear_error_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"column 'number' has 240 different values, expected at most 20"):
        pipeline.compute(configure(tmp_path, attributes={"columns": ["number"]}), folder=tmp_path / "run")
    with pytest.raises(DataError, match="found 0 columns 'handle'"):
        pipeline.compute(configure(tmp_path, attributes=["handle"]), folder=tmp_path / "run")
    assert not (tmp_path / "run" / "features.npy").exists()
    with pytest.raises(ConfigError, match="'mark' again"):
        configure(tmp_path, attributes=["mark", "mark"])
    with pytest.raises(ConfigError, match="at least 1 item"):
        configure(tmp_path, attributes=[])
    with pytest.raises(ConfigError, match=r"'attributes' goes with 'data\.manifest'"):
        load_config(write_task(tmp_path / "other", n_per_class=2, settings={"attributes": ["mark"]}))


@pytest.mark.browser
def test_the_page_is_accessible(site: Path, browser: Browser) -> None:
    page = browser.new_page(viewport={"width": 360, "height": 800})
    page.goto((site / "suspected-cues/index.html").as_uri())
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    page.close()
