"""Every configuration of the manual is run on small images and models, whatever it names being there."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml

from barlow_report import pipeline
from barlow_report.config import load_config
from barlow_report.lenses import registry
from barlow_report.run_folder import Run, is_of_each_output
from tests.manual.configurations import variants
from tests.manual.not_run import CONFIGURATIONS
from tests.manual.pages import PAGES
from tests.manual.reader import write_reader

SECTIONS = {lens.key for lens in registry.LENSES if lens.section() is not None}
USUAL: dict[str, Any] = {
    "name": "mine",
    "data": {"manifest": "table.csv", "image_root": "images"},
    "inspected_model": {"factory": "my_package.models:make_robust_model", "weights": "robust.safetensors"},
}
QUICK = {"visuals": {"n_images": 2, "n_gallery": 2, "attack": "none"}, "extraction": {"n_workers": 1}}
OTHERS: dict[str, dict[str, Any]] = {
    "positive: defect": {"data": {"folder": "parts"}},
    "overlapping: imagenet": {
        "data": {"manifest": "imagenet.csv", "image_root": "imagenet", "classes": "imagenet"},
        "inspected_model": None,
        "feature_model": USUAL["inspected_model"],
    },
}
"""What some of them need beside what they say, by a part of them."""

OTHERS["superclasses: wordnet}"] = OTHERS["overlapping: imagenet"]


def _text(code: str, part: Mapping[str, object]) -> str:
    """The lines of a block that one configuration of several is from, or all of it."""
    lines = [line for line in code.splitlines() if line.strip() and not line.startswith("#")]
    (key, *_), wanted = part, yaml.safe_dump(part)
    for n_lines, start in product(range(1, len(lines) + 1), range(len(lines))):
        text = "\n".join(lines[start : start + n_lines])
        if text.startswith(f"{key}:") and yaml.safe_dump(_loaded(text)) == wanted:
            return text
    raise AssertionError(f"{part} is not in {code}")


def _loaded(text: str) -> object:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return None


def _all() -> Iterator[tuple[str, str]]:
    """The page and the text of every configuration."""
    for written in PAGES:
        for code in written.of("yaml"):
            for part in variants(code):
                yield written.path.stem, _text(code, part)


def _is_run_here(page: str, text: str) -> bool:
    return page not in ("gallery", "storage") and not any(part in text for part in CONFIGURATIONS)


def _cases() -> list[Any]:
    cases = []
    for number, (page, text) in enumerate(_all()):
        if _is_run_here(page, text):
            is_slow = "engine:" in text or "pretrained" in text
            cases.append(pytest.param(text, id=f"{page}-{number}", marks=[pytest.mark.slow] if is_slow else []))
    return cases


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The reader's folder, with a run of the usual configuration that others begin with."""
    folder = tmp_path_factory.mktemp("reader")
    write_reader(folder)
    (folder / "usual.yaml").write_text(yaml.safe_dump(USUAL | QUICK))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.syspath_prepend(str(folder))
        pipeline.compute_folder(load_config("usual.yaml"), folder=folder / "usual", until="explain")
    verified = Run.open(folder / "usual").read_table("rules").query("verdict == 'verified'")
    assert len(verified), "dogs with a mark are a failure mode"
    return folder


@pytest.fixture
def place(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of that run, in the reader's folder as working directory."""
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(str(folder))
    shutil.copytree(folder / "usual", tmp_path / "run", copy_function=os.link)
    (tmp_path / "run" / "run.json").unlink()
    shutil.copy2(folder / "usual" / "run.json", tmp_path / "run" / "run.json")
    return tmp_path / "run"


def _whole(text: str) -> dict[str, Any]:
    """The configuration with what it leaves to the reader."""
    given = yaml.safe_load(text)
    needs = [more for part, more in OTHERS.items() if part in text]
    is_whole = {"name", "data"} <= given.keys()
    base: dict[str, Any] = QUICK if is_whole else {**USUAL, **QUICK, **(needs[0] if needs else {})}
    return {key: value for key, value in {**base, **given}.items() if value is not None}


def _stand_in(text: str, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Give what would come from the web: weights of ResNet-50, and a tiny model under the name of a CLIP model."""
    if "pretrained" in text:
        import torchvision

        weights = torchvision.models.resnet50().state_dict()
        monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", lambda *_, **__: weights)
        monkeypatch.setattr("barlow_report.vision.published.why_unreachable", lambda _: None)
    if "ViT-B-32" in text:
        open_clip = pytest.importorskip("open_clip")
        from tests.vision.test_embeddings import TINY, write_tiny_clip

        monkeypatch.setitem(open_clip.factory._MODEL_CONFIGS, "ViT-B-32", TINY)
        if not (folder / "vit_b_32.safetensors").is_file():
            made = write_tiny_clip(folder / "tiny")
            shutil.move(made / "open_clip_model.safetensors", folder / "vit_b_32.safetensors")


@pytest.mark.parametrize("text", _cases())
def test_a_configuration_of_the_manual_is_run(
    text: str, place: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "superclasses: wordnet" in text:
        _require_wordnet()
    _stand_in(text, monkeypatch, folder)
    path = folder / "report.yaml"
    path.write_text(yaml.safe_dump(_whole(text)), encoding="utf-8")
    if "engine:" in text:
        _run_with_ray(path, place)
        return
    config = load_config(path)
    if config.data.is_of_all_outputs:
        shutil.rmtree(place)  # which holds a run on one label per image
    asked = [key for key in yaml.safe_load(text) if key in SECTIONS]
    for until in asked or ["explain"]:
        pipeline.compute_folder(config, folder=place, until=until)
    runs = [found.parent for found in place.glob("*/run.json")] if is_of_each_output(place) else [place]
    assert runs
    for run in map(Run.open, runs):
        assert run.is_finished("explain")
        for key in asked:
            assert run.is_finished(key), f"{key} was asked for"
        for key in ("rules", "data", *asked):
            assert json.loads(json.dumps(run.info["config"][key])) == json.loads(
                json.dumps(config.model_dump(mode="json")[key])
            ) or is_of_each_output(place)


def _require_wordnet() -> None:
    if not Path("/usr/share/wordnet/data.noun").is_file():
        reason = "WordNet not found; install wordnet-base"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)


def _run_with_ray(path: Path, place: Path) -> None:
    """By the command, whose workers end with it."""
    if find_spec("ray") is None:
        pytest.skip("needs ray")
    shutil.rmtree(place)
    code = "from barlow_report.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "explain", str(path), "--run", str(place)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(path.parent), *sys.path])},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert Run.open(place).is_finished("explain")


def test_what_is_not_run_is_in_the_manual_once_and_has_a_reason() -> None:
    texts = [text for _, text in _all()]
    for part, reason in CONFIGURATIONS.items():
        assert sum(part in text for text in texts) == 1, part
        assert len(reason.split()) >= 4
    assert {page for page, _ in _all()} >= {"gallery", "storage"}, "which have tests of their own"


def test_every_configuration_is_run_or_on_the_list() -> None:
    here = sum(_is_run_here(page, text) for page, text in _all())
    assert here == len(_cases())
    others = [(page, text) for page, text in _all() if not _is_run_here(page, text)]
    assert len(others) == len(CONFIGURATIONS) + sum(page in ("gallery", "storage") for page, _ in others)
