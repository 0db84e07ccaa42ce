"""A run of a table of labels and predictions, without the images: every page that makes sense, and why the rest is not.

The table is drawn with known counts; features, where there are any, give away which images fail.
"""

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from typer.testing import CliRunner, Result

from barlow_report.cli import app
from barlow_report.run_folder import Run

_CLASSES = ("cat", "lynx", "tench")
_N = 40


def _table(*, n_failures: tuple[int, int, int] = (10, 5, 2)) -> pd.DataFrame:
    """Rows of 40 images of each class: the first of a class fail, as the next class."""
    rows = [
        (f"val/{name}/{i:03}.jpg", name, _CLASSES[(c + (i < n_failures[c])) % 3], 0.5 + i / 100)
        for c, name in enumerate(_CLASSES)
        for i in range(_N)
    ]
    return pd.DataFrame(rows, columns=["path", "label", "prediction", "confidence"])


def _write(folder: Path, table: pd.DataFrame, *, data: Mapping[str, object] | None = None, **sections: object) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    table.to_csv(folder / "table.csv", index=False)
    config = folder / "config.yaml"
    values = {"name": "published", "data": {"manifest": "table.csv", "images": "none", **(data or {})}, **sections}
    config.write_text(yaml.safe_dump(values), encoding="utf-8")
    return config


def run_of(config: Path, *, command: str = "run") -> Result:
    folder = config.parent
    site = ["--site", str(folder / "site")] if command == "run" else []
    return CliRunner().invoke(app, [command, str(config), "--run", str(folder / "run"), *site])


def text_of(site: Path, page: str) -> str:
    html = (site / page).read_text(encoding="utf-8")
    return " ".join(re.sub(r"<[^>]+>", " ", re.sub(r"<(script|style).*?</\1>", " ", html, flags=re.DOTALL)).split())


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of predictions alone, with error types and other models, and its site."""
    folder = tmp_path_factory.mktemp("table")
    table = _table()
    folder.joinpath("kinds.yaml").write_text("cats: [cat, lynx]\n", encoding="utf-8")
    others = table[["path"]].assign(better=table["label"], same=table["prediction"])
    others.to_csv(folder / "models.csv", index=False)
    config = _write(folder, table, taxonomy={"superclasses": "kinds.yaml"}, comparison={"predictions": "models.csv"})
    result = run_of(config)
    assert result.exit_code == 0, result.output
    assert "There are no features (data.features), so no failure modes are looked for" in result.output
    assert "Comparison of 2 models; no features, so no failure modes" in result.output
    return folder


def test_predictions_alone_give_groups_without_trees_and_error_types(built: Path) -> None:
    run = Run.open(built / "run")
    groups = run.read_table("groups")
    assert set(groups["status"]) == {"no_features"}
    by_label = groups[groups["grouping"] == "label"]
    assert by_label["n_images"].tolist() == [40, 40, 40]
    assert by_label["n_failures"].tolist() == [10, 5, 2]
    assert run.read_table("rules").empty
    assert run.features().shape == (120, 0)
    types = run.read_table("error_types")["error_type"].value_counts()
    assert types.to_dict() == {"fine_grained": 10, "model_failure": 7}, "cat → lynx; lynx → tench and tench → cat"


def test_the_site_has_the_pages_that_make_sense_and_says_why_the_others_are_not_there(built: Path) -> None:
    site = built / "site"
    pages = {path.relative_to(site).parent.as_posix() for path in site.rglob("index.html")}
    assert {"classes", "classes/cat", "error-types", "failures", "method", "models", "."} <= pages
    assert not pages & {"failure-modes", "features", "joint-modes", "annotate", "evaluation"}
    overview = text_of(site, "index.html")
    assert "14.2 % of images fail; the most frequent confusion: cat taken for lynx, 10 images." in overview.replace(
        "\u202f", " "
    )
    assert "the run has no features, so no failure modes were looked for" in overview
    assert "the images are not part of the run" in overview
    assert "in known conditions" not in overview
    for page in site.rglob("*.html"):
        words = text_of(site, page.relative_to(site).as_posix())
        assert not re.search(r"\bnan\b|NaN", words), page
        assert "triptych" not in words.casefold() or page.parent.name in ("search", "method"), page
    assert not list(site.rglob("*.jpg")), "no picture of any image"


def test_check_says_what_a_run_of_a_table_would_do(built: Path) -> None:
    result = run_of(built / "config.yaml", command="check")
    assert result.exit_code == 0, result.output
    said = " ".join(result.output.split())
    assert "120 images of 3 classes, fewest cat (40)" in said
    assert "no image is read" in said
    assert "none, so no failure modes; data.features gives them" in said


def test_a_second_run_does_nothing_again_and_other_predictions_do_it_all(tmp_path: Path) -> None:
    config = _write(tmp_path, _table())
    assert run_of(config).exit_code == 0
    again = run_of(config)
    assert "Predictions are up to date" in again.output
    _write(tmp_path, _table(n_failures=(1, 1, 1)))
    result = run_of(config)
    assert "Predictions are up to date" not in result.output
    assert int(Run.open(tmp_path / "run").read_table("groups")["n_failures"].iloc[0]) == 1


def test_features_of_the_rows_give_failure_modes_without_pictures(tmp_path: Path) -> None:
    table = _table(n_failures=(12, 0, 0))
    fails = (table["label"] != table["prediction"]).to_numpy()
    features = np.random.default_rng(0).normal(size=(len(table), 3)).astype(np.float32)
    features[:, 1] = np.where(fails, 2.0, -2.0) + features[:, 1] * 0.1
    np.save(tmp_path / "features.npy", features)
    config = _write(tmp_path, table, data={"features": "features.npy"})
    result = run_of(config)
    assert result.exit_code == 0, result.output
    run = Run.open(tmp_path / "run")
    rules = run.read_table("rules")
    verified = rules[rules["is_failure_mode"] & (rules["verdict"] == "verified")]
    conditions = run.read_table("conditions")
    assert set(conditions[conditions["rule_id"].isin(verified["rule_id"])]["feature_id"]) == {1}
    np.testing.assert_array_equal(run.features(), features)
    overview = text_of(tmp_path / "site", "index.html")
    assert "Predictions of an external model, explained by the features in features.npy" in overview
    page = text_of(tmp_path / "site", "features/1/index.html")
    assert "From weak to strong The images of each group whose rules use the feature" in page
    assert "What it responds to" not in page


def test_a_list_of_failures_alone_says_nothing_of_accuracy(tmp_path: Path) -> None:
    table = _table()
    (tmp_path / "kinds.yaml").write_text("cats: [cat, lynx]\n", encoding="utf-8")
    failures = table[table["label"] != table["prediction"]]
    data = {"confirm_class_order": True}  # all of the failures are of the next class
    config = _write(tmp_path, failures, data=data, taxonomy={"superclasses": "kinds.yaml"})
    result = run_of(config)
    assert result.exit_code == 0, result.output
    overview = text_of(tmp_path / "site", "index.html")
    assert "17 failures; the most frequent confusion: cat taken for lynx, 10 images." in overview
    assert "not known: the table lists failures alone" in overview
    assert "no accuracy of the model" in text_of(tmp_path / "site", "error-types/index.html")
    card = tmp_path / "card.md"
    card.write_text("# A model\n")
    assert CliRunner().invoke(app, ["card", str(tmp_path / "run"), str(card)]).exit_code == 0
    assert "is right for" not in card.read_text()
    assert "No failure modes were looked for" in card.read_text()


def test_classes_without_an_image_are_folded(tmp_path: Path) -> None:
    config = _write(tmp_path, _table(), data={"classes": [*_CLASSES, "axolotl", "newt"]})
    assert run_of(config).exit_code == 0
    for page in ("index.html", "classes/index.html"):
        assert "2 classes have no image, by label or by prediction axolotl , newt" in text_of(tmp_path / "site", page)
    rows = (tmp_path / "site" / "data" / "classes.js").read_text(encoding="utf-8")
    assert '"n":3,' in rows


def test_a_published_list_of_common_errors_is_a_table(tmp_path: Path) -> None:
    folder = tmp_path / "published"
    folder.mkdir()
    (folder / "fg.txt").write_text(
        "1) cnt mistakes = 2, file = n02123045/ILSVRC2012_val_00000001.JPEG\n"
        "target = 281, n02123045: tabby, tabby cat\nmulti_labels: \n281, n02123045: tabby, tabby cat\n"
        "pred = 287, n02127052: lynx, catamount\n\n",
        encoding="utf-8",
    )
    config = folder / "config.yaml"
    config.write_text(
        yaml.safe_dump({"name": "x", "data": {"manifest": "fg.txt", "images": "none", "classes": "imagenet"}})
    )
    result = run_of(config)
    assert result.exit_code == 0, result.output
    images = Run.open(folder / "run").read_table("images")
    assert images[["label", "prediction"]].to_numpy().tolist() == [[281, 287]]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"data": {"folder": "photographs", "images": "none"}}, "'images: none' goes with 'manifest'"),
        ({"data": {"folder": "x", "features": "f.npy"}}, "'features' goes with 'manifest'"),
        ({"data": {"image_root": "x", "manifest": "table.csv", "images": "none"}}, "'image_root' is about images"),
        ({"data": {"decode": "upright", "manifest": "table.csv", "images": "none"}}, "'decode' is about images"),
        ({"data": {"label_columns": ["a"], "manifest": "table.csv", "images": "none"}}, "a prediction for each image"),
        ({"inspected_model": {"torchvision": "resnet18"}}, "'inspected_model' needs images"),
        ({"feature_model": {"torchvision": "resnet18"}}, "'feature_model' needs images"),
        ({"directions": {}}, "'directions' needs images"),
        ({"comparison": {"models": [{"torchvision": "resnet18"}]}}, "'comparison.models' are asked about images"),
    ],
)
def test_what_needs_images_is_refused_without_them(tmp_path: Path, change: dict[str, object], problem: str) -> None:
    config = _write(tmp_path, _table())
    config.write_text(yaml.safe_dump({**yaml.safe_load(config.read_text()), **change}))
    result = run_of(config)
    assert result.exit_code == 1
    assert problem in " ".join(result.output.split())


def test_a_table_without_predictions_is_refused(tmp_path: Path) -> None:
    result = run_of(_write(tmp_path, _table()[["path", "label"]]))
    assert result.exit_code == 1
    assert "found no predictions. Add a column prediction" in " ".join(result.output.split())


@pytest.mark.parametrize(
    ("features", "problem"),
    [
        (np.zeros((119, 2)), "found 119 rows of 2 features, expected a row for each of the 120 rows"),
        (np.zeros((120, 0)), "found 120 rows of 0 features"),
        (np.zeros(120), "expected numbers of shape (n_images, n_features)"),
        (np.full((120, 2), np.nan), "feature 0 of image 0 is nan"),
        (np.array([["a"]] * 120), "expected numbers of shape"),
        (np.array([[None]] * 120, dtype=object), "cannot be read as an array"),
    ],
)
def test_features_that_are_not_a_row_of_numbers_for_each_image_are_refused(
    tmp_path: Path, features: np.ndarray, problem: str
) -> None:
    config = _write(tmp_path, _table(), data={"features": "features.npy"})
    np.save(tmp_path / "features.npy", features, allow_pickle=True)
    result = run_of(config)
    assert result.exit_code == 1
    assert problem in " ".join(result.output.split())


def test_a_prediction_with_a_slip_of_the_pen_is_told_before_it_makes_a_class(tmp_path: Path) -> None:
    table = _table()
    table.loc[0, "prediction"] = "lynxx"
    config = _write(tmp_path, table)
    for command in (["check", str(config)], ["extract", str(config), "--run", str(tmp_path / "run")]):
        done = CliRunner().invoke(app, command)
        assert done.exit_code == 0, done.output
        assert "Note: 'lynxx' (did you mean 'lynx'?) is predicted, for 1 image, and never a label" in done.stderr
    assert "did you mean 'lynx'" in str(Run.open(tmp_path / "run").info["assumptions"])
