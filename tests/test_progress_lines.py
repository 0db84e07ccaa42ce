"""Progress for programs: every line is what its schema says, and says what happened."""

import io
import itertools
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from typer.testing import CliRunner

from barlow_report import __version__, cli
from barlow_report.progress_lines import SCHEMA, ProgressLines
from tests.pipeline.toy import write_task

VALIDATOR = jsonschema_rs.validator_for(json.loads(SCHEMA.read_text(encoding="utf-8")))


def _read(text: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in text.splitlines()]
    for line in lines:
        VALIDATOR.validate(line)
    seconds = [line["seconds"] for line in lines]
    assert seconds == sorted(seconds)
    return lines


def _ticks(times: list[float]) -> Iterator[float]:
    """The times that a clock shows, one after the other; then always the last one."""
    return itertools.chain(times, itertools.repeat(times[-1]))


def test_a_rate_counts_what_was_done_now_and_the_last_count_is_always_written() -> None:
    file = io.StringIO()
    clock = _ticks([0.0, 1.0, 1.0, 1.2, 3.0, 3.0, 3.1])
    lines = ProgressLines(file, clock=lambda: next(clock), every=1.0)
    with lines.task("Reading", total=100, unit="images", n_done=20) as advance:
        advance(10)  # after 0.2 s: too soon
        advance(30)  # after 2 s: 40 images, 20 a second, 40 left
        advance(40)  # after 2.1 s: too soon, and the last
    begun, middle, last, done = _read(file.getvalue())
    assert begun | {"seconds": 0} == {
        "event": "task", "seconds": 0, "task": 1, "description": "Reading", "unit": "images", "total": 100, "done": 20,
    }  # fmt: skip
    assert (middle["done"], middle["per_second"], middle["seconds_left"]) == (60, 20.0, 2.0)
    assert (last["done"], last["seconds_left"]) == (100, 0.0)
    assert (done["event"], done["task"], done["done"]) == ("task_done", 1, 100)


def test_nothing_done_has_no_time_left_and_a_task_that_fails_has_no_end() -> None:
    file = io.StringIO()
    lines = ProgressLines(file, clock=lambda: 5.0, every=0.0)
    with lines.task("Nothing", total=0, unit="pages") as advance:
        advance(0)
    with pytest.raises(ZeroDivisionError), lines.task("Failing", total=3, unit="pages"):
        raise ZeroDivisionError
    found = _read(file.getvalue())
    assert [line["event"] for line in found] == ["task", "advance", "task_done", "task"]
    assert found[1]["seconds_left"] is None
    assert found[3]["task"] == 2


def test_names_of_files_that_are_no_text_are_valid_json() -> None:
    file = io.StringIO()
    ProgressLines(file).message("broken \udcff.png \u2028 \N{SNOWMAN}")
    (line,) = file.getvalue().splitlines()
    assert jsonschema_rs.validator_for({}).is_valid(json.loads(line))
    assert json.loads(line)["text"] == "broken \\udcff.png \u2028 \N{SNOWMAN}"


def test_a_command_writes_lines_of_json_alone_and_ends_with_what_it_made(tmp_path: Path) -> None:
    config = write_task(tmp_path, n_per_class=30, settings={"rules": {"n_shuffles": 99, "n_resamples": 0}})
    run = tmp_path / "run"
    result = CliRunner().invoke(cli.app, ["explain", str(config), "--run", str(run), "--json"])
    assert result.exit_code == 0, result.output
    assert result.stdout.strip() == str(run)
    start, *middle, end = _read(result.stderr)
    assert start == {
        "event": "start", "seconds": start["seconds"], "schema": 1, "version": __version__, "command": "explain",
    }  # fmt: skip
    assert end | {"seconds": 0} == {"event": "done", "seconds": 0, "path": str(run)}
    tasks = {line["description"]: line for line in middle if line["event"] == "task"}
    assert tasks["Extracting features"]["total"] == 60
    ended = {line["task"]: line["done"] for line in middle if line["event"] == "task_done"}
    assert {number: ended[number] for number in (task["task"] for task in tasks.values())} == ended
    assert ended[tasks["Extracting features"]["task"]] == 60


@pytest.mark.parametrize("debug", [False, True])
def test_an_error_is_the_last_line(tmp_path: Path, debug: bool) -> None:
    arguments = ["run", str(tmp_path / "nowhere.yaml"), "--json", *(["--debug"] if debug else [])]
    result = CliRunner().invoke(cli.app, arguments)
    assert result.exit_code == 1
    last = _read(result.stderr)[-1]
    assert (last["event"], last["exit_code"]) == ("error", 1)
    assert "nowhere.yaml" in last["text"]
    assert ("traceback" in last) == debug


def test_wrong_usage_found_by_a_command_is_a_line_and_exit_code_2(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli.app, ["compare", str(tmp_path), "--json"])
    assert result.exit_code == 2
    events = [json.loads(line) for line in result.stderr.splitlines() if line.startswith("{")]
    assert [(line["event"], line.get("exit_code")) for line in events] == [("start", None), ("error", 2)]


def test_an_interrupt_is_the_last_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("barlow_report.config.load_config", interrupt)
    result = CliRunner().invoke(cli.app, ["run", str(tmp_path), "--json"])
    assert result.exit_code == 130
    assert _read(result.stderr)[-1]["exit_code"] == 130


def test_warnings_of_libraries_are_lines_too(tmp_path: Path) -> None:
    code = (
        "import sys, warnings\n"
        "from barlow_report.progress_lines import ProgressLines\n"
        "with ProgressLines(sys.stderr).with_warnings():\n"
        "    warnings.warn('old', DeprecationWarning)\n"
    )
    result = subprocess.run(
        [sys.executable, "-W", "always", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    (line,) = _read(result.stderr)
    assert (line["event"], line["text"]) == ("warning", "DeprecationWarning: old")
