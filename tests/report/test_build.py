"""Whole sites: complete, repeatable, honest about what is missing, and without torch."""

import dataclasses
import filecmp
import gc
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import quote

import pytest
from markupsafe import escape
from mkdocs.structure.pages import Page

from barlow_report.errors import SiteError
from barlow_report.report import ReportSource, build_site
from barlow_report.report.build import prepare, write_site
from barlow_report.report.links import broken_links
from barlow_report.report.mkdocs_pages import found_by
from barlow_report.report.pages import SitePage
from barlow_report.tables import empty_table
from tests.lychee import complaints
from tests.report.conftest import STATUSES, Built
from tests.report.synthetic import PLANTED_TABLES, Recipe, synthetic_source


def _files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_there_is_a_page_for_everything(demo: Built) -> None:
    classes, groups = demo.source.tables["classes"], demo.source.tables["groups"]
    pages = {"index.html", *(f"{n}/index.html" for n in ("failure-modes", "classes", "features", "method", "planted"))}
    pages |= {f"classes/{slug}/index.html" for slug in classes["slug"]} | {
        "skipped/index.html",
        "evaluation/index.html",
        "failures/index.html",
    }
    pages |= {"groups/index.html", "annotate/index.html"}
    modes = demo.source.tables["rules"].query("is_failure_mode")["rule_id"]
    pages |= {f"failure-modes/{rule_id}/index.html" for rule_id in modes}
    pages |= {f"groups/{g}/index.html" for g in groups.loc[groups["class_id"].isna(), "group_id"]}
    pages |= {f"features/{f}/index.html" for f in demo.source.tables["conditions"]["feature_id"].unique()}
    assert {name for name in _files(demo.site) if name.endswith(".html")} == pages


def test_advance_is_called_once_per_page(tmp_path: Path) -> None:
    source = synthetic_source(tmp_path / "run", Recipe(n_classes=2))
    calls: list[int] = []
    index = build_site(source, site=tmp_path / "site", advance=calls.append)
    assert index == tmp_path / "site" / "index.html"
    assert sum(calls) == prepare(source).n_pages


def test_pages_are_let_go_of_when_they_are_written(tmp_path: Path) -> None:
    source = synthetic_source(tmp_path / "run", Recipe(n_classes=12, n_per_class=40))
    prepared = prepare(source)
    n_few = sum(page.path.count("/") <= 1 for page in prepared.pages)
    marks = (n_few + 1, prepared.n_pages)
    written: list[int] = []
    alive: list[int] = []

    def count(n: int) -> None:
        written.append(n)
        if sum(written) in marks:
            gc.collect()
            alive.append(sum(type(found) in (SitePage, Page) for found in gc.get_objects()))

    write_site(prepared, site=tmp_path / "site", advance=count)
    assert prepared.n_pages > 2 * n_few
    assert len(alive) == 2
    assert alive[1] <= alive[0]


@pytest.mark.parametrize("words", ["", " ", "a\nb ", "'x' \"y\" & <b>", "&amp; &#39;", "犬 é"])
def test_the_search_index_is_written_as_the_theme_writes_it(words: str) -> None:
    from material.plugins.search.plugin import SearchIndex  # type: ignore[import-untyped]

    page = SitePage(
        path="classes/zü/index.html",
        title=f" {words}x",
        section="",
        description="",
        search=words,
        template="",
        view=lambda: None,
    )
    index = SearchIndex()
    content, meta = f"<p>{escape(words)}</p>", {"title": escape(page.title)}
    index.add_entry_from_context(SimpleNamespace(title="", meta=meta, content=content, toc=(), url=quote(page.path)))
    assert found_by(page) == index.entries[0]


def test_two_builds_of_one_run_are_equal_byte_for_byte(tmp_path: Path, demo: Built) -> None:
    build_site(demo.source, site=tmp_path / "again")
    build_site(demo.source, site=tmp_path / "again")
    names = _files(demo.site)
    assert _files(tmp_path / "again") == names
    _, different, errors = filecmp.cmpfiles(demo.site, tmp_path / "again", names, shallow=False)
    assert (different, errors) == ([], [])


@pytest.mark.parametrize("name", ["demo", "hostile", "quiet", "large"])
def test_every_link_leads_somewhere(name: str, request: pytest.FixtureRequest) -> None:
    built: Built = request.getfixturevalue(name)
    broken, n_links = broken_links(built.site)
    assert broken == []
    assert n_links > 100


@pytest.mark.parametrize("name", ["demo", "hostile"])
def test_an_independent_link_checker_agrees(name: str, request: pytest.FixtureRequest) -> None:
    built: Built = request.getfixturevalue(name)
    assert complaints(built.site) == ""


def test_no_page_loads_anything_from_elsewhere_or_runs_inline_code_of_ours(demo: Built) -> None:
    for path in (name for name in _files(demo.site) if name.endswith(".html")):
        text = demo.text(path)
        body = text[text.index('<div class="barlow"') : text.index("</article>")]
        for forbidden in ("<script", "<style", " style=", " onclick=", "javascript:", "http://", "https://"):
            assert forbidden not in body, (path, forbidden)
        for attribute in ('src="http', 'src="//', 'href="//', 'rel="preconnect"'):
            assert attribute not in text, (path, attribute)


def test_no_folder_of_the_machine_is_shown(demo: Built, tmp_path: Path) -> None:
    for path in demo.site.rglob("*"):
        if path.suffix in (".html", ".js", ".json", ".csv"):
            text = path.read_text(encoding="utf-8")
            assert "/home/" not in text, path
            assert "somebody/" not in text, path
            assert str(tmp_path.parent) not in text, path


@pytest.mark.parametrize("status", STATUSES[1:])
def test_a_group_without_a_tree_says_why(demo: Built, status: str) -> None:
    groups = demo.source.tables["groups"]
    group = groups[groups["status"] == status].iloc[0]
    text = demo.text(f"classes/c{group['class_id']}/index.html")
    section = text[text.index(f'id="group-{group["group_id"]}"') :].partition("</section>")[0]
    assert "No tree: " in section
    assert "<svg" not in section


def test_in_sample_runs_say_so_wherever_a_failure_mode_is_shown(hostile: Built) -> None:
    for path in ("index.html", "failure-modes/index.html", "classes/index.html", "classes/c0/index.html"):
        text = hostile.text(path)
        assert "In-sample only." in text, path
        assert ">verified<" not in text, path
    assert "; not tested." in hostile.text("index.html")
    assert "held-out" not in hostile.text("failure-modes/index.html").partition("<tbody")[2].partition("</tbody>")[0]


def test_a_run_without_failures_says_why_it_is_empty(quiet: Built) -> None:
    assert "No known conditions" in quiet.text("index.html")
    assert "No image is taken for another class." in quiet.text("index.html")
    assert "No group has a tree" in quiet.text("index.html")
    assert "no rule fails at least" in quiet.text("failure-modes/index.html")
    assert "No rule uses a feature" in quiet.text("features/index.html")
    assert "Every file could be read" in quiet.text("skipped/index.html")


def test_skipped_files_are_listed_with_their_reasons(demo: Built) -> None:
    text = demo.text("skipped/index.html")
    assert "the file is empty" in text
    assert "3 files could not be read" in text
    assert "<b>3</b> files could not be read" in demo.text("index.html")


def test_paths_of_images_are_shown_only_if_asked_for(demo: Built, hostile: Built) -> None:
    assert "broken/&lt;i&gt;0&lt;/i&gt;.jpg" in hostile.text("skipped/index.html")
    paths = demo.source.tables["images"]["path"]
    for path in demo.site.rglob("*"):
        if path.suffix in (".html", ".js", ".json", ".csv"):
            text = path.read_text(encoding="utf-8")
            assert ".jpg" not in text, path
    assert "image 0" in demo.text("classes/c0/index.html")
    assert all(path.endswith(".jpg") for path in paths)


def test_the_overview_and_the_evaluation_say_how_much_is_explained(demo: Built) -> None:
    overview, evaluation = demo.text("index.html"), demo.text("evaluation/index.html")
    assert "<b>30\u202f%</b> <span>of the failures in <b>20\u202f%</b> of the images held out" in overview
    assert "18/60 failures, 42/210 images." in overview
    assert "Mean gain, held-out" in evaluation
    assert "0.049" in evaluation


def test_the_page_of_planted_failures_exists_only_in_a_demo(demo: Built, quiet: Built) -> None:
    text = demo.text("planted/index.html")
    for outcome in ("found", "another cue", "missed", "correctly silent", "false alarm"):
        assert outcome in text
    noise = text.partition('id="label-noise"')[2]
    assert "car in front, so" in noise
    assert "28/29" in noise
    assert "No other failure is called label noise." in noise
    true = text.partition('id="true-effects"')[2]
    for words in ("cue “handle” drawn in", "cue “handle” left out", "decoy “candle” left out", "23/24", ">none<"):
        assert words in true
    changes = text.partition('id="changes"')[2]
    for words in ("1 of 2</b> cues", "no change in any other class", ">repaired<", "18/19", "gone, better", "differs"):
        assert words in changes
    assert not (quiet.site / "planted").exists()


def test_empty_tables_make_a_site(tmp_path: Path, demo: Built) -> None:
    tables = {name: empty_table(name) for name in demo.source.tables if name not in PLANTED_TABLES}
    source = ReportSource(info=demo.source.info, tables=tables, media=tmp_path)
    build_site(source, site=tmp_path / "site")
    assert "The run has no groups" in (tmp_path / "site" / "index.html").read_text(encoding="utf-8")


def test_missing_tables_make_a_site(tmp_path: Path, demo: Built) -> None:
    tables = {name: demo.source.tables[name] for name in ("classes", "images", "groups", "splits")}
    build_site(ReportSource(info=demo.source.info, tables=tables, media=tmp_path), site=tmp_path / "site")
    assert (tmp_path / "site" / "classes" / "c0" / "index.html").is_file()


def test_predictions_without_a_model_are_said_to_have_come_with_the_images(tmp_path: Path, demo: Built) -> None:
    info = {**demo.source.info, "models": {"inspected": None, "feature": None}}
    tables = {name: demo.source.tables[name] for name in ("classes", "images")}
    build_site(ReportSource(info=info, tables=tables, media=tmp_path), site=tmp_path / "site")
    method = (tmp_path / "site" / "method" / "index.html").read_text(encoding="utf-8")
    assert "the predictions came with the images" in method
    assert "Predictions of an external model" in (tmp_path / "site" / "index.html").read_text(encoding="utf-8")


def test_a_slug_that_leads_out_of_the_site_is_refused(tmp_path: Path, demo: Built) -> None:
    classes = demo.source.tables["classes"].assign(slug=lambda c: ["../../x", *c["slug"][1:]])
    source = dataclasses.replace(demo.source, tables={**demo.source.tables, "classes": classes})
    with pytest.raises(SiteError, match="not safe in a path"):
        build_site(source, site=tmp_path / "site")
    assert not (tmp_path / "site").exists()


def test_a_lost_picture_is_an_error_and_leaves_no_half_site(tmp_path: Path) -> None:
    source = synthetic_source(tmp_path / "run", Recipe(n_classes=2))
    shutil.rmtree(source.media)
    with pytest.raises(SiteError, match="it draws what is damaged or missing again"):
        build_site(source, site=tmp_path / "site")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_site_is_built_where_torch_cannot_be_imported(tmp_path: Path) -> None:
    script = (
        "import sys\n"
        "class Blocker:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in ('torch', 'torchvision', 'sklearn', 'numba', 'matplotlib'):\n"
        "            raise ImportError(name)\n"
        "sys.meta_path.insert(0, Blocker())\n"
        "from pathlib import Path\n"
        "from barlow_report.report import build_site\n"
        "from tests.report.synthetic import Recipe, synthetic_source\n"
        "folder = Path(sys.argv[1])\n"
        "build_site(synthetic_source(folder / 'run', Recipe(n_classes=2)), site=folder / 'site')\n"
    )
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-c", script, str(tmp_path)]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == done.stderr == ""
    assert (tmp_path / "site" / "index.html").is_file()


def test_own_script_and_style_stay_small(demo: Built) -> None:
    own = [(demo.site / f"assets/barlow/{name}.js").stat().st_size for name in ("barlow", "tables", "jump")]
    assert sum(own) <= 30_000
    assert (demo.site / "assets/barlow/barlow.css").stat().st_size <= 20_000
