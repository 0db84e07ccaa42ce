"""A run without feature attacks: triptychs of two rows, and nothing on any page or in any file that names a third."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from barlow_report import pipeline
from barlow_report.annotations.answers import MOST_USEFUL
from barlow_report.cli import app
from barlow_report.config import load_config
from barlow_report.report.pages import annotate
from barlow_report.run_folder import Run
from tests.pipeline.toy import write_task


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("without")
    config = write_task(folder, settings={"visuals": {"n_images": 2, "n_gallery": 2, "attack": "none"}})
    pipeline.compute(load_config(config), folder=folder / "run")
    for arguments in (
        ["annotations", "template", str(folder / "run")],
        ["site", str(folder / "run"), "--site", str(folder / "site")],
        ["site", str(folder / "run"), "--site", str(folder / "blurred"), "--images", "blur"],
        ["annotations", "export", str(folder / "run"), str(folder / "export")],
    ):
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == 0, result.output
    return folder


def test_tiles_have_activations_and_heatmaps_and_no_attack(folder: Path) -> None:
    tiles = Run.open(folder / "run").read_table("tiles")
    assert len(tiles)
    assert tiles["attack"].isna().all()
    assert tiles["attacked_activation"].isna().all()
    features = Run.open(folder / "run").features()
    expected = [features[i, f] for i, f in zip(tiles["image_id"], tiles["feature_id"], strict=True)]
    assert tiles["activation"].tolist() == pytest.approx([float(value) for value in expected], rel=1e-5)
    assert tiles["heatmap"].notna().all()


@pytest.mark.parametrize("site", ["site", "blurred"])
def test_pages_have_two_rows_and_method_says_why(folder: Path, site: str) -> None:
    pages = {path: path.read_text() for path in (folder / site).rglob("*.html")}
    triptychs = [text for text in pages.values() if "Most activating images <small>" in text]
    assert triptychs
    assert not any("<b>C</b> Feature attack" in text for text in pages.values())
    method = pages[folder / site / "method" / "index.html"]
    assert "<code>visuals.attack: none</code>" in method
    assert "Two rows show" in method
    assert "media/None" not in "".join(pages.values())


def test_the_form_asks_about_the_rows_that_there_are(folder: Path) -> None:
    form = (folder / "site" / "annotate" / "index.html").read_text()
    assert "in two rows of pictures" in form
    assert 'value="A"' in form
    assert 'value="B and C"' not in form
    items = json.loads((folder / "site" / "data" / "annotate.js").read_text().split("=", 1)[1].rstrip(";\n"))["items"]
    assert all(tile[2] is None for item in items for tile in item["tiles"])
    assert annotate._ROWS == MOST_USEFUL
