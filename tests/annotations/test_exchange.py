"""Records from other tools, and tasks for them."""

import csv
import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import yaml
from PIL import Image

from barlow_report.annotations.exchange import Target, read_answers
from barlow_report.annotations.exchange.label_studio import QUESTIONS, label_config
from barlow_report.commands.export import export_tasks
from barlow_report.commands.merge import MergeSettings, merge_files
from barlow_report.errors import DataError
from barlow_report.run_folder import Run
from tests.annotations.people import MODEL, REPORT, batch_items, finished_run

TARGET = Target(report_id=REPORT, feature_model=MODEL, groups={("label", 0): 3, ("prediction", 0): 8}, salt="5a" * 32)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return finished_run(tmp_path_factory.mktemp("exchange") / "run")


# --- Mechanical Turk ----------------------------------------------------------------------------------------

IDENTITY = {"Input.report_id": REPORT, "Input.feature_model": MODEL}


def _csv(path: Path, rows: list[dict[str, str]]) -> Path:
    names = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(rows)
    return path


def _row(**columns: str) -> dict[str, str]:
    row = {"WorkerId": "A1B2C3SECRET", "Input.class_index": "0", "Input.feature_index": "59", **IDENTITY}
    return {**row, **{key.replace("__", "."): value for key, value in columns.items()}}


def test_a_row_of_the_follow_up_study_becomes_a_record(tmp_path: Path) -> None:
    row = _row(Answer__main="separate_object", Answer__confidence="4.0", Answer__reasons='focus is on "the water"')
    (found,) = read_answers(_csv(tmp_path / "batch.csv", [row]), TARGET)
    assert found.reason == ""
    assert found.answer is not None
    assert (found.answer.group_id, found.answer.feature_id, found.answer.source) == (3, 59, "mturk")
    answers = found.answer.answers
    assert (answers.relation, answers.confidence, answers.long) == ("separate_object", 4, 'focus is on "the water"')
    assert answers.short is None


def test_nothing_that_identifies_a_worker_is_kept(tmp_path: Path) -> None:
    row = _row(Answer__main="main_object", WorkTimeInSeconds="61", AssignmentId="3XYZ", LifetimeApprovalRate="97 %")
    (found,) = read_answers(_csv(tmp_path / "batch.csv", [row]), TARGET)
    assert found.answer is not None
    assert found.answer.annotator.startswith("mturk-")
    assert found.answer.active_seconds == 61
    kept = json.dumps([found.raw, found.answer.model_dump()])
    assert not any(secret in kept for secret in ("A1B2C3SECRET", "3XYZ", "97 %"))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("61", 61),
        (" 61.5 ", 61.5),
        ("", None),
        ("-5", None),
        ("abc", None),
        ("nan", None),
        ("inf", None),
        ("9" * 400, None),
    ],
)
def test_an_odd_working_time_is_unknown(tmp_path: Path, text: str, seconds: float | None) -> None:
    row = _row(Answer__main="main_object", WorkTimeInSeconds=text)
    (found,) = read_answers(_csv(tmp_path / "batch.csv", [row]), TARGET)
    assert found.answer is not None
    assert found.answer.active_seconds == seconds


def test_radio_buttons_and_other_names_of_columns_are_understood(tmp_path: Path) -> None:
    row = _row(
        Answer__short_description="water around",
        Answer__ease__4="true",
        Answer__ease__5="false",
        Answer__section="b and c",
        Input__grouping="prediction",
    )
    (found,) = read_answers(_csv(tmp_path / "batch.csv", [row]), TARGET)
    assert found.answer is not None
    assert found.answer.group_id == 8
    assert (found.answer.answers.ease, found.answer.answers.most_useful) == (4, "B and C")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"WorkerId": ""}, "WorkerId: missing"),
        ({"AssignmentStatus": "Rejected"}, "rejected by its requester"),
        ({"Input.class_index": "x"}, "Input.class_index: expected a number"),
        ({"Input.class_index": "7"}, "which this report does not have"),
        ({"Input.feature_index": ""}, "Input.feature_index: missing"),
        ({"Input.report_id": ""}, "--belongs-to-this-report"),
        ({"Answer.confidence": "very"}, "answers.confidence"),
        ({"Answer.main": "??"}, "answers.relation"),
    ],
)
def test_a_row_that_is_no_record_says_why(tmp_path: Path, change: dict[str, str], reason: str) -> None:
    row = {**_row(Answer__main="background"), **change}
    (found,) = read_answers(_csv(tmp_path / "batch.csv", [row]), TARGET)
    assert found.answer is None
    assert reason in found.reason


def test_rows_without_a_report_are_accepted_when_the_user_vouches_for_them(tmp_path: Path) -> None:
    row = {key: value for key, value in _row(Answer__main="background").items() if key not in IDENTITY}
    vouched = Target(report_id=REPORT, feature_model=MODEL, groups=TARGET.groups, salt=TARGET.salt, is_vouched=True)
    (found,) = read_answers(_csv(tmp_path / "batch.csv", [row]), vouched)
    assert found.answer is not None
    assert found.answer.report_id == REPORT


# --- Label Studio -------------------------------------------------------------------------------------------


def _answered(task: dict[str, Any], *, user: Any = 12, number: int = 1, **changes: Any) -> dict[str, Any]:
    """A task as Label Studio exports it after somebody has answered."""

    def chosen(name: str, *values: str) -> dict[str, Any]:
        return {"from_name": name, "to_name": "triptych", "type": "choices", "value": {"choices": list(values)}}

    annotation = {
        "id": number,
        "completed_by": user,
        "result": [
            {"from_name": "short", "to_name": "triptych", "type": "textarea", "value": {"text": ["white spots"]}},
            chosen("ease", "4"),
            chosen("confidence", "5"),
            chosen("most_useful", "B and C"),
            chosen("relation", "background"),
            chosen("remarks", "several"),
        ],
        "was_cancelled": False,
        "lead_time": 33.3,
        "updated_at": "2026-11-01T10:00:00.5Z",
        **changes,
    }
    return {**task, "id": number, "annotations": [annotation]}


def test_tasks_go_out_and_come_back_as_names(run: Run, tmp_path: Path) -> None:
    folder = export_tasks(run, tmp_path / "tasks", to="label-studio")
    tasks = json.loads((folder / "tasks.json").read_text())
    assert len(tasks) >= 3
    for task in tasks:
        with Image.open(folder / task["data"]["image"]) as picture:
            assert picture.width > 400
    exported = [
        _answered(task, user=user, number=2 * i + j)
        for i, task in enumerate(tasks)
        for j, user in enumerate((12, {"id": 13, "email": "ada@example.org"}))
    ]
    (tmp_path / "export.json").write_text(json.dumps(exported))
    done = merge_files(run, [tmp_path / "export.json"], settings=MergeSettings())
    assert (done.n_people, done.n_applied, done.problems) == (2, 2 * len(tasks), ())
    names = run.read_table("feature_names")
    assert set(names["name"]) == {"white spots"}
    assert set(names["n_several"]) == {2}
    assert set(names["relation"]) == {"spurious"}
    assert b"example.org" not in (run.folder / "annotations" / "records.jsonl").read_bytes()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"was_cancelled": True}, "was skipped"),
        ({"user": None}, "completed_by"),
        ({"user": "ada@example.org"}, "completed_by"),
        ({"result": "x"}, "result"),
        ({"result": [3]}, "result"),
        ({"result": []}, "answers"),
        ({"result": [{"from_name": "short", "value": {"text": [1]}}]}, "result"),
    ],
)
def test_an_answer_that_is_no_record_says_why(tmp_path: Path, change: dict[str, Any], reason: str) -> None:
    data = {"report_id": REPORT, "feature_model": MODEL, "group_id": 0, "feature_id": 1}
    path = tmp_path / "export.json"
    path.write_text(json.dumps([_answered({"data": data}, **change)]))
    (found,) = read_answers(path, TARGET)
    assert found.answer is None
    assert reason in found.reason
    assert "example.org" not in json.dumps(found.raw)


def test_a_changed_answer_is_a_later_revision_of_the_same_record(tmp_path: Path) -> None:
    data = {"report_id": REPORT, "feature_model": MODEL, "group_id": 0, "feature_id": 1}
    found = []
    for i, time in enumerate(("2026-11-01T10:00:00Z", "2026-11-02T10:00:00Z")):
        path = tmp_path / f"{i}.json"
        path.write_text(json.dumps([_answered({"data": data}, updated_at=time)]))
        found += read_answers(path, TARGET)
    first, second = (incoming.answer for incoming in found)
    assert first is not None
    assert second is not None
    assert first.record_id == second.record_id
    assert first.revision < second.revision


def test_the_labelling_configuration_has_every_question_and_refers_to_the_picture() -> None:
    root = ET.fromstring(label_config())  # noqa: S314 - our own
    names = {element.get("name") for element in root if element.get("name")}
    assert names == {"triptych", "short", "long", *QUESTIONS}
    assert {e.get("toName") for e in root if e.tag in ("Choices", "TextArea")} == {"triptych"}


def test_label_studio_s_own_validation_accepts_configuration_and_tasks(run: Run, tmp_path: Path) -> None:
    library = pytest.importorskip("label_studio_sdk.label_interface", reason="label-studio-sdk is not installed")
    folder = export_tasks(run, tmp_path / "tasks", to="label-studio", image_url="https://example.org/x")
    interface = library.LabelInterface((folder / "config.xml").read_text())
    interface.validate()
    for task in json.loads((folder / "tasks.json").read_text()):
        assert interface.validate_task(task)
        assert interface.validate_annotation(_answered(task)["annotations"][0])


# --- Potato -------------------------------------------------------------------------------------------------


def test_potato_gets_a_configuration_and_an_item_per_line(run: Run, tmp_path: Path) -> None:
    folder = export_tasks(run, tmp_path / "tasks", to="potato", image_url="https://example.org/x/")
    config = yaml.safe_load((folder / "config.yaml").read_text())
    assert [scheme["name"] for scheme in config["annotation_schemes"]] == ["short", "long", *QUESTIONS]
    items = [json.loads(line) for line in (folder / "items.jsonl").read_text().splitlines()]
    assert {(item["group_id"], item["feature_id"]) for item in items} <= set(batch_items(run))
    for item in items:
        assert config["item_properties"]["id_key"] in item
        assert item["question"].startswith("What is it to the class “")
        assert item["question"] in item["text"]
        assert item["image"].startswith("https://example.org/x/images/")
        assert (folder / item["image"].removeprefix("https://example.org/x/")).is_file()


def test_potato_finds_the_pictures_where_it_serves_them(run: Run, tmp_path: Path) -> None:
    folder = export_tasks(run, tmp_path / "tasks", to="potato")
    config = yaml.safe_load((folder / "config.yaml").read_text())
    for line in (folder / "items.jsonl").read_text().splitlines():
        image = json.loads(line)["image"]
        assert image.startswith("/media/")
        assert f'src="{image}"' in json.loads(line)["text"]
        assert (folder / config["media_directory"] / image.removeprefix("/media/")).is_file()


def test_tasks_are_not_written_over_something_else(run: Run, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("x")
    with pytest.raises(DataError, match="not an empty folder"):
        export_tasks(run, tmp_path, to="potato")


# --- any file -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xfe\x00",
        b"<html>",
        b"a,b\n1,2\n",
        b"[{",
        b"SQLite format 3\x00garbage",
        b'WorkerId,Input.x\n"a',
        b"[" * 9999,
    ],
)
def test_a_file_of_another_kind_is_an_error_that_names_the_formats(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "file").write_bytes(data)
    with pytest.raises(DataError, match=r"Expected JSON Lines|database"):
        read_answers(tmp_path / "file", TARGET)


@pytest.mark.parametrize("data", [b"[1, null, {}]", b'[{"data": {}, "annotations": [null, 3]}]'])
def test_tasks_of_another_form_are_listed(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "file.json").write_bytes(data)
    found = read_answers(tmp_path / "file.json", TARGET)
    assert found
    assert all(incoming.answer is None and incoming.reason for incoming in found)


def test_an_empty_file_has_no_records(tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").write_bytes(b"")
    assert read_answers(tmp_path / "empty.jsonl", TARGET) == []
