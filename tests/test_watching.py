"""What a factory's code uses is seen while it makes a model, and noticed when it changes."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from barlow_report.config import ModelConfig
from barlow_report.stages.loading import Noted, is_unchanged, loaded_contents, merge_noted, noting
from barlow_report.vision.factories import call_factory

FACTORY = """
import glob, importlib, json, os, subprocess, sys
from pathlib import Path
import torch
from safetensors.torch import load_file

HERE = Path(__file__).parent


def make(n=1):
    from my_blocks.parts import WIDTH
    from my_space.inner import deep
    importlib.import_module("my_lazy")
    sys.path.append(str(HERE / "more"))
    import my_added
    json.loads((HERE / "settings.json").read_text())
    torch.load(HERE / "weights.pt")
    load_file(HERE / "weights.safetensors")
    (HERE / "log.txt").write_text("made")
    newest = sorted(glob.glob(str(HERE / "checkpoint-*.txt")))[-1]
    depth = os.environ.get("MY_DEPTH", "2")
    os.environ.setdefault("MY_DEFAULT", "1")
    if n > 1:
        dict(os.environ)
        subprocess.run([sys.executable, "-c", ""])
    return torch.nn.Linear(1, 1)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "models"
    files = {
        "factory.py": FACTORY,
        "my_blocks/__init__.py": "",
        "my_blocks/parts.py": "from .basic import WIDTH\n",
        "my_blocks/basic.py": "import os\nWIDTH = int(os.environ['MY_WIDTH'])\n",
        "my_space/inner/deep.py": "",
        "my_lazy.py": "",
        "more/my_added.py": "",
        "settings.json": "{}",
        "checkpoint-1.txt": "",
        "unused.txt": "",
    }
    for name, text in files.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(text)
    torch.save({"a": torch.ones(1)}, place / "weights.pt")
    safetensors.torch.save_file({"a": torch.ones(1)}, place / "weights.safetensors")
    before, path = dict(os.environ), list(sys.path)
    os.environ["MY_WIDTH"] = "8"
    yield place
    for name in set(os.environ) - set(before):
        del os.environ[name]
    sys.path[:] = path


def load(folder: Path, **arguments: Any) -> Noted:
    noted = Noted()
    with noting(specs(folder), noted):
        call_factory(f"{folder / 'factory.py'}:make", arguments, role="inspected_model")
    return noted


def specs(folder: Path) -> dict[str, ModelConfig]:
    return {"inspected_model": ModelConfig(factory=f"{folder / 'factory.py'}:make")}


def edit(name: str) -> Callable[[Path], object]:
    """Return a change of one byte that keeps the size and the modification time."""

    def change(folder: Path) -> None:
        path = folder / name
        status, data = path.stat(), path.read_bytes()
        path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]) if data else b"#")
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))

    return change


CHANGES: dict[str, Callable[[Path], object]] = {
    **{
        name: edit(name)
        for name in (
            "factory.py",
            "my_blocks/__init__.py",
            "my_blocks/parts.py",
            "my_blocks/basic.py",
            "my_space/inner/deep.py",
            "my_lazy.py",
            "more/my_added.py",
            "settings.json",
            "weights.pt",
            "weights.safetensors",
        )
    },
    "deleted": lambda folder: (folder / "settings.json").unlink(),
    "a file that a pattern finds": lambda folder: (folder / "checkpoint-2.txt").write_text(""),
    "a variable of a module": lambda _: os.environ.update(MY_WIDTH="16"),
    "a variable with a default": lambda _: os.environ.update(MY_DEPTH="3"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_of_anything_that_was_used_is_noticed(folder: Path, change: Callable[[Path], object]) -> None:
    noted = load(folder)
    assert is_unchanged(specs(folder), noted)
    before = loaded_contents(specs(folder), noted)
    change(folder)
    assert not is_unchanged(specs(folder), noted)
    assert loaded_contents(specs(folder), noted) != before


def test_what_was_not_used_may_change(folder: Path) -> None:
    noted = load(folder)
    for name in ("unused.txt", "log.txt"):
        (folder / name).write_text("other")
    (folder / "runs").mkdir()
    (folder / "my_blocks" / "unused.py").write_text("")
    os.environ["MY_OTHER"] = "1"
    assert is_unchanged(specs(folder), noted)
    assert set(noted["variables"]) == {"MY_WIDTH", "MY_DEPTH"}
    assert set(noted["packages"]) == {"safetensors"}


def test_a_second_model_of_modules_that_are_loaded_already_depends_on_them_too(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = folder / "my_installed"
    package.mkdir()
    (package / "__init__.py").write_text("from my_installed import models\n")
    (package / "models.py").write_text("from .layers import make\n")
    (package / "layers.py").write_text("def make():\n    return 1\n")
    monkeypatch.syspath_prepend(str(folder))
    found = []
    for _ in range(2):
        noted = Noted()
        spec = {"feature_model": ModelConfig(factory="my_installed.models:make")}
        with noting(spec, noted):
            call_factory("my_installed.models:make", {}, role="feature_model")
        found.append(set(noted["files"]))
        assert is_unchanged(spec, noted)
    names = ("__init__.py", "models.py", "layers.py")
    assert found[0] == found[1] == {f"feature_model:my_installed/{name}" for name in names}
    for name in [name for name in sys.modules if name.startswith("my_installed")]:
        del sys.modules[name]


def test_models_that_were_moved_are_the_same(folder: Path) -> None:
    noted = json.loads(json.dumps(load(folder)))
    before = loaded_contents(specs(folder), noted)
    moved = folder.rename(folder.with_name("moved"))
    assert is_unchanged(specs(moved), noted)
    assert loaded_contents(specs(moved), noted) == before
    assert str(folder) not in json.dumps(noted)


def test_what_cannot_be_watched_is_named(folder: Path) -> None:
    noted = load(folder, n=2)
    assert noted["beyond"] == ["other programs", "the whole environment"]
    assert "MY_WIDTH" in noted["variables"]
    assert merge_noted(load(folder), noted)["beyond"] == noted["beyond"]


def test_a_model_of_a_library_has_nothing_that_could_change() -> None:
    noted = Noted()
    with noting({"inspected_model": ModelConfig(torchvision="resnet18")}, noted):
        pass
    assert is_unchanged({}, merge_noted({}, noted))
    assert loaded_contents({}, noted) == loaded_contents({}, merge_noted({}, noted))


def test_nothing_is_watched_afterwards(folder: Path) -> None:
    kind = type(os.environ)
    before = (kind.__getitem__, vars(safetensors.torch)["safe_open"])
    load(folder)
    assert (kind.__getitem__, vars(safetensors.torch)["safe_open"]) == before
    (folder / "unused.txt").read_text()
