"""`barlow-report check`: what a run would do, without doing it."""

import itertools
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner, Result

from barlow_report.cli import app
from barlow_report.config import RulesConfig
from barlow_report.formatting import duration
from barlow_report.stages import forecast_rest
from barlow_report.stages.forecast_rest import explain_seconds
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
    assert re.search(r"^Directions +not timed$", result.output, flags=re.MULTILINE)
    assert "for what is timed; not timed: directions, the site" in " ".join(result.output.split())


def test_further_images_are_counted_with_their_time_and_disk(tmp_path: Path) -> None:
    settings: dict[str, object] = {"visuals": {"attack": "none"}, "pool": {"folder": "pool"}}
    settings["training"] = {"folder": "train"}
    config = write_task(tmp_path, n_per_class=5, settings=settings)
    for index in range(6):
        kind = "red" if index < 4 else "green"
        write_image(tmp_path / f"pool/{kind}/{index}.png", colour="red", marked=False, seed=index)
        write_image(tmp_path / f"train/red/{index}.png", colour="red", marked=False, seed=index)
    (tmp_path / "pool/red/notes.txt").write_text("no image")
    lines = dict(re.findall(r"^(Pool|Training|Altogether)  +(.*)$", _check(config).output, flags=re.MULTILINE))
    about = r": about 1 s more, and 0\.1 MB of features"
    assert re.fullmatch(r"6 images, 4 labelled as a class of the run; 1 file passed over" + about, lines["Pool"])
    assert re.fullmatch(r"6 images, 6 labelled as a class of the run" + about, lines["Training"])
    assert lines["Altogether"].endswith("not timed: training after its pass, pool after its pass, the site")


def test_the_search_for_rules_is_timed_and_models_to_ask_are_counted(tmp_path: Path) -> None:
    models = [{"torchvision": "resnet18"}, {"torchvision": "vgg1?"}, {"factory": "network.py:colours"}]
    settings: dict[str, object] = {"visuals": {"attack": "none"}, "comparison": {"models": models}}
    lines = dict(
        re.findall(
            r"^([A-Z][a-z]+)  +(.*)$",
            _check(write_task(tmp_path, n_per_class=30, settings=settings)).output,
            flags=re.MULTILINE,
        )
    )
    assert re.fullmatch(r"about \d+ s for 4 groups, as a search among random features takes", lines["Rules"])
    assert lines["Comparison"] == (
        "6 models asked about 60 images, each at its own speed; weights of 5 are downloaded where they are not here "
        "yet; not timed"
    )
    assert lines["Answers"] == "about 0.1 MB of predictions of the compared models on disk"
    assert re.fullmatch(r"about \d+ s for what is timed; not timed: comparison, the site", lines["Altogether"])


def test_times_of_rules_grow_with_images_features_and_groupings() -> None:
    def seconds(*, n_images: int, n_features: int, n_groups: int = 1, **rules: object) -> float | None:
        config: Any = SimpleNamespace(rules=RulesConfig(**{"n_workers": 1, **rules}))
        labels = np.repeat(np.arange(2), n_images // 2)
        return explain_seconds(config, labels, n_features=n_features, n_groups=n_groups)

    with _clock():
        once = seconds(n_images=200, n_features=16)
        assert once == pytest.approx(2.0)  # both groupings, and all images are timed, which takes a second
        assert seconds(n_images=200, n_features=16, groupings=["label"]) == pytest.approx(1.0)
        assert seconds(n_images=200, n_features=1024) == pytest.approx(2.0 * 4)  # 256 are timed
        assert seconds(n_images=4000, n_features=16) == pytest.approx(2.0 * 4000 / 512)  # 512 of one class are timed
        assert seconds(n_images=200, n_features=16, n_workers=4, n_groups=4) == pytest.approx(0.5)
    assert seconds(n_images=20, n_features=16) is None, "no class is large enough"
    assert seconds(n_images=200, n_features=0) is None


@contextmanager
def _clock() -> Iterator[None]:
    """A search that takes a second."""
    times = itertools.count()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(forecast_rest, "time", SimpleNamespace(perf_counter=lambda: float(next(times))))
        yield


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
