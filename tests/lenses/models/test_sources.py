"""From the models of a configuration to single models: patterns, files of names, weights, names of their own."""

from pathlib import Path
from typing import Any

import pytest
import torchvision

from barlow_report.config import parse_yaml_model
from barlow_report.errors import ConfigError, DataError
from barlow_report.lenses.models.config import ComparisonConfig
from barlow_report.lenses.models.sources import SourceModel, list_models


def _listed(folder: Path, models: str) -> list[SourceModel]:
    path = folder / "comparison.yaml"
    path.write_text(f"models: {models}\n", encoding="utf-8")
    return list_models(parse_yaml_model(path, ComparisonConfig).models)


def _names(folder: Path, models: str) -> list[str]:
    return [model.name for model in _listed(folder, models)]


def test_all_models_of_torchvision_are_listed_with_their_published_weights(tmp_path: Path) -> None:
    models = _listed(tmp_path, "[{torchvision: all}]")
    assert [m.name for m in models] == sorted(torchvision.models.list_models(module=torchvision.models))
    assert all(m.spec.pretrained is True and m.spec.torchvision == m.name for m in models)


def test_a_pattern_lists_what_fits_it_without_what_is_excluded(tmp_path: Path) -> None:
    assert _names(tmp_path, "[{torchvision: 'ResNet??'}]") == ["resnet18", "resnet34", "resnet50"]
    assert _names(tmp_path, "[{torchvision: 'resnet??', exclude: ['*50', resnet18]}]") == ["resnet34"]


def test_a_pattern_of_timm_finds_names_with_tags_or_architectures_alone(tmp_path: Path) -> None:
    pytest.importorskip("timm")
    tagged = _listed(tmp_path, "[{timm: 'resnet18.*_in1k'}]")
    assert "resnet18.a1_in1k" in [m.name for m in tagged]
    assert all(m.name.startswith("resnet18.") and m.spec.pretrained is True for m in tagged)
    assert {m.name for m in tagged} | {"resnet10t.c3_in1k"} <= set(_names(tmp_path, "[{timm: 'resnet1*'}]"))
    assert _names(tmp_path, "[{timm: 'resnet1[048]*', exclude: ['*101*', '*152*'], pretrained: false}]") == [
        "resnet10t",
        "resnet14t",
        "resnet18",
        "resnet18d",
    ]


def test_a_file_lists_names_and_patterns_and_a_model_that_is_listed_twice_counts_once(tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("# ours\nvgg11\n\nresnet?8\n  alexnet  \n", encoding="utf-8")
    assert _names(tmp_path, "[{torchvision: names.txt}, {torchvision: vgg11}, {torchvision: vgg13}]") == [
        "vgg11",
        "resnet18",
        "alexnet",
        "vgg13",
    ]


def test_a_pattern_of_files_makes_a_model_of_each(tmp_path: Path) -> None:
    for run, epoch in (("a", 1), ("a", 2), ("b", 2)):
        file = tmp_path / run / f"epoch{epoch}.pt"
        file.parent.mkdir(exist_ok=True)
        file.touch()
    models = _listed(tmp_path, "[{factory: 'net.py:make', weights: '*/epoch*.pt', family: ours}]")
    assert [m.name for m in models] == ["epoch1", "a/epoch2", "b/epoch2"]  # folders where they are needed
    assert [m.spec.weights for m in models] == [tmp_path / n for n in ("a/epoch1.pt", "a/epoch2.pt", "b/epoch2.pt")]
    assert {m.spec.factory for m in models} == {f"{tmp_path}/net.py:make"}
    assert {m.family for m in models} == {"ours"}
    assert not any(m.spec.pretrained for m in models)


def test_names_come_from_what_tells_models_apart(tmp_path: Path) -> None:
    (tmp_path / "checkpoint").mkdir()
    models = (
        "[{factory: 'net.py:make'}, {factory: 'net.py:make', arguments: {width: 2}}, {factory: my.models:wide},"
        "{torchvision: resnet50, pretrained: IMAGENET1K_V1}, {onnx: net.onnx}, {transformers: checkpoint},"
        "{transformers: google/vit}, {torchvision: vgg11, weights: mine.pt}, {torchvision: vgg11, name: Old}]"
    )
    assert _names(tmp_path, models) == [
        "net:make",
        "net:make (2)",
        "my.models:wide",
        "resnet50.IMAGENET1K_V1",
        "net",
        "checkpoint",
        "google/vit",
        "mine",
        "Old",
    ]


def test_names_that_everybody_gives_to_files_and_functions_are_no_names_of_models(tmp_path: Path) -> None:
    for run in ("narrow", "wide"):
        (tmp_path / run).mkdir()
        (tmp_path / run / "model.pt").touch()
    assert _names(tmp_path, "[{torchvision: vgg11, weights: wide/model.pt}]") == ["vgg11"]
    assert _names(tmp_path, "[{torchvision: vgg11, weights: '*/model.pt'}]") == ["vgg11 (narrow)", "vgg11 (wide)"]
    assert _names(tmp_path, "[{factory: 'cells.py:make_model', weights: wide/best.pt}]") == ["cells"]
    assert _names(tmp_path, "[{factory: my.cells:make}, {factory: 'cells.py:wide'}]") == ["cells", "cells:wide"]


@pytest.mark.parametrize(
    ("models", "kind", "message"),
    [
        ("[{torchvision: resnext*q}]", ConfigError, r"entry 1: torchvision has no model that fits 'resnext\*q'"),
        (
            "[{torchvision: vgg11}, {factory: 'n.py:f', weights: '*.pt'}]",
            ConfigError,
            r"entry 2: weights: no file fits",
        ),
        ("[{torchvision: 'vgg*', name: v}]", ConfigError, r"entry 1: stands for 8 models, and 'name' is of one"),
        ("[{torchvision: 'vgg*', exclude: ['*']}]", ConfigError, r"'exclude' leaves none of its 8 models"),
        ("[{torchvision: vgg11, name: v}, {torchvision: vgg13, name: v}]", ConfigError, r"2 entries are called 'v'"),
        ("[{torchvision: nowhere.txt}]", DataError, r"nowhere\.txt: cannot be read"),
        ("[resnet50]", ConfigError, r"\{torchvision: resnet50\}; columns of 'predictions' are named in 'columns'"),
        ("[{torchvision: vgg11, timm: vgg11}]", ConfigError, r"exactly one of 'factory'"),
        ("[{torchvision: vgg11, nmae: v}]", ConfigError, r"nmae: unknown key; did you mean 'name'"),
        ("[]", ConfigError, r"expected 'predictions', 'models', or both"),
        ("[{torchvision: vgg11}]\ncolumns: [a]", ConfigError, r"'columns' goes with 'predictions'"),
    ],
)
def test_what_stands_for_no_model_says_what_to_do(tmp_path: Path, models: str, kind: Any, message: str) -> None:
    with pytest.raises(kind, match=message):
        _listed(tmp_path, models)
