"""Whether the repair of a failure mode worked: from two runs to their tables, the answer, the pages and downloads."""

import csv
import io
import json
from pathlib import Path

import pytest
from pydantic import ValidationError
from typer.testing import CliRunner

from barlow_report.cli import app
from barlow_report.lenses.changes.comparing import compare_runs
from barlow_report.lenses.changes.config import ChangesConfig
from barlow_report.lenses.changes.downloads import downloads
from barlow_report.lenses.changes.page_tables import mode_table
from barlow_report.lenses.changes.places import mode_columns
from barlow_report.lenses.changes.records import read_changes
from barlow_report.lenses.changes.repairs import REPAIRS, repair_answer, repair_of
from barlow_report.lenses.changes.sources import open_results
from barlow_report.lenses.changes.stage import compare
from barlow_report.lenses.changes.tabulating import comparison_tables
from barlow_report.lenses.changes.words import REPAIR_WORDS, answer_of
from barlow_report.report import ReportSource
from barlow_report.report.pages import Site
from barlow_report.run_folder import Run
from tests.lenses.changes.made_up import with_changes
from tests.lenses.changes.runs import CAT, DOG, hand_run, save_run, wrong
from tests.lenses.changes.test_pages import PAGE, RECIPE, _rendered, _words
from tests.report.synthetic import synthetic_source

BOTH = [("label", DOG), ("label", CAT)]


@pytest.fixture(scope="module")
def repaired(tmp_path_factory: pytest.TempPathFactory) -> ReportSource:
    return with_changes(synthetic_source(tmp_path_factory.mktemp("plain") / "run", RECIPE), is_repair=True)


@pytest.mark.parametrize(
    ("state", "found_in", "ends", "outcome"),
    [
        ("better", "both", (-0.60, -0.30), "worked"),
        ("gone", "old", (-0.90, -0.70), "worked"),
        ("better", "both", (-0.049, -0.01), "did_not_work"),  # surely less than 5 points
        ("better", "both", (-0.051, -0.01), "worked"),
        ("unchanged", "both", (-0.03, 0.02), "did_not_work"),
        ("worse", "both", (0.10, 0.30), "did_not_work"),
        ("undecided", "both", (-0.20, 0.10), "undecided"),
        ("not_comparable", "old", (float("nan"), float("nan")), "not_comparable"),
        ("new", "new", (0.10, 0.30), None),
        ("undecided", "new", (-0.20, 0.10), None),  # of the later run alone: there was nothing to repair
    ],
)
def test_a_repair_worked_where_the_mode_fails_less_often_and_by_more_than_nothing(
    state: str, found_in: str, ends: tuple[float, float], outcome: str | None
) -> None:
    assert repair_of(state, found_in=found_in, low=ends[0], high=ends[1], delta=0.05) == outcome


@pytest.mark.parametrize(
    ("modes", "words"),
    [
        (
            [("better", "worked"), ("gone", "worked"), ("unchanged", "did_not_work"), ("undecided", "undecided")],
            "Of 4 failure modes that were to be repaired, 2 were, 1 was not, 1 is undecided.",
        ),
        (
            [("worse", "did_not_work"), ("unchanged", "did_not_work"), ("not_comparable", "not_comparable")],
            "Of 3 failure modes that were to be repaired, none was, 2 were not (1 got worse), 1 could not be compared.",
        ),
        (
            [("gone", "worked"), ("new", None), ("new", None), ("undecided", None)],
            "The one failure mode that was to be repaired was. 2 failure modes are new.",
        ),
        ([("worse", "did_not_work")], "The one failure mode that was to be repaired was not and got worse."),
        ([("undecided", "undecided")] * 2, "Of 2 failure modes that were to be repaired, none was, 2 are undecided."),
        (
            [("new", None)],
            "The earlier run has no verified failure mode, so there was none to repair. 1 failure mode is new.",
        ),
    ],
)
def test_the_answer_counts_the_repairs_that_worked(modes: list[tuple[str, str | None]], words: str) -> None:
    assert repair_answer(modes) == words


def test_a_repair_is_counted_on_the_same_images(tmp_path: Path) -> None:
    """Dogs with feature 0: 30 of 40 fail, then 2; cats with feature 1: 20 of 40 fail both times, on the same images."""
    first = hand_run(wrong(dogs=range(30), cats=range(20)), modes=BOTH, name="old")
    second = hand_run(wrong(dogs=range(2), cats=range(20)), modes=[("label", CAT)], name="new")
    old, new = (open_results(save_run(run, tmp_path / run.name)) for run in (first, second))
    tables = comparison_tables(compare_runs(old, new, delta=0.1), is_repair=True)
    modes = tables["mode_changes"].set_index("group_name")
    assert modes["repair"].to_dict() == {"dog": "worked", "cat": "did_not_work"}
    assert modes["state"].to_dict() == {"dog": "gone", "cat": "unchanged"}
    assert modes.loc["dog", "error_rate_old"] == 30 / 40
    assert modes.loc["dog", "error_rate_new"] == 2 / 40
    assert tables["changes"]["is_repair"].tolist() == [True]
    assert answer_of(tables) == "Of 2 failure modes that were to be repaired, 1 was, 1 was not."
    without = comparison_tables(compare_runs(old, new, delta=0.1))
    assert without["mode_changes"]["repair"].isna().all()
    assert answer_of(without) == "No failure mode is known to be worse or new: 1 is gone, 1 is unchanged."


def test_the_command_says_which_repairs_worked_and_does_not_take_an_answer_without(tmp_path: Path) -> None:
    old = save_run(hand_run(wrong(dogs=range(30)), name="old"), tmp_path / "old")
    new = save_run(hand_run(wrong(dogs=range(1)), name="new", modes=[]), tmp_path / "new")
    plain = CliRunner().invoke(app, ["compare", str(old), str(new)])
    assert plain.stdout.startswith("No failure mode is known to be worse or new")
    result = CliRunner().invoke(app, ["compare", "--repair", str(old), str(new)])
    assert (result.exit_code, result.stdout.splitlines()[0]) == (0, "The one failure mode that was to be repaired was.")
    assert "gone: repair worked" in result.stdout
    assert Run.open(new).read_table("mode_changes")["repair"].tolist() == ["worked"]
    assert compare([old, new], is_repair=True).answer == "The one failure mode that was to be repaired was."


def test_one_earlier_run_is_named_as_a_baseline_or_as_what_was_repaired() -> None:
    assert (
        ChangesConfig(repaired_from=Path("old")).earlier == ChangesConfig(baseline=Path("old")).earlier == Path("old")
    )
    for keys in ({}, {"baseline": Path("a"), "repaired_from": Path("b")}):
        with pytest.raises(ValidationError, match="expected one of 'baseline' and 'repaired_from'"):
            ChangesConfig(**keys)


def test_the_pages_answer_first_and_say_of_each_mode_whether_its_repair_worked(repaired: ReportSource) -> None:
    changes = read_changes(repaired)
    assert changes is not None
    text = _words(_rendered(repaired, PAGE))
    n = sum(mode.repair is not None for mode in changes.modes)
    verdict = f"Of {n} failure modes that were to be repaired, "
    assert text.index(verdict) < text.index("Failure modes Every")
    assert "synthetic was made to repair the failure modes of release-1." in text
    assert "When a repair worked" in text
    assert f"Since release-1: of {n} failure modes that were to be repaired, " in _words(
        _rendered(repaired, "index.html")
    )
    table = mode_table(Site.from_source(repaired), changes)
    rows = table.rows
    assert table.columns[0].words == REPAIR_WORDS
    assert {row[0] for row in rows} == {*REPAIRS, None}
    outcomes = [str(row[0]) for row in rows if row[0] is not None]
    assert outcomes == sorted(outcomes, key=REPAIRS.index)
    rule_id, mode = next((r, m) for r, m in changes.by_rule.items() if m.repair == "worked")
    own = _words(_rendered(repaired, f"failure-modes/{rule_id}/index.html"))
    assert f"got better. Its repair worked. Its permanent name is {mode.name}." in own
    assert "repair worked" in own.partition("got better. Its repair worked.")[0]  # the badge
    columns = mode_columns(changes)
    cells = {columns.cells(Site.from_source(repaired).catalog.rules[rule_id])[0] for rule_id in changes.by_rule}
    assert cells == {*REPAIRS, "new"}
    assert {value for _, value in columns.filters[0].choices} == cells
    method = _words(_rendered(repaired, "method/index.html"))
    assert "Of each, the report says whether its repair worked:" in method


def test_downloads_have_the_outcome_of_every_repair(repaired: ReportSource) -> None:
    site, changes = Site.from_source(repaired), read_changes(repaired)
    assert changes is not None
    files = {name: "".join(parts) for name, parts in downloads(site, changes).items()}
    rows = list(csv.DictReader(io.StringIO(files["changes.csv"])))
    twin = json.loads(files["changes.json"])
    assert twin["is_repair"] is True
    assert [row["repair"] or None for row in rows] == [row["repair"] for row in twin["modes"]]
    assert {row["repair"] for row in rows} == {*REPAIRS, ""}
    assert all((row["repair"] == "") == (row["found_in"] == "new") for row in rows)
