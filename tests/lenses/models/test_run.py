"""Several models: from a table of predictions to the tables and the page that compare them."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from barlow_report import pipeline
from barlow_report.config import load_config
from barlow_report.errors import ConfigError, DataError
from barlow_report.lenses.models.stage import _spread
from barlow_report.lenses.models.tables import TABLES
from barlow_report.progress import SilentProgress
from barlow_report.run_folder import Run
from tests.pipeline.toy import write_task

N = 90


class Messages(SilentProgress):
    """Keeps what is reported."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def message(self, text: str) -> None:
        """Keep a message."""
        self.said.append(text)


def _compute(path: Path, *, until: str = "comparison") -> tuple[Run, list[str]]:
    progress = Messages()
    run = pipeline.compute(load_config(path), folder=path.parent / "run", until=until, progress=progress)
    return run, progress.said


def predictions() -> pd.DataFrame:
    """The inspected model's own failures (red squares with a mark), one that shares them, and one with others."""
    paths = [f"{colour}/{i:04d}.png" for colour in ("blue", "red") for i in range(N)]
    labels = np.array(["blue"] * N + ["red"] * N)
    marked = np.array([False] * N + [i % 3 == 0 for i in range(N)])
    rng = np.random.default_rng(2)
    other = {"red": "blue", "blue": "red"}
    flipped = np.array([other[label] for label in labels])
    return pd.DataFrame(
        {
            "path": paths,
            "same": np.where(marked, flipped, labels),
            "alike": np.where(marked & (rng.random(2 * N) < 0.9), flipped, labels),
            "random": np.where(rng.random(2 * N) < 0.2, flipped, labels),
        }
    )


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("task")
    predictions().to_csv(folder / "models.csv", index=False)
    (folder / "kinds.yaml").write_text("colours: [red, blue]\n")
    settings: dict[str, Any] = {
        "comparison": {"predictions": "models.csv"},
        "taxonomy": {"superclasses": "kinds.yaml"},
    }
    return write_task(folder, n_per_class=N, settings=settings)


def test_models_are_counted_and_the_inspected_one_is_recognised(task: Path) -> None:
    run, said = _compute(task)
    models = run.read_table("models").set_index("name")
    assert models.index.tolist() == ["same", "alike", "random"]  # the inspected model is first, under its column's name
    frame = predictions()
    truth = frame["path"].str.split("/").str[0]
    for name in models.index:
        assert models.loc[name, "n_correct"] == (frame[name] == truth).sum()
    types = run.read_table("model_error_types")
    for model_id, rows in types.groupby("model_id"):
        n_failures = (
            models.set_index("model_id").loc[model_id, "n_images"]
            - models.set_index("model_id").loc[model_id, "n_correct"]
        )
        assert rows["n_errors"].sum() == n_failures == rows["n_failures"].iloc[0]
        assert rows.set_index("error_type").loc["fine_grained", "n_errors"] == n_failures
    own = run.read_table("model_accuracies").query("model_id == 0 and measure == 'top_1'")["value"].item()
    assert own == pytest.approx(models["n_correct"].iloc[0] / (2 * N))
    assert any("3 models" in text for text in said)


def test_modes_hold_for_the_models_that_fail_alike(task: Path) -> None:
    run, _ = _compute(task)
    modes = run.read_table("shared_modes")
    rates = run.read_table("shared_mode_rates")
    names = run.read_table("models")["name"].tolist()
    by_label = modes[modes["grouping"] == "label"]
    assert len(by_label)
    for row in by_label.itertuples():
        holds = rates[(rates["mode_id"] == row.mode_id) & rates["holds"]]["model_id"]
        assert [names[i] for i in holds] == ["same", "alike"]
        assert row.n_holds == 2
    # among images predicted as blue, redness tells failures from successes, whatever the model's reason to fail
    assert modes.loc[modes["grouping"] == "prediction", "n_holds"].max() == 3
    rules = run.read_table("rules")
    verified = set(rules.loc[rules["verdict"] == "verified", "rule_id"])
    assert verified
    assert verified <= set(modes["rule_id"].dropna())


def test_nothing_is_done_twice_and_a_changed_table_is_noticed(task: Path) -> None:
    _compute(task)
    _, said = _compute(task)
    assert "The comparison of models is up to date" in said
    table = task.parent / "models.csv"
    before = table.read_text()
    predictions().drop(columns="random").to_csv(table, index=False)
    run, said = _compute(task)
    assert run.read_table("models")["name"].tolist() == ["same", "alike"]
    table.write_text(before)
    _compute(task)


def test_parquet_with_class_ids_and_chosen_columns_gives_the_same(task: Path) -> None:
    frame = predictions()
    for name in ("same", "alike", "random"):
        frame[name] = (frame[name] == "red").astype("int64")
    frame = frame.assign(path=frame["path"].str.replace("/", "\\"), label="not a model")  # as written on Windows
    frame.sample(frac=1.0, random_state=0).to_parquet(task.parent / "models.parquet")
    config = yaml.safe_load(task.read_text())
    config["comparison"] = {"predictions": "models.parquet", "columns": ["alike", "random"]}
    other = task.with_name("other.yaml")
    other.write_text(yaml.safe_dump(config))
    run, _ = _compute(task)
    expected = run.read_table("models").set_index("name")["n_correct"]
    run, _ = _compute(other)
    found = run.read_table("models").set_index("name")["n_correct"]
    assert found.index.tolist() == ["inspected model", "alike", "random"]
    assert found["inspected model"] == expected["same"]
    assert found[["alike", "random"]].tolist() == expected[["alike", "random"]].tolist()
    _compute(task)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.drop(columns="path"), r"column 'path' is missing; found 'same', 'alike', 'random'"),
        (lambda f: f[["path"]], r"has no column beside path"),
        (lambda f: f.iloc[3:], r"3 of the run's 180 images have no row"),
        (lambda f: pd.concat([f, f.head(2)]), r"2 of the images have more than one row"),
        (
            lambda f: f.assign(Labels="red"),
            r"column 'Labels' does not look like one of a model\. .* comparison\.columns",
        ),
        (lambda f: f.assign(path="dark-" + f["path"]), r"none of its 180 entries is an image of the run; the first"),
        (lambda f: f.assign(path=f["path"].str.split("/").str[1]), r"may be several images of the run, such as 'blue"),
        (lambda f: f.assign(alike="green"), r"column 'alike': 'green' is not a class of this run"),
        (lambda f: f.assign(alike=""), r"column 'alike': '' is not a class of this run"),
        (lambda f: f.assign(alike=7), r"column 'alike': found the index 7, expected 0 to 1"),
        (lambda f: f.assign(alike=f["path"].str.startswith("blue") * 1), r"'alike': 0.0.% of the predictions"),
    ],
)
def test_a_table_that_does_not_fit_says_what_to_do(task: Path, change: Any, message: str) -> None:
    change(predictions()).to_csv(task.parent / "bad.csv", index=False)
    config = yaml.safe_load(task.read_text())
    config["comparison"] = {"predictions": "bad.csv"}
    bad = task.with_name("bad.yaml")
    bad.write_text(yaml.safe_dump(config))
    with pytest.raises(DataError, match=message):
        _compute(bad)
    (task.parent / "bad.csv").unlink()
    with pytest.raises(ConfigError, match=r"comparison\.predictions: found no file or folder .*bad\.csv"):
        _compute(bad)


def test_a_command_without_its_section_says_what_to_add(task: Path) -> None:
    config = yaml.safe_load(task.read_text())
    del config["comparison"]
    plain = task.with_name("plain.yaml")
    plain.write_text(yaml.safe_dump(config))
    with pytest.raises(ConfigError, match=r"Add a section `comparison: \{predictions: FILE\}`"):
        _compute(plain)


def test_without_held_out_images_or_taxonomy_there_is_less_to_compare(tmp_path: Path) -> None:
    predictions().to_csv(tmp_path / "models.tsv", index=False, sep="\t")
    path = write_task(
        tmp_path,
        n_per_class=N,
        settings={"comparison": {"predictions": "models.tsv"}, "rules": {"held_out_fraction": 0}},
    )
    run, _ = _compute(path, until="visualize")
    assert len(run.read_table("models")) == 3
    assert not len(run.read_table("shared_modes"))
    assert not len(run.read_table("model_error_types"))
    index = pipeline.build_site(run.folder, site=tmp_path / "site")
    page = (tmp_path / "site" / "models" / "index.html").read_text(encoding="utf-8")
    assert "models/index.html" in index.read_text(encoding="utf-8")
    assert "No image was held out, so nothing can be compared" in page
    assert "Error types were not computed" in page


def test_a_comparison_that_is_no_longer_asked_for_is_gone(tmp_path: Path) -> None:
    predictions().to_csv(tmp_path / "models.csv", index=False)
    path = write_task(tmp_path, n_per_class=N, settings={"comparison": {"predictions": "models.csv"}})
    run, _ = _compute(path, until="visualize")
    assert all(run.has_table(table.name) for table in TABLES)
    config = yaml.safe_load(path.read_text())
    del config["comparison"]
    path.write_text(yaml.safe_dump(config))
    _compute(path, until="visualize")
    assert not any(run.has_table(table.name) for table in TABLES)


def test_of_many_models_those_that_propose_are_spread_over_the_accuracies() -> None:
    n_correct = np.array([50, 90, 10, 30, 70, 20])
    assert _spread(n_correct, n_others=10) == [0, 1, 2, 3, 4, 5]
    assert _spread(n_correct, n_others=3) == [0, 1, 2, 3]  # of 10, 20, 30, 70 and 90 the first, the middle, the last
    assert _spread(n_correct, n_others=1) == [0, 2]
    assert _spread(n_correct, n_others=0) == [0]
    assert _spread(n_correct[:1], n_others=3) == [0]
