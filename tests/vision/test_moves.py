"""Moves along a feature: the smallest change that reaches a target, changes of a given length, silent features."""

import pytest
import torch
from torch import nn

from barlow_report.vision.feature_gradients import FeatureGradients
from barlow_report.vision.moves import FeatureMoves, Moved
from barlow_report.vision.waking import Leaking
from barlow_report.vision.ways import Way, stretch
from tests.vision.toys import ColourNet, Net, rectified_mean, wrap


def move(
    module: nn.Module,
    images: torch.Tensor,
    ids: list[int],
    *,
    sign: float = 1.0,
    target: float,
    limit: float = 4.0,
    batch_size: int = 4,
) -> Moved:
    n = len(images)
    return FeatureMoves(wrap(module), batch_size=batch_size).towards(
        images,
        torch.tensor(ids),
        sign=torch.full((n,), sign),
        target=torch.full((n,), target),
        limit=torch.full((n,), limit),
        step=torch.full((n,), limit / 4),
    )


def way_of(sizes: list[float], distances: list[float], *, n: int = 1) -> Way:
    """The same way for n images."""
    way = Way.unmade(n, len(sizes), device=torch.device("cpu"))
    for size, distance in zip(sizes, distances, strict=True):
        way.add(torch.arange(n), torch.full((n,), size), torch.full((n,), distance))
    return way


def change(
    module: nn.Module, images: torch.Tensor, ids: list[int], *, length: float, way: Way | None = None
) -> torch.Tensor:
    n = len(images)
    return FeatureMoves(wrap(module), batch_size=4).along(
        images,
        torch.tensor(ids),
        places=torch.arange(n),
        sign=torch.ones(n),
        way=way or way_of([length / 2, length / 2], [length / 2, length], n=n),
        length=torch.full((n,), length),
    )


def test_a_move_stops_at_its_target_with_the_smallest_change() -> None:
    # Mean red from 0.25 to 0.5: 64 red pixels by 0.25 each, an L2 length of 8 · 0.25 = 2.
    images = torch.full((1, 3, 8, 8), 0.25)
    found = move(ColourNet(), images, [0], target=0.5, limit=4.0)
    assert found.is_reached.tolist() == [True]
    assert found.activation.tolist() == pytest.approx([0.5], abs=4 / 4 / 2**5 / 8 + 1e-6)
    assert found.length.tolist() == pytest.approx([2.0], abs=4 / 4 / 2**5 + 1e-5)
    assert torch.equal(found.images[0, 1:], images[0, 1:])


def test_a_move_downwards_reaches_its_target_too() -> None:
    found = move(ColourNet(), torch.full((1, 3, 8, 8), 0.75), [1], sign=-1.0, target=0.5, limit=4.0)
    assert found.activation.tolist() == pytest.approx([0.5], abs=5e-3)
    assert found.is_reached.tolist() == [True]


def test_what_lies_beyond_the_limit_is_not_reached_and_says_so() -> None:
    found = move(ColourNet(), torch.full((1, 3, 8, 8), 0.25), [0], target=0.75, limit=2.0)
    assert found.is_reached.tolist() == [False]
    assert found.length.tolist() == pytest.approx([2.0], abs=1e-4)
    assert found.activation.tolist() == pytest.approx([0.5], abs=1e-4)


def test_an_image_that_is_there_already_stays_as_it_is() -> None:
    images = torch.full((1, 3, 8, 8), 0.25)
    found = move(ColourNet(), images, [0], target=0.2)
    assert torch.equal(found.images, images)
    assert found.is_reached.tolist() == [True]
    assert found.length.tolist() == [0.0]


def test_a_change_along_a_feature_has_its_length_exactly() -> None:
    images = torch.rand(3, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    found = change(Net(rectified_mean), images, [0, 1, 2], length=1.5)
    assert (found - images).flatten(1).norm(dim=1).tolist() == pytest.approx([1.5] * 3, rel=1e-3)
    assert float(found.min()) >= 0
    assert float(found.max()) <= 1


def test_at_the_border_of_pixels_a_change_is_shorter() -> None:
    # All red pixels are 0.9: they can rise by 0.1 each and no further, a length of 0.8.
    images = torch.full((1, 3, 8, 8), 0.9)
    found = change(ColourNet(), images, [0], length=4.0)
    assert float((found - images).norm()) == pytest.approx(0.8, abs=1e-5)
    assert torch.equal(found[0, 0], torch.ones(8, 8))


def test_an_image_at_the_border_of_pixels_moves_no_further() -> None:
    images = torch.ones(1, 3, 8, 8)
    found = move(ColourNet(), images, [0], target=1.5)
    assert found.is_reached.tolist() == [False]
    assert torch.equal(found.images, images)
    assert found.length.tolist() == [0.0]
    back = move(ColourNet(), images, [0], sign=-1.0, target=0.5)
    assert back.is_reached.tolist() == [True]
    assert float(back.images.min()) >= 0


def test_a_change_of_no_length_is_none() -> None:
    images = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    none = Way.unmade(2, 3, device=torch.device("cpu"))
    assert torch.equal(change(ColourNet(), images, [0, 3], length=0.0, way=none), images)


def test_a_move_keeps_the_steps_that_led_to_its_target() -> None:
    # Mean red from 0.25 to 0.5 is a length of 2 in steps of at most 1; the gradient of a mean of 64 pixels is 1/8, so
    # the target seems as far away as it is, 2, and half as far again is aimed at: two steps of 1.
    found = move(ColourNet(), torch.full((1, 3, 8, 8), 0.25), [0], target=0.5, limit=4.0)
    assert found.way.n_steps.tolist() == [2]
    assert found.way.sizes[0, :2].tolist() == pytest.approx([1.0, 1.0], abs=0.03)
    assert found.way.distances[0, :2].tolist() == pytest.approx([1.0, 2.0], abs=0.03)
    assert found.way.distances[0, 1] == found.length[0]
    assert not found.way.sizes[0, 2:].any()


def test_an_image_that_needs_no_move_has_no_steps() -> None:
    found = move(ColourNet(), torch.full((1, 3, 8, 8), 0.25), [0], target=0.2)
    assert found.way.n_steps.tolist() == [0]
    assert not found.way.distances.any()


def test_a_control_takes_the_steps_of_its_move() -> None:
    """With its own feature as the control, the same steps lead to the same image."""
    images = torch.rand(6, 3, 8, 8, generator=torch.Generator().manual_seed(6)) * 0.6 + 0.2
    ids = [0, 1, 2, 3, 4, 5]
    moves = FeatureMoves(wrap(Net(rectified_mean)), batch_size=4)
    sign, limit = torch.ones(6), torch.full((6,), 3.0)
    values = moves.towards(images, torch.tensor(ids), sign=sign, target=torch.full((6,), 1e6), limit=limit, step=limit)
    target = values.activation_before + (values.activation - values.activation_before) * 0.4
    moved = moves.towards(images, torch.tensor(ids), sign=sign, target=target, limit=limit, step=limit / 4)
    assert moved.is_reached.all()
    assert len(set(moved.way.n_steps.tolist())) > 1
    again = moves.along(
        images, torch.tensor(ids), places=torch.arange(6), sign=sign, way=moved.way, length=moved.length
    )
    apart = (again - moved.images).flatten(1).norm(dim=1)
    assert bool((apart <= 0.03 * moved.length).all())


def test_rows_that_are_moved_again_get_the_new_steps() -> None:
    images = torch.full((2, 3, 8, 8), 0.25)
    moved = move(ColourNet(), images, [0, 1], target=0.6, limit=4.0)
    moved.put(torch.tensor([1]), move(ColourNet(), images[1:], [1], target=0.6, limit=1.0))
    assert moved.length.tolist() == pytest.approx([2.8, 1.0], abs=0.05)
    assert moved.is_reached.tolist() == [True, False]
    assert moved.way.distances.amax(dim=1).tolist() == pytest.approx([2.8, 1.0], abs=0.05)
    assert moved.activation_before.tolist() == pytest.approx([0.25, 0.25])


class Rounded(ColourNet):
    """Says that every feature is larger than it is, as a guide with rounding might."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        is_guide = self.conv.weight.dtype == torch.bfloat16
        return super().forward(x + 0.1 * x if is_guide else x)


def test_a_guide_that_rounds_does_not_decide_whether_a_target_is_reached() -> None:
    images = torch.full((3, 3, 8, 8), 0.25)
    moves = FeatureMoves(wrap(Rounded()), batch_size=4, precision="bfloat16")
    about: dict[str, torch.Tensor] = {
        "sign": torch.ones(3),
        "target": torch.full((3,), 0.5),
        "limit": torch.full((3,), 4.0),
        "step": torch.full((3,), 1.0),
    }
    found = moves.towards(images, torch.tensor([0, 1, 2]), **about)
    assert found.is_reached.all()
    means = found.images.mean(dim=(2, 3)).diagonal()
    assert means.tolist() == pytest.approx([0.5] * 3, abs=5e-3)
    assert found.activation.tolist() == pytest.approx(means.tolist(), abs=1e-5)
    assert found.activation_before.tolist() == pytest.approx([0.25] * 3, abs=1e-6)


def test_a_dead_feature_moves_nothing() -> None:
    class Dead(ColourNet):
        def __init__(self) -> None:
            super().__init__()
            with torch.no_grad():
                self.conv.weight[3] = 0.0

    images = torch.full((1, 3, 8, 8), 0.25)
    found = move(Dead(), images, [3], target=0.5)
    assert found.is_reached.tolist() == [False]
    assert torch.equal(found.images, images)
    assert found.activation.tolist() == [0.0]


def test_a_silent_feature_is_woken() -> None:
    # Feature 3 is max(blue − 0.5, 0): silent at 0.25, with no gradient of its own.
    found = move(ColourNet(), torch.full((1, 3, 8, 8), 0.25), [3], target=0.1, limit=4.0)
    assert found.is_reached.tolist() == [True]
    assert found.activation.tolist() == pytest.approx([0.1], abs=5e-3)
    assert found.length.tolist() == pytest.approx([8 * 0.35], abs=0.05)


@pytest.mark.parametrize("call", [nn.ReLU(), nn.ReLU(inplace=True), torch.relu, lambda x: x.relu()])
def test_leaking_changes_no_value_and_lets_gradients_through(call: nn.Module) -> None:
    values = torch.tensor([-2.0, 0.0, 0.5], requires_grad=True)
    with Leaking():
        found = call(values * 1.0)
    (gradient,) = torch.autograd.grad(found.sum(), values)
    assert found.tolist() == [0.0, 0.0, 0.5]
    assert gradient.tolist() == pytest.approx([0.1, 0.1, 1.0])


def test_rows_do_not_depend_on_their_neighbours() -> None:
    images = torch.rand(5, 3, 8, 8, generator=torch.Generator().manual_seed(2))
    together = move(Net(rectified_mean), images, [0, 1, 2, 3, 4], target=2.0, limit=2.0)
    alone = move(Net(rectified_mean), images[3:4], [3], target=2.0, limit=2.0)
    assert torch.equal(together.images[3:4], alone.images)


def test_rows_that_end_early_leave_the_others_as_they_are() -> None:
    images = torch.rand(9, 3, 8, 8, generator=torch.Generator().manual_seed(2))
    module, ids = Net(rectified_mean), [0, 1, 2, 3, 4, 0, 1, 2, 3]
    n = len(ids)

    def run(rows: list[int]) -> Moved:
        which = torch.tensor(rows)
        return FeatureMoves(wrap(module), batch_size=4).towards(
            images[which],
            torch.tensor(ids)[which],
            sign=torch.ones(n)[which],
            target=torch.linspace(0.0, 4.0, n)[which],
            limit=torch.linspace(0.5, 6.0, n)[which],
            step=torch.linspace(0.5, 1.0, n)[which],
        )

    together = run(list(range(n)))
    assert 0 < int(together.is_reached.sum()) < n
    for row in range(n):
        assert torch.equal(run([row]).images[0], together.images[row])


def test_noise_has_its_length_and_stays_in_the_image() -> None:
    images = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(3))
    noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(4))
    noisy = stretch(images, noise, torch.tensor([0.5, 2.0]))
    assert (noisy - images).flatten(1).norm(dim=1).tolist() == pytest.approx([0.5, 2.0], rel=0.01)
    assert float(noisy.min()) >= 0
    assert float(noisy.max()) <= 1
    assert torch.equal(stretch(images, noise, torch.zeros(2)), images)


def test_gradients_of_one_image_are_the_same_when_they_share_its_forward_pass() -> None:
    images = torch.rand(3, 3, 8, 8, generator=torch.Generator().manual_seed(5))
    images[2] = 0.1  # feature 3, max(blue − 0.5, 0), is silent there and must be woken
    places = torch.tensor([0, 0, 0, 1, 2, 2])
    ids = torch.tensor([0, 2, 3, 1, 3, 0])
    gradients = FeatureGradients(wrap(ColourNet()), batch_size=2)
    found, way = gradients.shared_gradients(images[places], ids, places)
    alone, own = gradients.gradients(images[places], ids)
    assert torch.equal(found, alone)
    assert torch.equal(way, own)
    assert bool((way.flatten(1).abs().amax(dim=1) > 0).all())
