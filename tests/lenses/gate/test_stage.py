"""A configured policy: what becomes of it is stored in the run, anew when the policy or the day is another."""

from pathlib import Path

import pytest
import yaml

from barlow_report import pipeline
from barlow_report.config import load_config
from barlow_report.errors import ConfigError
from barlow_report.run_folder import Run
from tests.lenses.models.test_run import Messages
from tests.pipeline.toy import NETWORK, write_task

POLICY = {"conditions": [{"measure": "accuracy", "at_least": 0.9, "limit": "upper"}]}


REPAIRED = NETWORK.replace("-20.0, 100.0", "-20.0, 0.0").replace("20.0, -100.0", "20.0, 0.0")


@pytest.fixture(scope="module")
def analysed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the run `toy`, whose network takes red squares with a green mark for blue ones, and `good`.

    The configurations are toy.yaml and good.yaml beside them.
    """
    folder = tmp_path_factory.mktemp("analysed")
    write_task(folder, n_per_class=60, settings={"rules": {"n_resamples": 0}})
    (folder / "repaired.py").write_text(REPAIRED)
    text = (folder / "toy.yaml").read_text()
    (folder / "good.yaml").write_text(text.replace("network.py", "repaired.py").replace("name: toy", "name: good"))
    for name in ("good", "toy"):
        pipeline.compute(load_config(folder / f"{name}.yaml"), folder=folder / name, until="explain")
    return folder


def _judge(path: Path, run: Path) -> tuple[Run, list[str]]:
    progress = Messages()
    found = pipeline.compute(load_config(path), folder=run, until="gate", progress=progress)
    return found, [words for words in progress.said if "ate" in words]


def test_the_verdict_is_stored_until_the_policy_or_the_day_is_another(
    analysed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, run = analysed, analysed / "toy"
    (folder / "policy.yaml").write_text(yaml.safe_dump(POLICY))
    config = folder / "gated.yaml"
    config.write_text((folder / "toy.yaml").read_text() + "gate: {policy: policy.yaml}\n")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1800000000")
    judged, said = _judge(config, run)
    assert said[-1] == "Gate: failed"
    assert judged.read_table("gate")[["judged_on", "outcome"]].to_numpy().tolist() == [["2027-01-15", "failed"]]
    assert judged.read_table("gate_findings")["outcome"].tolist() == ["failed"]
    assert _judge(config, run)[1][-1] == "The gate is up to date"
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1800086400")
    assert _judge(config, run)[1][-1] == "Gate: failed"
    (folder / "policy.yaml").write_text(yaml.safe_dump({"conditions": [{"measure": "worse_modes", "at_most": 0}]}))
    assert _judge(config, run)[1][-1] == "Gate: no verdict"


def test_a_configured_baseline_is_the_one_of_the_gate(analysed: Path) -> None:
    folder, run = analysed, analysed / "toy"
    (folder / "policy.yaml").write_text(yaml.safe_dump({"conditions": [{"measure": "new_modes", "at_most": 0}]}))
    config = folder / "compared.yaml"
    config.write_text(
        f"{(folder / 'toy.yaml').read_text()}changes: {{baseline: good}}\ngate: {{policy: policy.yaml}}\n"
    )
    pipeline.compute(load_config(config), folder=run, until="changes")
    judged, said = _judge(config, run)
    assert said[-1] == "Gate: failed"
    assert judged.read_table("gate")["baseline"].tolist() == ["good"]
    findings = judged.read_table("gate_findings")
    assert set(judged.read_table("mode_names")["mode_name"]) == set(findings["subject"])
    assert set(findings["outcome"]) == {"failed"}


def test_a_mistake_in_the_policy_is_told_before_anything_is_computed(tmp_path: Path) -> None:
    path = write_task(tmp_path, n_per_class=1, settings={"gate": {"policy": "policy.yaml"}})
    with pytest.raises(ConfigError, match=r"policy\.yaml: cannot be read"):
        load_config(path)
    (tmp_path / "policy.yaml").write_text("conditions: [{measure: acuracy, at_least: 0.9}]")
    with pytest.raises(ConfigError, match="line 1, conditions"):
        load_config(path)
