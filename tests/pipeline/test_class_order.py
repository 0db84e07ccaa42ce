"""Classes in another order than the model's outputs stop a run, which goes on without a second pass."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from barlow_report import pipeline
from barlow_report.config import load_config
from barlow_report.errors import DataError
from barlow_report.run_folder import Run

N_CLASSES = 12
NETWORK = """
import torch
from torch import nn


class Grey(nn.Module):
    '''Output k is the largest where the image's grey level is nearest to k / 11.'''

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(12, 12)
        with torch.no_grad():
            self.head.weight.copy_(torch.eye(12) * 50)
            self.head.bias.zero_()

    def forward(self, x):
        return self.head(torch.relu(1 - (x.mean((1, 2, 3))[:, None] - torch.arange(12) / 11).abs() * 11))
"""


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write twelve folders of grey images and a network that recognises them, and a configuration of `data`."""
    (tmp_path / "network.py").write_text(NETWORK)

    def write(names: list[str], **data: object) -> Path:
        for level, name in enumerate(names if not (tmp_path / "images").exists() else []):
            (tmp_path / "images" / name).mkdir(parents=True, exist_ok=True)
            for index in range(6):
                grey = min(255, max(0, round(level / 11 * 255) + index - 3))
                Image.new("RGB", (8, 8), (grey,) * 3).save(tmp_path / "images" / name / f"{index}.png")
        settings = {
            "name": "grey",
            "data": {"folder": "images"} | data,
            "inspected_model": {"factory": "network.py:Grey"},
            "extraction": {"batch_size": 24, "shard_size": 36, "n_workers": 1},
        }
        (tmp_path / "grey.yaml").write_text(yaml.safe_dump(settings))
        return tmp_path / "grey.yaml"

    return write


def extract(config: Path) -> Run:
    return pipeline.compute(load_config(config), folder=config.parent / "run", until="extract")


def accuracy(run: Run) -> float:
    images = run.read_table("images")
    return float((images["label"] == images["prediction"]).mean())


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Gets the number of shards of every pass over the images that is begun."""
    from barlow_report.stages.image_pass import compute_shards

    seen = list[int]()

    def counting(config: object, images: object, shards: list[int], **rest: object) -> None:
        seen.append(len(shards))
        compute_shards(config, images, shards, **rest)  # type: ignore[arg-type]

    monkeypatch.setattr("barlow_report.stages.image_pass.compute_shards", counting)
    return seen


def test_folders_that_are_numbers_count_the_outputs_and_this_is_noted(write: Callable[..., Path]) -> None:
    run = extract(write([str(i) for i in range(N_CLASSES)]))
    assert accuracy(run) == 1.0
    assert "sorted by number ('0', '1', '2' and 9 more)" in run.info["assumptions"]["extract"]["class_order"]


def test_a_model_trained_on_folders_in_the_order_of_text_stops_and_goes_on_without_a_second_pass(
    write: Callable[..., Path], passes: list[int]
) -> None:
    names = sorted(str(i + 1) for i in range(N_CLASSES))  # as torchvision's ImageFolder sorts them
    with pytest.raises(DataError, match=r"sorted as text \(1, 10, 2\)\. .*:\ndata:\n  class_order: text\n") as stopped:
        extract(write(names))
    assert passes == [2]
    assert "The pass over the images is kept" in str(stopped.value)
    run = extract(write(names, class_order="text"))
    assert run.read_table("classes")["name"].tolist() == names
    assert (accuracy(run), passes) == (1.0, [2])


def test_the_proposed_lines_mend_a_list_in_a_wrong_order(write: Callable[..., Path], passes: list[int]) -> None:
    names = list("bacdefghijlk")
    listed = [names[i] for i in (4, 7, 0, 11, 2, 9, 1, 3, 10, 6, 8, 5)]
    with pytest.raises(DataError, match=r"in another order.*instead of data\.classes; it may be:\n") as stopped:
        extract(write(names, classes=listed))
    lines = str(stopped.value).split("may be:\n")[1].split("\n If")[0]
    assert yaml.safe_load(lines)["data"] == {"classes": names}
    run = extract(write(names, **yaml.safe_load(lines)["data"]))
    assert (accuracy(run), passes) == (1.0, [2])


def test_an_order_that_is_confirmed_is_kept_without_a_second_pass_and_noted(
    write: Callable[..., Path], passes: list[int]
) -> None:
    names = list("bacdefghijlk")
    with pytest.raises(DataError, match="in the reverse order"):
        extract(write(names, classes=names[::-1]))
    run = extract(write(names, classes=names[::-1], confirm_class_order=True))
    assert (accuracy(run), passes) == (0.0, [2])
    assert "confirms" in run.info["assumptions"]["extract"]["class_order_confirmed"]
    with pytest.raises(DataError, match="in the reverse order"):
        extract(write(names, classes=names[::-1]))  # no longer confirmed: what is there is not up to date for that


def test_a_proposal_for_classes_with_keys_is_a_class_file(write: Callable[..., Path]) -> None:
    synsets = [f"n0144{i:04d}" for i in (764, *range(1000, 1011))]
    config = write(synsets, class_file="classes.txt")
    lines = [f"{key}\tclass {i}" for i, key in enumerate(synsets)]
    (config.parent / "classes.txt").write_text("\n".join(lines[::-1]))
    with pytest.raises(DataError, match=r"class_file: .*proposed_classes\.txt"):
        extract(config)
    run = extract(write(synsets, class_file="run/proposed_classes.txt"))
    assert run.read_table("classes")["name"].tolist() == [f"class {i}" for i in range(N_CLASSES)]
    assert accuracy(run) == 1.0


@pytest.mark.parametrize(
    ("shift", "classes", "message"),
    [
        (1, None, "'label' goes from 1 to 4 and column 'prediction' goes from 0 to 3"),
        (1, ["0", "1", "2", "3", "4"], "Correct the table"),
        (0, ["c", "d", "a", "b"], r"in the reverse order\. List .* instead of data.classes"),
    ],
)
def test_predictions_of_a_table_are_looked_at_before_the_pass(
    write: Callable[..., Path], passes: list[int], shift: int, classes: list[str] | None, message: str
) -> None:
    config = write(["1"], manifest="list.csv", folder=None, classes=classes)
    true = np.arange(40) % 4
    labels = true + shift if shift else np.array(list("badc"))[true]
    table = pd.DataFrame({"path": [f"{i}.png" for i in range(40)], "label": labels, "prediction": true})
    table.to_csv(config.parent / "list.csv", index=False)
    (config.parent / "0.png").touch()  # a manifest none of whose images is there is another error
    with pytest.raises(DataError, match=message):
        extract(config)
    assert passes == []
