"""The stage in a run: its tables, what makes it run again, what it says, and what is left when it is taken out."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from barlow_report import pipeline
from barlow_report.config import load_config
from barlow_report.errors import ConfigError, DataError
from barlow_report.lenses.error_types import tables
from barlow_report.lenses.error_types.stage import SUGGESTION
from barlow_report.progress import SilentProgress
from barlow_report.run_folder import Run
from tests.pipeline.toy import write_task

TABLES = [table.name for table in tables.TABLES if not table.name.startswith("people_")]


class Messages(SilentProgress):
    """Keeps what is reported."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def message(self, text: str) -> None:
        """Keep a message."""
        self.said.append(text)


def _task(folder: Path, taxonomy: dict[str, Any] | None, **settings: Any) -> Path:
    given = {} if taxonomy is None else {"taxonomy": taxonomy}
    return write_task(folder, n_per_class=60, settings={**given, **settings})


def _compute(path: Path, *, until: str = "taxonomy") -> tuple[Run, list[str]]:
    progress = Messages()
    run = pipeline.compute(load_config(path), folder=path.parent / "run", until=until, progress=progress)
    return run, progress.said


def _change(path: Path, **taxonomy: Any) -> None:
    config = yaml.safe_load(path.read_text())
    config["taxonomy"] = taxonomy or None
    path.write_text(yaml.safe_dump({key: value for key, value in config.items() if value is not None}))


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The toy task with everything that a taxonomy may have: red squares with a mark are taken for blue ones."""
    folder = tmp_path_factory.mktemp("task")
    (folder / "both.csv").write_text("path,labels\nred/0000.png,red;blue\nred/0003.png,\n")
    (folder / "kinds.yaml").write_text("colours: [red, blue]\n")
    (folder / "pairs.yaml").write_text("blue: [red]\n")
    (folder / "odd.txt").write_text("# unusual\nred\\0006.png\ngreen/0000.png\n")
    return _task(folder, {"multi_labels": "both.csv", "superclasses": "suggested", "non_prototypical": "odd.txt"})


def test_a_run_has_its_tables_and_they_agree(task: Path) -> None:
    run, said = _compute(task)
    images = run.read_table("images")
    failing = images[images["label"] != images["prediction"]]
    types = run.read_table("error_types").set_index("image_id")["error_type"]
    assert sorted(types.index) == failing["image_id"].tolist()
    by_path = {path: types[i] for path, i in zip(failing["path"], failing["image_id"], strict=True)}
    assert by_path["red/0000.png"] == "multi_label"
    assert by_path["red/0003.png"] == "set_aside"
    assert by_path["red/0006.png"] == "non_prototypical"
    assert set(by_path.values()) == {"multi_label", "set_aside", "non_prototypical", "model_failure"}
    counts = run.read_table("error_type_counts")
    for _, rows in counts.groupby(["scope", "class_id", "rule_id"], dropna=False):
        assert rows["n_errors"].sum() == rows["n_failures"].iloc[0]
    rules = run.read_table("rules").set_index("rule_id")
    for rule_id, rows in counts[counts["scope"] == "rule"].groupby("rule_id"):
        rule = rules.loc[rule_id]
        assert rows["n_failures"].iloc[0] == rule["n_failures"] + rule["n_failures_held_out"]
    errors = run.read_table("errors")
    assert errors["image_id"].tolist() == failing["image_id"].tolist()
    assert errors["error_type"].tolist() == types.loc[errors["image_id"]].tolist()
    assert errors["decision_value"].isna().all()
    assert all(errors["rule_ids"].str.fullmatch(r"\d+( \d+)*"))
    assert {"overlapping", "co_occurrence"}.isdisjoint(counts["error_type"])
    assert any("model failure" in text for text in said)
    missing = next(text for text in said if text.startswith("Not assessed"))
    assert missing.startswith("Not assessed: 4 of 6 types; some failures called model failures may be of these: ")
    assert "these: overlapping (needs taxonomy.overlapping), fine grained (no superclasses suggested" in missing
    assert any("1 of 2 entries of" in text and "such as 'green/0000.png'" in text for text in said)
    left_out = "1 of 2 entries of taxonomy.non_prototypical are images of the run; the others were left out."
    assert run.info["assumptions"]["taxonomy"] == {"non_prototypical": left_out}


def test_where_kinds_are_not_clear_no_superclass_is_suggested_and_nothing_called_fine_grained(task: Path) -> None:
    run, said = _compute(task)
    assert not (run.folder / SUGGESTION).exists()
    assert len(run.read_table("superclasses")) == 0
    stage = run.read_table("taxonomy_stages").set_index("error_type").loc["fine_grained"]
    assert not stage["is_assessed"]
    assert stage["input"].startswith("no superclasses suggested: there are too few classes to tell kinds apart; needs ")
    assert not any("Superclasses were suggested" in text for text in said)


def test_nothing_is_done_twice_and_a_changed_file_is_noticed(task: Path) -> None:
    _compute(task)
    _, said = _compute(task)
    assert "Error types are up to date" in said
    labels = task.parent / "both.csv"
    before = labels.read_text()
    labels.write_text(before.replace("red;blue", "red"))
    run, said = _compute(task)
    assert "Error types are up to date" not in said
    assert "multi_label" not in run.read_table("error_types")["error_type"].tolist()
    assert "multi_label" not in run.read_table("errors")["error_type"].tolist()
    labels.write_text(before)
    _compute(task)


def test_given_superclasses_and_a_wrong_name(tmp_path: Path) -> None:
    path = _task(tmp_path, {"superclasses": "kinds.yaml"})
    (tmp_path / "kinds.yaml").write_text("colours: [red, blue]\n")
    run, _ = _compute(path)
    assert set(run.read_table("error_types")["error_type"]) == {"fine_grained"}
    assert set(run.read_table("superclasses")["origin"]) == {"given"}
    (tmp_path / "kinds.yaml").write_text("colours: [red, bleu]\n")
    with pytest.raises(DataError, match=r"kinds\.yaml: 'colours': 'bleu' is not a class"):
        _compute(path)
    assert not run.is_finished("taxonomy")
    _change(path, superclasses="nowhere.yaml")
    with pytest.raises(ConfigError, match=r"taxonomy\.superclasses: found no file .*nowhere\.yaml"):
        _compute(path)


def test_a_command_without_its_section_says_what_to_add(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"Add a section `taxonomy: \{\}`"):
        _compute(_task(tmp_path, None))


def test_error_types_that_are_no_longer_asked_for_are_gone(tmp_path: Path) -> None:
    path = _task(tmp_path, {"superclasses": "kinds.yaml"})
    (tmp_path / "kinds.yaml").write_text("colours: [red, blue]\n")
    run, _ = _compute(path, until="visualize")
    assert run.is_finished("taxonomy")
    assert all(run.has_table(table) for table in (*TABLES, "errors"))
    index = pipeline.build_site(run.folder, site=tmp_path / "site")
    assert "error-types/index.html" in index.read_text(encoding="utf-8")
    _change(path)
    _compute(path, until="visualize")
    assert not run.is_finished("taxonomy")
    assert not any(run.has_table(table) for table in (*TABLES, "errors"))
    index = pipeline.build_site(run.folder, site=tmp_path / "site")
    assert "error-types/index.html" not in index.read_text(encoding="utf-8")


def test_other_rules_forget_the_error_types_of_the_old_ones(tmp_path: Path) -> None:
    path = _task(tmp_path, {})
    run, _ = _compute(path)
    config = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump({**config, "seed": 5}))
    _compute(path, until="explain")
    assert not run.is_finished("taxonomy")
    assert not run.has_table("error_type_counts")


def test_unusual_images_of_one_category_of_a_list_of_mistakes(task: Path) -> None:
    mistakes = task.parent / "mistakes.json"
    mistakes.write_text('{"red/0006.png": {"failure category": "odd"}, "red/0009.png": {"failure category": "other"}}')
    before = task.read_text()
    _change(task, superclasses="suggested", non_prototypical="mistakes.json", non_prototypical_category="odd")
    run, said = _compute(task)
    types = run.read_table("error_types").merge(run.read_table("images"), on="image_id")
    assert types.loc[types["error_type"] == "non_prototypical", "path"].tolist() == ["red/0006.png"]
    assert any("1 of 1 entries of" in text for text in said)
    _change(task, superclasses="suggested", non_prototypical="mistakes.json")
    with pytest.raises(DataError, match=r"'odd' \(1\), 'other' \(1\); name one of them"):
        _compute(task)
    _change(task, non_prototypical_category="odd")
    with pytest.raises(ConfigError, match="'non_prototypical_category' goes with 'non_prototypical'"):
        _compute(task)
    task.write_text(before)


def test_types_that_people_named_are_compared(tmp_path: Path) -> None:
    """Red squares with a mark are taken for blue ones; of five that people looked at, they call one otherwise."""
    rows = [f"red/{i:04d}.png,{'Non-Prototypical' if i == 6 else 'Fine-Grained'}" for i in (0, 3, 6, 9, 12)]
    (tmp_path / "people.csv").write_text("\n".join(["path,type", *rows, "green/0000.png,fg", "red/0001.png,fg"]))
    (tmp_path / "kinds.yaml").write_text("colours: [red, blue]\n")
    path = _task(
        tmp_path,
        {
            "superclasses": "kinds.yaml",
            "people_types": "people.csv",
        },
        rules={"n_permutations": 0},
    )
    run, said = _compute(path)
    found = run.read_table("people_types")
    assert found["error_type"].tolist() == ["fine_grained"] * 5
    assert found["people_type"].tolist().count("non_prototypical") == 1
    agreement = run.read_table("people_agreement").iloc[0]
    assert agreement[["n_listed", "n_errors", "n_same"]].tolist() == [7, 5, 4]  # one image is right, one is not there
    assert any("6 of 7 entries of" in text for text in said)
    _change(path, superclasses="kinds.yaml")
    run, _ = _compute(path)
    assert not run.has_table("people_types")
    assert not run.has_table("people_agreement")
