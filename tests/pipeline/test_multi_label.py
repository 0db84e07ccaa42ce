"""A multi-label model: a run and a site for each output from one pass, and a page in front of them."""

import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from sklearn.metrics import balanced_accuracy_score, f1_score, roc_auc_score
from typer.testing import CliRunner, Result

from barlow_report import pipeline
from barlow_report.cli import app
from barlow_report.config import load_config
from barlow_report.config.further import FurtherDataConfig
from barlow_report.errors import ModelError, RunFolderError
from barlow_report.progress import SilentProgress
from barlow_report.report.links import broken_links
from barlow_report.run_folder import Run
from barlow_report.slugs import slugs
from barlow_report.stages import image_pass
from barlow_report.stages.second_pass import pass_over
from tests.pipeline.things import THINGS, scores, write_things

SLUGS = slugs(THINGS)


def command(name: str, config: Path, *more: str) -> Result:
    return CliRunner().invoke(app, [name, str(config), "--run", str(config.parent / "run"), *more])


def done(name: str, config: Path, *more: str) -> Path:
    result = command(name, config, *more)
    assert result.exit_code == 0, result.output
    return config.parent / "run"


def refused(name: str, config: Path) -> str:
    result = command(name, config)
    assert result.exit_code == 1, result.output
    return " ".join(result.output.split())


def change(config: Path, section: str, **settings: Any) -> Path:
    values = yaml.safe_load(config.read_text())
    config.write_text(yaml.safe_dump({**values, section: {**values.get(section, {}), **settings}}))
    return config


def truth(folder: Path, column: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Which images have a label for an output, the labels, and the logits of these images."""
    labels = pd.read_csv(folder / "labels.csv")[THINGS[column]].to_numpy()
    known = np.flatnonzero(~np.isnan(labels))
    return known, labels[known].astype(int), scores(folder)[known, column]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The configuration of a finished run, with its site beside it."""
    config = write_things(tmp_path_factory.mktemp("things"), settings={"site": {"title": "Things <&>"}})
    done("run", config, "--site", str(config.parent / "site"))
    return config


@pytest.mark.parametrize("column", range(3))
def test_each_output_is_a_run_of_two_classes(finished: Path, column: int) -> None:
    run = Run.open(finished.parent / "run" / SLUGS[column])
    known, labels, logits = truth(finished.parent, column)
    images = run.read_table("images")
    assert run.read_table("classes")["name"].tolist() == [
        f"negative for {THINGS[column]}",
        f"positive for {THINGS[column]}",
    ]
    assert images["path"].tolist() == [f"images/{i:04d}.png" for i in known]
    assert images["label"].tolist() == labels.tolist()
    assert images["prediction"].tolist() == (logits >= 0).astype(int).tolist()
    assert np.allclose(images["confidence"], 1 / (1 + np.exp(-np.abs(logits))), atol=1e-5)
    assert np.allclose(run.read_table("scores")["output"], logits, atol=1e-4)
    noted = run.info["outputs"]["positive"]
    assert (noted["column"], noted["class_id"], noted["threshold"]) == (column, 1, 0.5)
    unknown = run.info["assumptions"]["extract"].get("unknown_labels")
    assert unknown == (None if column != 1 else "16 images of 160 without a label for 'blue patch' are left out.")


def test_features_are_those_of_the_images(finished: Path) -> None:
    whole, part = (Run.open(finished.parent / "run" / slug) for slug in SLUGS[:2])
    known, _, _ = truth(finished.parent, 1)
    np.testing.assert_array_equal(part.features(), whole.features()[known])
    inodes = [(finished.parent / "run" / slug / "features.npy").stat().st_ino for slug in SLUGS]
    assert inodes[0] == inodes[2] != inodes[1]


def test_the_failure_that_is_known_is_found(finished: Path) -> None:
    run = Run.open(finished.parent / "run" / SLUGS[0])
    rules, groups = run.read_table("rules"), run.read_table("groups")
    positive = groups[(groups["grouping"] == "label") & (groups["name"] == "positive for red patch")]["group_id"].item()
    best = rules[(rules["group_id"] == positive) & (rules["verdict"] == "verified")]
    conditions = run.read_table("conditions")
    assert conditions[conditions["rule_id"].isin(best["rule_id"])][["feature_id", "branch"]].to_numpy().tolist() == [
        [1, "gt"]
    ]


def test_the_pass_is_not_kept(finished: Path) -> None:
    assert sorted(path.name for path in (finished.parent / "run").iterdir()) == sorted([*SLUGS, "run.outputs.json"])


def test_the_page_in_front_lists_the_outputs_the_worst_first(finished: Path) -> None:
    site = finished.parent / "site"
    page = (site / "index.html").read_text(encoding="utf-8")
    assert "<h1>Things &lt;&amp;&gt;</h1>" in page
    assert "not over all outputs together" in page
    rows = [re.sub(r"<[^>]+>", " ", row) for row in re.findall(r"<tr.*?</tr>", page, re.DOTALL)[1:]]
    expected = []
    for column, (name, slug) in enumerate(zip(THINGS, SLUGS, strict=True)):
        known, labels, logits = truth(finished.parent, column)
        predictions = logits >= 0
        rules = Run.open(finished.parent / "run" / slug).read_table("rules")
        accuracy = balanced_accuracy_score(labels, predictions)
        words = [
            name,
            str(labels.sum()),
            f"{100 * labels.mean():.1f}",
            f"of {len(known)}",
            f"{100 * accuracy:.1f}",
            f"{f1_score(labels, predictions):.3f}",
            f"{roc_auc_score(labels, logits):.3f}",
            f" {(rules['verdict'] == 'verified').sum()} ",
            "0.5",
        ]
        expected.append((accuracy, words))
        assert (site / slug / "index.html").is_file()
        assert f'href="{slug}/index.html"' in page
    for row, (_, words) in zip(rows, sorted(expected), strict=True):
        for word in words:
            assert word in row


def test_the_pages_of_an_output_speak_of_positive_and_negative(finished: Path) -> None:
    page = (finished.parent / "site" / SLUGS[0] / "index.html").read_text(encoding="utf-8")
    assert "Things &lt;&amp;&gt;: red patch" in page
    assert "Images labelled positive for red patch with feature 1" in page
    method = (finished.parent / "site" / SLUGS[0] / "method/index.html").read_text(encoding="utf-8")
    assert "One output of the model decides alone. An image is taken for <em>positive for red patch</em> if p" in method


def test_a_second_run_makes_no_pass_and_changes_nothing(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(finished.parent, tmp_path / "copy", copy_function=shutil.copy2)
    config = tmp_path / "copy" / finished.name
    files = [
        p for p in sorted((config.parent / "run").rglob("*")) if p.suffix == ".parquet" or p.name == "features.npy"
    ]
    before = [path.read_bytes() for path in files]
    monkeypatch.setattr("barlow_report.stages.image_pass.compute_shards", lambda *_, **__: pytest.fail("another pass"))
    done("run", config, "--site", str(tmp_path / "site"))
    assert [path.read_bytes() for path in files] == before
    assert (tmp_path / "site/index.html").read_bytes() == (finished.parent / "site/index.html").read_bytes()


def test_the_site_is_built_again_from_the_runs_alone(finished: Path, tmp_path: Path) -> None:
    shutil.copytree(finished.parent / "run", tmp_path / "run")
    result = CliRunner().invoke(app, ["site", str(tmp_path / "run"), "--site", str(tmp_path / "site"), "--zip"])
    assert result.exit_code == 0, result.output
    assert (tmp_path / "site/index.html").read_bytes() == (finished.parent / "site/index.html").read_bytes()
    assert (tmp_path / "site.zip").is_file()
    single = CliRunner().invoke(app, ["site", str(tmp_path / "run"), "--profile", "single"])
    assert single.exit_code == 1
    assert f"site {tmp_path}/run/red-patch --profile single" in " ".join(single.output.split())
    one = CliRunner().invoke(
        app, ["site", str(tmp_path / "run/mark"), "--profile", "single", "--site", str(tmp_path / "mark.html")]
    )
    assert one.exit_code == 0, one.output


def test_commands_for_one_run_say_which_runs_there_are(finished: Path) -> None:
    with pytest.raises(RunFolderError, match=r"holds a run for each output.*red-patch, .*blue-patch"):
        Run.open(finished.parent / "run")


def test_images_are_passed_over_once_and_a_killed_run_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = write_things(tmp_path, n=60)
    computed: list[list[int]] = []
    compute = image_pass.compute_shards

    def counting(config_: Any, images: Any, shard_ids: Any, **rest: Any) -> None:
        computed.append(list(shard_ids))
        compute(config_, images, shard_ids, **rest)

    def killed(*_: Any, **__: Any) -> None:
        raise ModelError("killed")

    monkeypatch.setattr(image_pass, "compute_shards", counting)
    with monkeypatch.context() as patched:
        patched.setattr("barlow_report.stages.extract.write_times", killed)
        assert "killed" in refused("extract", config)
    run = done("extract", config)
    assert computed == [[0, 1]]
    assert all(Run.open(run / slug).is_finished("extract") for slug in SLUGS)


def test_one_output_alone_gives_the_same_tables(finished: Path, tmp_path: Path) -> None:
    shutil.copytree(finished.parent / "images", tmp_path / "images", copy_function=shutil.copy2)
    for name in ("labels.csv", "network.py", "things.yaml"):
        shutil.copy2(finished.parent / name, tmp_path / name)
    config = change(tmp_path / "things.yaml", "data", label_column="blue patch")
    alone, shared = Run.open(done("extract", config)), Run.open(finished.parent / "run/blue-patch")
    for name in ("classes", "images", "scores", "contents", "skipped"):
        pd.testing.assert_frame_equal(alone.read_table(name), shared.read_table(name))
    np.testing.assert_array_equal(alone.features(), shared.features())


def test_probabilities_and_lists_give_the_same_predictions(finished: Path, tmp_path: Path) -> None:
    config = write_things(tmp_path)
    table = pd.read_csv(tmp_path / "labels.csv")
    lists = [[thing for thing in THINGS if row[thing] == 1] for _, row in table.iterrows()]
    pd.DataFrame({"path": table["path"], "found": lists}).to_parquet(tmp_path / "labels.parquet")
    values = yaml.safe_load(config.read_text())
    values["data"] = {"manifest": "labels.parquet", "label_list": "found", "classes": list(THINGS)}
    values["inspected_model"] = {
        "factory": "network.py:things",
        "arguments": {"change": "probabilities"},
        "output": "probabilities",
    }
    config.write_text(yaml.safe_dump(values))
    run = done("extract", config)
    for slug in ("red-patch", "mark"):
        found, expected = (Run.open(folder / slug).read_table("images") for folder in (run, finished.parent / "run"))
        assert np.allclose(found.pop("confidence"), expected.pop("confidence"), atol=1e-6)
        pd.testing.assert_frame_equal(found, expected)


def test_a_threshold_is_chosen_for_each_output(tmp_path: Path) -> None:
    config = change(write_things(tmp_path), "inspected_model", threshold="f1")
    run = done("extract", config)
    noted = [Run.open(run / slug).info["outputs"]["positive"] for slug in SLUGS]
    assert len({one["threshold"] for one in noted}) == 3
    for column, one in enumerate(noted):
        _, labels, logits = truth(tmp_path, column)
        best = max(f1_score(labels, logits >= cut) for cut in np.unique(logits)[1:])
        assert one["value"] == pytest.approx(best)


def test_another_order_of_the_columns_is_another_run(tmp_path: Path) -> None:
    config = write_things(tmp_path, n=60)
    run = done("extract", config)
    before = Run.open(run / "mark").read_table("scores")["output"].tolist()
    change(config, "data", label_columns=["mark", "red patch", "blue patch"], confirm_class_order=True)
    done("extract", config)
    after = Run.open(run / "mark")
    assert after.info["outputs"]["positive"]["column"] == 0
    assert np.allclose(after.read_table("scores")["output"], scores(tmp_path)[:, 0], atol=1e-4)
    assert after.read_table("scores")["output"].tolist() != before


def test_outputs_without_positive_images_have_no_report(tmp_path: Path) -> None:
    config = write_things(tmp_path, n=60)
    table = pd.read_csv(tmp_path / "labels.csv", dtype=str)
    table.assign(mark="0").to_csv(tmp_path / "labels.csv", index=False)
    done("run", config, "--site", str(tmp_path / "site"))
    assert not (tmp_path / "run/mark").exists()
    page = (tmp_path / "site/index.html").read_text(encoding="utf-8")
    assert "mark: none of the 60 images with a label is positive" in page
    table.assign(**dict.fromkeys(THINGS, "1")).to_csv(tmp_path / "labels.csv", index=False)
    assert "no output has both positive and negative images; the first, 'red patch'" in refused("run", config)


def test_each_output_can_have_a_threshold_of_its_own(tmp_path: Path) -> None:
    asked: dict[str, Any] = {"red patch": 0.3, "blue patch": "f1", "mark": 0.8}
    config = change(write_things(tmp_path), "inspected_model", threshold=asked)
    run = done("run", config, "--site", str(tmp_path / "site"))
    for column, at in ((0, 0.3), (2, 0.8)):
        _, _, logits = truth(tmp_path, column)
        one = Run.open(run / SLUGS[column])
        assert one.info["outputs"]["positive"]["threshold"] == at
        assert (one.read_table("images")["prediction"] == (1 / (1 + np.exp(-logits)) >= at)).all()
        assert one.info["config"]["inspected_model"]["threshold"] == at
    chosen = Run.open(run / SLUGS[1]).info["outputs"]["positive"]
    assert chosen["maximises"] == "f1"
    page = (tmp_path / "site/index.html").read_text(encoding="utf-8")
    assert page.count("<small>given</small>") == 2
    assert page.count("<small>largest F1</small>") == 1
    assert "Where it was chosen, it is the one with the largest balanced accuracy or F1 on all images" in page
    single = change(config, "data", label_column="mark")
    alone = pipeline.compute(load_config(single), folder=tmp_path / "alone", until="extract")
    assert alone.info["outputs"]["positive"]["threshold"] == 0.8
    assert command("check", single).exit_code == 0


@pytest.mark.parametrize(
    ("data", "threshold", "words"),
    [
        ({}, {"red patch": 0.3}, "'threshold' names red patch, expected every output: red patch, blue patch, mark"),
        ({}, {"red patch": 0.3, "blue patch": 2, "mark": 0.5}, "less than 1"),
        ({"label_columns": None}, {"red patch": 0.3}, "goes with 'data.label_columns' or 'data.label_list'"),
    ],
)
def test_thresholds_are_of_all_outputs(
    tmp_path: Path, data: dict[str, Any], threshold: dict[str, float], words: str
) -> None:
    config = change(write_things(tmp_path, n=4), "inspected_model", threshold=threshold)
    assert words in refused("extract", change(config, "data", **data))


def test_thresholds_of_outputs_in_lists_are_checked_before_the_pass(tmp_path: Path) -> None:
    config = write_things(tmp_path, n=20)
    table = pd.read_csv(tmp_path / "labels.csv")
    lists = [[name for name in THINGS if row[name] == 1] for row in table.to_dict("records")]
    pd.DataFrame({"path": table["path"], "things": lists}).to_parquet(tmp_path / "labels.parquet")
    listed = {"manifest": "labels.parquet", "label_list": "things", "classes": list(THINGS), "label_columns": None}
    config = change(change(config, "data", **listed), "inspected_model", threshold={"mark": 0.5})
    words = "threshold: found 'mark', expected every output: 'red patch', 'blue patch', 'mark'"
    assert words in refused("extract", config)
    change(config, "data", label_column="red patch")
    assert "threshold: found none for the output 'red patch'. Add it, such as `red patch: 0.5`" in refused(
        "extract", config
    )


def test_every_page_of_an_output_leads_to_the_page_of_all(finished: Path, tmp_path: Path) -> None:
    for slug in SLUGS:
        site = finished.parent / "site" / slug
        pages = sorted(site.rglob("index.html"))
        assert len(pages) > 5
        for page in pages:
            way = "../" * (len(page.relative_to(site).parts) - 1)
            assert f'<li><a href="{way}../index.html">All outputs</a></li>' in page.read_text(encoding="utf-8")
    assert broken_links(finished.parent / "site")[0] == []
    alone = pipeline.build_site(finished.parent / "run" / SLUGS[2], site=tmp_path / "alone")
    assert "All outputs" not in alone.read_text(encoding="utf-8")


def test_what_does_not_fit_says_what_to_do(tmp_path: Path) -> None:
    config = write_things(tmp_path, n=60)
    change(config, "data", label_columns=["red patch", "mark"])
    assert "has 3 outputs, the data have labels for 2" in refused("extract", config)
    change(config, "data", label_columns=list(THINGS))
    change(config, "inspected_model", output="probabilities")
    assert "contradicts the output" in refused("extract", config)
    change(config, "inspected_model", arguments={"change": "softmax"})
    assert "add up to 1 for all 60 images, as after a softmax over exclusive classes" in refused("extract", config)
    change(config, "inspected_model", output="sigmoid", arguments={})
    table = pd.read_csv(tmp_path / "labels.csv")
    table.assign(mark=1 - table["mark"]).to_csv(tmp_path / "labels.csv", index=False)
    words = refused("extract", config)
    assert "predictions for 'mark' are right" in words
    assert "Check that data.label_columns" in words


def test_a_folder_of_one_run_is_not_mixed_with_runs_of_outputs(finished: Path, tmp_path: Path) -> None:
    shutil.copytree(finished.parent / "run/mark", tmp_path / "run")
    for name in ("labels.csv", "network.py", "things.yaml"):
        shutil.copy2(finished.parent / name, tmp_path / name)
    assert "holds other files than runs for each output" in refused("extract", tmp_path / "things.yaml")


def test_further_images_are_asked_about_the_output_of_the_run(finished: Path, tmp_path: Path) -> None:
    shutil.copytree(finished.parent, tmp_path / "copy", copy_function=shutil.copy2)
    config = load_config(change(tmp_path / "copy" / finished.name, "data", label_column="mark"))
    run = Run.open(tmp_path / "copy/run/mark")
    source = FurtherDataConfig(folder=finished.parent / "images", labelled=False)
    with run.locked():
        found = pass_over(config, source, run, key="pool", needs_predictions=True, progress=SilentProgress())
        predictions = np.concatenate([block.predictions for block in found.blocks() if block.predictions is not None])
    assert predictions.tolist() == (scores(finished.parent)[:, 2] >= 0).astype(int).tolist()


def test_an_earlier_run_of_all_outputs_is_compared_output_by_output(finished: Path, tmp_path: Path) -> None:
    shutil.copytree(finished.parent, tmp_path / "copy", copy_function=shutil.copy2)
    shutil.copytree(finished.parent / "run", tmp_path / "earlier")
    config = change(tmp_path / "copy" / finished.name, "changes", baseline=str(tmp_path / "earlier"))
    run = pipeline.compute_folder(load_config(config), folder=config.parent / "run", until="changes")
    for slug in SLUGS:
        changes = Run.open(run / slug).read_table("mode_changes")
        assert (changes["matched_by"] == "identity").all()
        assert (len(changes) > 0) == (slug != "mark")


def test_causes_are_asked_of_the_output_of_the_run(finished: Path, tmp_path: Path) -> None:
    shutil.copytree(finished.parent, tmp_path / "copy", copy_function=shutil.copy2)
    config = change(tmp_path / "copy" / finished.name, "data", label_column="red patch")
    change(config, "causes", n_images=12, n_controls=2, n_pairs=1, radius=12.0)
    run = pipeline.compute(load_config(config), folder=config.parent / "run/red-patch", until="causes")
    rules, groups = run.read_table("rules"), run.read_table("groups")
    group = groups[(groups["grouping"] == "label") & (groups["class_id"] == 1)]["group_id"].item()
    verified = rules[(rules["group_id"] == group) & (rules["verdict"] == "verified")]["rule_id"]
    causes = run.read_table("causes")
    found = causes[causes["rule_id"].isin(verified)].set_index("direction")
    assert found.loc["repair", "n_failures_before"] == found.loc["repair", "n_images"] == 12
    assert found.loc["repair", "n_failures_moved"] == 0
    assert found.loc["break", "n_failures_before"] == 0
    assert found.loc["break", "n_failures_moved"] == 12


def test_what_a_run_would_do_is_said_before(finished: Path) -> None:
    result = command("check", finished)
    assert result.exit_code == 0, result.output
    said = dict(line.split(None, 1) for line in result.stdout.splitlines() if not line.startswith("Run folder"))
    assert said["Images"].startswith("160 images with labels for 3 outputs, each a run of its own")
    assert said["Groups"].startswith("12 groups by label and by prediction")
    assert "3 outputs" in said["Inspected"]
    assert "holds runs of outputs" in result.stdout


@pytest.mark.parametrize("section", ["comparison", "taxonomy"])
def test_what_is_about_exclusive_classes_is_refused(tmp_path: Path, section: str) -> None:
    config = change(
        write_things(tmp_path, n=4), section, **({"predictions": "p.csv"} if section == "comparison" else {})
    )
    assert f"'{section}' " in refused("extract", config)
    assert "the data have labels for each of several outputs" in refused("extract", config)


def test_compute_names_one_output(finished: Path) -> None:
    with pytest.raises(Exception, match="Name one output here"):
        pipeline.compute(load_config(finished), folder=finished.parent / "other")
