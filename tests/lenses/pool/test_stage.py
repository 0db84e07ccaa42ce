"""What to collect on the toy task: red squares with a green mark are taken for blue ones."""

import csv
import io
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image
from typer.testing import CliRunner

from barlow_report import pipeline
from barlow_report.cli import app
from barlow_report.config import load_config
from barlow_report.errors import ConfigError, DataError
from barlow_report.run_folder import Run
from tests.lenses.further import configure
from tests.pipeline.toy import write_image

POOL = {"folder": "pool"}


def collected(task: Path, **pool: Any) -> Run:
    return pipeline.compute(configure(task, pool={**POOL, **pool}), folder=task / "run", until="pool")


def listed(run: Run) -> pd.DataFrame:
    return (
        run.read_table("pool_candidates").merge(run.read_table("pool_images"), on="pool_image_id").sort_values("rank")
    )


def test_the_candidates_are_the_images_of_the_class_with_the_mark(toy: Path) -> None:
    run = collected(toy)
    found = listed(run)
    assert all("red/marked" in path for path in found["path"])
    assert len(found) == 20
    assert set(found["basis"]) == {"label"}
    assert found["rank"].tolist() == list(range(1, 21))
    assert (np.diff(found["probability"]) <= 0).all()
    row = run.read_table("pool_modes").iloc[0]
    assert (row["n_may_be_of_class"], row["n_candidates"], row["n_class"], row["n_meets"]) == (40, 20, 120, 40)
    summary = run.read_table("pool_summary").iloc[0].to_dict()
    assert summary == {
        "n_listed": 60,
        "n_read": 60,
        "n_analysed": 0,
        "n_trained": 0,
        "n_near_analysed": 0,
        "n_labelled": 60,
        "n_unlabelled": 0,
        "n_other_class": 0,
        "n_candidates": 20,
    }


def test_without_labels_the_predictions_say_who_may_be_of_the_class(toy: Path) -> None:
    run = collected(toy, labelled=False)
    found = listed(run)
    assert {Path(path).name.split("-")[0] for path in found["path"]} == {"marked"}
    assert set(found["basis"]) == {"taken_for"}
    assert found["label"].isna().all()
    row = run.read_table("pool_modes").iloc[0]
    assert (row["n_by_label"], row["n_by_prediction"], row["n_by_taken_for"]) == (0, 0, 20)
    assert run.read_table("pool_quality").empty


def test_the_quality_of_a_labelled_pool_stands_beside_other_choices(toy: Path) -> None:
    found = collected(toy).read_table("pool_quality").set_index(["known", "k", "choice"])
    ten = found.loc["labels", 10]
    assert ten.loc["ranked", "precision"] == 1.0
    assert ten.loc["random", "precision"] == 0.5  # 20 of the 40 red ones
    assert (found["precision_low"] <= found["precision"]).all()
    assert (found["precision"] <= found["precision_high"]).all()


def test_directions_of_the_features_tell_candidates_apart_once_they_are_computed(toy: Path) -> None:
    config = configure(toy, pool=POOL, directions={})
    run = pipeline.compute(config, folder=toy / "run", until="pool")
    assert run.read_table("pool_modes")["estimated_from"].tolist() == ["confidence"]
    pipeline.compute(config, folder=toy / "run", until="directions")
    run = pipeline.compute(config, folder=toy / "run", until="pool")
    assert run.read_table("pool_modes")["estimated_from"].tolist() == ["confidence and direction"]
    found = listed(run)
    assert len(found) == 20
    assert found["probability"].between(0.9, 1.0).all()


def test_an_analysed_image_is_never_a_candidate_and_copies_are_listed_once(toy: Path) -> None:
    shutil.copy(toy / "images/red/0000.png", toy / "pool/red/analysed.png")  # it has a mark
    first = next((toy / "pool/red").glob("marked-*.png"))
    shutil.copy(first, toy / "pool/red/zz-copy.png")
    run = collected(toy)
    summary = run.read_table("pool_summary").iloc[0]
    assert (summary["n_read"], summary["n_analysed"], summary["n_candidates"]) == (62, 1, 21)
    found = listed(run)
    assert len(found) == 20
    assert found["digest"].is_unique
    assert not set(found["digest"]) & set(run.read_table("contents")["digest"])


def test_a_copy_of_an_analysed_image_that_was_compressed_again_is_no_candidate(toy: Path) -> None:
    network = (toy / "network.py").read_text()
    for old, new in (
        ("AdaptiveAvgPool2d(1)", "AdaptiveAvgPool2d(4)"),  # the colours of 16 fields
        ("nn.Linear(4,", "nn.Linear(64,"),
        (
            "torch.tensor([-20.0, 100.0, 20.0, 0.0])",
            "torch.tensor([-20.0, 100.0, 20.0, 0.0]).repeat_interleave(16) / 16",
        ),
        (
            "torch.tensor([20.0, -100.0, -20.0, 0.0])",
            "torch.tensor([20.0, -100.0, -20.0, 0.0]).repeat_interleave(16) / 16",
        ),
    ):
        assert old in network
        network = network.replace(old, new)
    (toy / "network.py").write_text(network)
    for i in (0, 3, 6):  # they have a mark
        with Image.open(toy / f"images/red/{i:04d}.png") as image:
            image.save(toy / f"pool/red/again-{i}.jpg", quality=95, subsampling=0)
    run = collected(toy)
    assert run.read_table("pool_summary").iloc[0][["n_read", "n_analysed", "n_near_analysed"]].tolist() == [63, 0, 3]
    assert run.read_table("pool_modes")["n_candidates"].tolist() == [20]
    assert all("red/marked" in path for path in listed(run)["path"])


def test_a_pool_of_the_analysed_images_alone_has_no_candidate(toy: Path) -> None:
    run = collected(toy, folder="images")
    summary = run.read_table("pool_summary").iloc[0]
    assert summary["n_analysed"] == summary["n_read"] == 240
    assert run.read_table("pool_candidates").empty
    assert run.read_table("pool_modes")["n_candidates"].tolist() == [0]


def test_a_pool_without_images_that_meet_the_rule_has_no_candidate(toy: Path) -> None:
    for path in (toy / "pool/red").glob("marked-*"):
        path.unlink()
    run = collected(toy)
    assert listed(run).empty
    assert run.read_table("pool_modes").iloc[0][["n_may_be_of_class", "n_candidates"]].tolist() == [20, 0]


def test_labels_of_unknown_classes_are_counted_and_never_candidates(toy: Path) -> None:
    (toy / "pool/red").rename(toy / "pool/crimson")
    run = collected(toy)
    summary = run.read_table("pool_summary").iloc[0]
    assert (summary["n_labelled"], summary["n_other_class"], summary["n_candidates"]) == (20, 40, 0)
    assert "no class of the run: 'crimson'" in run.info["assumptions"]["pool"]["other_classes"]


def test_an_empty_pool_is_an_error_that_names_it(toy: Path) -> None:
    (toy / "nothing").mkdir()
    with pytest.raises(DataError, match=r"^pool: .*found no image"):
        collected(toy, folder="nothing")


def test_a_run_without_the_section_says_what_to_add(toy: Path) -> None:
    with pytest.raises(ConfigError, match=r"pool: missing. Add a section `pool: \{folder: new-images\}`"):
        pipeline.compute(load_config(toy / "toy.yaml"), folder=toy / "run", until="pool")


def test_unreadable_images_are_listed_with_their_reason(toy: Path) -> None:
    (toy / "pool/red/broken.png").write_bytes(b"no image")
    run = collected(toy)
    assert run.read_table("pool_skipped")["path"].tolist() == ["red/broken.png"]
    assert run.read_table("pool_summary").iloc[0][["n_listed", "n_read"]].tolist() == [61, 60]


def test_a_run_that_was_killed_while_ranking_goes_on_without_another_pass(
    toy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from barlow_report.lenses.pool import stage

    def stop(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(stage, "_write", stop)
    with pytest.raises(KeyboardInterrupt):
        collected(toy)
    monkeypatch.undo()
    monkeypatch.setattr("barlow_report.stages.second_pass.compute_shards", lambda *_, **__: pytest.fail("passed again"))
    assert len(listed(collected(toy))) == 20


def test_what_is_up_to_date_is_skipped_and_more_images_are_noticed(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from barlow_report.lenses.pool import stage

    write = stage._write
    written: list[int] = []

    def note(*args: Any, **kwargs: Any) -> None:
        written.append(1)
        write(*args, **kwargs)

    monkeypatch.setattr(stage, "_write", note)
    collected(toy)
    collected(toy)
    assert len(written) == 1
    write_image(toy / "pool/red/marked-new.png", colour="red", marked=True, seed=1)
    assert len(listed(collected(toy))) == 21
    assert len(listed(collected(toy, n_candidates=5))) == 5
    assert len(written) == 3


def test_one_image_can_be_a_candidate_of_two_modes(toy: Path) -> None:
    """The same rule once for its class and once for the union of both."""
    configure(toy, rules={"unions": {"any colour": ["red", "blue"]}})
    run = collected(toy)
    modes = run.read_table("pool_modes")
    assert len(modes) == 2
    assert modes["n_candidates"].tolist() == [20, 20]
    assert len(run.read_table("pool_candidates")) == 40
    assert len(run.read_table("pool_images")) == 20
    assert run.read_table("pool_summary")["n_candidates"].item() == 20


def test_the_download_lists_every_candidate_with_what_else_it_is_listed_for(toy: Path) -> None:
    unions = {"unions": {"any colour": ["red", "blue"]}}
    config = configure(toy, pool=POOL, rules=unions, site={"show_paths": True})
    index = pipeline.run(config, folder=toy / "run", site=toy / "site")
    rows = list(csv.DictReader(io.StringIO((index.parent / "data/collect.csv").read_text())))
    assert len(rows) == 40
    assert {row["also_of"] for row in rows} == {str(rule_id) for rule_id in {row["rule_id"] for row in rows}}
    assert all((toy / "pool" / row["path"]).is_file() for row in rows)


def test_paths_are_left_out_of_the_site_unless_it_may_show_them(toy: Path) -> None:
    index = pipeline.run(configure(toy, pool=POOL), folder=toy / "run", site=toy / "site")
    rows = list(csv.DictReader(io.StringIO((index.parent / "data/collect.csv").read_text())))
    assert {row["path"] for row in rows} == {""}
    assert all(b"marked-" not in path.read_bytes() for path in (toy / "site").rglob("*") if path.is_file())


def test_the_command_says_where_the_run_is(toy: Path) -> None:
    configure(toy, pool=POOL)
    result = CliRunner().invoke(app, ["collect", str(toy / "toy.yaml"), "--run", str(toy / "run")])
    assert result.exit_code == 0
    assert result.stdout.strip() == str(toy / "run")
    assert "What to collect: candidates for 1 of 1 failure modes" in result.stderr


@pytest.mark.parametrize("has_confidence", [True, False])
def test_predictions_may_come_with_the_images_of_both(toy: Path, has_confidence: bool) -> None:
    """Without the confidences of one side nothing tells candidates apart, and their probability is the mode's rate."""
    for name, folder in (("list", "images"), ("new", "pool")):
        paths = sorted(str(p.relative_to(toy / folder)) for p in (toy / folder).rglob("*.png"))
        table = pd.DataFrame({"path": paths, "label": [path.split("/")[0] for path in paths]})
        is_marked = [
            "marked" in path or (folder == "images" and path.startswith("red") and int(Path(path).stem) % 3 == 0)
            for path in paths
        ]
        table["prediction"] = np.where(is_marked, "blue", table["label"])
        if has_confidence or name == "list":
            table["confidence"] = np.linspace(0.5, 0.9, len(paths))
        table.to_csv(toy / f"{name}.csv", index=False)
    path = toy / "toy.yaml"
    values = yaml.safe_load(path.read_text())
    values["feature_model"] = values.pop("inspected_model")
    values["data"] = {"manifest": "list.csv", "image_root": "images"}
    values["pool"] = {"manifest": "new.csv", "image_root": "pool"}
    path.write_text(yaml.safe_dump(values))
    run = pipeline.compute(load_config(path), folder=toy / "other", until="pool")
    found = listed(run)
    assert len(found) == 20
    rate = run.read_table("rules").query("verdict == 'verified'").iloc[0]["error_rate_held_out"]
    if has_confidence:
        assert found["probability"].nunique() > 10
    else:
        assert found["confidence"].isna().all()
        assert found["probability"].tolist() == [rate] * 20
        assert set(run.read_table("pool_quality")["choice"]) == {"ranked", "random"}
