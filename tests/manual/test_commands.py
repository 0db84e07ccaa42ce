"""The commands of the manual do what they say, one after the other, on images that a test draws."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from barlow_report.cli import app
from barlow_report.run_folder import Run
from tests.annotations.people import answer, write_lines
from tests.manual.commands import calls, complaint
from tests.manual.not_run import COMMANDS, ELSEWHERE
from tests.manual.pages import PAGES, ROOT, page
from tests.manual.reader import write_reader
from tests.pipeline.toy import write_task

FIRST_DAY = ("own-report", "people", "publishing", "releases")
"""Pages whose commands are run here one after the other; those of init are in a test of their own."""

RUN_HERE = (*FIRST_DAY, "feature-model", "storage")
SERVERS = (["serve"], ["annotations", "serve"])


def _lines() -> Iterator[tuple[str, str]]:
    """Every command of the README and the manual, without its comment, and the name of its page."""
    for written in PAGES:
        for code in written.of("sh"):
            for line in code.splitlines():
                if command := re.split(r"\s+#", line)[0].strip():
                    yield written.path.stem, command


def _is_listed(command: str, listed: dict[str, str]) -> bool:
    return any(command == start or command.startswith((f"{start} ", f"{start}:")) for start in listed)


def _calls(name: str) -> list[list[str]]:
    found = [call for code in page(name).of("sh") for call in calls(code)]
    assert found
    return [call for call in found if call[0] != "init"]


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as a reader of the manual has it: a configuration that is called report.yaml, and images."""
    folder = tmp_path_factory.mktemp("reader")
    config = write_task(folder, settings={"visuals": {"n_images": 2, "n_gallery": 2, "attack": "none"}})
    settings = {**yaml.safe_load(config.read_text(encoding="utf-8")), "name": "my-model"}
    (folder / "report.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    return folder


def _do(call: list[str], *, codes: tuple[int, ...] = (0,)) -> str:
    if any(call[: len(start)] == start for start in SERVERS):
        return _serve(call)
    if call[:2] == ["annotations", "merge"] and "ada.jsonl" in call:
        for person in ("ada", "bob"):
            _write_answers(Path(call[2]), person)
    done = CliRunner().invoke(app, call)
    assert done.exit_code in codes, f"{' '.join(call)}: {done.output[-1500:]}"
    return done.output


def _serve(call: list[str]) -> str:
    """Start a server at any free port, wait for its address, and end it as Ctrl-C does."""
    code = "from barlow_report.cli import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", code, *call, "--port", "0"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=os.environ | {"BROWSER": "true"},
    )  # fmt: skip
    watchdog = threading.Timer(120, process.kill)
    watchdog.start()
    try:
        assert process.stdout is not None
        said = next((line for line in process.stdout if re.search(r"http://127\.0\.0\.1:\d+/", line)), "")
        assert said, f"{' '.join(call)} named no address"
        process.send_signal(signal.SIGINT)
        assert process.wait() in (0, 130), "ended, or as a shell says it of Ctrl-C"
        return said
    finally:
        watchdog.cancel()
        process.kill()
        process.communicate()


def _write_answers(run: Path, person: str) -> None:
    """The file that somebody sends back who has described all features."""
    info = Run.open(run).info
    fields = {"report_id": info["run_id"], "feature_model": info["models"]["feature"]["sha256"]}
    items = json.loads((run / "annotations" / "batch.json").read_text())["items"]
    records = [answer(person, item=(item["group_id"], item["feature_id"]), fields=fields) for item in items]
    assert records
    write_lines(Path(f"{person}.jsonl"), records)


@pytest.mark.slow
def test_the_commands_of_a_readers_first_day_work(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(workplace)
    for call in _calls("own-report"):
        _do(call)
    assert (workplace / "site" / "my-model" / "index.html").is_file()
    assert (workplace / "report.schema.json").is_file()
    for call in _calls("people"):
        said = _do(call)
        if call[:2] == ["annotations", "merge"] and "ada.jsonl" in call:
            assert "not applied" not in said
            assert any((workplace / "runs" / "my-model" / "annotations").iterdir())
    for name in ("demo", "model-1", "model-2", "model-3"):
        shutil.copytree("runs/my-model", f"runs/{name}")
    _do(["export-results", "runs/model-1", "model-1.zip"])
    for call in _calls("publishing"):
        _do(call)
    assert (workplace / "docs" / "reports" / "demo" / "index.md").is_file()
    assert (workplace / "site" / "my-model.html").is_file()
    assert (workplace / "runs" / "demo-fiftyone" / "samples.json").is_file()
    for call in _calls("releases"):
        _do(call, codes=(0, 3) if call[0] == "gate" else (0,))
    assert (workplace / "model-2.zip").is_file()


@pytest.mark.slow
def test_init_asks_and_with_all_options_asks_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    timm = pytest.importorskip("timm")
    import torch

    write_reader(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))  # as if my_package were installed
    torch.save(timm.create_model("resnet50.a1_in1k", num_classes=2).state_dict(), tmp_path / "mine.pth")
    monkeypatch.chdir(tmp_path)
    asked, given = [call for code in page("own-report").of("sh") for call in calls(code) if call[0] == "init"]
    assert (asked, given[-1]) == (["init"], "--yes")
    answers = ["images/test", "", "my_package.models:make_model", "no", "mine"]
    result = CliRunner().invoke(app, asked, input="\n".join([*answers, *[""] * 9]))
    assert result.exit_code == 0, result.output
    assert yaml.safe_load(Path("report.yaml").read_text())["name"] == "mine"
    _do(["check", "report.yaml"])
    Path("report.yaml").unlink()
    _do(given)
    written = yaml.safe_load(Path("report.yaml").read_text())
    assert written["inspected_model"]["timm"] == "resnet50.a1_in1k"
    assert written["inspected_model"]["weights"] == "mine.pth"


@pytest.mark.slow
def test_a_feature_model_is_trained_as_the_page_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_task(tmp_path, n_per_class=16)
    training = {
        "name": "robust",
        "data": {"folder": "images"},
        "model": {"factory": "network.py:colours", "preprocessing": {"crop": 24}},
        "adversary": {"radius": 0.5, "n_steps": 1},
        "n_epochs": 1,
    }
    (tmp_path / "train.yaml").write_text(yaml.safe_dump(training))
    monkeypatch.chdir(tmp_path)
    for call in _calls("feature-model"):
        _do(call)
    for name in ("metrics.csv", "curve.png", "model.safetensors", "model.yaml"):
        assert (tmp_path / "runs" / "robust" / name).is_file()
        assert name in page("feature-model").text


def test_every_command_of_the_manual_is_run_or_on_the_list() -> None:
    here = {command for name, command in _lines() if name in RUN_HERE}
    neither = [
        (name, command)
        for name, command in _lines()
        if command not in here and not _is_listed(command, COMMANDS) and not _is_listed(command, ELSEWHERE)
    ]
    assert neither == []


def test_what_is_not_run_is_in_the_manual_and_has_a_reason() -> None:
    commands = [command for _, command in _lines()]
    for start, reason in COMMANDS.items():
        assert any(_is_listed(command, {start: reason}) for command in commands), f"{start} is on no page"
        assert len(reason.split()) >= 4
    for start, where in ELSEWHERE.items():
        assert any(_is_listed(command, {start: where}) for command in commands), f"{start} is on no page"
        assert (ROOT / where).exists()


def test_a_call_with_a_variable_in_front_of_it_is_looked_at() -> None:
    assert list(calls("IMAGES=/images barlow-report run report.yaml  # a comment\nmake demo\n")) == [
        ["run", "report.yaml"]
    ]
    assert "no command" in complaint(["runn"])
    assert ["run", "configs/cifar10.yaml"] in [call for code in page("gallery").of("sh") for call in calls(code)]
