"""Models that are asked what they predict: what they answer, how often images are decoded, and what goes on after."""

import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from PIL import Image

from barlow_report import pipeline
from barlow_report.config import load_config
from barlow_report.errors import BarlowReportError, ConfigError, DataError
from barlow_report.progress import Advance, SilentProgress
from barlow_report.run_folder import Run
from barlow_report.vision import kept_pixels, predicting
from barlow_report.vision.decoding import DifferentSizesError
from barlow_report.vision.images import DecodedImage
from barlow_report.vision.sources.folder import FolderSource
from barlow_report.vision.sources.source import LoadedImage
from tests.pipeline.toy import write_task

N = 45
NETWORKS = '''
import torch
from torch import nn


class Brightness(nn.Module):
    """Red, the second class, where the channel is bright; or blue, the first one."""

    def __init__(self, channel, threshold, sign=1.0):
        super().__init__()
        self.channel = channel
        self.head = nn.Linear(1, 2)
        with torch.no_grad():
            self.head.weight.copy_(torch.tensor([[-10.0], [10.0]]) * sign)
            self.head.bias.copy_(torch.tensor([10.0, -10.0]) * threshold * sign)

    def forward(self, x):
        return self.head(x[:, self.channel].mean(dim=(1, 2))[:, None])


def red(threshold=0.4):
    return Brightness(0, threshold)


def blue(threshold=0.4):
    return Brightness(2, threshold, -1.0)


class Refusing(Brightness):
    def forward(self, x):
        found = super().forward(x)
        if len(x) > 2 and bool((x[:, 1].mean(dim=(1, 2)) > 0.2).any()):
            raise ValueError("no green, please")
        return found


def refusing():
    return Refusing(0, 0.4)


def three():
    model = Brightness(0, 0.4)
    model.head = nn.Linear(1, 3)
    return model


class Backwards(Brightness):
    def forward(self, x):
        return -super().forward(x)


def backwards():
    return Backwards(0, 0.4)


class OneLogit(Brightness):
    def forward(self, x):
        return super().forward(x)[:, 1:]


def one_logit():
    model = Brightness(0, 0.4)
    model.head.weight.data, model.head.bias.data = model.head.weight.data[1:], model.head.bias.data[1:]
    return model
'''
CROPPED = {"preprocessing": {"crop": 12}}


class Messages(SilentProgress):
    """Keeps what is reported."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def message(self, text: str) -> None:
        """Keep a message."""
        self.said.append(text)


@pytest.fixture(scope="module")
def explained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The task, explained; tests take copies of its folder."""
    folder = tmp_path_factory.mktemp("explained")
    path = write_task(folder, n_per_class=N)
    (folder / "networks.py").write_text(NETWORKS)
    pipeline.compute(load_config(path), folder=folder / "run", until="explain")
    return folder


@pytest.fixture
def task(explained: Path, tmp_path: Path) -> Path:
    """The configuration of a copy."""
    shutil.copytree(explained, tmp_path, dirs_exist_ok=True)
    return tmp_path / "toy.yaml"


def _with(path: Path, comparison: dict[str, Any]) -> Path:
    config = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump({**config, "comparison": {"n_proposing": 0, **comparison}}))
    return path


def _compute(path: Path, progress: SilentProgress | None = None) -> Run:
    return pipeline.compute(load_config(path), folder=path.parent / "run", until="comparison", progress=progress)


def _predictions(run: Run) -> pd.DataFrame:
    return pd.read_parquet(run.folder / "pass_comparison" / "predictions.parquet")


def _images(path: Path, run: Run) -> np.ndarray:
    return np.stack([np.asarray(Image.open(path.parent / "images" / p)) for p in run.read_table("images")["path"]])


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each image was decoded."""
    counted: Counter[str] = Counter()
    original = FolderSource.read

    def read(self: FolderSource, path: str) -> Any:
        counted[path] += 1
        return original(self, path)

    monkeypatch.setattr(FolderSource, "read", read)
    return counted


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The names of the models of each pass over images."""
    groups: list[list[str]] = []
    original = predicting.predict_shards

    def predict(shards: Sequence[Sequence[str]], **arguments: Any) -> Any:
        groups.append([model.role.partition(": ")[2] for model in arguments["models"]])
        return original(shards, **arguments)

    monkeypatch.setattr(predicting, "predict_shards", predict)
    return groups


def _model(function: str, **more: Any) -> dict[str, Any]:
    return {"factory": f"networks.py:{function}", "name": function, **more}


def test_models_predict_what_they_predict_alone(task: Path, tmp_path: Path) -> None:
    torch.manual_seed(3)
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 12 * 12, 2))
    torch.save(net.state_dict(), tmp_path / "random.pt")
    linear = "from torch import nn\n\n\ndef make():\n    return nn.Sequential(nn.Flatten(), nn.Linear(432, 2))\n"
    (tmp_path / "linear.py").write_text(linear)
    random = {"factory": "linear.py:make", "weights": "random.pt", **CROPPED}
    path = _with(task, {"models": [_model("blue"), random]})
    run = _compute(path)
    images = _images(path, run)
    assert run.read_table("models")["name"].tolist() == ["inspected model", "blue", "random"]
    found = _predictions(run)
    assert found["path"].tolist() == run.read_table("images")["path"].tolist()
    is_blue = images[..., 2].mean(axis=(1, 2)) / 255 > 0.4
    assert found["blue"].tolist() == ["blue" if blue else "red" for blue in is_blue]
    crops = torch.from_numpy(images[:, 6:18, 6:18].astype(np.float32) / 255).permute(0, 3, 1, 2)
    with torch.no_grad():
        expected = net(crops).argmax(dim=1).tolist()
    assert found["random"].tolist() == [("blue", "red")[i] for i in expected]
    assert len(set(expected)) == 2
    inspected = run.read_table("images")["prediction"]
    assert found["inspected model"].tolist() == [("blue", "red")[i] for i in inspected]


def test_every_image_is_decoded_once_for_all_models_and_geometries(
    task: Path, tmp_path: Path, reads: Counter[str], asked: list[list[str]]
) -> None:
    models = [_model("blue"), _model("red", **CROPPED), _model("red", name="redder", arguments={"threshold": 0.5})]
    path = _with(task, {"models": models})
    pipeline.compute(load_config(path), folder=tmp_path / "run", until="explain")
    reads.clear()
    _compute(path)
    assert reads == Counter(dict.fromkeys(reads, 1))
    assert len(reads) == 2 * N
    assert sorted(asked) == [["blue"], ["red"], ["redder"]]  # one in memory at a time


def test_without_room_for_decoded_images_models_are_asked_in_groups(
    task: Path, tmp_path: Path, reads: Counter[str], asked: list[list[str]]
) -> None:
    models = [_model("blue"), _model("red", **CROPPED), _model("red", name="redder", arguments={"threshold": 0.5})]
    path = _with(task, {"models": models, "decoded_gb": 0})
    expected = _predictions(_compute(path))
    assert [sorted(group) for group in asked] == [["blue", "red", "redder"]]  # half of the memory holds them
    asked.clear()
    reads.clear()
    shutil.rmtree(tmp_path / "run" / "pass_comparison")
    _with(path, {"models": models, "decoded_gb": 0, "models_at_once": 2})
    found = _predictions(_compute(path))
    assert [len(group) for group in asked] == [2, 1]
    assert set(reads.values()) == {1, 2}  # each group decodes them
    assert sum(n == 1 for n in reads.values()) <= 17  # but for those that models were tried on, which are kept
    pd.testing.assert_frame_equal(found, expected)


def test_what_was_answered_is_kept_when_the_work_is_stopped(task: Path, tmp_path: Path, asked: list[list[str]]) -> None:
    class Stopping(SilentProgress):
        """Is killed after three quarters of the images of the second model."""

        left = round(1.75 * 2 * N)

        def task(self, description: str, **more: Any) -> Any:
            task = super().task(description, **more)
            if description != "Asking models":
                return task

            def stop(n: int) -> None:
                self.left -= n
                if self.left < 0:
                    raise KeyboardInterrupt

            class Asking:
                def __enter__(self) -> Advance:
                    return stop

                def __exit__(self, *_: object) -> None:
                    return None

            return Asking()

    path = _with(task, {"models": [_model("blue"), _model("red"), _model("red", name="again", **CROPPED)]})
    with pytest.raises(KeyboardInterrupt):
        _compute(path, Stopping())
    work = tmp_path / "run" / "pass_comparison"
    finished = {file.name: file.stat().st_mtime_ns for file in work.glob("*.npz")}
    done = [name for name in finished if "shard" not in name]
    assert len(done) == 1
    assert len(finished) > 1  # shards of the second one
    first = asked[0]
    asked.clear()
    shards: list[int] = []
    original = predicting.predict_shards

    def predict(missing: Sequence[Sequence[str]], **more: Any) -> Any:
        shards.append(len(missing))
        return original(missing, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(predicting, "predict_shards", predict)
        run = _compute(path)
    assert first not in asked
    assert len(asked) == 2
    assert shards[0] < 3 == shards[1]  # three shards of 32 images, some of which the second model had answered
    assert (work / done[0]).stat().st_mtime_ns == finished[done[0]]
    assert not list(work.glob("*shard*"))
    assert len(run.read_table("models")) == 4
    asked.clear()
    progress = Messages()
    _compute(path, progress)
    assert not asked
    assert "The comparison of models is up to date" in progress.said
    stopped = _predictions(run)
    shutil.rmtree(work)
    pd.testing.assert_frame_equal(_predictions(_compute(path)), stopped)  # in one go


def test_models_that_cannot_be_used_are_listed_with_their_reason_and_the_others_go_on(task: Path) -> None:
    models = [
        _model("nowhere"),
        _model("three"),
        _model("refusing"),
        _model("backwards"),
        {"torchvision": "resnet19", "pretrained": False},
        {"onnx": "damaged.onnx", "name": "damaged graph"},
        _model("red", name="chosen", output="sigmoid", threshold="f1"),
        _model("blue"),
    ]
    path = _with(task, {"models": models})
    (path.parent / "damaged.onnx").write_bytes(b"no graph")
    progress = Messages()
    run = _compute(path, progress)
    assert run.read_table("models")["name"].tolist() == ["inspected model", "blue"]
    left_out = run.read_table("models_left_out").set_index("name")["reason"]
    expected = {
        "nowhere": "networks:nowhere: there is no function 'nowhere'",
        "three": "networks:three has 3 outputs, the data have 2 classes",
        "refusing": "does not run on 16 of the images",
        "backwards": "of the predictions are right, and",
        "resnet19": "torchvision has no classification model 'resnet19'",
        "damaged graph": "damaged.onnx",
        "chosen": "'positive' and 'threshold' are for models with one output",
    }
    assert set(left_out.index) == set(expected)
    for name, reason in left_out.items():
        assert expected[str(name)] in reason, name
    assert any("left out; to try again, delete *.left_out.json in" in text for text in progress.said)


def test_a_model_that_was_left_out_is_tried_again_when_its_note_is_deleted_or_it_has_changed(
    task: Path, tmp_path: Path, asked: list[list[str]]
) -> None:
    path = _with(task, {"models": [_model("three"), _model("blue")]})
    assert len(_compute(path).read_table("models_left_out")) == 1
    assert asked == [["blue"]]
    notes = list((tmp_path / "run" / "pass_comparison").glob("*.left_out.json"))
    assert len(notes) == 1
    notes[0].unlink()
    run = _compute(path)
    assert len(run.read_table("models_left_out")) == 1  # nothing has changed
    assert asked == [["blue"]]  # which has answered
    networks = tmp_path / "networks.py"
    networks.write_text(networks.read_text().replace("    model.head = nn.Linear(1, 3)\n", ""))
    run = _compute(path)
    assert not len(run.read_table("models_left_out"))
    assert sorted(run.read_table("models")["name"]) == ["blue", "inspected model", "three"]
    assert ["three"] in asked


def test_one_output_decides_by_its_threshold(task: Path, tmp_path: Path) -> None:
    models = [
        _model("one_logit", output="logits_binary"),
        _model("one_logit", name="never", output="logits_binary", threshold=0.9999),
    ]
    run = _compute(_with(task, {"models": models}))
    found, images = _predictions(run), _images(tmp_path / "toy.yaml", run)
    mean = images[..., 0].mean(axis=(1, 2)) / 255
    assert found["one_logit"].tolist() == ["red" if m >= 0.4 else "blue" for m in mean]
    # 10 (mean − 0.4) ≥ log(0.9999 / 0.0001)
    assert found["never"].tolist() == ["red" if 10 * (m - 0.4) >= np.log(9999) else "blue" for m in mean]


def test_the_table_of_predictions_can_be_given_again_beside_models_that_are_asked(task: Path, tmp_path: Path) -> None:
    path = _with(task, {"models": [_model("blue"), _model("red")]})
    first = _compute(path)
    before = _predictions(first)
    shutil.copy(first.folder / "pass_comparison" / "predictions.parquet", tmp_path / "before.parquet")
    before[["path", "red"]].rename(columns={"red": "carmine"}).to_csv(tmp_path / "more.csv", index=False)
    comparison = {
        "predictions": ["before.parquet", "more.csv"],
        "columns": ["blue", "carmine"],
        "models": [_model("red", name="redder", arguments={"threshold": 0.5})],
    }
    run = _compute(_with(path, comparison))
    assert run.read_table("models")["name"].tolist() == ["inspected model", "blue", "carmine", "redder"]
    found = _predictions(run)
    assert found["blue"].tolist() == before["blue"].tolist()
    assert found["carmine"].tolist() == before["red"].tolist()
    for columns, message in ((["scarlet"], "none of the tables of predictions has 'scarlet'"),):
        with pytest.raises(DataError, match=message):
            _compute(_with(path, {**comparison, "columns": columns}))
    with pytest.raises(ConfigError, match="several models are called 'blue'"):
        _compute(_with(path, {**comparison, "models": [_model("blue")]}))


def test_the_inspected_model_is_recognised_among_those_that_are_asked(task: Path) -> None:
    own = {"factory": "network.py:colours", "name": "ours", "family": "small ones"}
    run = _compute(_with(task, {"models": [_model("blue"), own]}))
    models = run.read_table("models")
    assert models["name"].tolist() == ["ours", "blue"]
    assert models["family"].tolist() == ["small ones", None]
    assert models["n_parameters"].tolist() == [26, 4]  # 4 × 3 + 4 and 2 × 4 + 2; 2 and 2


def test_images_that_have_changed_since_are_an_error(
    task: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _with(task, {"models": [_model("blue")]})
    run = pipeline.compute(load_config(path), folder=tmp_path / "run", until="explain")
    contents = run.read_table("contents")
    contents.loc[7, "digest"] = "0" * 32
    run.write_table("contents", contents)
    monkeypatch.setattr("barlow_report.stages.extract.are_unchanged", lambda *_, **__: True)
    with pytest.raises(BarlowReportError, match=r"0007\.png has changed since its features were computed"):
        _compute(path)


def test_a_model_that_wants_images_of_one_size_is_left_out_where_they_differ(task: Path, tmp_path: Path) -> None:
    squashed = {"preprocessing": {"resize": [24, 24]}}
    path = _with(task, {"models": [_model("blue"), _model("red", **squashed)]})
    config = yaml.safe_load(path.read_text())
    config["inspected_model"].update(squashed)
    path.write_text(yaml.safe_dump(config))
    Image.new("RGB", (30, 20), "blue").save(tmp_path / "images" / "blue" / "0003.png")
    run = _compute(path)
    assert run.read_table("models")["name"].tolist() == ["inspected model", "red"]
    assert "images have different sizes" in run.read_table("models_left_out")["reason"].item()


def test_kept_pixels_are_stacked_once_and_kept_images_read_once_in_each_process() -> None:
    import pickle

    from barlow_report.vision.decoding import Batch, Decoded, Stacked

    nothing = Decoded(positions=[], names=[], pixels=[], digests=[], skipped=[], remarks=[])
    calls: list[Batch] = []

    def stack(batch: Batch) -> Stacked:
        calls.append(batch)
        return Stacked(decoded=nothing, pixels=[])

    remembered = kept_pixels.KeptPixels().keep(stack)
    first, second = Batch(paths=["a", "b"], first=0), Batch(paths=["a", "b"], first=2)
    assert remembered(first) is remembered(Batch(paths=("a", "b"), first=0))
    remembered(second)
    assert calls == [first, second]
    source = kept_pixels.KeptImages(FolderSource(Path("nowhere")), ["a"])
    image = LoadedImage(decoded=DecodedImage(image=Image.new("RGB", (1, 1))), digest="")
    source._kept["a"] = image
    assert source.read("a") is image
    assert pickle.loads(pickle.dumps(source))._kept == {}  # noqa: S301 - of our own
    assert issubclass(DifferentSizesError, DataError)
