"""Data scripts, downloads, pictures: what is beside the pages."""

import csv
import io
import json
from pathlib import Path

import pytest
from PIL import Image

from barlow_report.errors import SiteError
from barlow_report.progress import ignore_advance
from barlow_report.report.datatable import DataTable, Link, TableColumn
from barlow_report.report.downloads import rule_columns
from barlow_report.report.media import MediaLibrary, webp_size
from barlow_report.report.records import Share
from barlow_report.report.table_script import as_script_value, table_script
from tests.report.conftest import Built
from tests.report.synthetic import PAYLOADS


def test_a_data_script_holds_columns_and_no_character_that_could_end_it() -> None:
    table = DataTable(
        name="t</script>",
        caption="T",
        columns=(TableColumn(key="a", label="A", kind="link"), TableColumn(key="r", label="R", kind="rate")),
        rows=[[Link("</script><b>&", "x/index.html"), Share(1, 3, 0.1, 0.61234567)], [None, None]],
        sorted_by="a",
        empty="none",
    )
    script = "".join(table_script(table))
    assert not set("<>&") & set(script)
    assert script.isascii()
    data = json.loads(script.partition("]=")[2].rstrip(";\n"))
    assert data["n"] == 2
    link, rate = data["columns"]
    assert link["values"] == ["</script><b>&", ""]
    assert (rate["k"], rate["of"], rate["high"]) == ([1, None], [3, None], [61, None])


def test_script_values_are_ascii() -> None:
    assert as_script_value("\u2028é<") == '"\\u2028\\u00e9\\u003c"'


def formula_cells(built: Built) -> list[str]:
    """The cells of the CSV that a spreadsheet would run; a minus may begin a number."""
    rows = csv.reader(io.StringIO(built.text("data/rules.csv")))
    cells = [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    return [
        cell for cell in cells if not cell.lstrip("-").replace(".", "").replace("e", "").replace("-", "").isdecimal()
    ]


def test_the_csv_has_every_rule_and_no_formula(hostile: Built) -> None:
    rows = list(csv.DictReader(io.StringIO(hostile.text("data/rules.csv"))))
    assert len(rows) == len(hostile.source.tables["rules"])
    names = {row["group"] for row in rows}
    assert "'=cmd|'/C calc'!A0" in names
    assert {"'+1+1", "'-2+3", "'@SUM(A1)"} <= names
    assert formula_cells(hostile) == []


def test_the_numbers_of_the_csv_are_those_of_the_tables(demo: Built) -> None:
    rules = demo.source.tables["rules"].set_index("rule_id")
    for row in csv.DictReader(io.StringIO(demo.text("data/rules.csv"))):
        rule = rules.loc[int(row["rule_id"])]
        assert float(row["error_rate"]) == pytest.approx(rule["error_rate"], abs=0)
        assert float(row["error_coverage"]) == pytest.approx(rule["error_coverage"], abs=1e-15)
        assert int(row["n_images_held_out"]) == rule["n_images_held_out"]
        assert row["verdict"] == (rule["verdict"] or "")
        assert row["evidence"] == "held_out"
        assert list(row) == list(rule_columns("held_out"))
        k, n = int(rule["n_failures_held_out"]), int(rule["n_images_held_out"])
        assert f"({k} of {n} held-out image{'s' * (n != 1)})" in row["sentence"].replace("\u202f", "") or not n


def test_the_json_has_names_as_they_are_and_no_markup(hostile: Built) -> None:
    text = hostile.text("data/rules.json")
    assert "<" not in text
    names = {rule["group"] for rule in json.loads(text)["rules"]}
    assert {payload for payload in PAYLOADS if payload.isprintable()} <= names


def test_a_feature_has_a_json_twin_with_its_rules_and_pictures(demo: Built) -> None:
    rule = demo.source.tables["conditions"].iloc[0]
    twin = json.loads(demo.text(f"features/{rule['feature_id']}/feature.json"))
    assert twin["feature_id"] == rule["feature_id"]
    assert int(rule["rule_id"]) in {found["rule_id"] for found in twin["rules"]}
    for tile in twin["triptychs"][0]["images"]:
        assert (demo.site / tile["thumbnail"]).is_file()
        assert (demo.site / tile["attack"]).is_file()


def test_only_pictures_that_pages_show_are_copied(demo: Built) -> None:
    copied = {path.name for path in (demo.site / "media").rglob("*.webp")}
    tables = demo.source.tables
    named = {Path(n).name for c in ("thumbnail", "heatmap", "attack") for n in tables["tiles"][c].dropna()}
    named |= {Path(n).name for n in tables["galleries"]["thumbnail"]}
    assert copied
    assert copied <= named


@pytest.mark.parametrize("options", [{}, {"lossless": True}, {"exif": Image.Exif()}])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_the_size_of_a_picture_is_read_from_its_header(mode: str, options: dict[str, object]) -> None:
    data = io.BytesIO()
    Image.new(mode, (37, 61), 99).save(data, "WEBP", **options)
    assert webp_size(data.getvalue()[:32]) == (37, 61)


def test_other_files_have_no_size() -> None:
    assert webp_size(b"\x89PNG" + bytes(40)) is None
    assert webp_size(b"") is None


@pytest.mark.parametrize("name", ["../../etc/passwd", "ab/../x.webp", "/etc/passwd", "ab/cd.webp?x"])
def test_a_name_that_leads_out_of_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SiteError, match="expected <2 hex>"):
        MediaLibrary(tmp_path).picture(name)


def test_a_missing_picture_is_named(tmp_path: Path) -> None:
    library = MediaLibrary(tmp_path)
    with pytest.raises(SiteError, match="cannot be read"):
        library.picture("ab/abcd.webp")
    library.copy(tmp_path / "site", advance=ignore_advance)
