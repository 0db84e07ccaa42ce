"""Weights of training images on the toy task: red squares with a green mark are taken for blue ones."""

import csv
import io
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from barlow_report import pipeline
from barlow_report.cli import app
from barlow_report.config import Config, load_config
from barlow_report.errors import ConfigError, DataError
from barlow_report.report.links import broken_links
from barlow_report.run_folder import Run
from tests.lenses.further import configure
from tests.manual.pages import page
from tests.pipeline.toy import write_image, write_task


def with_training(task: Path, training: dict[str, Any] | None = None, **sections: Any) -> Config:
    return configure(task, training={"folder": "train", **(training or {})}, **sections)


def weighted(task: Path, *, training: dict[str, Any] | None = None, **sections: Any) -> Run:
    return pipeline.compute(with_training(task, training, **sections), folder=task / "run", until="training")


def _weights(run: Run) -> pd.DataFrame:
    return pd.read_parquet(run.folder / "weights" / "weights.parquet")


def _mode(run: Run) -> pd.Series:
    return run.read_table("training_modes").iloc[0]


def _is_marked(frame: pd.DataFrame) -> pd.Series:
    return frame["path"].str.contains("marked")


def test_images_of_the_mode_count_as_much_as_the_others_of_their_class(toy: Path) -> None:
    run = weighted(toy)
    mode, found = _mode(run), _weights(run)
    assert (mode["n_class"], mode["n_meets"], mode["n_class_analysed"], mode["n_meets_analysed"]) == (40, 5, 120, 40)
    assert mode["factor"] == 7.0  # 35 others for 5
    assert mode["weight_share"] == pytest.approx(0.5)
    assert mode["comparison"] == "rarer"
    mean = (5 * 7 + 55) / 60
    assert found.loc[_is_marked(found), "weight"].to_numpy() == pytest.approx(7 / mean)
    assert found.loc[~_is_marked(found), "weight"].to_numpy() == pytest.approx(1 / mean)
    assert found["weight"].mean() == pytest.approx(1.0, abs=1e-12)
    rule_id = str(run.read_table("training_modes")["rule_id"].item())
    assert set(found.loc[_is_marked(found), "modes"]) == {rule_id}
    assert set(found.loc[~_is_marked(found), "modes"]) == {""}
    assert found["label"].tolist() == ["blue"] * 20 + ["red"] * 40
    summary = run.read_table("training_summary").iloc[0]
    assert summary[["n_listed", "n_read", "n_analysed", "n_labelled", "n_members", "n_raised"]].tolist() == [
        *(60, 60, 0, 60, 5, 5)
    ]


def test_every_file_says_the_same_in_the_same_order(toy: Path) -> None:
    run = weighted(toy, training={"factor": 3})
    folder, found = run.folder / "weights", _weights(run)
    rows = list(csv.DictReader((folder / "weights.csv").read_text(encoding="utf-8").splitlines()))
    assert [row["path"] for row in rows] == found["path"].tolist()
    assert [float(row["weight"]) for row in rows] == found["weight"].tolist()
    assert [row["modes"] for row in rows] == found["modes"].tolist()
    assert [int(row["index"]) for row in rows] == list(range(60))
    weights = np.load(folder / "weights.npy")
    assert weights.dtype == np.float64
    assert weights.tolist() == found["weight"].tolist()
    (indices,) = (folder / "modes").iterdir()
    assert re.fullmatch(r"\d+-red\.npy", indices.name)
    assert np.load(indices).tolist() == np.flatnonzero(_is_marked(found)).tolist()
    assert found["weight"].max() / found["weight"].min() == pytest.approx(3)


def test_the_example_of_the_manual_draws_images_of_the_mode_more_often(
    toy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    weighted(toy)
    for source, target in (("train", "images/train"), ("run", "runs/my-model")):
        (toy / target).parent.mkdir(exist_ok=True)
        (toy / source).rename(toy / target)
    (toy / "runs/my-model/weights/modes").rename(toy / "runs/my-model/weights/indices")
    (indices,) = (toy / "runs/my-model/weights/indices").iterdir()
    (toy / "runs/my-model/weights/modes").mkdir()
    indices.rename(toy / "runs/my-model/weights/modes/17-mug.npy")
    (code,) = [block.code for block in page("collecting").blocks if block.language == "python"]
    monkeypatch.chdir(toy)
    names: dict[str, Any] = {}
    exec(code, names)  # noqa: S102 - the page's own
    images = names["images"]
    paths = [Path(path).relative_to("images/train").as_posix() for path, _ in images.samples]
    assert paths == _weights(Run.open(toy / "runs/my-model"))["path"].tolist()
    torch.manual_seed(0)
    names["sampler"].num_samples = 6000
    drawn = np.bincount(list(names["sampler"]), minlength=60)
    is_marked = np.array(["marked" in path for path in paths])
    assert drawn[is_marked].mean() / drawn[~is_marked].mean() == pytest.approx(7, rel=0.1)
    assert sum(len(labels) for _, labels in names["loader"]) == 6000
    assert len(names["of_one_mode"]) == 5
    assert {images.samples[row][1] for row in names["of_one_mode"].indices} == {images.class_to_idx["red"]}


def test_without_a_verified_mode_every_image_counts_once_and_none_is_read(
    toy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("barlow_report.lenses.weights.stage.pass_over", lambda *_, **__: pytest.fail("passed over"))
    index = pipeline.run(with_training(toy, rules={"rho": 0.9}), folder=toy / "run", site=toy / "site")
    run = Run.open(toy / "run")
    assert run.read_table("training_modes").empty
    assert set(_weights(run)["weight"]) == {1.0}
    assert np.load(run.folder / "weights/weights.npy").tolist() == [1.0] * 60
    summary = run.read_table("training_summary").iloc[0]
    assert pd.isna(summary["n_read"])
    assert summary["n_raised"] == 0
    text = (index.parent / "training/index.html").read_text(encoding="utf-8")
    assert "No failure mode by label is verified, so every training image counts once." in text
    assert broken_links(index.parent)[0] == []


def test_a_class_that_is_missing_in_training_is_said_to_be(toy: Path) -> None:
    shutil.rmtree(toy / "train/red")
    run = weighted(toy)
    mode = _mode(run)
    assert (mode["n_class"], mode["factor"], mode["reason"], mode["comparison"]) == (
        *(0, 1.0, "no_image_of_class", "not_compared"),
    )
    assert pd.isna(mode["weight_share"])
    assert set(_weights(run)["weight"]) == {1.0}
    (indices,) = (run.folder / "weights/modes").iterdir()
    assert np.load(indices).dtype == np.int64
    assert np.load(indices).size == 0


def test_a_mode_without_any_training_image_has_nothing_to_weight(toy: Path) -> None:
    for path in (toy / "train/red").glob("*/marked-*"):
        path.unlink()
    run = weighted(toy)
    mode = _mode(run)
    assert (mode["n_class"], mode["n_meets"], mode["reason"], mode["comparison"]) == (35, 0, "no_member", "rarer")
    assert mode["weight_share"] == 0.0
    assert set(_weights(run)["weight"]) == {1.0}


def test_labels_that_are_no_class_of_the_run_count_once_and_none_that_is_one_is_an_error(toy: Path) -> None:
    (toy / "train/blue").rename(toy / "train/crimson")
    run = weighted(toy)
    found = _weights(run)
    assert run.read_table("training_summary")["n_other_class"].item() == 20
    assert found["label"].isna().sum() == 20
    assert found.loc[_is_marked(found), "weight"].iloc[0] == pytest.approx(7 * found["weight"].min())
    (toy / "train/red").rename(toy / "train/scarlet")
    with pytest.raises(DataError, match=r"^training: "):
        weighted(toy)


def test_images_without_labels_are_an_error_that_says_what_to_do(toy: Path) -> None:
    with pytest.raises(ConfigError, match=r"training.*expected images with labels"):
        with_training(toy, {"labelled": False})
    for path in (toy / "train").rglob("*.png"):
        shutil.move(path, toy / "train" / f"{path.parent.name}-{path.name}")
    with pytest.raises(DataError, match=r"^training: found no image with a label"):
        weighted(toy)


def test_a_setting_that_is_no_factor_is_an_error(toy: Path) -> None:
    for factor in (0.5, "more", True):
        with pytest.raises(ConfigError, match=r"training\.factor"):
            with_training(toy, {"factor": factor})


def test_a_file_that_cannot_be_read_and_an_analysed_image_are_counted(toy: Path) -> None:
    (toy / "train/red/broken.png").write_bytes(b"no image")
    shutil.copy(toy / "images/red/0000.png", toy / "train/red/analysed.png")  # it has a mark
    run = weighted(toy)
    summary = run.read_table("training_summary").iloc[0]
    assert summary[["n_listed", "n_read", "n_analysed"]].tolist() == [62, 61, 1]
    assert run.read_table("training_skipped")["path"].tolist() == ["red/broken.png"]
    found = _weights(run).set_index("path")
    assert found.loc["red/broken.png", "weight"] == found["weight"].min()
    assert (_mode(run)["n_class"], _mode(run)["n_meets"]) == (41, 6)


def test_an_image_in_two_modes_counts_by_the_larger_factor(toy: Path) -> None:
    """The same rule once for its class and once for the union of both: 35 others for 5 images, and 55."""
    run = weighted(toy, rules={"unions": {"any colour": ["red", "blue"]}}, training={"max_factor": 100})
    modes = run.read_table("training_modes")
    assert sorted(modes["factor"]) == [7.0, 11.0]
    found = _weights(run)
    assert found["weight"].max() / found["weight"].min() == pytest.approx(11.0)
    assert set(found.loc[_is_marked(found), "modes"].str.split().str.len()) == {2}
    assert run.read_table("training_summary")[["n_members", "n_raised"]].to_numpy().tolist() == [[5, 5]]
    assert len(list((run.folder / "weights/modes").iterdir())) == 2


def test_failure_modes_that_are_mostly_label_noise_are_not_weighted(toy: Path) -> None:
    (toy / "overlapping.csv").write_text("label,prediction\nred,blue\n")
    config = with_training(toy, taxonomy={"overlapping": "overlapping.csv"})
    pipeline.compute(config, folder=toy / "run", until="taxonomy")
    run = pipeline.compute(config, folder=toy / "run", until="training")
    assert (_mode(run)["factor"], _mode(run)["reason"], _mode(run)["n_meets"]) == (1.0, "label_noise", 5)
    assert set(_weights(run)["weight"]) == {1.0}
    without = weighted(toy, taxonomy=None)
    without.redo("taxonomy")
    assert _mode(weighted(toy))["factor"] == 7.0


def test_a_run_that_was_killed_while_weighting_goes_on_without_another_pass(
    toy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from barlow_report.lenses.weights import stage

    def stop(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(stage, "_write_files", stop)
    with pytest.raises(KeyboardInterrupt):
        weighted(toy)
    assert not Run.open(toy / "run").is_finished("training")
    monkeypatch.undo()
    monkeypatch.setattr("barlow_report.stages.second_pass.compute_shards", lambda *_, **__: pytest.fail("passed again"))
    assert _mode(weighted(toy))["factor"] == 7.0


def test_what_is_up_to_date_is_skipped_and_a_lost_or_damaged_file_is_written_again(toy: Path) -> None:
    run = weighted(toy)
    folder = run.folder / "weights"
    expected = {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.*")}
    before = (folder / "weights.npy").stat().st_mtime_ns
    assert len(expected) == 5
    weighted(toy)
    assert (folder / "weights.npy").stat().st_mtime_ns == before
    for name in expected:
        (folder / name).write_bytes(b"") if name.suffix == ".npy" else (folder / name).unlink()
        weighted(toy)
        assert {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.*")} == expected
    write_image(toy / "train/red/day 0/marked-new.png", colour="red", marked=True, seed=1)
    assert _mode(weighted(toy))["n_meets"] == 6
    assert _mode(weighted(toy, training={"factor": 2}))["factor"] == 2.0


def test_a_manifest_keeps_its_own_order(toy: Path) -> None:
    paths = sorted((path.relative_to(toy).as_posix() for path in (toy / "train").rglob("*.png")), reverse=True)
    pd.DataFrame({"path": paths, "label": [path.split("/")[1] for path in paths]}).to_csv(
        toy / "train.csv", index=False
    )
    run = pipeline.compute(configure(toy, training={"manifest": "train.csv"}), folder=toy / "run", until="training")
    assert _weights(run)["path"].tolist() == paths


def test_the_command_says_where_the_run_is_and_how_many_count_more(toy: Path) -> None:
    with_training(toy)
    result = CliRunner().invoke(app, ["weights", str(toy / "toy.yaml"), "--run", str(toy / "run")])
    assert result.exit_code == 0
    assert result.stdout.strip() == str(toy / "run")
    assert "Weights: 5 of 60 training images count more than once" in result.stderr
    without = load_config(write_task(toy / "other", n_per_class=2))
    with pytest.raises(ConfigError, match=r"training: missing. Add a section `training: \{folder: images/train\}`"):
        pipeline.compute(without, folder=toy / "run", until="training")


def test_the_pages_say_both_shares_and_how_often_images_count(toy: Path) -> None:
    index = pipeline.run(with_training(toy), folder=toy / "run", site=toy / "site")
    site = index.parent
    assert broken_links(site)[0] == []
    words = _words(site / "training/index.html")
    assert "The one failure mode by label is rarer among the training images than among the analysed ones." in words
    assert "60 training images. 5 of them count more than once in the weights, up to 7 times." in words
    assert re.search(r"33\.3 % 40/120 .*12\.5 % 5/40 .*rarer", words)
    classes = " ".join(_words(path) for path in site.glob("classes/*/index.html"))
    sentence = (
        "Of the training images of its class 12.5 % are in this failure mode (5/40), of the analysed ones 33.3 % "
        "(40/120). In the weights they count 7 times."
    )
    assert sentence in classes
    assert sum(sentence in _words(path) for path in site.glob("failure-modes/*/index.html")) == 1
    assert "Of a class with n training images" in _words(site / "method/index.html")
    rows = list(csv.DictReader(io.StringIO((site / "data/training-modes.csv").read_text(encoding="utf-8"))))
    assert [(row["group"], row["n_meets"], row["factor"]) for row in rows] == [("red", "5", "7.0")]


def test_an_image_that_the_model_was_trained_on_is_never_a_candidate(toy: Path) -> None:
    shutil.rmtree(toy / "pool")
    shutil.copytree(toy / "train", toy / "pool")
    write_image(toy / "pool/red/marked-new.png", colour="red", marked=True, seed=80_000)
    config = with_training(toy, pool={"folder": "pool"})

    def collected() -> tuple[list[str], int]:
        run = pipeline.compute(config, folder=toy / "run", until="pool")
        return run.read_table("pool_images")["path"].tolist(), run.read_table("pool_summary")["n_trained"].item()

    assert len(collected()[0]) == 6  # nothing is known of training yet
    pipeline.compute(config, folder=toy / "run", until="training")
    assert collected() == (["red/marked-new.png"], 60)


def test_what_to_collect_has_the_share_of_the_training_images_beside_the_others(toy: Path) -> None:
    shutil.rmtree(toy / "pool")
    for i in range(20):  # further images to collect from
        kind = "marked" if i < 10 else "plain"
        write_image(toy / f"pool/red/{kind}-{i}.png", colour="red", marked=kind == "marked", seed=80_000 + i)
    index = pipeline.run(with_training(toy, pool={"folder": "pool"}), folder=toy / "run", site=toy / "site")
    own = next(_words(path) for path in (index.parent / "collect").glob("*/index.html"))
    assert re.search(r"Of the analysed images of the class\s+33 % \(40/120\)", own)
    assert re.search(r"Of the training images of the class\s+13 % \(5/40\)", own)
    assert re.search(r"33\.3 % 40/120 .*12\.5 % 5/40", _words(index.parent / "collect/index.html"))
    assert broken_links(index.parent)[0] == []


def _words(path: Path) -> str:
    text = re.sub(r"<[^>]*>", " ", path.read_text(encoding="utf-8"))
    return re.sub(r"\s+([.,)])", r"\1", re.sub(r"\s+", " ", text)).replace("\u202f", " ")
