"""Features that are given with images: failure modes and their pictures, and no model at all.

Red squares with a green mark are taken for blue ones; the second of three features says whether there is a mark.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from typer.testing import CliRunner

from barlow_report.cli import app
from barlow_report.run_folder import Run
from tests.blocking import without
from tests.pipeline.test_table_run import run_of, text_of
from tests.pipeline.toy import write_image

_N = 60


def _write(folder: Path, *, data: Mapping[str, object] | None = None, **sections: object) -> Path:
    """Images, a table in which every third red square fails, and features of its rows."""
    rows = [(colour, index, colour == "red" and index % 3 == 0) for colour in ("red", "blue") for index in range(_N)]
    for position, (colour, index, marked) in enumerate(rows):
        write_image(folder / f"images/{colour}/{index:02}.png", colour=colour, marked=marked, seed=position)
    table = pd.DataFrame(
        {
            "path": [f"{colour}/{index:02}.png" for colour, index, _ in rows],
            "label": [colour for colour, _, _ in rows],
            "prediction": ["blue" if marked else colour for colour, _, marked in rows],
        }
    )
    table.to_csv(folder / "table.csv", index=False)
    features = np.random.default_rng(0).normal(size=(len(rows), 3)).astype(np.float32)
    features[:, 1] = np.where([marked for _, _, marked in rows], 3.0, 0.0) + features[:, 1] * 0.1
    np.save(folder / "features.npy", features)
    config = folder / "config.yaml"
    given = {"manifest": "table.csv", "image_root": "images", "features": "features.npy", **(data or {})}
    quick = {"visuals": {"n_images": 4, "n_gallery": 4}}
    config.write_text(yaml.safe_dump({"name": "given", "data": given, **quick, **sections}), encoding="utf-8")
    return config


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("given")
    result = run_of(_write(folder, directions={}))
    assert result.exit_code == 0, result.output
    return folder


def test_the_failure_mode_is_found_by_its_feature_and_has_pictures(built: Path) -> None:
    run = Run.open(built / "run")
    rules = run.read_table("rules")
    verified = rules[rules["verdict"] == "verified"]
    conditions = run.read_table("conditions")
    assert set(conditions[conditions["rule_id"].isin(verified["rule_id"])]["feature_id"]) == {1}
    np.testing.assert_array_equal(run.features(), np.load(built / "features.npy"))
    tiles = run.read_table("tiles")
    assert tiles[["map", "heatmap", "attack", "attacked_activation"]].isna().all(axis=None)
    expected = [run.features()[i, f] for i, f in zip(tiles["image_id"], tiles["feature_id"], strict=True)]
    assert tiles["activation"].tolist() == [float(value) for value in expected]
    first = tiles[tiles["rank"] == 1].iloc[0]
    path = run.read_table("images")["path"][first["image_id"]]
    assert path.startswith("red/"), "the strongest images of the feature are marked red squares"
    assert (built / "site" / "media" / first["thumbnail"]).is_file()
    assert len(run.read_table("directions")) == _N, "blue squares never fail, so they have no direction"


def test_no_page_promises_what_only_a_model_could_draw(built: Path) -> None:
    site = built / "site"
    pages = {page: page.read_text(encoding="utf-8") for page in site.rglob("*.html")}
    assert any("Most activating images <small>" in text for text in pages.values())
    for page, text in pages.items():
        assert "<b>B</b> Heatmaps" not in text, page
        assert "<b>C</b> Feature attack" not in text, page
        assert "None.webp" not in text, page
        assert "The images are not part of" not in text, page
    method = text_of(site, "method/index.html")
    assert "A row shows what it responds to." in method
    assert "None: the features of this run were given ( data.features )" in method
    assert "File of features features.npy" in method
    assert "explained by the features in features.npy, on 120 images of 2 classes" in text_of(site, "index.html")
    form = text_of(site, "annotate/index.html")
    assert "in one row of pictures: A the images it responds to most." in form
    assert 'value="A and B"' not in pages[site / "annotate" / "index.html"]


def test_a_second_run_does_nothing_again(built: Path) -> None:
    again = run_of(built / "config.yaml")
    assert "Predictions are up to date" in again.output
    assert "Pictures are up to date" in again.output
    assert "Reading images" not in again.output


def test_torch_is_not_needed(tmp_path: Path) -> None:
    config = _write(tmp_path)
    call = f"main(['run', {str(config)!r}, '--run', {str(tmp_path / 'run')!r}, '--site', {str(tmp_path / 'site')!r}])"
    code = f"{without('torch')}\nfrom barlow_report.cli import app as main\n{call}"
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "site" / "index.html").is_file()


def test_an_image_that_was_replaced_is_read_again(tmp_path: Path) -> None:
    config = _write(tmp_path)
    assert run_of(config, command="explain").exit_code == 0
    contents = Run.open(tmp_path / "run").read_table("contents")["digest"]
    write_image(tmp_path / "images/red/00.png", colour="red", marked=True, seed=999)
    result = run_of(config, command="explain")
    assert "Predictions are up to date" not in result.output
    now = Run.open(tmp_path / "run").read_table("contents")["digest"]
    assert (contents != now).tolist() == [True] + [False] * (2 * _N - 1)


def test_check_says_what_a_run_would_do(built: Path) -> None:
    said = " ".join(run_of(built / "config.yaml", command="check").output.split())
    assert "says what was predicted, and images are read to be shown" in said
    assert "3 features of" in said


def test_questions_and_images_are_exported(built: Path) -> None:
    for call in (
        ["annotations", "template", str(built / "run")],
        ["annotations", "export", str(built / "run"), str(built / "export")],
        ["export-fiftyone", str(built / "run"), str(built / "fiftyone")],
    ):
        result = CliRunner().invoke(app, call)
        assert result.exit_code == 0, result.output
    samples = json.loads((built / "fiftyone" / "samples.json").read_text())["samples"]
    assert len(samples) == 2 * _N
    assert not any(sample.get("heatmaps", {}).get("detections") for sample in samples)


def test_an_image_that_cannot_be_read_is_an_error_because_its_row_has_features(tmp_path: Path) -> None:
    config = _write(tmp_path)
    (tmp_path / "images/blue/07.png").write_bytes(b"")
    result = run_of(config)
    assert result.exit_code == 1
    said = " ".join(result.output.split())
    assert "1 image cannot be read; the first, blue/07.png" in said
    assert "data.features has a row for each" in said


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"feature_model": {"torchvision": "resnet18"}}, "'feature_model' is not run where 'data.features' are given"),
        ({"inspected_model": {"torchvision": "resnet18"}}, "'inspected_model' is not run where 'data.features'"),
        ({"causes": {}}, "'causes' asks a feature model about other images"),
        ({"pool": {"folder": "images"}}, "'pool' asks a feature model about other images"),
        ({"training": {"folder": "images"}}, "'training' asks a feature model about other images"),
    ],
)
def test_what_needs_a_model_is_refused(tmp_path: Path, change: dict[str, object], problem: str) -> None:
    config = tmp_path / "config.yaml"
    data = {"manifest": "table.csv", "features": "features.npy"}
    config.write_text(yaml.safe_dump({"name": "given", "data": data, **change}))
    result = run_of(config)
    assert result.exit_code == 1
    assert problem in " ".join(result.output.split())


def test_a_table_without_predictions_is_refused(tmp_path: Path) -> None:
    config = _write(tmp_path)
    table = pd.read_csv(tmp_path / "table.csv").drop(columns="prediction")
    table.to_csv(tmp_path / "table.csv", index=False)
    result = run_of(config)
    assert result.exit_code == 1
    assert "with 'data.features' nothing else says what was predicted" in " ".join(result.output.split())
