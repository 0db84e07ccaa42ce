"""Merging: whatever the order, the same bytes; whatever is not applied has a reason."""

import json
import random
import shutil
from pathlib import Path

import pytest

from barlow_report.annotations.folder import AnnotationsFolder
from barlow_report.commands.merge import MergeSettings, MergeSummary, merge_files
from barlow_report.errors import DamagedFileError, DataError, RunFolderError
from barlow_report.run_folder import Run
from tests.annotations.people import answer, batch_items, finished_run, write_lines

TABLES = ("annotations", "feature_names", "name_variants", "study_figures")
FILES = ("records.jsonl", "rejected.jsonl", "reports.json")


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run without answers."""
    return finished_run(tmp_path_factory.mktemp("pristine") / "run").folder


@pytest.fixture
def run(pristine: Path, tmp_path: Path) -> Run:
    """A copy of it."""
    shutil.copytree(pristine, tmp_path / "run")
    return Run.open(tmp_path / "run")


def _merge(run: Run, *files: Path, is_vouched: bool = False) -> MergeSummary:
    return merge_files(run, files, settings=MergeSettings(), is_vouched=is_vouched)


def _content(run: Run) -> dict[str, bytes]:
    files = [run.folder / f"{name}.parquet" for name in TABLES] + [run.folder / "annotations" / n for n in FILES]
    return {path.name: path.read_bytes() for path in files}


def _answers(run: Run) -> list[dict[str, object]]:
    rng = random.Random(5)  # noqa: S311 - no secret
    words = ("spots", "white spots", "stripes", "wheel", "a handle")
    found = []
    for item in batch_items(run)[:6]:
        for person in ("ada", "bob", "cyd"):
            for revision in range(1, rng.randint(1, 3) + 1):
                found.append(
                    answer(person, item=item, revision=revision, short=rng.choice(words), ease=rng.randint(1, 5))
                )
    found.append(answer("ada", fields={"report_id": "ff"}))
    found.append(answer("ada", fields={"revision": 0}))
    found.append({**answer("bob", item=batch_items(run)[0], revision=1, short="a clash"), "record_id": "other"})
    return found


@pytest.mark.slow
def test_the_result_depends_neither_on_the_order_nor_on_how_records_are_spread_over_files(
    pristine: Path, tmp_path: Path
) -> None:
    contents = []
    for seed in range(4):
        folder = tmp_path / f"run{seed}"
        shutil.copytree(pristine, folder)
        run = Run.open(folder)
        records = _answers(run)
        random.Random(seed).shuffle(records)  # noqa: S311 - no secret
        cuts = [records[i :: seed + 1] for i in range(seed + 1)]
        files = [write_lines(tmp_path / f"{seed}-{i}.jsonl", cut) for i, cut in enumerate(cuts)]
        if seed % 2:
            for file in files:
                _merge(run, file)
        _merge(run, *files)
        contents.append(_content(run))
    assert contents[0] == contents[1] == contents[2] == contents[3]


def test_the_highest_revision_counts_and_the_others_are_listed(run: Run, tmp_path: Path) -> None:
    item = batch_items(run)[0]
    file = write_lines(
        tmp_path / "a.jsonl", [answer("ada", item=item, revision=r, short=f"take {r}") for r in (2, 10, 1)]
    )
    done = _merge(run, file)
    assert run.read_table("annotations")["short"].tolist() == ["take 10"]
    assert [(p.kind, p.reason) for p in done.problems] == [
        ("superseded", "revision 1 is superseded by revision 10"),
        ("superseded", "revision 2 is superseded by revision 10"),
    ]


def test_every_record_that_is_not_applied_is_listed_with_its_reason_and_kept_as_it_came(
    run: Run, tmp_path: Path
) -> None:
    items = batch_items(run)
    lines: list[dict[str, object] | str] = [
        answer("ada", item=items[0]),
        answer("ada", item=items[0]),
        answer("bob", item=items[0], fields={"report_id": "ff"}),
        answer("bob", item=items[0], fields={"feature_model": "ab" * 32}),
        answer("bob", item=(0, 511)),
        answer("bob", item=(999, 0)),
        "not json at all",
        '{"half": "\\ud800"}',
        answer("bob", fields={"answers": {"short": "x", "ease": 7}}),
    ]
    done = _merge(run, write_lines(tmp_path / "a.jsonl", lines))
    assert done.n_applied == 1
    reasons = [f"{p.kind} {p.where.partition(':')[2]}: {p.reason}" for p in done.problems]
    assert len(reasons) == 8
    for expected in (
        "duplicate 2: the same record is there already",
        "foreign 3: belongs to another report: found report_id ff",
        "foreign 4: describes features of another model",
        "foreign 5: feature_id: found 511, of which this report has no pictures",
        "foreign 6: group_id: found 999",
        "invalid 7: not JSON",
        "invalid 8: ",
        "invalid 9: answers.ease: ",
    ):
        assert any(reason.startswith(expected) for reason in reasons), expected
    kept = [json.loads(line) for line in (run.folder / "annotations" / "rejected.jsonl").read_text().split("\n")[:-2]]
    assert len(kept) == 7
    assert "not json at all" in [entry["raw"] for entry in kept]
    stored = json.loads((run.folder / "annotations" / "records.jsonl").read_text().split("\n")[0])
    assert stored["raw"] == answer("ada", item=items[0])


def test_names_outlive_a_new_analysis_of_the_same_features_and_not_another_model(run: Run, tmp_path: Path) -> None:
    item = batch_items(run)[0]
    _merge(run, write_lines(tmp_path / "a.jsonl", [answer("ada", item=item)]))
    run.update_info(run_id="fedcba9876543210")
    groups = run.read_table("groups")
    for name in ("groups", "tiles"):  # the new analysis numbers its groups otherwise
        frame = run.read_table(name)
        run.write_table(name, frame.assign(group_id=len(groups) - 1 - frame["group_id"]))
    assert _merge(run, write_lines(tmp_path / "b.jsonl", [answer("bob", item=item)])).n_applied == 2
    assert set(run.read_table("annotations")["group_id"]) == {len(groups) - 1 - item[0]}
    models = run.info["models"]
    run.update_info(models={**models, "feature": {**models["feature"], "sha256": "00" * 32}})
    done = _merge(run)
    assert done.n_applied == 0
    assert {p.kind for p in done.problems} == {"foreign"}


def test_the_owner_s_name_is_shown_and_the_votes_stay(run: Run, tmp_path: Path) -> None:
    group_id, feature_id = batch_items(run)[0]
    group = run.read_table("groups").set_index("group_id").loc[group_id]
    path = run.folder / "annotations" / "names.yaml"
    _merge(run, write_lines(tmp_path / "a.jsonl", [answer("ada", item=(group_id, feature_id))]))
    path.write_text(
        f"names:\n- {{grouping: {group['grouping']}, group: {group['name']}, feature: {feature_id}, name: my name}}\n"
    )
    _merge(run)
    row = run.read_table("feature_names").iloc[0]
    assert (row["name"], row["is_override"], row["status"], row["n_people"]) == ("my name", True, "single", 1)
    assert run.read_table("name_variants")["text"].tolist() == ["white spots"]
    path.write_text("names:\n- {grouping: label, group: no such class, feature: 1, name: x}\n")
    with pytest.raises(DataError, match="no such class"):
        _merge(run)


def test_nothing_is_written_for_an_unfinished_run(run: Run) -> None:
    run.update_info(stages={"extract": "done"})
    with pytest.raises(RunFolderError, match="has not finished"):
        _merge(run)


def test_a_damaged_file_of_records_says_where(run: Run, tmp_path: Path) -> None:
    _merge(run, write_lines(tmp_path / "a.jsonl", [answer("ada", item=batch_items(run)[0])]))
    path = run.folder / "annotations" / "records.jsonl"
    written = path.read_text()
    path.write_text(written.replace("ada", "Ada"))
    with pytest.raises(DamagedFileError, match=r"records\.jsonl: is damaged .* merge people's files again"):
        _merge(run)
    by_hand = written.split("\n")[0]
    path.write_text(by_hand + "\n")
    assert _merge(run).n_applied == 1
    path.write_text(by_hand[:-20] + "\n")
    with pytest.raises(DataError, match="line 1"):
        _merge(run)


def test_merging_nothing_gives_empty_tables(run: Run) -> None:
    assert _merge(run).n_applied == 0
    assert all(run.has_table(name) for name in TABLES)
    assert AnnotationsFolder(run.folder / "annotations").folder.is_dir()
