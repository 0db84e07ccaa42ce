"""Experiments on images: what the inspected model is asked, and changes carried to another input."""

import numpy as np
import numpy.typing as npt
import pytest
import torch
from PIL import Image
from torch import nn

from barlow_report.config import PreprocessingConfig
from barlow_report.vision.decisions import Decision
from barlow_report.vision.gradients import LARGEST_CHANGE
from barlow_report.vision.image_batches import few_at_once
from barlow_report.vision.intervention import Interventions
from barlow_report.vision.last_layer import class_weights
from barlow_report.vision.outcomes import DOSES, Change, Outcome, Task
from barlow_report.vision.transfer import transfer_change
from tests.vision.toys import ColourNet, Net, rectified_mean, wrap


class GreenJudge(nn.Module):
    """Says class 1 where mean green is above 0.5."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        green = x[:, 1].mean(dim=(1, 2)) * self.scale
        return torch.stack([0.5 - green, green - 0.5], dim=1) * 20


def grey(level: int, n: int, *, size: tuple[int, int] = (8, 8)) -> list[Image.Image]:
    return [Image.new("RGB", size, (level,) * 3) for _ in range(n)]


def change(**values: object) -> Change:
    usual = {
        "feature_id": 1,
        "sign": 1,
        "target": 0.7,
        "radius": 8.0,
        "share": None,
        "controls": np.array([0, 2]),
        "class_controls": np.array([2]),
        "seed": 0,
    }
    return Change(**{**usual, **values})  # type: ignore[arg-type]


def laboratory(preprocessing: PreprocessingConfig | None = None) -> Interventions:
    from barlow_report.vision.wrapping import wrap_model

    inspected = wrap_model(
        GreenJudge(),
        preprocessing=preprocessing or PreprocessingConfig(resize=(8, 8)),
        device=torch.device("cpu"),
        role="inspected_model",
        name="judge",
        needs_features=False,
    )
    return Interventions(wrap(ColourNet()), inspected, decision=Decision(), n_steps=4, batch_size=8)


def zeros(images: list[Image.Image]) -> npt.NDArray[np.int64]:
    """All are of class 0, as the judge says of what is not green."""
    return np.zeros(len(images), dtype=np.int64)


def experiment(interventions: Interventions, images: list[Image.Image], what: Change) -> Outcome:
    return interventions.run([Task(images=images, labels=zeros(images), change=what)])[0]


def test_only_the_moved_feature_changes_the_answer() -> None:
    outcome = experiment(laboratory(), grey(64, 3), change())
    assert outcome.before.tolist() == [0, 0, 0]
    assert outcome.moved.shape == (3, len(DOSES))
    assert outcome.moved[0].tolist() == [0, 0, 0, 1, 1]  # green 0.25, 0.36, 0.48, 0.59, 0.7
    assert outcome.controls.tolist() == [[0, 0]] * 3  # red and blue do not matter
    assert outcome.class_controls.tolist() == [0, 0, 0]
    assert outcome.class_control_ids.tolist() == [2, 2, 2]
    assert outcome.noise.tolist() == [0, 0, 0]
    assert outcome.is_reached.all()
    assert outcome.activation_before.tolist() == pytest.approx([64 / 255] * 3)
    assert outcome.activation_moved.tolist() == pytest.approx([0.7] * 3, abs=0.01)
    assert outcome.length.tolist() == pytest.approx([8 * (0.7 - 64 / 255)] * 3, abs=0.1)
    assert outcome.confidence_before[0] == pytest.approx(1 / (1 + np.exp(-40 * (0.5 - 64 / 255))), abs=1e-3)
    assert outcome.in_label_moved[0] == pytest.approx(
        1 / (1 + np.exp(-40 * (0.5 - outcome.activation_moved[0]))), abs=1e-3
    )
    assert outcome.in_label_controls == pytest.approx(np.full((3, 2), outcome.confidence_before[0]), abs=1e-6)


def test_the_radius_is_what_a_share_of_the_images_need() -> None:
    # Green must rise by 0.45, 0.35, 0.25 and 0.15 in 64 pixels each.
    images = [*grey(64, 1), *grey(89, 1), *grey(115, 1), *grey(140, 1)]
    found = experiment(laboratory(), images, change(share=0.5))
    assert found.limit.tolist() == pytest.approx([8 * (0.7 - 89 / 255)] * 4, abs=0.1)
    assert found.is_reached.tolist() == [False, True, True, True]
    assert found.length.tolist() == pytest.approx([8 * (0.7 - level / 255) for level in (89, 89, 115, 140)], abs=0.1)
    known = Task(images=images, labels=zeros(images), change=change(share=0.5), reference=grey(115, 3))
    assert laboratory().run([known])[0].is_reached.tolist() == [False, False, True, True]


def test_images_of_several_sizes_have_limits_of_their_own() -> None:
    found = experiment(free_laboratory(), [*grey(64, 1), *grey(64, 1, size=(16, 16))], change(radius=None, target=0.9))
    assert found.limit.tolist() == pytest.approx([LARGEST_CHANGE * (3 * side * side) ** 0.5 for side in (8, 16)])
    assert found.length.tolist() == pytest.approx(found.limit.tolist())


def test_experiments_together_are_as_each_alone() -> None:
    tasks = [
        Task(images=grey(64, 3), labels=zeros(grey(64, 3)), change=change(share=0.9)),
        Task(
            images=grey(150, 2),
            labels=zeros(grey(150, 2)),
            change=change(sign=-1, target=0.3, controls=np.array([0, 2, 3]), seed=5),
        ),
    ]
    together = laboratory().run(tasks)
    for task, found in zip(tasks, together, strict=True):
        alone = laboratory().run([task])[0]
        for name in ("moved", "controls", "control_doses", "class_controls", "noise", "length", "moved_images"):
            assert np.array_equal(getattr(found, name), getattr(alone, name))
    assert together[1].controls.shape == (2, 3)


def test_few_experiments_are_done_at_once_where_images_are_large() -> None:
    def task(n: int, size: int) -> Task:
        return Task(images=grey(64, n, size=(size, size)), labels=zeros(grey(64, n)), change=change())

    def parts(tasks: list[Task]) -> list[int]:
        as_they_are = PreprocessingConfig(resize=None)
        return [len(part) for part in few_at_once(tasks, as_they_are)]

    assert parts([task(2, 8)] * 5) == [5]
    assert parts([task(1, 1024)] * 9) == [4, 4, 1]  # 2^20 pixels each, and 2^22 together
    assert parts([task(1, 8), task(5, 1024), task(1, 8)]) == [1, 1, 1]  # too large for any company
    assert parts([]) == []


def test_without_controls_of_the_class_there_are_none() -> None:
    outcome = experiment(laboratory(), grey(64, 2), change(class_controls=np.zeros(0, dtype=np.int64)))
    assert outcome.class_controls.tolist() == outcome.class_control_ids.tolist() == [-1, -1]


def test_each_image_has_one_control_of_the_class() -> None:
    found = experiment(laboratory(), grey(64, 4), change(controls=np.array([0]), class_controls=np.array([1, 2, 3])))
    assert found.class_control_ids.tolist() == [1, 2, 3, 1]
    assert found.class_controls.tolist() == [1, 0, 0, 1]  # green is the feature itself


def free_laboratory() -> Interventions:
    """Both models take images of any size."""
    from barlow_report.vision.wrapping import wrap_model

    free = PreprocessingConfig()
    feature = wrap(ColourNet(), preprocessing=free)
    inspected = wrap_model(
        GreenJudge(),
        preprocessing=free,
        device=torch.device("cpu"),
        role="inspected_model",
        name="judge",
        needs_features=False,
        image_size=(8, 8),
    )
    return Interventions(feature, inspected, decision=Decision(), n_steps=4, batch_size=8)


def test_images_of_several_sizes_keep_their_order() -> None:
    mixed = [*grey(64, 1), *grey(160, 1, size=(12, 10)), *grey(96, 1)]
    outcome = experiment(free_laboratory(), mixed, change())
    assert outcome.before.tolist() == [0, 1, 0]
    assert outcome.activation_before.tolist() == pytest.approx([64 / 255, 160 / 255, 96 / 255])


def test_an_inspected_model_with_another_input_sees_the_same_change() -> None:
    outcome = experiment(laboratory(PreprocessingConfig(resize=(20, 20))), grey(64, 2), change())
    assert outcome.moved[0].tolist()[0] == 0
    assert outcome.moved[0].tolist()[-1] == 1
    assert outcome.controls.tolist() == [[0, 0]] * 2


def test_a_change_lies_where_it_was_made() -> None:
    # The source sees the middle 8 × 8 of a 16 × 16 image, the target all of it at double resolution.
    made = torch.zeros(1, 3, 8, 8)
    made[0, :, 0, 0] = 1.0  # the pixel at (4, 4) of the image
    found = transfer_change(
        made,
        image_size=(16, 16),
        source=PreprocessingConfig(crop=8),
        target=PreprocessingConfig(resize=(32, 32)),
        size=(32, 32),
    )
    assert found.shape == (1, 3, 32, 32)
    rows, columns = torch.nonzero(found[0, 0], as_tuple=True)
    assert (int(rows.min()), int(rows.max())) == (8, 10)  # 4 to 5 of the image, and half a pixel of blending
    assert (int(columns.min()), int(columns.max())) == (8, 10)


def test_a_smaller_input_keeps_the_mean_of_a_change() -> None:
    made = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    free = PreprocessingConfig()
    found = transfer_change(
        made, image_size=(16, 16), source=free, target=PreprocessingConfig(resize=(4, 4)), size=(4, 4)
    )
    assert float(found.mean()) == pytest.approx(float(made.mean()), abs=0.03)


def test_equal_inputs_carry_a_change_unaltered() -> None:
    made = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    free = PreprocessingConfig()
    found = transfer_change(made, image_size=(8, 8), source=free, target=free, size=(8, 8))
    assert torch.allclose(found, made, atol=1e-6)


def test_weights_of_a_class_are_those_of_the_last_layer() -> None:
    net = Net(rectified_mean)
    weights = class_weights(wrap(net), 1)
    assert weights is not None
    assert weights.tolist() == pytest.approx(net.fc.weight[1].tolist())
