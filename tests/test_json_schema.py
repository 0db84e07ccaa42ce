"""The JSON schema accepts what a configuration may be, and refuses what editors should mark."""

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml
from pydantic import BaseModel, ValidationError
from typer.testing import CliRunner

from barlow_report.cli import app
from barlow_report.config import whole_config
from barlow_report.config.json_schema import editor_schema
from barlow_report.lenses.gate.policy import Policy
from barlow_report.training_config import TrainingConfig
from tests.manual.configurations import variants
from tests.manual.pages import PAGES

CONFIGS = Path(__file__).resolve().parents[1] / "configs"
STARTER = Path(__file__).resolve().parents[1] / "barlow_report" / "lenses" / "gate" / "starter.yaml"
MINIMAL: dict[str, Any] = {"name": "mine", "data": {"folder": "images"}, "inspected_model": {"torchvision": "resnet18"}}


def _validator(model: type[BaseModel], *, expands: bool = True) -> jsonschema_rs.Validator:
    return jsonschema_rs.validator_for(editor_schema(model, title="a title", expands=expands))


def _problems(values: Any, model: type[BaseModel] | None = None) -> list[str]:
    as_json = json.loads(json.dumps(values))  # keys of JSON are texts
    return [error.message for error in _validator(model or whole_config()).iter_errors(as_json)]


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.name)
def test_the_shipped_configurations_fit(path: Path) -> None:
    model = TrainingConfig if "train" in path.name else whole_config()
    assert _problems(yaml.safe_load(path.read_text(encoding="utf-8")), model) == []


def test_every_configuration_of_the_manual_fits() -> None:
    parts = [part for page in PAGES for code in page.of("yaml") for part in variants(code)]
    assert len(parts) > 15
    assert {str(part): problems for part in parts if (problems := _problems({**MINIMAL, **part}))} == {}


def test_the_policies_fit() -> None:
    for path in (STARTER, CONFIGS / "ci" / "policy.yaml"):
        _validator(Policy, expands=False).validate(
            json.loads(json.dumps(yaml.safe_load(path.read_text()), default=str))
        )


@pytest.mark.parametrize(
    "part",
    [
        {"seed": "${SEED:-0}"},
        {"device": "${DEVICE}"},
        {"data": {"folder": "${IMAGES}/test"}},
        {"data": {"folder": "images", "classes": {0: "cat", 1: "dog"}}},
        {"data": {"folder": "images", "classes": {"cat": 0, "dog": 1}}},
        {"data": {"folder": "images", "classes": "imagenet"}},
        {"data": {"manifest": "table.csv"}, "attributes": ["has_handle"]},
        {"data": {"manifest": "table.csv"}, "attributes": {"columns": ["has_handle"]}},
        {"visuals": {"attack": {"radius": "none"}}},
    ],
    ids=str,
)
def test_what_may_be_written_in_several_ways_fits_in_all_of_them(part: dict[str, Any], tmp_path: Path) -> None:
    assert _problems({**MINIMAL, **part}) == []
    if "${" not in str(part):
        whole_config().model_validate({**MINIMAL, **part}, context={"folder": tmp_path})


@pytest.mark.parametrize(
    "part",
    [
        {"rule": {}},
        {"rules": {"min_image": 3}},
        {"rules": {"rho": 1.5}},
        {"rules": {"evidence": "shuffle"}},
        {"seed": -1},
        {"seed": "$SEED"},
        {"name": "../mine"},
        {"data": ["images"]},
        {"attributes": []},
        {"visuals": {"attack": {"radius": 0}}},
    ],
    ids=str,
)
def test_mistakes_are_marked_and_are_mistakes(part: dict[str, Any], tmp_path: Path) -> None:
    assert _problems({**MINIMAL, **part})
    with pytest.raises(ValidationError):
        whole_config().model_validate({**MINIMAL, **part}, context={"folder": tmp_path})


def test_a_policy_takes_no_variables() -> None:
    condition = {"measure": "accuracy", "at_least": "${LEAST}"}
    assert not _validator(Policy, expands=False).is_valid({"conditions": [condition]})


def test_every_key_of_the_schema_is_described() -> None:
    schema = editor_schema(whole_config(), title="a title")
    for name, section in {"": schema, **schema["$defs"]}.items():
        for part in section.get("anyOf", [section]):
            for key, value in part.get("properties", {}).items():
                # pydantic leaves out what the section says of itself
                section_of = schema["$defs"][value["$ref"].rpartition("/")[2]] if "$ref" in value else {}
                assert value.get("description") or section_of.get("description"), f"{name}.{key}"


@pytest.mark.parametrize("of", ["report", "training", "policy"])
def test_the_command_writes_a_valid_schema(of: str, tmp_path: Path) -> None:
    path = tmp_path / "a.schema.json"
    done = CliRunner().invoke(app, ["schema", str(path), "--of", of])
    assert (done.exit_code, done.stdout.strip()) == (0, str(path))
    jsonschema_rs.meta.validate(json.loads(path.read_text(encoding="utf-8")))
    printed = CliRunner().invoke(app, ["schema", "--of", of]).stdout
    assert printed == path.read_text(encoding="utf-8")


def test_a_file_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["schema", str(tmp_path)])
    assert done.exit_code == 1
    assert str(tmp_path) in done.stderr
    assert "Traceback" not in done.stderr
