"""`barlow-report gate`: what it says of two releases, what it writes, and how it ends."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import jsonschema_rs
import pytest
import yaml
from typer.testing import CliRunner

from barlow_report.cli import app
from barlow_report.lenses.gate.machine import gate_schema
from tests.lenses.gate.made_up import waiver
from tests.lenses.gate.releases import MODE

NEW_MODES = {"measure": "new_modes", "at_most": 0}
WORSE = {"measure": "worse_modes", "at_most": 0}
ACCURACY = {"measure": "accuracy", "at_least": 0.9, "limit": "upper"}


def _gate(*arguments: str | Path) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["gate", *map(str, arguments)])
    return result.exit_code, result.output


def _policy(folder: Path, *conditions: dict[str, Any], waivers: list[dict[str, Any]] | None = None) -> Path:
    path = folder / "policy.yaml"
    path.write_text(yaml.safe_dump({"conditions": list(conditions), "waivers": waivers or []}))
    return path


@pytest.mark.parametrize(
    ("new", "baseline", "condition", "code", "headline"),
    [
        ("good", None, ACCURACY, 0, "The gate passed"),
        ("bad", None, ACCURACY, 3, "The gate failed"),
        ("bad", None, {**ACCURACY, "severity": "warn"}, 0, "The gate passed, with warnings"),
        ("good", None, WORSE, 3, "The gate has no verdict, so it does not pass"),
        ("bad", "bad", NEW_MODES, 0, "The gate passed"),
        ("bad", "good", NEW_MODES, 3, "The gate failed"),
        ("good", "bad", NEW_MODES, 0, "The gate passed"),
        ("good", "bad", WORSE, 0, "The gate passed"),  # though a group by prediction has no image any more
        ("good", "bad", {"measure": "mode_error_rate_rise", "at_most": 0, "limit": "upper"}, 0, "The gate passed"),
    ],
)
def test_the_exit_code_is_the_verdict(
    releases: dict[str, Path],
    tmp_path: Path,
    new: str,
    baseline: str | None,
    condition: dict[str, Any],
    code: int,
    headline: str,
) -> None:
    against: list[str | Path] = ["--baseline", releases[baseline]] if baseline else []
    found, words = _gate(releases[new], "--policy", _policy(tmp_path, condition), *against)
    assert (found, words.split(":")[0]) == (code, headline)


def test_a_waived_failure_mode_passes_loudly_in_every_output(releases: dict[str, Path], tmp_path: Path) -> None:
    arguments: list[str | Path] = [releases["bad"], "--baseline", releases["good"]]
    outputs = {name: tmp_path / "results" / f"gate.{name}" for name in ("json", "markdown", "junit")}
    write: list[str | Path] = [part for name, path in outputs.items() for part in (f"--{name}", path)]
    assert _gate(*arguments, "--policy", _policy(tmp_path, NEW_MODES), *write)[0] == 3
    failed = json.loads(outputs["json"].read_text())
    names = [finding["name"] for finding in failed["conditions"][0]["findings"] if finding["outcome"] == "failed"]
    assert [name for name in names if name.startswith(MODE)]
    waivers = [waiver(name, condition="new_modes", expires="9999-12-31") for name in names]
    code, words = _gate(*arguments, "--policy", _policy(tmp_path, NEW_MODES, waivers=waivers), *write)
    assert (code, words.count("WAIVED by Ada until 9999-12-31: new supplier of mugs")) == (0, len(names))
    waived = json.loads(outputs["json"].read_text())
    jsonschema_rs.validate(gate_schema(), waived)
    assert (waived["outcome"], waived["exit_code"], waived["baseline"]) == ("waived", 0, "good")
    assert outputs["markdown"].read_text().startswith("## ⚠️ The gate passed, with waivers")
    assert len(Xml.parse(outputs["junit"]).findall(".//skipped")) == len(names)  # noqa: S314 - our own


def test_exported_results_are_judged_as_the_run_itself(releases: dict[str, Path], tmp_path: Path) -> None:
    found = []
    for run in releases.values():
        assert CliRunner().invoke(app, ["export-results", str(run), str(tmp_path / f"{run.name}.zip")]).exit_code == 0
    for new, old in ((releases["bad"], releases["good"]), (tmp_path / "bad.zip", tmp_path / "good.zip")):
        code, _ = _gate(
            new, "--policy", _policy(tmp_path, NEW_MODES, WORSE), "--baseline", old, "--json", tmp_path / "gate.json"
        )
        found.append((code, (tmp_path / "gate.json").read_text()))
    assert found[0] == found[1]
    assert found[0][0] == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "NEW"),
        (["run"], "--policy"),
        (["--init", "run"], "does not go with --init"),
        (["--init", "--junit", "a.xml"], "does not go with --init"),
        (["run", "--policy", "p.yaml", "--json", "a", "--junit", "./a"], "is the file of --json as well"),
        (["run", "--policy", "p.yaml", "--markdown", "p.yaml"], "is the file of --policy as well"),
    ],
)
def test_options_that_do_not_go_together_are_a_usage_error(arguments: list[str], message: str) -> None:
    code, words = _gate(*arguments)
    assert code == 2
    assert message in words


@pytest.mark.parametrize("wrong", ["policy", "run", "baseline", "output"])
def test_what_cannot_be_read_or_written_is_an_error_and_no_verdict(
    releases: dict[str, Path], tmp_path: Path, wrong: str
) -> None:
    policy = _policy(tmp_path, {"measure": "worse_mode", "at_most": 0} if wrong == "policy" else ACCURACY)
    (tmp_path / "empty").mkdir()
    new = tmp_path / "empty" if wrong == "run" else releases["good"]
    more: list[str | Path] = ["--baseline", tmp_path / "empty"] if wrong == "baseline" else []
    more += ["--json", policy / "gate.json"] if wrong == "output" else []
    code, words = _gate(new, "--policy", policy, *more)
    assert code == 1
    assert "Error: " in words
    assert "bug of barlow-report" not in words


def test_a_policy_to_start_from_is_written_once(
    releases: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, words = _gate("--init")
    assert (code, words.splitlines()[-1]) == (0, str(tmp_path / "policy.yaml"))
    assert _gate(releases["good"], "--policy", "policy.yaml", "--baseline", releases["bad"])[0] == 0
    (tmp_path / "policy.yaml").write_text("mine")
    assert _gate("--init")[0] == 1
    assert (tmp_path / "policy.yaml").read_text() == "mine"
    assert _gate("--init", "--policy", tmp_path / "gates" / "strict.yaml")[0] == 0
