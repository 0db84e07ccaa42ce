"""The pages of failure modes and the list of failures: every image is there, in words, in files and without script."""

import csv
import io
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from barlow_report.config import SiteConfig
from barlow_report.report import build_site
from barlow_report.report.mode_words import mode_name
from barlow_report.report.pages import Site, failures
from barlow_report.report.pages.failures import failures_page
from tests.report.conftest import Built
from tests.report.synthetic import Recipe, synthetic_source


def _data(text: str) -> dict[str, Any]:
    """The columns of a data script, by key; texts that were written once are put back."""
    found = json.loads(text[text.index("]=") + 2 : text.rindex(";")])
    for column in found["columns"]:
        if "codes" in column:
            column["values"] = [column["texts"][code] for code in column["codes"]]
    return {column["key"]: column for column in found["columns"]} | {"n": found["n"]}


def _csv(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


@pytest.fixture(scope="module")
def rule_id(demo: Built) -> int:
    """A failure mode with more images than have a picture."""
    images = demo.source.tables["mode_images"]
    pictured = set(demo.source.tables["mode_pictures"]["image_id"])
    found = {int(str(r)): set(ids) for r, ids in images.groupby("rule_id")["image_id"]}
    return next(r for r, ids in found.items() if ids & pictured and ids - pictured)


def _expected(built: Built, rule_id: int) -> pd.DataFrame:
    tables = built.source.tables
    ids = tables["mode_images"].query(f"rule_id == {rule_id} and position == 0")
    return ids.merge(tables["images"], on="image_id").merge(tables["splits"], on="image_id").set_index("image_id")


def test_the_data_of_a_mode_hold_every_image_once_those_with_a_picture_first(demo: Built, rule_id: int) -> None:
    data, expected = _data(demo.text(f"failure-modes/{rule_id}/images.js")), _expected(demo, rule_id)
    assert data["n"] == len(expected)
    ids = [int(name.removeprefix("image ")) for name in data["image"]["values"]]
    assert sorted(ids) == expected.index.tolist()
    rows, names = expected.loc[ids], demo.source.tables["classes"]["name"].tolist()
    assert data["label"]["values"] == [names[i] for i in rows["label"]]
    assert data["prediction"]["values"] == [names[i] for i in rows["prediction"]]
    assert data["confidence"]["values"] == rows["confidence"].tolist()
    assert data["split"]["values"] == ["new" if s == "held_out" else "seen" for s in rows["split"]]
    (activations,) = (column for key, column in data.items() if key.startswith("activation-"))
    assert activations["values"] == rows["activation"].tolist()
    is_wrong = (rows["label"] != rows["prediction"]).tolist()
    assert data["outcome"]["values"] == ["fails" if w else "right" for w in is_wrong]
    has_picture = [name != "" for name in data["picture"]["values"]]
    order = list(zip([not has for has in has_picture], [not w for w in is_wrong], -rows["confidence"], strict=True))
    assert order == sorted(order)
    assert any(has_picture)
    assert not all(has_picture)
    assert all((demo.site / "media" / name).is_file() for name in data["picture"]["values"] if name)


def test_the_first_images_are_there_without_script(demo: Built, rule_id: int) -> None:
    text, data = (
        demo.text(f"failure-modes/{rule_id}/index.html"),
        _data(demo.text(f"failure-modes/{rule_id}/images.js")),
    )
    tiles = re.findall(r'<li class="(fail|pass)">.*?</li>', text, re.DOTALL)
    assert len(tiles) == min(data["n"], 48)
    assert f"{data['n']} images: " in text
    assert "marked <em>held out</em>" in text
    shown = re.search(r"<b>(.*?)</b>, taken for (.*?), (\d+)\u202f%\u00a0sure", text)
    assert shown is not None
    assert shown.groups() == (
        data["label"]["values"][0],
        data["prediction"]["values"][0],
        f"{data['confidence']['values'][0] * 100:.0f}",
    )


def test_a_mode_links_to_its_evidence_and_everything_leads_to_it(demo: Built, rule_id: int) -> None:
    site = Site.from_source(demo.source)
    rule = site.catalog.rules[rule_id]
    assert f'href="../../{site.rule_path(rule)}"' in demo.text(f"failure-modes/{rule_id}/index.html")
    assert f'href="../failure-modes/{rule_id}/index.html"' in demo.text("failure-modes/index.html")
    assert f"failure-modes/{rule_id}/index.html" in demo.text("data/jump.js")
    assert f"failure-modes/{rule_id}/index.html" in demo.text("search/search_index.json")


def test_the_table_of_modes_shows_an_image_that_fails_and_what_it_lacks(demo: Built) -> None:
    data, tables = _data(demo.text("data/failure-modes.js")), demo.source.tables
    first = tables["galleries"].query("is_failure").sort_values("rank").drop_duplicates("rule_id")
    failing = first.set_index("rule_id")["thumbnail"]
    sides = tables["conditions"].groupby("rule_id")["branch"].agg(list)
    for path, picture, features in zip(
        data["images"]["paths"], data["picture"]["values"], data["picture"]["features"], strict=True
    ):
        rule_id = int(path.split("/")[1])
        assert picture == failing[rule_id]
        assert [word for _, _, word in features] == [
            {"le": "lacks this", "gt": "has this"}[side] for side in sides[rule_id]
        ]


def test_lists_of_a_report_without_paths_hold_none_and_say_why_files_are_missing(demo: Built, rule_id: int) -> None:
    rows = _csv(demo.text(f"failure-modes/{rule_id}/images.csv"))
    expected = _expected(demo, rule_id)
    assert sorted(int(row["image_id"]) for row in rows) == expected.index.tolist()
    assert "path" not in rows[0]
    assert all(row["digest"] == f"{int(row['image_id']):032x}" for row in rows)
    assert {row["split"] for row in rows} == {"fit", "held_out"}
    page = demo.text(f"failure-modes/{rule_id}/index.html")
    assert "which need the paths of the images" in page
    for name in ("samples.json", "label-studio.json"):
        assert not (demo.site / "failure-modes" / str(rule_id) / name).exists()


def test_lists_of_hostile_names_are_read_back_as_they_were(hostile: Built) -> None:
    modes = hostile.source.tables["mode_images"]["rule_id"].unique().tolist()
    images = hostile.source.tables["images"].set_index("image_id")
    names = hostile.source.tables["classes"]["name"].tolist()
    catalog = Site.from_source(hostile.source).catalog
    for rule_id in modes:
        folder, rule = f"failure-modes/{rule_id}", catalog.rules[rule_id]
        rows = _csv(hostile.text(f"{folder}/images.csv"))
        assert not any(value.startswith(("=", "+", "-", "@", "\t")) for row in rows for value in row.values())
        samples = json.loads(hostile.text(f"{folder}/samples.json"))["samples"]
        tasks = json.loads(hostile.text(f"{folder}/label-studio.json"))
        ids = [int(row["image_id"]) for row in rows]
        assert [sample["image_id"] for sample in samples] == [task["data"]["image_id"] for task in tasks] == ids
        for image_id, row, sample, task in zip(ids, rows, samples, tasks, strict=True):
            image = images.loc[image_id]
            path = image["path"]
            assert row["path"] in (path, f"'{path}")
            assert sample["filepath"] == path
            assert sample["ground_truth"]["_cls"] == sample["prediction"]["_cls"] == "Classification"
            assert sample["prediction"]["confidence"] == image["confidence"]
            is_wrong = image["label"] != image["prediction"]
            assert sample["tags"][:2] == ["fails" if is_wrong else "right", "fit"]
            assert sample["tags"][2:] == [mode_name(catalog.groups[rule.group_id], rule)]
            assert sample["eval"] == (not is_wrong), "as FiftyOne's evaluation of classifications writes it"
            assert task["data"]["image"].startswith("/data/local-files/?d=")
            assert not set("<>\"' &?#") & set(task["data"]["image"].partition("?d=")[2])
    assert any("script" in name for name in names)


def test_all_failures_are_listed_with_their_modes(demo: Built) -> None:
    data, rows = _data(demo.text("data/failures.js")), _csv(demo.text("data/failures.csv"))
    images, in_modes = demo.source.tables["images"], demo.source.tables["mode_images"]
    wrong = images[images["label"] != images["prediction"]]
    assert [int(row["image_id"]) for row in rows] == wrong["image_id"].tolist()
    expected = in_modes.drop_duplicates(["rule_id", "image_id"]).groupby("image_id")["rule_id"].agg(sorted).to_dict()
    for row in rows:
        assert [int(rule_id) for rule_id in row["rule_ids"].split()] == expected.get(int(row["image_id"]), [])
    assert data["n"] == len(wrong)
    ids = [int(name.removeprefix("image ")) for name in data["image"]["values"]]
    for image_id, places in zip(ids, data["mode"]["values"], strict=True):
        paths = [data["mode"]["links"][place][1] for place in places]
        assert paths == [f"failure-modes/{rule_id}/index.html" for rule_id in expected.get(image_id, [])]
    assert data["confidence"]["values"] == sorted(data["confidence"]["values"], reverse=True)


def test_a_long_list_of_failures_is_cut_and_says_so(demo: Built, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failures, "_MOST_LISTED", 7)
    site = Site.from_source(demo.source)
    view = failures_page(site).view()
    assert isinstance(view, failures.FailuresView)
    images = site.catalog.images
    surest = np.sort(images.confidence[images.is_failure])[::-1]
    assert [row[4] for row in view.table.rows] == surest[:7].tolist()
    assert (view.n_listed, view.n_failures) == (7, int(images.is_failure.sum()))


def test_a_run_of_an_earlier_version_says_how_to_get_the_images(tmp_path: Path) -> None:
    source = synthetic_source(tmp_path / "run", Recipe(n_classes=2, n_pictures=4))
    old = {n: t for n, t in source.tables.items() if n not in ("mode_images", "mode_pictures", "contents")}
    build_site(replace(source, tables=old), site=tmp_path / "site")
    (page, *_) = sorted((tmp_path / "site" / "failure-modes").glob("*/index.html"))
    text = page.read_text(encoding="utf-8")
    assert "This run does not record which images these are." in text
    assert 'class="fail"' in text
    assert not (page.parent / "images.csv").exists()


def test_images_in_archives_have_no_files_to_name(tmp_path: Path) -> None:
    settings = SiteConfig(show_paths=True)
    source = synthetic_source(tmp_path / "run", Recipe(n_classes=2, n_pictures=4, site=settings))
    config = {**source.info["config"], "data": {"webdataset": {"shards": "x.tar"}}}
    build_site(replace(source, info={**source.info, "config": config}), site=tmp_path / "site")
    (page, *_) = sorted((tmp_path / "site" / "failure-modes").glob("*/index.html"))
    assert "are in archives" in page.read_text(encoding="utf-8")
    assert not (page.parent / "samples.json").exists()
    assert "path" in _csv((page.parent / "images.csv").read_text(encoding="utf-8"))[0]
