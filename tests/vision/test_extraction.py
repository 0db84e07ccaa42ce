"""The pass over one shard: order, skipped images, both models, determinism."""

import subprocess
import sys
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import nn

from barlow_report.config import PreprocessingConfig
from barlow_report.errors import DataError, ModelError
from barlow_report.vision import decoding, decoding_processes, passes
from barlow_report.vision.extraction import ShardResult, extract_shard, extract_shards
from barlow_report.vision.models import LoadedModel
from barlow_report.vision.sources.folder import FolderSource
from barlow_report.vision.sources.source import LoadedImage
from tests.vision.toys import ColourNet, noise_image, save_colour, wrap

COLOURS = {"red.png": (255, 0, 0), "green.png": (0, 255, 0), "blue.png": (0, 0, 255)}


def run(root: Path, paths: list[str], model: LoadedModel, **settings: Any) -> ShardResult:
    settings = {"inspected_model": model, "batch_size": 2, **settings}
    return extract_shard(paths, source=FolderSource(root), feature_model=model, **settings)


@pytest.fixture
def colours(tmp_path: Path) -> Path:
    for name, colour in COLOURS.items():
        save_colour(tmp_path / name, colour)
    (tmp_path / "empty.png").write_bytes(b"")
    return tmp_path


def test_rows_are_the_readable_images_in_order_with_the_values_on_paper(colours: Path) -> None:
    result = run(colours, ["blue.png", "empty.png", "red.png", "none.png", "green.png"], wrap(ColourNet()))
    assert result.kept.tolist() == [0, 2, 4]
    assert result.skipped == [(1, "the file is empty"), (3, "no such file")]
    assert result.features.tolist() == [[0, 0, 1, 0.5], [1, 0, 0, 0], [0, 1, 0, 0]]
    assert result.predictions is not None
    assert result.predictions.tolist() == [2, 0, 1]
    assert result.outputs is not None
    assert np.allclose(result.outputs["softmax"], np.e / (np.e + 2))
    assert result.features.dtype == np.float32


def test_a_shard_without_a_readable_image_is_empty_not_an_error(colours: Path) -> None:
    result = run(colours, ["empty.png", "none.png"], wrap(ColourNet()))
    assert result.features.shape == (0, 4)
    assert result.predictions is not None
    assert result.predictions.shape == (0,)
    assert len(result.skipped) == 2
    assert run(colours, [], wrap(ColourNet())).kept.shape == (0,)


def test_the_same_shard_gives_the_same_bytes_whatever_the_threads(tmp_path: Path) -> None:
    paths = [f"{seed}.png" for seed in range(23)]
    for seed, path in enumerate(paths):
        noise_image(seed, size=(20, 16)).save(tmp_path / path)
    (tmp_path / "7.png").write_bytes(b"broken")
    model = wrap(ColourNet())
    first = run(tmp_path, paths, model, n_workers=1, batch_size=4)
    for n_workers in (2, 7):
        again = run(tmp_path, paths, model, n_workers=n_workers, batch_size=4)
        assert again.features.tobytes() == first.features.tobytes()
        assert again.skipped == first.skipped
        assert again.outputs is not None
        assert first.outputs is not None
        assert again.outputs.tobytes() == first.outputs.tobytes()


class Counting(ColourNet):
    """Notes its runs, and those of its copies in other threads."""

    runs: ClassVar[list[str]] = []

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.runs.append(self.name)
        return super().forward(x)


def test_one_model_runs_once_and_two_models_run_once_each(colours: Path) -> None:
    feature, inspected = (wrap(Counting(name)) for name in ("feature", "inspected"))
    Counting.runs.clear()
    run(colours, list(COLOURS), feature)
    assert Counting.runs == ["feature"] * 2
    Counting.runs.clear()
    run(colours, list(COLOURS), feature, inspected_model=inspected)
    assert sorted(Counting.runs) == ["feature"] * 2 + ["inspected"] * 2
    Counting.runs.clear()
    result = run(colours, list(COLOURS), feature, inspected_model=None)
    assert Counting.runs == ["feature"] * 2
    assert result.predictions is None
    assert result.outputs is None


def watch_reading(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the images that are read from now on, in order."""
    names: list[str] = []

    read_one = FolderSource.read

    def read(source: FolderSource, path: str) -> LoadedImage:
        names.append(path)
        return read_one(source, path)

    monkeypatch.setattr(FolderSource, "read", read)
    return names


def test_every_image_is_decoded_once(colours: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = watch_reading(monkeypatch)
    small = wrap(ColourNet(), preprocessing=PreprocessingConfig(resize=4, crop=3))
    run(colours, list(COLOURS), wrap(ColourNet()), inspected_model=small)
    assert sorted(read) == sorted(COLOURS)


def test_each_model_gets_its_own_preprocessing(tmp_path: Path) -> None:
    image = noise_image(0)
    image.paste((255, 0, 0), (0, 0, 8, 8))
    image.paste((0, 255, 0), (3, 3, 5, 5))  # the centre is green
    image.save(tmp_path / "image.png")
    centre = wrap(ColourNet(), preprocessing=PreprocessingConfig(crop=2))
    whole = wrap(ColourNet())
    result = run(tmp_path, ["image.png"], whole, inspected_model=centre)
    assert result.features[0, 0] == pytest.approx(60 / 64)
    assert result.predictions is not None
    assert result.predictions.tolist() == [1]


def test_images_are_decoded_ahead_but_not_without_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [f"{i}.png" for i in range(40)]
    for path in paths:
        save_colour(tmp_path / path, (1, 2, 3))
    started = watch_reading(monkeypatch)
    ahead: list[int] = []
    n_done = 0

    def advance(n: int) -> None:
        nonlocal n_done
        n_done += n
        ahead.append(len(started) - n_done)

    run(tmp_path, paths, wrap(ColourNet()), batch_size=4, n_workers=2, advance=advance)
    assert n_done == 40
    assert max(ahead) <= 2 * 2 * 4  # each thread has a batch, and another one waits


def test_images_of_different_sizes_say_what_to_set(tmp_path: Path) -> None:
    save_colour(tmp_path / "a.png", (0, 0, 0), size=(8, 8))
    save_colour(tmp_path / "b.png", (0, 0, 0), size=(8, 9))
    with pytest.raises(DataError, match=r"a.png \(8 × 8\) and b.png \(9 × 8\). Set 'crop'"):
        run(tmp_path, ["a.png", "b.png"], wrap(ColourNet(), preprocessing=PreprocessingConfig()))


class Poisoned(ColourNet):
    """Gives NaN on green images, in its features or after them."""

    def __init__(self, *, features: bool) -> None:
        super().__init__()
        self.in_features = features

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        poison = torch.where(x[:, 1].mean(dim=(1, 2)) > 0.99, torch.nan, 1.0)
        if self.in_features:
            x = x * poison.view(-1, 1, 1, 1)
        logits: torch.Tensor = super().forward(x)
        return logits if self.in_features else logits * poison.view(-1, 1)


def test_a_model_that_gives_nan_features_is_named_with_the_image(colours: Path) -> None:
    with pytest.raises(ModelError, match=r"feature_model: toy gives features .* on green.png"):
        run(colours, list(COLOURS), wrap(Poisoned(features=True)), inspected_model=None)


def test_a_model_that_gives_nan_outputs_is_named_with_the_image(colours: Path) -> None:
    poisoned = wrap(Poisoned(features=False), feature_module="fc")
    with pytest.raises(ModelError, match=r"toy gives outputs .* on green.png"):
        run(colours, list(COLOURS), wrap(ColourNet()), inspected_model=poisoned)


class Picky(ColourNet):
    """Takes any number of images but three, and gives a row too few for four."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if len(x) == 3:
            raise RuntimeError("not three")
        logits = super().forward(x)
        return logits[1:] if len(x) == 4 else logits


@pytest.mark.parametrize(
    ("n", "message"),
    [(3, r"toy: cannot run on 3 images from red.png on: RuntimeError: not three"), (4, r"\(3, 3\) for 4 images")],
)
def test_a_model_that_fails_on_some_batches_says_on_which(colours: Path, n: int, message: str) -> None:
    save_colour(colours / "white.png", (255, 255, 255))
    with pytest.raises(ModelError, match=message):
        run(colours, [*COLOURS, "white.png"][:n], wrap(Picky()), batch_size=4)


@pytest.mark.parametrize("scale", [1e-7, 1e-9])
def test_half_precision_is_refused_where_it_makes_features_equal(colours: Path, scale: float) -> None:
    small = ColourNet()
    small.conv.weight = nn.Parameter(small.conv.weight * scale)
    with pytest.raises(ModelError, match=r"features vary too little for float16 .* Set 'feature_dtype: float32'"):
        run(colours, list(COLOURS), wrap(small), feature_dtype="float16")
    assert run(colours, list(COLOURS), wrap(small)).features.std(axis=0).max() > 0


def test_half_precision_is_refused_where_it_overflows(colours: Path) -> None:
    assert run(colours, list(COLOURS), wrap(ColourNet()), feature_dtype="float16").features.dtype == np.float16
    large = ColourNet()
    large.conv.weight = nn.Parameter(large.conv.weight * 1e5)
    with pytest.raises(ModelError, match=r"red.png is too large for float16. Set 'feature_dtype: float32'"):
        run(colours, list(COLOURS), wrap(large), feature_dtype="float16")


def test_confidences_do_not_overflow_and_ties_go_to_the_lowest_class(tmp_path: Path) -> None:
    save_colour(tmp_path / "white.png", (255, 255, 255))
    model = ColourNet()
    model.fc.weight = nn.Parameter(torch.tensor([[1e4, 0, 0, 0], [0, 1e4, 0, 0], [0, 0, 0, 0]]))
    result = run(tmp_path, ["white.png"], wrap(model))
    assert result.predictions is not None
    assert result.predictions.tolist() == [0]
    assert result.outputs is not None
    assert result.outputs[["softmax", "n_largest"]].tolist() == [(0.5, 2)]


class Hungry(ColourNet):
    """Takes three images at a time at most, as a device with little memory would."""

    sizes: ClassVar[list[int]] = []
    largest: ClassVar[int] = 3

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.sizes.append(len(x))
        if len(x) > self.largest:
            raise torch.OutOfMemoryError("out of memory")
        return super().forward(x)


@pytest.fixture
def many(tmp_path: Path) -> list[str]:
    paths = [f"{seed}.png" for seed in range(21)]
    for seed, path in enumerate(paths):
        noise_image(seed).save(tmp_path / path)
    (tmp_path / "5.png").write_bytes(b"broken")
    return paths


def same(first: ShardResult, second: ShardResult) -> bool:
    arrays = ("kept", "features", "predictions", "outputs")
    is_equal = all(getattr(first, name).tobytes() == getattr(second, name).tobytes() for name in arrays)
    return is_equal and (first.digests, first.skipped) == (second.digests, second.skipped)


@pytest.mark.parametrize("place", ["processor", "device"])
def test_a_batch_that_does_not_fit_into_memory_is_halved(
    tmp_path: Path, many: list[str], place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if place == "device":
        monkeypatch.setattr(passes, "_on_processor", passes._on_device)
    expected = run(tmp_path, many, wrap(ColourNet()), batch_size=16)
    model = wrap(Hungry())
    Hungry.sizes.clear()
    found = run(tmp_path, many, model, batch_size=16, n_workers=2)
    assert same(found, expected)
    assert max(Hungry.sizes) > Hungry.largest  # tried, by whichever thread came first
    if place == "device":  # which remembers what fits; one of sixteen is broken
        assert Hungry.sizes == [15, 7, 3, 3, 3, 3, 3, 3, 2]


def test_one_image_that_does_not_fit_into_memory_is_named(
    tmp_path: Path, many: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = wrap(Hungry())
    monkeypatch.setattr(Hungry, "largest", 0)
    with pytest.raises(ModelError, match=r"one image, 0.png \(8 × 8\). Set 'crop'"):
        run(tmp_path, many, model, batch_size=16)


def test_a_device_of_its_own_gives_the_results_of_the_processor(
    tmp_path: Path, many: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = wrap(ColourNet())
    expected = run(tmp_path, many, model, batch_size=4)
    monkeypatch.setattr(passes, "_on_processor", passes._on_device)
    monkeypatch.setattr(decoding, "SLICE_SIZE", 3)
    assert same(run(tmp_path, many, model, batch_size=4), expected)


@pytest.fixture
def by_processes(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setattr(passes, "_on_processor", passes._on_device)
    monkeypatch.setattr(decoding_processes, "FEWEST_IMAGES", 1)
    return monkeypatch


@pytest.mark.slow
def test_processes_decode_what_threads_decode_and_raise_what_they_raise(
    tmp_path: Path, many: list[str], by_processes: pytest.MonkeyPatch
) -> None:
    model = wrap(ColourNet())
    expected = run(tmp_path, many, model, batch_size=4, n_workers=1)
    by_processes.setattr(decoding.Decoder, "stack", None)  # of this process
    assert same(run(tmp_path, many, model, batch_size=4, n_workers=1), expected)
    noise_image(0, size=(9, 8)).save(tmp_path / "1.png")
    uncropped = wrap(ColourNet(), preprocessing=PreprocessingConfig())
    with pytest.raises(DataError, match=r"0.png \(8 × 8\) and 1.png \(8 × 9\)"):
        run(tmp_path, many, uncropped, batch_size=4, n_workers=1)


def test_a_thread_decodes_itself_where_its_process_has_ended(
    tmp_path: Path, many: list[str], by_processes: pytest.MonkeyPatch
) -> None:
    model = wrap(ColourNet())
    started = []

    def start(*_: Any, **pipes: Any) -> subprocess.Popen[bytes]:
        started.append(Popen([sys.executable, "-c", "pass"], stdin=pipes["stdin"], stdout=pipes["stdout"]))
        return started[-1]

    Popen = subprocess.Popen  # noqa: N806 - a class
    by_processes.setattr(subprocess, "Popen", start)
    found = run(tmp_path, many, model, batch_size=4, n_workers=2)
    assert 1 <= len(started) <= 2
    assert all(process.returncode is not None for process in started)
    by_processes.undo()
    assert same(found, run(tmp_path, many, model, batch_size=4))


def test_shards_together_give_what_each_gives_alone(tmp_path: Path, many: list[str]) -> None:
    model = wrap(ColourNet())
    shards = [many[:8], [], many[8:13], many[13:]]
    settings: dict[str, Any] = {
        "source": FolderSource(tmp_path),
        "feature_model": model,
        "inspected_model": model,
        "batch_size": 3,
    }
    together = list(extract_shards(shards, **settings))
    assert len(together) == 4
    for index in (3, 1, 0, 2):
        assert same(together[index], extract_shard(shards[index], **settings))


def test_the_number_of_threads_is_what_it_was_before(tmp_path: Path, many: list[str]) -> None:
    before = torch.get_num_threads()
    run(tmp_path, many, wrap(ColourNet()), n_workers=3)
    assert torch.get_num_threads() == before
