"""`barlow-report init` for files of several bands and a model that takes them."""

from pathlib import Path

import numpy as np
import pytest

from barlow_report.config import load_config
from barlow_report.starting.stated import look_at_model
from tests.starting.calling import init

NETWORK = """
import torch
from torch import nn


class Bright(nn.Module):
    # Right for images that were normalised to ±1: the border between dark and bright is 0.
    def __init__(self):
        super().__init__()
        self.mix = nn.Conv2d(5, 2, 1)
        self.head = nn.Linear(2, 2)
        with torch.no_grad():
            self.mix.weight.copy_(torch.tensor([1.0, -1.0])[:, None, None, None].expand(2, 5, 1, 1))
            self.mix.bias.zero_()
            self.head.weight.copy_(torch.tensor([[1.0, -1.0], [-1.0, 1.0]]))
            self.head.bias.zero_()

    def forward(self, x):
        return self.head(self.mix(x).relu().mean((2, 3)))
"""


def test_bands_are_said_once_and_the_model_is_tried_on_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("bands.py").write_text(NETWORK)
    for label, value in (("bright", 5500), ("dark", 4500)):
        Path("fields", label).mkdir(parents=True)
        for index in range(24):
            np.save(f"fields/{label}/{index:02d}.npy", np.full((24, 24, 5), value + index, np.uint16))
    assert init("--images", "fields", "--model", "bands.py:Bright", "--yes").exit_code != 0
    bands = "range: [0, 10000], shown: [4, 3, 2]"
    model = ("--model", "bands.py:Bright", "--preprocessing", "mean: 0.5", "--yes")
    result = init("--images", "fields", "--bands", bands, *model)
    assert result.exit_code == 0, result.output
    assert "Tried on 48 images: 48 right" in result.stderr
    values = load_config(Path("report.yaml"))
    assert values.data.bands is not None
    assert values.data.bands.shown == (4, 3, 2)
    assert values.inspected_model is not None
    assert values.inspected_model.preprocessing.mean == (0.5,)


def test_a_model_that_names_its_bands_can_be_looked_at_without_the_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("bands.py").write_text(NETWORK)
    section = {"factory": "bands.py:Bright", "preprocessing": {"bands": [1, 2, 3, 4, 5]}}
    assert look_at_model(section, role="inspected_model").size is None
