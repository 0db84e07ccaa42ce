"""`barlow-report check`: what a run would do, without doing it."""

import re
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from barlow_report.cli import app
from barlow_report.formatting import duration
from tests.pipeline.toy import write_image, write_task


def _check(config: Path) -> Result:
    return CliRunner().invoke(app, ["check", str(config), "--run", str(config.parent / "run")])


def test_it_says_what_a_run_would_do_and_writes_nothing(tmp_path: Path) -> None:
    config = write_task(tmp_path, n_per_class=30)
    (tmp_path / "images" / "red" / "notes.txt").write_text("no image")
    before = sorted(tmp_path.rglob("*"))
    result = _check(config)
    assert result.exit_code == 0, result.output
    assert sorted(path for path in tmp_path.rglob("*") if "__pycache__" not in path.parts) == before
    lines = dict(re.findall(r"^([A-Z][a-z]+(?: folder)?)  +(.*)$", result.output, flags=re.MULTILINE))
    assert lines["Images"] == "60 images of 2 classes, fewest blue (30); 1 file passed over"
    assert lines["Groups"] == "4 groups by label and by prediction"
    assert lines["Features"] == "4 features of network:colours, with heatmaps"
    assert re.fullmatch(r"60 images at [\d,.]+ a second on cpu: about 1 s", lines["Pass"])
    assert "8 of them" in lines["Pictures"], "4 groups, 2 of the 4 images in a triptych"
    assert "the first 2 have a feature attack (visuals.n_attacked)" in lines["Pictures"]
    assert lines["Run folder"].endswith("run: new")


def test_after_a_run_it_says_what_is_finished(tmp_path: Path) -> None:
    settings = {"visuals": {"attack": "none"}, "rules": {"n_shuffles": 99, "n_resamples": 0}, "directions": {}}
    config = write_task(tmp_path, n_per_class=25, settings=settings)
    assert CliRunner().invoke(app, ["extract", str(config), "--run", str(tmp_path / "run")]).exit_code == 0
    result = _check(config)
    assert "run: extract finished; what is still up to date is skipped" in " ".join(result.output.split())
    assert "no feature attack" in result.output
    assert re.search(r"Then +directions \(not timed\)", result.output)


def test_further_images_are_counted_with_their_time_and_disk(tmp_path: Path) -> None:
    settings: dict[str, object] = {"visuals": {"attack": "none"}, "pool": {"folder": "pool"}}
    settings["training"] = {"folder": "train"}
    config = write_task(tmp_path, n_per_class=5, settings=settings)
    for index in range(6):
        kind = "red" if index < 4 else "green"
        write_image(tmp_path / f"pool/{kind}/{index}.png", colour="red", marked=False, seed=index)
        write_image(tmp_path / f"train/red/{index}.png", colour="red", marked=False, seed=index)
    (tmp_path / "pool/red/notes.txt").write_text("no image")
    lines = dict(re.findall(r"^(Pool|Training|Then)  +(.*)$", _check(config).output, flags=re.MULTILINE))
    about = r": about 1 s more, and 0\.1 MB of features"
    assert re.fullmatch(r"6 images, 4 labelled as a class of the run; 1 file passed over" + about, lines["Pool"])
    assert re.fullmatch(r"6 images, 6 labelled as a class of the run" + about, lines["Training"])
    assert lines["Then"] == "training, pool (not timed)"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rules": {"unions": {"both": ["red", "green"]}}}, "names 'green', which is not a class"),
        ({"inspected_model": {"factory": "network.py:nothing"}}, "nothing"),
        ({"data": {"folder": "nowhere"}}, "nowhere"),
        ({"pool": {"folder": "no-pool"}}, "pool.folder: "),
    ],
)
def test_what_a_run_would_refuse_is_refused_at_once(tmp_path: Path, change: dict[str, object], message: str) -> None:
    config = write_task(tmp_path, n_per_class=3)
    config.write_text(yaml.safe_dump({**yaml.safe_load(config.read_text()), **change}))
    result = _check(config)
    assert result.exit_code == 1
    assert message in " ".join(result.output.split())


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "about 1 s"), (89, "about 89 s"), (100, "about 2 min"), (5000, "about 83 min"), (9000, "about 2.5 h")],
)
def test_times_are_rough(seconds: float, words: str) -> None:
    assert duration(seconds) == words
