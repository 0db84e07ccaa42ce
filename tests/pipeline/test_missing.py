"""Files and packages that a run needs and that are not there are told before any image is listed."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from barlow_report.cli import app
from barlow_report.config import ClipConfig, load_config, whole_config
from barlow_report.config.base import Section
from barlow_report.config.missing import missing_file, missing_package
from barlow_report.errors import ConfigError
from barlow_report.lenses import registry
from barlow_report.stages import extract, forecast
from barlow_report.stages.needs import require_inputs
from tests.pipeline.toy import write_task

SECTIONS: dict[str, dict[str, Any]] = {
    "taxonomy.superclasses": {"taxonomy": {"superclasses": "gone/classes.yaml"}},
    "taxonomy.overlapping": {"taxonomy": {"overlapping": "gone.csv"}},
    "taxonomy.multi_labels": {"taxonomy": {"multi_labels": "gone.csv"}},
    "taxonomy.co_occurrences": {"taxonomy": {"co_occurrences": "gone.csv"}},
    "taxonomy.co_occurrence_labels": {"taxonomy": {"co_occurrence_labels": "gone.json"}},
    "taxonomy.non_prototypical": {"taxonomy": {"non_prototypical": "gone.txt"}},
    "taxonomy.proposals": {"taxonomy": {"proposals": "gone.csv"}},
    "taxonomy.wordnet.folder": {"taxonomy": {"superclasses": "wordnet", "wordnet": {"folder": "gone"}}},
    "directions.embeddings": {"directions": {"embeddings": "gone.npy"}},
    "directions.clip.weights": {"directions": {"clip": {"model": "ViT-B-32", "weights": "gone.safetensors"}}},
    "directions.clip.folder": {"directions": {"clip": {"folder": "gone"}}},
    "comparison.predictions.1": {"comparison": {"predictions": ["toy.yaml", "gone.csv"]}},
    "comparison.metadata": {"comparison": {"predictions": ["toy.yaml"], "metadata": "gone.csv"}},
    "comparison.models.1.weights": {
        "comparison": {"models": [{"torchvision": "vgg11"}, {"torchvision": "vgg11", "weights": "gone.pt"}]}
    },
    "comparison.models.factory": {"comparison": {"models": [{"factory": "gone.py:make"}]}},
    "comparison.models.onnx": {"comparison": {"models": [{"onnx": "gone/*.onnx"}]}},
    "comparison.models.torchvision": {"comparison": {"models": [{"torchvision": "gone.txt"}]}},
    "comparison.models": {"comparison": {"models": [{"torchvision": "gone*"}]}},
    "pool.folder": {"pool": {"folder": "gone"}},
    "pool.parquet.files": {"pool": {"parquet": {"files": "gone/*.parquet"}}},
    "training.manifest": {"training": {"manifest": "gone.csv"}},
    "changes.baseline": {"changes": {"baseline": "gone.zip"}},
}


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("task")
    write_task(folder, n_per_class=2)
    return folder


def _run(folder: Path, settings: dict[str, Any], command: str) -> Result:
    config = write_task(folder, n_per_class=0, settings=settings)
    return CliRunner().invoke(app, [command, str(config), "--run", str(folder / "run")])


@pytest.mark.parametrize("command", ["run", "check"])
@pytest.mark.parametrize("key", SECTIONS)
def test_a_file_of_a_lens_is_missed_before_the_pass(
    task: Path, key: str, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (extract, forecast):
        monkeypatch.setattr(module, "list_for_pass", lambda *_, **__: pytest.fail("images were listed"))
    result = _run(task, SECTIONS[key], command)
    assert result.exit_code == 1, result.output
    assert f"{key}: " in result.output
    assert "gone" in result.output
    assert not (task / "run").exists()


def test_all_that_is_missing_is_told_at_once_and_only_of_what_is_asked_for(task: Path) -> None:
    settings = SECTIONS["taxonomy.multi_labels"] | SECTIONS["directions.embeddings"]
    config = load_config(write_task(task, n_per_class=0, settings=settings))
    with pytest.raises(ConfigError, match=r"(?s)2 things .* missing.*directions\.embeddings.*taxonomy\.multi_labels"):
        require_inputs(config)
    with pytest.raises(
        ConfigError, match=r"^taxonomy\.multi_labels: found no file or folder .*gone\.csv\. Correct the path\.$"
    ):
        require_inputs(config, until="taxonomy")
    for until in ("extract", "explain", "causes"):
        require_inputs(config, until=until)


def test_every_path_of_every_section_is_looked_for() -> None:
    assert whole_config()  # every lens's section is a model
    for lens in registry.LENSES:
        section = lens.section()
        if section is None:
            continue
        assert issubclass(section, Section)
        paths = [name for name, field in section.model_fields.items() if "Path" in str(field.annotation)]
        for name in paths:
            is_list = "tuple" in str(section.model_fields[name].annotation)
            made = section.model_construct(None, **{name: (Path("/gone"),) if is_list else Path("/gone")})
            assert [text for text in made.missing(lens.key) if f"{lens.key}.{name}" in text], f"{lens.key}.{name}"


def test_a_package_of_an_extra_is_missed_before_the_pass(
    task: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "open_clip" else found(name))
    (tmp_path / "weights.pt").write_bytes(b"")
    clip = {"model": "ViT-B-32", "weights": str(tmp_path / "weights.pt")}
    result = _run(task, {"directions": {"clip": clip}}, "check")
    assert result.exit_code == 1
    said = " ".join(result.output.split())
    assert "directions.clip: open_clip is not installed. Install it: pip install 'barlow-report[clip]'." in said
    own = ClipConfig(factory="mine.py:build")
    assert list(own.missing("directions.clip")) == []


def test_what_compared_models_need_is_told_of_every_entry(task: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "timm" else found(name))
    models = [
        {"timm": "resnet18*"},
        {"torchvision": "nothing*"},
        {"torchvision": "vgg11", "exclude": ["vgg*"]},
        {"torchvision": "vgg1?", "name": "one"},
    ]
    config = load_config(write_task(task, n_per_class=0, settings={"comparison": {"models": models}}))
    with pytest.raises(ConfigError) as raised:
        require_inputs(config)
    assert str(raised.value).splitlines()[1:] == [
        "  comparison.models.0.timm: timm is not installed. Install it: pip install 'barlow-report[timm]'.",
        "  comparison.models.1: torchvision has no model that fits 'nothing*'. Correct the pattern.",
        "  comparison.models.2: 'exclude' leaves none of its 1 models. Leave some in.",
        "  comparison.models.3: stands for 4 models, and 'name' is of one. Leave 'name' out.",
    ]
    named_twice = {"models": [{"torchvision": "vgg11", "name": "a"}, {"torchvision": "vgg13", "name": "a"}]}
    config = load_config(write_task(task, n_per_class=0, settings={"comparison": named_twice}))
    with pytest.raises(ConfigError, match="2 entries are called 'a'"):
        require_inputs(config)
    listed = {"models": [{"torchvision": "resnet19"}, {"transformers": "nobody/nothing"}]}
    config = load_config(write_task(task, n_per_class=0, settings={"comparison": listed}))
    require_inputs(config)  # single models that cannot be loaded are listed with their reason


def test_what_is_there_is_not_missed(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("")
    (tmp_path / "odd[1].csv").write_text("")
    (tmp_path / "lost").symlink_to(tmp_path / "nothing")
    for name in ("a.csv", "*.csv", "odd[1].csv", "part-{000..009}.tar", "."):
        assert list(missing_file(tmp_path / name, "key")) == []
    assert list(missing_file(Path("s3://bucket/labels.csv"), "key")) == []
    assert list(missing_package("json", "extra", "key")) == []
    assert list(missing_file(tmp_path / "lost", "key")) == [f"key: {tmp_path / 'lost'} is a link to nothing."]
    assert len(list(missing_file(tmp_path / "*.tar", "key"))) == 1
    assert len(list(missing_package("no_such_package.part", "extra", "key"))) == 1
