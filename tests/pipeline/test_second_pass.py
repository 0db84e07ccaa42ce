"""A pass over further images with the models of a run: what it gives, what it repeats, what it refuses."""

import os
import shutil
from pathlib import Path
from runpy import run_path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from PIL import Image

from barlow_report import pipeline
from barlow_report.config import Config, ModelConfig, load_config
from barlow_report.config.further import NO_LABEL, FurtherDataConfig
from barlow_report.errors import DataError
from barlow_report.progress import SilentProgress
from barlow_report.run_folder import Run
from barlow_report.stages import image_pass, second_pass
from barlow_report.stages.second_pass import PassedBlock, SecondPass, pass_over
from barlow_report.vision.shards import save_shard
from tests.pipeline.toy import write_image, write_task

N = 20


def prepared(folder: Path, **settings: Any) -> tuple[Config, Run]:
    """A toy run whose features are there."""
    path = write_task(folder, n_per_class=N, settings=settings)
    config = load_config(path)
    return config, pipeline.compute(config, folder=folder / "run", until="extract")


def write_pool(folder: Path, n: int = 50) -> FurtherDataConfig:
    for index in range(n):
        write_image(folder / f"{index:03d}.png", colour="red", marked=index % 2 == 0, seed=50_000 + index)
    return FurtherDataConfig(folder=folder)


def passed(config: Config, run: Run, source: FurtherDataConfig, *, needs_predictions: bool = True) -> SecondPass:
    with run.locked():
        return pass_over(
            config, source, run, key="pool", needs_predictions=needs_predictions, progress=SilentProgress()
        )


def joined(found: SecondPass) -> dict[str, Any]:
    blocks = list(found.blocks())
    names = [name for name in PassedBlock.__annotations__ if name != "skipped"]
    return {
        name: None if getattr(blocks[0], name) is None else np.concatenate([getattr(b, name) for b in blocks])
        for name in names
    }


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("task")
    prepared(folder)
    return folder


@pytest.fixture
def toy(task: Path, tmp_path: Path) -> tuple[Config, Run]:
    """A copy of the run, and its configuration."""
    shutil.copytree(task, tmp_path / "task", copy_function=shutil.copy2)
    return load_config(tmp_path / "task/toy.yaml"), Run.open(tmp_path / "task/run")


def test_features_predictions_and_confidences_are_those_of_the_model(toy: tuple[Config, Run], tmp_path: Path) -> None:
    config, run = toy
    source = write_pool(tmp_path / "pool")
    (tmp_path / "pool/broken.png").write_bytes(b"no image")
    found = passed(config, run, source)
    got = joined(found)
    assert got["rows"].tolist() == list(range(50))
    assert set(got["labels"].tolist()) == {NO_LABEL}
    pixels = [np.asarray(Image.open(tmp_path / f"pool/{i:03d}.png").convert("RGB")) for i in range(50)]
    inputs = torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2).float() / 255
    network = run_path(str(tmp_path / "task/network.py"))["colours"]()
    with torch.no_grad():
        logits = network(inputs)
        expected = inputs.mean(dim=(2, 3)).numpy()
    assert np.allclose(got["features"][:, :3], expected, atol=1e-5)
    assert (got["features"][:, 3] == 0).all()
    assert got["predictions"].tolist() == logits.argmax(1).tolist()
    assert np.allclose(got["confidences"], logits.softmax(1).amax(1).numpy(), atol=1e-4)
    assert [name for block in found.blocks() for name, _ in block.skipped] == ["broken.png"]


def test_the_same_images_get_the_features_and_digests_of_the_run(toy: tuple[Config, Run]) -> None:
    config, run = toy
    got = joined(passed(config, run, FurtherDataConfig(folder=config.data.folder)))
    images = run.read_table("images")
    assert np.array_equal(got["features"], run.features())
    assert np.array_equal(got["labels"], images["label"].to_numpy(dtype=np.int64))
    assert np.array_equal(got["predictions"], images["prediction"].to_numpy(dtype=np.int64))
    assert np.array_equal(got["confidences"], images["confidence"].to_numpy())
    assert got["digests"].astype(str).tolist() == run.read_table("contents")["digest"].tolist()


def test_nothing_is_computed_twice_and_a_missing_or_damaged_shard_alone_is(
    toy: tuple[Config, Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, run = toy
    source = write_pool(tmp_path / "pool", 80)  # three shards
    first = passed(config, run, source)
    before = joined(first)
    done: list[list[int]] = []

    def counting(*args: Any, **kwargs: Any) -> None:
        done.append(list(args[2]))
        image_pass.compute_shards(*args, **kwargs)

    monkeypatch.setattr(second_pass, "compute_shards", counting)
    assert passed(config, run, source).fingerprint == first.fingerprint
    assert done == []
    (run.folder / "pass_pool/000001.npz").unlink()
    damaged = run.folder / "pass_pool/000002.npz"
    data = bytearray(damaged.read_bytes())
    data[100] ^= 1
    damaged.write_bytes(data)
    again = passed(config, run, source)
    assert done == [[1, 2]]
    assert again.fingerprint == first.fingerprint
    for name, values in joined(again).items():
        assert np.array_equal(values, before[name]), name


def test_a_pass_that_was_stopped_goes_on_at_the_next_shard(
    toy: tuple[Config, Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, run = toy
    source = write_pool(tmp_path / "pool", 80)

    def stop(result: Any, path: Path) -> None:
        if path.name == "000001.npz":
            raise KeyboardInterrupt
        save_shard(result, path)

    monkeypatch.setattr("barlow_report.stages.pass_work.save_shard", stop)
    with pytest.raises(KeyboardInterrupt):
        passed(config, run, source)
    monkeypatch.undo()
    saved: list[str] = []

    def note(result: Any, path: Path) -> None:
        saved.append(path.name)
        save_shard(result, path)

    monkeypatch.setattr("barlow_report.stages.pass_work.save_shard", note)
    assert len(joined(passed(config, run, source))["rows"]) == 80
    assert saved == ["000001.npz", "000002.npz"]


def test_an_image_that_was_replaced_by_one_of_its_size_and_time_is_noticed(
    toy: tuple[Config, Run], tmp_path: Path
) -> None:
    config, run = toy
    for name, shade in (("a", 40), ("b", 200)):
        Image.new("RGB", (24, 24), (shade, 0, 0)).save(tmp_path / f"{name}.bmp")
    pool = tmp_path / "pool"
    pool.mkdir()
    shutil.copy2(tmp_path / "a.bmp", pool / "x.bmp")
    state = (pool / "x.bmp").stat()
    source = FurtherDataConfig(folder=pool)
    first = passed(config, run, source)
    (pool / "x.bmp").write_bytes((tmp_path / "b.bmp").read_bytes())
    os.utime(pool / "x.bmp", ns=(state.st_atime_ns, state.st_mtime_ns))
    again = passed(config, run, source)
    assert again.fingerprint != first.fingerprint
    assert joined(again)["features"][0, 0] == pytest.approx(200 / 255, abs=1e-6)


def test_another_label_changes_the_fingerprint_and_costs_no_pass(
    toy: tuple[Config, Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, run = toy
    write_pool(tmp_path / "pool", 10)
    table = pd.DataFrame({"path": sorted(p.name for p in (tmp_path / "pool").iterdir()), "label": "red"})
    table.to_csv(tmp_path / "new.csv", index=False)
    source = FurtherDataConfig(manifest=tmp_path / "new.csv", image_root=tmp_path / "pool")
    first = passed(config, run, source)
    monkeypatch.setattr(second_pass, "compute_shards", lambda *_, **__: pytest.fail("passed over again"))
    table.assign(label="blue").to_csv(tmp_path / "new.csv", index=False)
    again = passed(config, run, source)
    assert again.fingerprint != first.fingerprint
    assert joined(again)["labels"].tolist() == [0] * 10


def test_predictions_come_from_where_those_of_the_run_come_from(toy: tuple[Config, Run], tmp_path: Path) -> None:
    config, run = toy
    write_pool(tmp_path / "pool", 10)
    table = pd.DataFrame({"path": sorted(p.name for p in (tmp_path / "pool").iterdir()), "prediction": "red"})
    table.assign(confidence=0.5).to_csv(tmp_path / "new.csv", index=False)
    source = FurtherDataConfig(manifest=tmp_path / "new.csv", image_root=tmp_path / "pool")
    asked = passed(config, run, source)
    assert joined(asked)["predictions"].tolist() == [0, 1] * 5  # the marked ones are taken for blue
    assert "not used: the inspected model was asked" in asked.assumptions["predictions"]


def test_without_an_inspected_model_the_images_must_bring_predictions(tmp_path: Path) -> None:
    path = write_task(tmp_path / "task", n_per_class=N)
    names = sorted(str(p.relative_to(tmp_path / "task")) for p in (tmp_path / "task/images").rglob("*.png"))
    labels = [name.split("/")[1] for name in names]
    pd.DataFrame({"path": names, "label": labels, "prediction": labels}).to_csv(tmp_path / "task/list.csv", index=False)
    values = yaml.safe_load(path.read_text())
    values["feature_model"] = values.pop("inspected_model")
    path.write_text(yaml.safe_dump({**values, "data": {"manifest": "list.csv"}}))
    config = load_config(path)
    run = pipeline.compute(config, folder=tmp_path / "run", until="extract")
    source = write_pool(tmp_path / "pool", 10)
    with pytest.raises(DataError, match=r"pool: found no predictions .* Add a column of predictions"):
        passed(config, run, source)
    bare = joined(passed(config, run, source, needs_predictions=False))
    assert bare["predictions"] is None
    assert bare["confidences"] is None
    table = pd.DataFrame({"path": [f"{i:03d}.png" for i in range(10)], "prediction": "blue"})
    table.to_csv(tmp_path / "new.csv", index=False)
    given = joined(passed(config, run, FurtherDataConfig(manifest=tmp_path / "new.csv", image_root=tmp_path / "pool")))
    assert given["predictions"].tolist() == [0] * 10
    assert np.isnan(given["confidences"]).all()


def test_outputs_are_of_the_kind_that_those_of_the_run_are(toy: tuple[Config, Run], tmp_path: Path) -> None:
    config, run = toy
    source = write_pool(tmp_path / "pool", 10)
    logits = joined(passed(config, run, source))["confidences"]
    run.update_info(outputs={"kind": "sigmoid_logits", "n_tied": 0})
    found = passed(config, run, source)
    scores = joined(found)["confidences"]
    assert not np.allclose(logits, scores)
    assert np.allclose(logits, 1 / (1 + np.exp(-2 * np.log(scores / (1 - scores)))), atol=1e-6)  # two opposite logits


def test_one_output_decides_by_the_threshold_of_the_run(toy: tuple[Config, Run], tmp_path: Path) -> None:
    config, run = toy
    network = tmp_path / "one.py"
    text = Path(str(config.inspected_model and config.inspected_model.factory).rpartition(":")[0]).read_text()
    network.write_text(text.replace(".flatten(1))", ".flatten(1))[:, 1]"))
    model = {"factory": f"{network}:colours", "output": "logits_binary"}
    config = config.model_copy(
        update={"inspected_model": ModelConfig.model_validate(model), "feature_model": config.inspected_model}
    )
    noted = {"column": 0, "class_id": 1, "threshold": 0.9, "maximises": "f1", "value": 1.0, "n_images": 2}
    run.update_info(outputs={"kind": "sigmoid_logits", "n_tied": 0, "positive": noted})
    found = joined(passed(config, run, write_pool(tmp_path / "pool", 10)))
    probability = np.where(found["predictions"] == 1, found["confidences"], 1 - found["confidences"])
    assert found["predictions"].tolist() == (probability >= 0.9).astype(int).tolist()
    assert 0 < found["predictions"].sum() < len(probability)


def test_images_none_of_which_can_be_read_are_an_error(toy: tuple[Config, Run], tmp_path: Path) -> None:
    config, run = toy
    (tmp_path / "pool").mkdir()
    (tmp_path / "pool/a.png").write_bytes(b"nothing")
    with pytest.raises(DataError, match=r"pool: none of the 1 images can be read; the first, a\.png: "):
        passed(config, run, FurtherDataConfig(folder=tmp_path / "pool"))
