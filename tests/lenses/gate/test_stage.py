"""A configured policy: what becomes of it is stored in the run, anew when the policy or the day is another."""

from pathlib import Path

import pytest
import yaml

from barlow_report import pipeline
from barlow_report.config import load_config
from barlow_report.errors import ConfigError
from barlow_report.run_folder import Run
from tests.lenses.models.test_run import Messages
from tests.pipeline.toy import write_task

POLICY = {"conditions": [{"measure": "accuracy", "at_least": 0.9, "limit": "upper"}]}


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("task")
    (folder / "policy.yaml").write_text(yaml.safe_dump(POLICY))
    path = write_task(folder, n_per_class=60, settings={"gate": {"policy": "policy.yaml"}})
    pipeline.compute(load_config(path), folder=folder / "run", until="explain")
    return path


def _judge(path: Path) -> tuple[Run, list[str]]:
    progress = Messages()
    run = pipeline.compute(load_config(path), folder=path.parent / "run", until="gate", progress=progress)
    return run, [words for words in progress.said if "ate" in words]


def test_the_verdict_is_stored_until_the_policy_or_the_day_is_another(
    task: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1800000000")
    run, said = _judge(task)
    assert said[-1] == "Gate: failed"
    assert run.read_table("gate")[["judged_on", "outcome"]].to_numpy().tolist() == [["2027-01-15", "failed"]]
    assert run.read_table("gate_findings")["outcome"].tolist() == ["failed"]
    assert _judge(task)[1][-1] == "The gate is up to date"
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1800086400")
    assert _judge(task)[1][-1] == "Gate: failed"
    condition = {"measure": "worse_modes", "at_most": 0}
    (task.parent / "policy.yaml").write_text(yaml.safe_dump({"conditions": [condition]}))
    assert _judge(task)[1][-1] == "Gate: no verdict"


def test_a_mistake_in_the_policy_is_told_before_anything_is_computed(tmp_path: Path) -> None:
    path = write_task(tmp_path, n_per_class=1, settings={"gate": {"policy": "policy.yaml"}})
    with pytest.raises(ConfigError, match=r"policy\.yaml: cannot be read"):
        load_config(path)
    (tmp_path / "policy.yaml").write_text("conditions: [{measure: acuracy, at_least: 0.9}]")
    with pytest.raises(ConfigError, match="line 1, conditions"):
        load_config(path)
