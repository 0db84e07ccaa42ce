"""Addresses anywhere in a configuration: in sections, in lists, as patterns; by `run`, `check` and `train-robust`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
import torch
import yaml
from typer.testing import CliRunner, Result

from barlow_report import pipeline
from barlow_report.cli import app
from barlow_report.config import DataConfig, ModelConfig, PreprocessingConfig, load_config
from barlow_report.errors import ConfigError, DataError
from barlow_report.lenses.error_types.config import TaxonomyConfig
from barlow_report.lenses.models.config import ComparedModelConfig, ComparisonConfig
from barlow_report.lenses.models.sources import list_models
from barlow_report.run_folder import Run
from barlow_report.storage.addresses import address_of, plain_path
from barlow_report.storage.sections import with_local_files
from tests.pipeline.things import write_things
from tests.pipeline.toy import NETWORK, write_task

QUICK: dict[str, object] = {"visuals": {"attack": "none"}, "rules": {"n_shuffles": 99, "n_resamples": 0}}


@pytest.fixture(autouse=True)
def memory() -> Iterator[Any]:
    system = fsspec.filesystem("memory")
    system.store.clear()
    yield system
    system.store.clear()


def _weights(folder: Path) -> bytes:
    """The weights of the network that `write_task` writes."""
    space: dict[str, Any] = {"__name__": "network"}
    exec(NETWORK, space)  # noqa: S102 - ours
    torch.save(space["colours"]().state_dict(), folder / "w.pt")
    return (folder / "w.pt").read_bytes()


def _task(folder: Path, **settings: object) -> Path:
    model = {"factory": "network.py:colours", "weights": "memory://models/w.pt"}
    return write_task(folder, n_per_class=25, settings={**QUICK, "inspected_model": model, **settings})


def _check(config: Path) -> Result:
    return CliRunner().invoke(app, ["check", str(config), "--run", str(config.parent / "run")])


def test_check_takes_the_weights_that_a_run_takes(memory: Any, tmp_path: Path) -> None:
    config = _task(tmp_path)
    missing = _check(config)
    assert missing.exit_code == 1
    assert "memory://models/w.pt: not found. Check the address." in missing.output
    memory.pipe_file("/models/w.pt", _weights(tmp_path))
    found = _check(config)
    assert found.exit_code == 0, found.output
    assert "4 features of network:colours" in found.output
    assert pipeline.compute(load_config(config), folder=tmp_path / "run", until="extract").is_finished("extract")


def test_check_looks_for_other_files_and_does_not_fetch_them(memory: Any, tmp_path: Path, cache: Path) -> None:
    config = _task(tmp_path, comparison={"predictions": ["memory://tables/one.csv", "memory://tables/two.csv"]})
    memory.pipe_file("/models/w.pt", _weights(tmp_path))
    memory.pipe_file("/tables/one.csv", b"path,one\n")
    missing = _check(config)
    assert missing.exit_code == 1
    assert "memory://tables/two.csv: not found" in missing.output
    memory.pipe_file("/tables/two.csv", b"path,two\n")
    assert _check(config).exit_code == 0
    assert [path.name for path in cache.rglob("*") if path.suffix in (".pt", ".csv")] == ["w.pt"]


def test_a_run_compares_with_models_and_tables_at_addresses(memory: Any, tmp_path: Path, cache: Path) -> None:
    weights = _weights(tmp_path)
    for name in ("w.pt", "more/left.pt", "more/right.pt"):
        memory.pipe_file(f"/models/{name}", weights)
    network = {"factory": "network.py:colours"}
    models: list[dict[str, Any]] = [
        {**network, "weights": "memory://models/w.pt"},
        {**network, "weights": "memory://models/more/*.pt"},
    ]
    tables = ["memory://tables/one.csv", "memory://tables/two.csv"]
    config = load_config(_task(tmp_path, comparison={"predictions": tables, "models": models}))
    paths = [f"{label}/{i:04d}.png" for label in ("red", "blue") for i in range(25)]
    for name, label in (("one", "red"), ("two", "blue")):
        lines = [f"path,{name}", *(f"{path},{label}" for path in paths)]
        memory.pipe_file(f"/tables/{name}.csv", "\n".join(lines).encode())
    run = pipeline.compute(config, folder=tmp_path / "run", until="comparison")
    table = run.read_table("models").set_index("name")
    assert {"w", "left", "right", "one", "two"} <= set(table.index)
    assert run.read_table("models_left_out").empty
    recorded = run.info["config"]["comparison"]
    assert [address_of(path) for path in recorded["predictions"]] == tables
    for path in run.folder.rglob("*"):
        assert path.is_dir() or str(cache).encode() not in path.read_bytes(), path


def test_a_pattern_of_an_address_is_expanded_and_names_are_those_of_the_address(memory: Any) -> None:
    for name in ("one/m.pt", "two/m.pt", "two/n.txt"):
        memory.pipe_file(f"/zoo/{name}", b"x")
    entry = ComparedModelConfig(factory="p.q:r", weights=Path("memory://zoo/*/m.pt"))
    found = list_models(with_local_files(ComparisonConfig(models=(entry,))).models)
    assert [model.name for model in found] == ["one/m", "two/m"]
    assert [model.name for model in list_models([entry])] == ["one/m", "two/m"]  # before they are fetched
    nothing = ComparedModelConfig(factory="p.q:r", weights=Path("memory://zoo/*.onnx"))
    with pytest.raises(DataError, match=r"^memory://zoo/\*\.onnx: found no file\. Correct the pattern"):
        with_local_files(nothing)
    memory.pipe_file("/zoo/tall[1].pt", b"literal")
    literal = ComparedModelConfig(factory="p.q:r", weights=Path("memory://zoo/tall[1].pt"))
    for each in (literal, with_local_files(literal)):
        assert [model.name for model in list_models([each])] == ["tall[1]"]
    copy = with_local_files(literal).weights
    assert copy is not None
    assert copy.read_bytes() == b"literal"
    memory.pipe_file("/zoo/none/x.txt", b"x")
    assert list(ComparedModelConfig(factory="p.q:r", weights=Path("memory://zoo/none/*.pt")).missing("m"))[0:1] == [
        "memory://zoo/none/*.pt: found no file. Correct the pattern."
    ]


def test_a_file_of_names_of_models_may_be_at_an_address(memory: Any) -> None:
    memory.pipe_file("/zoo/names.txt", b"resnet18\nresnet34\n")
    entry = ComparedModelConfig(torchvision="memory://zoo/names.txt")
    assert [model.spec.torchvision for model in list_models([entry])] == ["resnet18", "resnet34"]


def test_lists_and_nested_sections_are_fetched_and_the_rest_stays(memory: Any, tmp_path: Path) -> None:
    for name in ("types.csv", "super.yaml", "w.pt"):
        memory.pipe_file(f"/x/{name}", name.encode())
    section = TaxonomyConfig.model_validate(
        {"superclasses": "memory://x/super.yaml", "people_types": ["memory://x/types.csv", str(tmp_path)]}
    )
    local = with_local_files(section)
    assert [Path(path).name for path in (local.superclasses, *local.people_types)] == [
        "super.yaml",
        "types.csv",
        tmp_path.name,
    ]
    assert local.people_types[0].read_bytes() == b"types.csv"
    assert local.people_types[1] == tmp_path
    plain = ComparisonConfig(predictions=(tmp_path / "a.csv",), models=(ComparedModelConfig(torchvision="x"),))
    assert with_local_files(plain) is plain


def test_training_starts_from_weights_at_an_address(memory: Any, tmp_path: Path) -> None:
    write_task(tmp_path, n_per_class=12)
    settings: dict[str, Any] = {
        "name": "mine",
        "data": {"folder": "images"},
        "model": {"factory": "network.py:colours", "weights": "memory://models/w.pt"},
        "n_epochs": 1,
        "batch_size": 8,
    }
    (tmp_path / "train.yaml").write_text(yaml.safe_dump(settings))
    command = ["train-robust", str(tmp_path / "train.yaml"), "--output", str(tmp_path / "out")]
    refused = CliRunner().invoke(app, command)
    assert refused.exit_code == 1
    assert "memory://models/w.pt: not found" in refused.output
    memory.pipe_file("/models/w.pt", _weights(tmp_path))
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    assert (tmp_path / "out" / "model.safetensors").is_file()


def test_file_addresses_are_paths_of_this_machine_with_and_without_a_file(tmp_path: Path) -> None:
    assert plain_path(Path("file:///tmp/x")) == Path("/tmp/x")  # noqa: S108
    assert plain_path(Path("FILE:///a b/c")) == Path("/a b/c")
    for path in (Path("file"), Path("file:"), Path("x/file:/y"), Path("s3://bucket/x"), tmp_path):
        assert plain_path(path) == path
    assert DataConfig(folder=Path(f"file://{tmp_path}")).folder == tmp_path
    tables = (Path(f"file://{tmp_path}/a.csv"), Path("b.csv"))
    assert ComparisonConfig(predictions=tables).predictions == (tmp_path / "a.csv", Path("b.csv"))


@pytest.mark.parametrize("key", ["factory", "transformers"])
def test_code_and_folders_of_transformers_are_of_this_machine(key: str) -> None:
    value = {"factory": "s3://bucket/model.py:make", "transformers": "s3://bucket/model"}[key]
    context = {"folder": Path.cwd()}
    with pytest.raises((ValueError, ConfigError), match=r"on this machine.*Copy the"):
        ModelConfig.model_validate({key: value, "preprocessing": PreprocessingConfig()}, context=context)


def test_runs_of_several_outputs_take_weights_and_the_run_before_at_addresses(memory: Any, tmp_path: Path) -> None:
    config = write_things(tmp_path, settings={**QUICK})
    space: dict[str, Any] = {"__name__": "network"}
    exec((tmp_path / "network.py").read_text(), space)  # noqa: S102 - ours
    torch.save(space["things"]().state_dict(), tmp_path / "w.pt")
    memory.pipe_file("/models/w.pt", (tmp_path / "w.pt").read_bytes())
    values = yaml.safe_load(config.read_text())
    values["inspected_model"]["weights"] = "memory://models/w.pt"
    config.write_text(yaml.safe_dump(values))
    pipeline.run(load_config(config), folder="memory://runs/old", site=tmp_path / "site")
    assert memory.exists("/runs/old/run.outputs.json")
    config.write_text(yaml.safe_dump({**values, "changes": {"baseline": "memory://runs/old"}}))
    pipeline.run(load_config(config), folder=tmp_path / "new", site=tmp_path / "site")
    folders = [path.parent for path in (tmp_path / "new").glob("*/run.json")]
    assert folders
    assert all(Run.open(folder).has_table("changes") for folder in folders)
