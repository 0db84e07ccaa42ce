"""The commands of the manual do what they say, one after the other, on images that a test draws."""

import shutil
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from barlow_report.cli import app
from tests.manual.commands import calls, complaint
from tests.manual.pages import page
from tests.pipeline.toy import write_task

ELSEWHERE = {
    ("init",): "tests/starting",  # asks questions
    ("serve",): "tests/preview",  # until Ctrl-C
    ("annotations", "serve"): "tests/annotations",  # likewise
    ("annotations", "merge"): "tests/annotations",  # needs answers of people
}
"""Commands that other tests run."""


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as a reader of the manual has it: a configuration that is called report.yaml, and images."""
    folder = tmp_path_factory.mktemp("reader")
    config = write_task(folder, settings={"visuals": {"n_images": 2, "n_gallery": 2, "attack": "none"}})
    settings = {**yaml.safe_load(config.read_text(encoding="utf-8")), "name": "my-model"}
    (folder / "report.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    return folder


def _do(call: list[str], *, codes: tuple[int, ...] = (0,)) -> None:
    done = CliRunner().invoke(app, call)
    assert done.exit_code in codes, f"{' '.join(call)}: {done.output[-1500:]}"


def _calls(name: str) -> list[list[str]]:
    found = [call for code in page(name).of("sh") for call in calls(code)]
    assert found
    return [call for call in found if not any(tuple(call[: len(start)]) == start for start in ELSEWHERE)]


@pytest.mark.slow
def test_the_commands_of_a_readers_first_day_work(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(workplace)
    for call in [*_calls("own-report"), *_calls("people")]:
        _do(call)
    assert (workplace / "site" / "my-model" / "index.html").is_file()
    assert (workplace / "report.schema.json").is_file()
    for name in ("demo", "model-1", "model-2", "model-3"):
        shutil.copytree("runs/my-model", f"runs/{name}")
    _do(["export-results", "runs/model-1", "model-1.zip"])
    for call in _calls("publishing"):
        _do(call)
    assert (workplace / "docs" / "reports" / "demo" / "index.md").is_file()
    assert (workplace / "site" / "my-model.html").is_file()
    for call in _calls("releases"):
        _do(call, codes=(0, 3) if call[0] == "gate" else (0,))
    assert (workplace / "model-2.zip").is_file()


def test_a_call_with_a_variable_in_front_of_it_is_looked_at() -> None:
    assert list(calls("IMAGES=/images barlow-report run report.yaml  # a comment\nmake demo\n")) == [
        ["run", "report.yaml"]
    ]
    assert ["run", "configs/cifar10.yaml"] in [call for code in page("gallery").of("sh") for call in calls(code)]


def test_what_other_tests_run_is_there() -> None:
    for start, where in ELSEWHERE.items():
        assert "no command" not in complaint([*start, "--help"])
        assert (Path(__file__).resolve().parents[2] / where).is_dir()
