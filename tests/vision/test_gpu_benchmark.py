"""The script for GPUs runs on tiny networks, with nothing installed but torch, torchvision, numpy and Pillow."""

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
import torch

from barlow_report.config import AttackConfig, PreprocessingConfig
from tests.benchmarks import gpu

ROOT = Path(__file__).resolve().parents[2]
WITHOUT_OTHERS = """
import runpy, sys
others = "jinja2 matplotlib mkdocs numba pandas pyarrow pydantic rich safetensors scipy sklearn typer yaml"
sys.modules.update(dict.fromkeys(others.split()))
sys.argv[1:] = ["--device", "cpu", "--json", sys.argv[1]]
runpy.run_module("tests.benchmarks.gpu", run_name="__main__")
"""


def test_without_cuda_it_says_what_it_needs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert gpu.main([]) == 2
    assert "needs an NVIDIA GPU" in capsys.readouterr().err


def test_its_settings_are_the_defaults_of_the_configuration() -> None:
    assert asdict(gpu.Attack()) == AttackConfig().model_dump()
    assert set(asdict(gpu.Preprocessing())) == set(PreprocessingConfig.model_fields)


@pytest.mark.slow
def test_it_runs_without_any_other_library(tmp_path: Path) -> None:
    path = tmp_path / "gpu.json"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", WITHOUT_OTHERS, str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("| decoding |") == 1
    values = json.loads(path.read_text())
    (equality,) = [value for name, value in values.items() if name.startswith("equality")]
    assert equality["is_equal"]
