"""The owner's names: whatever is wrong with the file, the message names it and nothing else is touched."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from barlow_report import cli
from barlow_report.annotations.overrides import Override, load_overrides, overridden
from barlow_report.commands.merge import MergeSettings, merge_files
from barlow_report.errors import DataError
from barlow_report.stages.names import current_tables
from barlow_report.tables import ANSWER_TABLES
from tests.annotations.people import finished_run

GROUPS = [(0, "label", "mug"), (1, "label", "purse"), (2, "prediction", "mug")]
ENTRY = "names:\n- {{grouping: label, group: {group}, feature: {feature}, name: {name}}}\n"


def _entry(**values: str) -> str:
    return ENTRY.format(**{"group": "mug", "feature": "37", "name": "handle", **values})


def _names(path: Path, text: str | bytes, n_features: int | None = 512) -> dict[tuple[int, int], str]:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return overridden(load_overrides(path), GROUPS, n_features=n_features, where=path)


@pytest.mark.parametrize(
    "text",
    [
        _entry(),
        _entry(name="  the\u00a0handle ").replace("the\u00a0", ""),
        _entry(feature='"37"'),
        "# names\n" + _entry(),
    ],
)
def test_names_are_by_group_and_feature(tmp_path: Path, text: str) -> None:
    assert _names(tmp_path / "names.yaml", text) == {(0, 37): "handle"}


@pytest.mark.parametrize("text", ["", "\n", "# nothing yet\n", "names: []\n", "  # a\n\n# b\n"])
def test_a_file_without_names_has_none(tmp_path: Path, text: str) -> None:
    assert _names(tmp_path / "names.yaml", text) == {}


LAUGHS = "a0: &a0 [x, x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]\n" for i in range(1, 40)) + "names: *a39\n"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("names: 3", "names"),
        ("names: [{group: mug}]", "line 1"),
        ("x: 1", "unknown key"),
        ("names: [", "not valid YAML"),
        ("- a", "found a list"),
        ("just words", "found a str"),
        (_entry(feature="-1"), "line 2"),
        (_entry(feature="99999999999999999999"), "line 2"),
        (_entry(feature="0x" + "f" * 6000), "names.yaml"),
        (_entry(feature="9" * 6000), "names.yaml"),
        (_entry(feature="true"), "number of a feature"),
        (_entry(feature=".nan"), "line 2"),
        (_entry(feature="512"), "from 0 to 511"),
        (_entry(group="no"), "put it in quotes"),
        (_entry(group="01"), "put it in quotes"),
        (_entry(name='" "'), "that can be seen"),
        (_entry(name='"\\u202e\\u200e"'), "that can be seen"),
        (_entry(name="x" * 101), "line 2"),
        (_entry(group="Mug"), r"Did you mean 'mug'"),
        (_entry(group="teapot"), r"Groups are 'mug', 'purse'"),
        (_entry().replace("label", "labels"), "a grouping of 'label', 'prediction'"),
        (_entry() + _entry(name="grip").removeprefix("names:\n"), "named twice, 'handle' and 'grip'"),
        (_entry() + _entry(), "occurs twice"),
        ("!!python/object/apply:os.system [touch marker]", "not valid YAML"),
        ("[" * 5000, "names.yaml"),
        ("a: &a [*a]\nnames: *a", "names.yaml"),
        (LAUGHS, "aliases"),
        (b"\xff\xfe\x00", "cannot be read"),
        (b"names: \x00", "names.yaml"),
    ],
)
def test_a_mistake_is_an_error_of_this_file(tmp_path: Path, text: str | bytes, reason: str) -> None:
    with pytest.raises(DataError, match=reason) as error:
        _names(tmp_path / "names.yaml", text)
    assert str(error.value).startswith(str(tmp_path / "names.yaml"))
    assert len(str(error.value)) < 20_000


def test_a_feature_is_not_limited_where_their_number_is_not_known() -> None:
    entry = Override(grouping="label", group="mug", feature=5000, name="handle")
    assert overridden([entry], GROUPS, n_features=None, where=Path("x")) == {(0, 5000): "handle"}


def test_nothing_is_merged_when_the_file_is_wrong_missing_its_target_or_called_otherwise(tmp_path: Path) -> None:
    run = finished_run(tmp_path / "run")
    path = run.folder / "annotations" / "names.yaml"
    path.parent.mkdir()
    path.write_text(_entry(feature="100000"))
    with pytest.raises(DataError, match=r"names\.yaml"):
        merge_files(run, [], settings=MergeSettings())
    path.unlink()
    path.symlink_to("nowhere")
    with pytest.raises(DataError, match=r"names\.yaml: cannot be read"):
        merge_files(run, [], settings=MergeSettings())
    path.unlink()
    path.with_suffix(".yml").write_text(_entry())
    with pytest.raises(DataError, match=r"names\.yml: is not read\. Call it names\.yaml"):
        merge_files(run, [], settings=MergeSettings())
    assert not run.has_table("feature_names")
    assert not (run.folder / "annotations" / "records.jsonl").exists()


def test_a_name_of_the_owner_alone_reaches_the_pages(tmp_path: Path) -> None:
    run = finished_run(tmp_path / "run")
    groups, selection = run.read_table("groups"), run.read_table("selection")
    group = groups.set_index("group_id").loc[selection["group_id"].iloc[0]]
    feature_id = int(selection["feature_id"].iloc[0])
    folder = run.folder / "annotations"
    folder.mkdir(exist_ok=True)
    entry = f"{{grouping: {group['grouping']}, group: {group['name']}, feature: {feature_id}, name: handle}}"
    (folder / "names.yaml").write_text(f"names:\n- {entry}\n")
    result = CliRunner().invoke(cli.app, ["annotations", "merge", str(run.folder)])
    assert result.exit_code == 0, result.output
    found = current_tables(run, {"groups": groups, **{name: run.read_table(name) for name in ANSWER_TABLES}})
    assert found["feature_names"]["name"].tolist() == ["handle"]
    assert {"group_id", "text"} <= {*found["name_variants"].columns}, "a table without rows keeps its columns"
    assert found["name_variants"].empty
