"""Further models and embeddings of images by workers: the answers of one process, whoever else is at the same unit."""

import os
import pickle
import signal
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
import torch

from barlow_report import pipeline
from barlow_report.config import ClipConfig, load_config
from barlow_report.engine import current_engine
from barlow_report.files import PARTIAL
from barlow_report.lenses.models.config import ComparedModelConfig
from barlow_report.progress import SilentProgress
from barlow_report.run_folder import Run
from barlow_report.stages.asking_models import answer_files, ask_models, identify_models
from barlow_report.stages.embedding_work import EmbeddingUnit, EmbeddingWork, shard_file
from barlow_report.stages.model_answers import AskedModel
from barlow_report.stages.model_groups import Room
from barlow_report.stages.model_work import ModelWork
from barlow_report.stages.photos import Photo
from barlow_report.vision.datasets import open_source
from barlow_report.vision.embeddings import load_image_text_model
from tests.engine.conftest import workers
from tests.engine.test_runs import Watching, files_of, kill_at, on_cluster, start
from tests.lenses.words.test_stage import FACTORY
from tests.pipeline.toy import write_task

COMPARISON: dict[str, Any] = {
    "models": [{"factory": f"network.py:{name}", "name": name} for name in ("other", "another", "broken")],
    "n_proposing": 0,
}
Sent = TypeVar("Sent")
OTHERS = """

def other():
    model = Colours()
    with torch.no_grad():
        model.head.bias[0] -= 20.0
    return model


def another():
    return other()
"""


def _task(folder: Path, *, n_per_class: int = 20) -> Path:
    words = {"clip": {"factory": "clip.py:colours", "batch_size": 3}, "vocabulary": "words.txt", "template": "a {}"}
    settings: dict[str, object] = {
        "extraction": {"batch_size": 2, "shard_size": 4},
        "visuals": {"attack": "none"},
        "comparison": COMPARISON,
        "words": words,
    }
    path = write_task(folder, n_per_class=n_per_class, settings=settings)
    with (folder / "network.py").open("a") as file:
        file.write(OTHERS)
    (folder / "clip.py").write_text(FACTORY)
    (folder / "words.txt").write_text("\n".join(["red", "blue", "grass <b>", *map("thing {}".format, range(8))]))
    return path


def _sent(value: Sent) -> Sent:
    """What another process gets."""
    copy: Sent = pickle.loads(pickle.dumps(value))  # noqa: S301 - just made
    return copy


class _Asking:
    """A run whose other models are to be asked."""

    def __init__(self, folder: Path) -> None:
        self.config = load_config(_task(folder))
        self.run = pipeline.compute(self.config, folder=folder / "run", until="extract")
        specs = [
            ComparedModelConfig.model_validate(entry, context={"folder": folder}) for entry in COMPARISON["models"]
        ]
        self.models = identify_models([AskedModel(name=str(spec.name), spec=spec) for spec in specs])
        self.files = answer_files(self.config, self.run)

    def sent(self) -> ModelWork:
        """The work as another process gets it."""
        work = ModelWork(
            config=self.config,
            folder=self.run.folder,
            answers=self.files.folder,
            room=Room(),
            progress=SilentProgress(),
        )
        return _sent(work)


def test_a_worker_asks_one_model_after_the_other_and_leaves_out_what_cannot_be_used(tmp_path: Path) -> None:
    asking = _Asking(tmp_path)
    work = asking.sent()
    assert work.room.decoded_bytes == 0
    worker, n_done = work.start(1), list[int]()
    for model in _sent(asking.models):
        assert list(worker.run([model], advance=n_done.append)) == [None]
        assert work.describe(model) == f"model {model.name}, all images of the run"
    assert n_done == [1, 1, 1]
    by_worker = [asking.files.predicted(str(model.key)) for model in asking.models[:2]]
    assert "NaN" in str(asking.files.left_out(str(asking.models[2].key)))
    for model in asking.models:
        asking.files.forget(str(model.key))
    here = ask_models(asking.config, asking.run, asking.models, room=Room(), progress=SilentProgress())
    for found, answer in zip(by_worker, here[:2], strict=True):
        assert answer.predicted is not None
        np.testing.assert_array_equal(found.predictions, answer.predicted.predictions)
        np.testing.assert_array_equal(found.confidences, answer.predicted.confidences)


def test_a_worker_that_was_overtaken_asks_nothing_again_and_takes_nothing_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asking = _Asking(tmp_path)
    model = asking.models[0]
    first, late, third = (asking.sent().start(1) for _ in range(3))
    write_shard = type(asking.files).write_shard
    n_written = 0

    def overtaken(files: object, key: str, index: int, answers: object) -> None:
        nonlocal n_written
        write_shard(files, key, index, answers)  # type: ignore[arg-type]
        n_written += 1
        if n_written == 3:
            monkeypatch.setattr(type(asking.files), "write_shard", write_shard)
            list(first.run([model], advance=lambda _: None))
            assert asking.files.is_done(str(model.key))

    monkeypatch.setattr(type(asking.files), "write_shard", overtaken)
    list(late.run([model], advance=lambda _: None))
    assert n_written == 3
    found = asking.files.predicted(str(model.key))
    monkeypatch.setattr(type(asking.files), "write_shard", None)
    list(third.run([model], advance=lambda _: None))  # and writes nothing
    np.testing.assert_array_equal(asking.files.predicted(str(model.key)).predictions, found.predictions)


def test_a_worker_embeds_a_shard_as_this_process_does(tmp_path: Path) -> None:
    config = load_config(_task(tmp_path))
    spec = ClipConfig.model_validate({"factory": "clip.py:colours", "batch_size": 3}, context={"folder": tmp_path})
    model = load_image_text_model(spec, device=torch.device("cpu"), role="words.clip")
    source = open_source(config.data)
    work = EmbeddingWork(model=model, device="cpu", source=source, work=tmp_path, n_workers=1)
    photos = [Photo(f"red/{i:04d}.png", None) for i in range(5)]
    unit = EmbeddingUnit(index=7, photos=photos)
    assert "5 images: red/0000.png" in work.describe(unit)
    assert [[len(half.photos), half.index] for half in work.halves(unit)] == [[3, None], [2, None]]
    assert work.halves(EmbeddingUnit(index=None, photos=photos[:1])) == []
    found = []
    for one in (work, _sent(work)):
        n_done: list[int] = []
        assert list(one.start(1).run([unit], advance=n_done.append)) == [None]
        assert n_done == [3, 2]
        found.append(shard_file(tmp_path, 7).read_bytes())
        shard_file(tmp_path, 7).unlink()
    assert found[0] == found[1]
    list(work.start(1).run([EmbeddingUnit(index=None, photos=photos)], advance=lambda _: None))
    assert not list(tmp_path.glob("*.npy")), "halves are tried, and not kept"
    assert current_engine().n_threads is None


@pytest.mark.slow
def test_further_models_and_embeddings_by_ray_have_the_bytes_of_a_local_run_whoever_is_killed(
    cluster: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    task = _task(tmp_path, n_per_class=60)
    pipeline.compute(load_config(task), folder=tmp_path / "local")
    killed: list[str] = []

    def kill_one(description: str) -> None:
        if description in ("Asking models", "Embedding images"):
            os.kill(workers()[-1], signal.SIGKILL)
            killed.append(description)

    pipeline.compute(on_cluster(cluster, task), folder=tmp_path / "ray", progress=Watching(kill_one))
    assert sorted(killed) == ["Asking models", "Embedding images"]
    assert not list((tmp_path / "ray").rglob(f"*{PARTIAL}"))
    run = Run.open(tmp_path / "ray")
    assert run.read_table("models")["name"].tolist()[1:] == ["other", "another"]
    assert run.read_table("models_left_out")["name"].tolist() == ["broken"]
    assert files_of(tmp_path / "ray") == files_of(tmp_path / "local")

    engine: dict[str, object] = {"kind": "ray", "address": cluster, "n_workers": 2}
    for description in killed:  # and the caller of another run, in both
        kill_at(start(task, "called", engine), description, after=0.0)
    process = start(task, "called", engine)
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    assert files_of(tmp_path / "called") == files_of(tmp_path / "local")
