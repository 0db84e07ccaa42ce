"""A lens is a folder and a line: one that the package does not know works from the configuration to the site."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from barlow_report import pipeline
from barlow_report.config import load_config
from barlow_report.errors import ConfigError
from barlow_report.lenses import registry
from barlow_report.run_folder import Run
from tests.blocking import without
from tests.lenses.toy import Toy
from tests.pipeline.toy import write_task

pytestmark = pytest.mark.slow

_BUILD = """
import sys
from pathlib import Path
from barlow_report import pipeline
from barlow_report.lenses import registry
from tests.lenses.toy import Toy

registry.LENSES = (*registry.LENSES, Toy())
pipeline.build_site(Path(sys.argv[1]), site=Path(sys.argv[2]))
"""


@pytest.fixture
def with_toy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "LENSES", (*registry.LENSES, Toy()))


def _without_toy(path: Path) -> Path:
    values = yaml.safe_load(path.read_text())
    del values["toy"]
    other = path.with_name("without.yaml")
    other.write_text(yaml.safe_dump(values))
    return other


def test_nobody_knows_the_toy(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="toy"):
        load_config(write_task(tmp_path, n_per_class=1, settings={"toy": {}}))


@pytest.mark.usefixtures("with_toy")
def test_a_lens_from_elsewhere_works_from_the_configuration_to_the_site(tmp_path: Path) -> None:
    path = write_task(tmp_path, n_per_class=60, settings={"toy": {"least": 0.25}})
    folder, site = tmp_path / "run", tmp_path / "site"
    run = pipeline.compute(load_config(path), folder=folder)
    assert run.info["config"]["toy"] == {"least": 0.25}
    assert run.read_table("sure")["class_id"].tolist() == [0, 1]

    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-c", without("torch") + _BUILD, str(folder), str(site)]
    subprocess.run(command, check=True, env=environment)

    def text(page: str) -> str:
        return (site / page).read_text(encoding="utf-8")

    overview, of_class, method = text("index.html"), text("classes/red/index.html"), text("method/index.html")
    assert '<p class="news">Toy news. <a href="toy/index.html">Read on</a></p>' in overview
    assert "toy in the overview" in overview
    assert "toy noted" in overview
    assert "Toy verdict." in overview
    assert '<span class="badge doubt">toy &lt;badge&gt;</span>' in overview
    assert 'href="toy/index.html"' in overview  # in the navigation
    assert " sure</p>" in of_class
    assert '<a href="#toy-section"' in of_class
    assert '<p id="toy-section">toy section</p>' in of_class
    assert "toy in a group" in of_class
    assert "Toy sentence. <a href=" in of_class
    assert "toy in a mode" in of_class
    assert "toy picture" in of_class
    modes = text("failure-modes/index.html")
    assert "toy says yes" in modes
    assert re.findall(r'href="\.\./failure-modes/(\d+)/index.html">', modes) == ["2", "0"]
    assert "Rows are sorted by toys backwards, then this" in modes
    assert '<p id="the-toy">toy method</p>' in method
    assert "toy source" in method
    assert '<a href="../classes/red/index.html">red</a>' in text("toy/index.html")
    assert '<a href="../../classes/red/index.html">red</a>' in text("toy/more/index.html")
    assert "toy/more/" not in overview  # in the navigation is only the first page
    own = text("failure-modes/0/index.html")
    assert '<span class="badge doubt">toy &lt;badge&gt;</span>' in own
    assert "Toy sentence. <a href=" in own
    assert text("data/toy.csv").startswith("0,")


@pytest.mark.usefixtures("with_toy")
def test_what_a_lens_left_goes_with_what_it_rests_on(tmp_path: Path) -> None:
    path = write_task(tmp_path, n_per_class=30, settings={"toy": {}})
    folder = tmp_path / "run"
    run = pipeline.compute(load_config(path), folder=folder, until="toy")
    assert run.is_finished("toy")
    assert not run.is_finished("visualize")
    marks = json.loads((folder / "run.json").read_text())["stages"]
    again = pipeline.compute(load_config(path), folder=folder, until="toy")
    assert again.info["stages"] == marks
    Run(folder).begin("explain", fingerprint="another")
    assert not run.has_table("sure")
    assert not run.is_finished("toy")
    pipeline.compute(load_config(path), folder=folder)
    assert run.has_table("sure")
    pipeline.compute(load_config(_without_toy(path)), folder=folder)
    assert not run.has_table("sure")
    assert not run.is_finished("toy")
