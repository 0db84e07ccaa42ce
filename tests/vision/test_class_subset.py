"""Some of a model's classes: which images are left, what the classes then are, and what becomes of the outputs."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from barlow_report.config import DataConfig
from barlow_report.config.further import OTHER_CLASS, FurtherDataConfig
from barlow_report.errors import ConfigError, DataError
from barlow_report.vision.class_subset import OutputSubset
from barlow_report.vision.classes import synset_ids
from barlow_report.vision.datasets import ImageList, list_images
from barlow_report.vision.further_images import classes_of_run, list_further
from barlow_report.vision.kept_outputs import keep_outputs
from barlow_report.vision.last_layer import class_weights
from tests.vision.toys import save_colour, wrap

NAMES = ["ant", "bee", "cow", "dog"]


def _list(folder: Path, **settings: Any) -> ImageList:
    for name in ("dog", "bee", "cow"):
        for i in range(2):
            path = folder / "images" / name / f"{i}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            save_colour(path, (9, 9, 9))
    return list_images(DataConfig(**{"folder": folder / "images", "classes": NAMES, **settings}))


def test_without_the_setting_all_classes_and_images_stay(tmp_path: Path) -> None:
    images = _list(tmp_path)
    assert images.class_names == tuple(NAMES)
    assert len(images.paths) == 6
    assert images.subset is None


@pytest.mark.parametrize("given", [["dog", "bee"], "names.txt"])
def test_only_images_of_the_named_classes_stay_and_these_are_the_classes(tmp_path: Path, given: Any) -> None:
    (tmp_path / "names.txt").write_text("dog\nbee\n")
    images = _list(tmp_path, classes_evaluated=tmp_path / given if isinstance(given, str) else given)
    assert images.class_names == ("bee", "dog")  # in the order of the outputs
    assert images.paths == ["bee/0.png", "bee/1.png", "dog/0.png", "dog/1.png"]
    assert images.labels.tolist() == [0, 0, 1, 1]
    assert images.subset == OutputSubset(columns=(1, 3), n_all=4)
    text = images.assumptions["classes_evaluated"]
    assert "2 of 4 classes are evaluated (data.classes_evaluated), and 2 images of others left out ('cow')." in text
    assert "Predictions are restricted to them" in text


def test_the_classes_that_have_images_can_be_found(tmp_path: Path) -> None:
    images = _list(tmp_path, classes_evaluated="found")
    assert images.class_names == ("bee", "cow", "dog")
    assert images.subset == OutputSubset(columns=(1, 2, 3), n_all=4)
    text = images.assumptions["classes_evaluated"]
    assert text.startswith("3 of 4 classes are evaluated (data.classes_evaluated). Predictions")


def test_named_classes_without_an_image_are_said(tmp_path: Path) -> None:
    images = _list(tmp_path, classes_evaluated=["ant", "cow", "dog"])
    assert images.class_names == ("ant", "cow", "dog")
    assert "Of these, 1 without an image: 'ant'." in images.assumptions["classes_evaluated"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"folder": "images", "classes_evaluated": "found"}, "'classes_evaluated' goes with 'classes' or 'class_file'"),
        ({"folder": "images", "classes_evaluated": ["ant"]}, "'classes_evaluated' goes with 'classes' or 'class_file'"),
        ({"folder": "images", "restrict_predictions": True}, "'restrict_predictions' goes with 'classes_evaluated'"),
        (
            {"manifest": "table.csv", "label_columns": ["a", "b"], "classes_evaluated": ["a"]},
            "'classes_evaluated' is of exclusive classes; leave it out beside labels of outputs",
        ),
        (
            {
                "manifest": "table.csv",
                "images": "none",
                "features": "f.npy",
                "classes": NAMES,
                "classes_evaluated": ["ant", "bee"],
            },
            "would part the rows of 'features': leave other classes out of both",
        ),
    ],
)
def test_what_does_not_go_with_it_is_refused_before_anything_is_read(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DataConfig(**given)


def test_where_all_classes_are_evaluated_nothing_is_restricted(tmp_path: Path) -> None:
    images = _list(tmp_path, classes_evaluated=NAMES)
    assert (images.class_names, images.subset) == (tuple(NAMES), None)
    assert "classes_evaluated" not in images.assumptions


def test_without_restriction_all_classes_stay(tmp_path: Path) -> None:
    images = _list(tmp_path, classes_evaluated=["dog", "bee"], restrict_predictions=False)
    assert images.class_names == tuple(NAMES)
    assert images.labels.tolist() == [1, 1, 3, 3]
    assert images.subset is None
    assert "an image may be taken for any class" in images.assumptions["classes_evaluated"]


def _table(folder: Path, predictions: str, **settings: Any) -> ImageList:
    rows = zip(
        ("dog", "bee", "bee", "cow"), predictions.split(), (0.5, 0.6, 0.7, 0.8), ("x", "y", "x", "x"), strict=True
    )
    lines = [f"{i}.png,{label},{taken},{sure},{place}" for i, (label, taken, sure, place) in enumerate(rows)]
    (folder / "table.csv").write_text("\n".join(["path,label,prediction,confidence,place", *lines]))
    config = DataConfig(manifest=folder / "table.csv", classes=NAMES, images="none", **settings)
    return list_images(config, columns=["place"])


def test_predictions_that_are_given_stay_as_they_are_unless_they_fit(tmp_path: Path) -> None:
    images = _table(tmp_path, "dog ant bee dog", classes_evaluated=["dog", "bee"])
    assert images.class_names == tuple(NAMES)
    assert images.predictions is not None
    assert images.predictions.tolist() == [3, 0, 1]
    assert images.confidences is not None
    assert images.confidences.tolist() == [0.5, 0.6, 0.7]
    assert images.attributes == {"place": ["x", "y", "x"]}
    restricted: dict[str, Any] = {"classes_evaluated": ["dog", "bee"], "restrict_predictions": True}
    with pytest.raises(
        DataError, match=r"1 of 3 predictions are of classes that are not evaluated.*restrict_predictions"
    ):
        _table(tmp_path, "dog ant bee dog", **restricted)
    with pytest.raises(DataError, match=r"or give data\.probabilities or the model"):
        _table(tmp_path, "dog ant bee dog", **restricted)
    images = _table(tmp_path, "dog dog bee ant", **restricted)
    assert images.predictions is not None
    assert (images.class_names, images.predictions.tolist()) == (("bee", "dog"), [1, 1, 0])


def test_probabilities_that_are_given_are_restricted_where_that_is_asked(tmp_path: Path) -> None:
    values = [[0.1, 0.2, 0.4, 0.3], [0.6, 0.3, 0.0, 0.1], [0.6, 0.0, 0.4, 0.0], [0.0, 0.0, 1.0, 0.0]]
    np.save(tmp_path / "p.npy", np.array(values))
    given: dict[str, Any] = {"classes_evaluated": ["dog", "bee"], "probabilities": tmp_path / "p.npy"}
    lines = [f"{i}.png,{label}" for i, label in enumerate(("dog", "bee", "bee", "cow"))]
    (tmp_path / "table.csv").write_text("\n".join(["path,label", *lines]))
    config = DataConfig(manifest=tmp_path / "table.csv", classes=NAMES, images="none", **given)
    images = list_images(config)
    assert images.class_names == tuple(NAMES)
    assert images.predictions is not None
    assert images.predictions.tolist() == [2, 0, 0]  # as they are: of cow and ant
    config = DataConfig(
        manifest=tmp_path / "table.csv", classes=NAMES, images="none", restrict_predictions=True, **given
    )
    images = list_images(config)
    assert images.class_names == ("bee", "dog")
    assert images.predictions is not None
    assert images.predictions.tolist() == [1, 0, 0]
    assert images.confidences is not None
    assert images.confidences[:2] == pytest.approx([0.3 / 0.5, 0.3 / 0.4])
    assert np.isnan(images.confidences[2])  # neither bee nor dog is probable at all
    assert images.assumptions["ties"].startswith("1 of 3 images")
    values[2], values[3] = [0.6, 0.0, 0.3, 0.1], [0.0, 0.0, 1.0, 0.0]
    np.save(tmp_path / "p.npy", np.array(values))
    images = list_images(config)
    assert "ties" not in images.assumptions  # that of the cow, which is left out, is no concern


@pytest.mark.parametrize(
    ("given", "kind", "message"),
    [
        (["dog", "elk"], ConfigError, r"'elk' is none of the listed classes \('ant', 'bee'"),
        (["dog"], ConfigError, r"leaves 1 class, and a report needs two"),
        (["ant", "cow"], None, ""),
    ],
)
def test_what_leaves_nothing_to_report_on_is_refused(tmp_path: Path, given: list[str], kind: Any, message: str) -> None:
    if kind is None:
        assert _list(tmp_path, classes_evaluated=given).labels.tolist() == [1, 1]  # of cows; there is no ant
        return
    with pytest.raises(kind, match=message):
        _list(tmp_path, classes_evaluated=given)


def test_where_no_image_is_of_the_named_classes_they_are_refused(tmp_path: Path) -> None:
    config = {"classes": [*NAMES, "elk", "fox"], "classes_evaluated": ["elk", "fox"]}
    with pytest.raises(
        DataError,
        match=r"no image is of one of the 2 classes of data\.classes_evaluated, such as 'elk'.* of 'bee'",
    ):
        _list(tmp_path, **config)


class Four(nn.Module):
    """Four outputs, the mean colours and a constant, through a softmax, or its logarithm, where it is asked for."""

    def __init__(self, *, scale: float | None = None, is_logarithm: bool = False) -> None:
        super().__init__()
        self.head = nn.Linear(3, 4)
        self.scale, self.is_logarithm = scale, is_logarithm
        with torch.no_grad():
            self.head.weight.copy_(torch.tensor([[4.0, 0, 0], [0, 4.0, 0], [0, 0, 4.0], [0, 0, 0]]))
            self.head.bias.copy_(torch.tensor([0.0, -1.0, 0.5, 1.0]))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        outputs: torch.Tensor = self.head(images.mean(dim=(2, 3)))
        if self.is_logarithm:
            return outputs.log_softmax(dim=1)
        return outputs if self.scale is None else outputs.softmax(dim=1) * self.scale


def test_logits_of_the_kept_classes_are_those_of_the_network() -> None:
    model = wrap(Four())
    kept = keep_outputs(model, OutputSubset(columns=(3, 1), n_all=4))
    images = torch.rand(5, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    assert torch.equal(kept.predict(images), model.predict(images)[:, [3, 1]])
    outputs, features, _ = kept.features(images)
    assert torch.equal(outputs, kept.predict(images))
    assert torch.equal(features, model.features(images)[1])
    assert (kept.n_outputs, kept.n_network_outputs, model.n_outputs) == (2, 4, 4)
    assert keep_outputs(model, None) is model
    weights = class_weights(kept, 1)
    assert weights is not None
    assert weights.tolist() == [0.0, 4.0, 0.0]  # of the second one that is kept


def test_probabilities_of_the_kept_classes_add_up_to_one_again() -> None:
    model = wrap(Four(scale=1.0))
    kept = keep_outputs(model, OutputSubset(columns=(0, 2), n_all=4))
    images = torch.rand(5, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    all_of_them = model.predict(images)[:, [0, 2]]
    assert torch.allclose(kept.predict(images), all_of_them / all_of_them.sum(dim=1, keepdim=True))
    logits = wrap(Four()).predict(images)[:, [0, 2]]
    assert torch.allclose(kept.predict(images), logits.softmax(dim=1), atol=1e-6)
    percent = keep_outputs(wrap(Four(scale=100.0), feature_module="head"), OutputSubset(columns=(0, 2), n_all=4))
    assert torch.allclose(percent.predict(images), 100 * kept.predict(images), atol=1e-4)
    nothing = kept.kept_outputs
    assert nothing is not None
    assert not np.isnan(nothing.of(torch.zeros(2, 4)).numpy()).any()


def test_exponentials_of_logarithms_of_probabilities_add_up_to_one_again() -> None:
    kept = keep_outputs(wrap(Four(is_logarithm=True)), OutputSubset(columns=(0, 2), n_all=4))
    images = torch.rand(5, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    logits = wrap(Four()).predict(images)[:, [0, 2]]
    assert torch.allclose(kept.predict(images), logits.log_softmax(dim=1), atol=1e-6)
    nothing = kept.kept_outputs
    assert nothing is not None
    assert not np.isnan(nothing.of(torch.full((2, 4), float("-inf"))).numpy()).any()


def _further(folder: Path, labels: str) -> list[int]:
    """What labels of further images become where bee and dog are evaluated."""
    lines = [f"{i}.png,{label}" for i, label in enumerate(labels.split())]
    (folder / "further.csv").write_text("\n".join(["path,label", *lines]))
    data = DataConfig(folder=folder, classes=NAMES, classes_evaluated=["dog", "bee"])
    further = FurtherDataConfig(manifest=folder / "further.csv")
    images = list_further(further, data=data, class_names=["bee", "dog"], key="pool")
    return [int(label) for label in images.labels]


def test_labels_of_further_images_count_what_those_of_the_data_count(tmp_path: Path) -> None:
    assert _further(tmp_path, "1 3 0 3") == [0, 1, OTHER_CLASS, 1]
    assert _further(tmp_path, "bee dog cow dog") == [0, 1, OTHER_CLASS, 1]


def test_what_the_data_call_classes_is_known_of_those_that_are_evaluated(tmp_path: Path) -> None:
    (tmp_path / "classes.txt").write_text("n01\tant\nn02\tbee\nn00000003\tcow\nn00000004\tdog\n")
    data = DataConfig(folder=tmp_path, class_file=tmp_path / "classes.txt", classes_evaluated=["bee", "dog"])
    classes = classes_of_run(data, ["bee", "dog"])
    assert (classes.find("n02"), classes.find("n00000004"), classes.find("n01")) == (0, 1, None)
    assert synset_ids(["bee", "dog"], data) == ({1: "n00000004"}, ())
