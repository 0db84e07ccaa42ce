"""The commands as they are typed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from barlow_report import cli
from barlow_report.annotations.batches import Selection, choose_batch, study_features
from barlow_report.run_folder import Run
from tests.annotations.people import answer, finished_run, write_lines
from tests.blocking import without
from tests.pipeline.toy import write_task


def _run(*arguments: str | Path, code: int = 0) -> str:
    result = CliRunner().invoke(cli.app, [str(a) for a in arguments])
    assert result.exit_code == code, result.output
    return result.output


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished run in run/, made up of tables and pictures."""
    return finished_run(tmp_path_factory.mktemp("commands") / "run").folder.parent


_SHELL = """
import json
from typer.testing import CliRunner
from barlow_report.cli import app
said = [CliRunner().invoke(app, ["annotations", *arguments]) for arguments in json.load(sys.stdin)]
assert all(result.exit_code == 0 for result in said), [result.output for result in said]
print(json.dumps([result.output for result in said]))
"""


def _typed_without_torch(commands: list[tuple[str | Path, ...]]) -> list[str]:
    """Run commands one after another where torch cannot be imported, and return what each has said."""
    done = subprocess.run(
        [sys.executable, "-c", without("torch") + _SHELL],
        input=json.dumps([[str(argument) for argument in command] for command in commands]),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return list(json.loads(done.stdout))


def test_the_collector_starts_without_the_libraries_for_tables_and_pictures() -> None:
    script = (
        "import sys\n"
        "from barlow_report.commands import collect\n"
        "from barlow_report.annotations.collector import server, store\n"
        "print([name for name in ('pandas', 'numpy', 'pyarrow', 'PIL', 'jinja2', 'torch') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def _answers(run: Path, folder: Path) -> Path:
    info = Run.open(run).info
    batch = json.loads((run / "annotations" / "batch.json").read_text())
    fields = {"report_id": info["run_id"], "feature_model": info["models"]["feature"]["sha256"]}
    records = [
        answer(person, item=(item["group_id"], item["feature_id"]), fields=fields)
        for item in batch["items"]
        for person in ("ada", "bob")
    ]
    return write_lines(folder / "answers.jsonl", records)


def test_from_the_choice_of_features_to_names_and_back_out_without_torch(task: Path, tmp_path: Path) -> None:
    run, out = task / "run", tmp_path / "out.jsonl"
    (asked,) = _typed_without_torch([("template", run, "--choice", "rules", "--max-items", "2")])
    assert "items in 1 part" in asked
    merged, figures, _, again, forgotten, nobody, invited = _typed_without_torch(
        [
            ("merge", run, _answers(run, tmp_path), "--min-seconds", "0"),
            ("summarize", run),
            ("export", run, out, "--to", "jsonl"),
            ("merge", run, out),
            ("forget", run, "ada"),
            ("forget", run, "ada"),
            ("invite", tmp_path / "answers.sqlite", "ada"),
        ]
    )
    assert "4 answers of 2 people applied; 2 names: 2 agreed" in merged
    assert "feature" in figures
    assert len(out.read_text().splitlines()) == 4
    assert "Not applied, duplicate: 4" in again
    assert "2 records deleted" in forgotten
    assert "0 records deleted" in nobody
    assert "token=" in invited


@pytest.mark.slow
def test_features_that_no_rule_uses_get_pictures_and_what_was_drawn_is_kept(tmp_path: Path) -> None:
    task = write_task(tmp_path, n_per_class=60).parent
    run = task / "run"
    _run("run", task / "toy.yaml", "--run", run, "--site", task / "site")
    before = Run.open(run).read_table("tiles")
    output = _run("annotations", "template", run, "--choice", "informative", "--features-per-group", "3")
    assert "have no pictures yet" in output
    media = {path: path.stat().st_mtime_ns for path in (run / "media").rglob("*.webp")}
    _run("run", task / "toy.yaml", "--run", run, "--site", task / "site")
    after = Run.open(run).read_table("tiles")
    assert len(after) > len(before)
    batch = json.loads((task / "site" / "annotate" / "batch.json").read_text())
    asked = {(item["group_id"], item["feature_id"]) for item in batch["items"]}
    assert asked <= set(zip(after["group_id"].tolist(), after["feature_id"].tolist(), strict=True))
    merged = before.merge(after, on=["group_id", "feature_id", "rank", "image_id"], suffixes=("", "_after"))
    assert len(merged) == len(before)
    assert merged["attack"].fillna("").equals(merged["attack_after"].fillna("").rename("attack"))
    assert merged["attack"].notna().any()
    assert all(path.stat().st_mtime_ns == time for path, time in media.items())
    assert "have no pictures yet" not in _run("annotations", "template", run, "--choice", "informative",
                                              "--features-per-group", "3")  # fmt: skip


def test_the_published_design_takes_classes_from_the_top_the_middle_and_the_bottom(task: Path) -> None:
    output = _run("annotations", "template", task / "run", "--study")
    batch = json.loads((task / "run" / "annotations" / "batch.json").read_text())
    (task / "run" / "annotations" / "batch.json").unlink()
    assert "5 people each" in output
    per_group: dict[int, int] = {}
    for item in batch["items"]:
        per_group[item["group_id"]] = per_group.get(item["group_id"], 0) + 1
    assert max(per_group.values()) <= 10
    assert batch["selection"]["choice"] == "study"


def test_the_study_s_classes_are_chosen_by_error_rate() -> None:
    import pandas as pd

    n = 100  # class c has c errors in 100 images
    labels = [c for c in range(n) for _ in range(100)]
    predictions = [c if i >= c else (c + 1) % n for c in range(n) for i in range(100)]
    groups = [(2 * c + j, kind, c) for c in range(n) for j, kind in enumerate(("label", "prediction"))]
    tables = {
        "images": pd.DataFrame({"label": labels, "prediction": predictions}),
        "groups": pd.DataFrame(groups, columns=["group_id", "grouping", "class_id"]),
        "selection": pd.DataFrame(
            [(g, f, f + 1) for g, _, _ in groups for f in range(12)], columns=["group_id", "feature_id", "rank"]
        ),
    }
    pairs = study_features(tables)
    classes = {group_id // 2 for group_id, _ in pairs}
    assert classes == {*range(20), *range(40, 60), *range(80, 100)}
    assert len(pairs) == 60 * 2 * 10
    assert {feature_id for _, feature_id in pairs} == set(range(10))


def test_a_batch_depends_on_its_seed_and_on_nothing_else() -> None:
    pairs = [(g, f) for g in range(6) for f in range(4)]

    def chosen(order: list[tuple[int, int]], seed: int) -> list[tuple[int, int]]:
        selection = Selection(choice="rules", seed=seed, max_items=10)
        batch = choose_batch(order, selection=selection, report_id="ab", feature_model="cd", part_size=4)
        assert [len(part) for part in batch.parts] == [4, 4, 2]
        return [(item.group_id, item.feature_id) for item in batch.items]

    assert chosen(pairs, 1) == chosen(pairs[::-1], 1)
    assert chosen(pairs, 1) != chosen(pairs, 2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("template", "RUN", "--choice", "best"), "expected one of verified"),
        (("template", "RUN", "--group", "no such class"), "--group: found 'no such class'"),
        (("template", "nowhere"), "no run.json"),
        (("template", "RUN", "--study", "--group", "cat"), "leave out --grouping, --group"),
        (("forget", "RUN", "github:ada"), "expected a pseudonym, or mturk, prolific"),
        (("serve", "--site", "SITE", "--database", "DB", "--prolific-study", "s"), "without --prolific-completion"),
        (("serve", "--site", "SITE", "--database", "DB", "--prolific-completion", "https://x"), "Give both"),
        (
            ("serve", "--site", "SITE", "--database", "DB", "--prolific-study", "s", "--prolific-completion", "CAB1"),
            "expected a link that begins with https://",
        ),
        (("merge", "RUN", "nowhere.jsonl"), "cannot be read"),
        (("merge", "RUN", "--embedding", "magic"), "expected 'ngrams'"),
        (("export", "RUN", "out", "--to", "word"), "expected label-studio, potato or jsonl"),
        (("invite", "DB", "Ada Lovelace"), "expected a pseudonym"),
        (("serve", "--site", "nowhere", "--database", "DB"), "no form found"),
    ],
)
def test_a_mistake_is_one_message_that_says_what_was_expected(
    task: Path, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    places = {"RUN": task / "run", "DB": tmp_path / "answers.sqlite", "SITE": task / "site"}
    output = _run("annotations", *(places.get(a, a) for a in arguments), code=1)
    assert message in " ".join(output.split())
    assert "Traceback" not in output
