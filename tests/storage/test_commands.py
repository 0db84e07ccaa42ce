"""Addresses and `file://` in the options and arguments of commands, and from Python."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
import torch
import yaml
from typer.testing import CliRunner, Result

import barlow_report
from barlow_report import pipeline
from barlow_report.cli import app
from barlow_report.config import load_config
from barlow_report.errors import OutputError, RunFolderError
from barlow_report.run_folder import Run
from barlow_report.storage.commands import on_this_machine
from tests.pipeline.toy import NETWORK, write_image, write_task

QUICK: dict[str, object] = {"visuals": {"attack": "none", "n_images": 2}, "rules": {"n_shuffles": 99}}


@pytest.fixture(autouse=True)
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    system = fsspec.filesystem("memory")
    system.store.clear()
    yield system
    system.store.clear()


def barlow(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def _done(*arguments: object) -> str:
    result = barlow(*arguments)
    assert result.exit_code == 0, result.output
    return result.stdout.strip().splitlines()[-1]


def test_file_addresses_lead_to_paths_of_this_machine(tmp_path: Path) -> None:
    config = write_task(tmp_path, n_per_class=20, settings=QUICK)
    run, site = f"file://{tmp_path}/run", f"file://{tmp_path}/site"
    assert _done("run", f"file://{config}", "--run", run, "--site", site) == str(tmp_path / "site" / "index.html")
    assert (tmp_path / "run" / "run.json").is_file()
    assert _done("extract", config, "--run", run) == str(tmp_path / "run")
    for command, target in (("card", "card.md"), ("export-results", "results.zip")):
        assert _done(command, run, f"file://{tmp_path}/{target}") == str(tmp_path / target)
        assert (tmp_path / target).is_file()
    assert barlow("check", config, "--run", run).exit_code == 0
    # and from Python
    assert Run.open(Path(run)).is_finished("visualize")
    assert Run.open(run).folder == tmp_path / "run"
    index = barlow_report.run(barlow_report.load_config(f"file://{config}"), folder=run, site=site)
    assert index == tmp_path / "site" / "index.html"
    assert barlow_report.build_site(run, site=f"file://{tmp_path}/again") == tmp_path / "again" / "index.html"
    assert pipeline.compute(load_config(config), folder=Path(run), until="extract").folder == tmp_path / "run"
    assert not any((tmp_path / "here").iterdir())


def test_python_returns_the_address_that_was_asked_for(memory: Any, tmp_path: Path) -> None:
    config = load_config(write_task(tmp_path, n_per_class=20, settings=QUICK))
    index = barlow_report.run(config, folder="memory://runs/mine", site="memory://site/mine")
    assert index == Path("memory://site/mine/index.html")
    assert memory.exists("/site/mine/index.html")
    assert memory.exists("/runs/mine/run.json")
    assert barlow_report.build_site("memory://runs/mine", site="memory://other") == Path("memory://other/index.html")
    assert memory.exists("/other/index.html")
    single = barlow_report.build_site("memory://runs/mine", site="memory://one/report.html", profile="single")
    assert single == Path("memory://one/report.html")
    assert barlow_report.build_site("memory://runs/mine", site=tmp_path / "site") == tmp_path / "site" / "index.html"
    with pytest.raises(RunFolderError, match=r"memory://runs/x: is an address\. Only `barlow_report\.run`"):
        pipeline.compute(config, folder=Path("memory://runs/x"), until="extract")
    assert not any((tmp_path / "here").iterdir())


def test_commands_that_write_one_file_write_it_at_an_address(memory: Any, tmp_path: Path) -> None:
    config = write_task(tmp_path, n_per_class=20, settings=QUICK)
    run = tmp_path / "run"
    pipeline.run(load_config(config), folder=run, site=tmp_path / "site")
    assert _done("export-results", run, "memory://out/results.zip") == "memory://out/results.zip"
    _done("export-results", run, tmp_path / "results.zip")
    assert memory.cat_file("/out/results.zip") == (tmp_path / "results.zip").read_bytes()
    assert barlow("compare", "memory://out/results.zip", run).exit_code == 0
    memory.pipe_file("/out/card.md", b"# Mine\n\nMy words.\n")
    assert _done("card", run, "memory://out/card.md") == "memory://out/card.md"
    assert memory.cat_file("/out/card.md").startswith(b"# Mine\n\nMy words.\n")
    assert b"failure mode" in memory.cat_file("/out/card.md")
    assert _done("schema", "memory://out/schema.json") == "memory://out/schema.json"
    assert b'"properties"' in memory.cat_file("/out/schema.json")


def test_a_checkpoint_is_converted_from_and_to_an_address(memory: Any, tmp_path: Path) -> None:
    torch.save({"weight": torch.ones(3)}, tmp_path / "w.pt")
    memory.pipe_file("/in/w.pt", (tmp_path / "w.pt").read_bytes())
    target = "memory://out/w.safetensors"
    assert _done("convert-checkpoint", "memory://in/w.pt", target) == target
    first = memory.cat_file("/out/w.safetensors")
    _done("convert-checkpoint", tmp_path / "w.pt", tmp_path / "w.safetensors")
    assert first == (tmp_path / "w.safetensors").read_bytes()
    again = barlow("convert-checkpoint", "memory://in/w.pt", target)
    assert again.exit_code == 1
    assert f"{target}: exists already. Give another name, or --overwrite." in again.output
    torch.save({"weight": torch.zeros(3)}, tmp_path / "w.pt")
    memory.pipe_file("/in/w.pt", (tmp_path / "w.pt").read_bytes())
    _done("convert-checkpoint", "memory://in/w.pt", target, "--overwrite")
    assert memory.cat_file("/out/w.safetensors") != first
    missing = barlow("convert-checkpoint", "memory://in/none.pt", "memory://out/none.safetensors")
    assert missing.exit_code == 1
    assert "memory://in/none.pt: not found" in missing.output
    assert not memory.exists("/out/none.safetensors")


def test_folders_and_a_configuration_are_written_on_this_machine(memory: Any) -> None:
    for command in (("draw-scenes", "memory://x/y"), ("init", "memory://x/y", "--yes")):
        refused = barlow(*command)
        assert refused.exit_code == 1
        name = {"draw-scenes": "FOLDER", "init": "FILE"}[command[0]]
        assert f"memory://x/y: is an address; {name} takes a path of this machine. Give one" in refused.output
    with pytest.raises(OutputError, match="--output takes"), on_this_machine({"output": Path("memory://x")}):
        pass
    assert memory.find("/") == []


def test_check_writes_nothing_at_the_address_of_a_run(memory: Any, tmp_path: Path) -> None:
    config = write_task(tmp_path, n_per_class=15, settings=QUICK)
    new = barlow("check", config, "--run", "memory://runs/mine")
    assert new.exit_code == 0, new.output
    assert "memory://runs/mine: new" in new.output
    assert memory.find("/runs") == []
    _done("extract", config, "--run", "memory://runs/mine")
    known = barlow("check", config, "--run", "memory://runs/mine")
    assert "memory://runs/mine: extract finished" in " ".join(known.output.split())


def test_init_takes_images_weights_and_tables_at_addresses(memory: Any, tmp_path: Path) -> None:
    for index in range(4):
        for colour in ("red", "blue"):
            write_image(tmp_path / f"images/{colour}/{index}.png", colour=colour, marked=False, seed=index)
    for path in (tmp_path / "images").rglob("*.png"):
        memory.pipe_file(f"/data/{path.relative_to(tmp_path)}", path.read_bytes())
    space: dict[str, Any] = {"__name__": "network"}
    exec(NETWORK, space)  # noqa: S102 - ours
    torch.save(space["colours"]().state_dict(), tmp_path / "w.pt")
    memory.pipe_file("/models/w.pt", (tmp_path / "w.pt").read_bytes())
    (tmp_path / "network.py").write_text(NETWORK)
    model = ("--model", f"{tmp_path}/network.py:colours", "--weights", "memory://models/w.pt")
    _done("init", tmp_path / "a.yaml", "--images", "memory://data/images", *model, "--yes")
    written = yaml.safe_load((tmp_path / "a.yaml").read_text())
    assert written["data"] == {"folder": "memory://data/images"}
    assert written["inspected_model"]["weights"] == "memory://models/w.pt"
    assert barlow("check", tmp_path / "a.yaml").exit_code == 0
    memory.pipe_file("/data/t.csv", b"path,label\nred/0.png,red\nblue/1.png,blue\n")
    table = ("--manifest", "memory://data/t.csv", "--image-root", "memory://data/images")
    _done("init", tmp_path / "b.yaml", *table, *model, "--yes")
    data = yaml.safe_load((tmp_path / "b.yaml").read_text())["data"]
    assert data == {"manifest": "memory://data/t.csv", "image_root": "memory://data/images"}
    _done("init", tmp_path / "c.yaml", "--images", f"file://{tmp_path}/images", *model, "--yes")
    assert yaml.safe_load((tmp_path / "c.yaml").read_text())["data"] == {"folder": "images"}
    memory.pipe_file("/data/set.v2/red/0.png", memory.cat_file("/data/images/red/0.png"))
    memory.pipe_file("/data/set.v2/blue/0.png", memory.cat_file("/data/images/blue/0.png"))
    _done("init", tmp_path / "e.yaml", "--images", "memory://data/set.v2", *model, "--yes")
    nothing = barlow("init", tmp_path / "d.yaml", "--images", "memory://data/none", *model, "--yes")
    assert nothing.exit_code == 1
    assert "memory://data/none: found nothing there" in nothing.output
