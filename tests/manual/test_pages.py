"""What the README and the manual say is true: snippets run, configurations and commands are valid, links lead on."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from barlow_report.config import RulesConfig, whole_config
from barlow_report.manual.formulas import formula
from barlow_report.power import Effect, images_needed
from tests.blocking import without
from tests.manual.commands import calls, command_names, complaint, mentioned
from tests.manual.configurations import variants
from tests.manual.pages import MANUAL, PAGES, README, ROOT, Page, page

every_page = pytest.mark.parametrize("written", PAGES, ids=lambda written: written.name)


def _whole() -> dict[str, Any]:
    """Return the configuration of the README, which sections of others are added to."""
    (whole,) = README.of("yaml")
    return dict(yaml.safe_load(whole))


def _snippets() -> list[Any]:
    return [
        pytest.param(code, id=f"{written.name}-{number}")
        for written in PAGES
        for number, code in enumerate(written.of("python"))
    ]


@pytest.mark.parametrize("code", _snippets())
def test_every_snippet_runs_without_torch(code: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", without("torch") + code], cwd=tmp_path, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_a_pandas_table_finds_the_planted_failure_by_name() -> None:
    (code,) = page("arrays").of("python")
    names: dict[str, Any] = {}
    exec(code, names)  # noqa: S102 - the page's own
    modes = names["modes"]
    assert (modes["group"].iloc[0], modes["verdict"].iloc[0]) == ("mug", "verified")
    assert modes["rule"].iloc[0].startswith("handle ≤ ")


def test_the_example_of_how_many_images_it_takes_is_right() -> None:
    shown = re.findall(r"class has (\d+) images; with 30 points more, (\d+) are", page("faq").text.replace("\n", " "))
    needed = [
        images_needed(
            Effect(share=1 / 3, base=0.1, difference=more), settings=RulesConfig(), n_features=2048, n_groups=10
        )
        for more in (0.2, 0.3)
    ]
    assert [tuple(map(str, needed))] == shown
    least = re.findall(r"fewer than (\d+) images or (\d+) failures get no tree", page("faq").text.replace("\n", " "))
    assert least == [(str(RulesConfig().min_images), str(RulesConfig().min_failures))]


@every_page
def test_what_is_tested_elsewhere_is(written: Page) -> None:
    for block in written.blocks:
        if block.tested_by:
            (where,) = re.findall(r"by (tests/\S+)", block.tested_by)
            assert (ROOT / where).exists(), f"{block.tested_by} is not there"
            if (ROOT / where).is_file():
                assert written.path.stem in (ROOT / where).read_text(encoding="utf-8"), "which reads the page"


@every_page
def test_every_configuration_is_valid(written: Page, tmp_path: Path) -> None:
    for code in written.of("yaml"):
        for part in variants(code):
            assert part, code
            is_whole = {"name", "data"} <= part.keys()
            others = {} if is_whole else {**_whole(), "data": {"manifest": "table.csv"}}
            whole_config().model_validate({**others, **part}, context={"folder": tmp_path})


@every_page
def test_every_call_of_the_command_is_valid(written: Page) -> None:
    found = [(call, complaint(call)) for code in written.of("sh") for call in calls(code)]
    assert [(" ".join(call), what) for call, what in found if what] == []


@every_page
def test_every_command_that_is_named_exists(written: Page) -> None:
    assert mentioned(written.prose) <= command_names()


def test_calls_that_do_not_exist_are_noticed() -> None:
    assert complaint(["run", "report.yaml"]) == ""
    assert complaint(["annotations", "merge", "runs/mine", "a.jsonl", "b.jsonl"]) == ""
    assert "no command" in complaint(["runn", "report.yaml"])
    assert "No such option" in complaint(["run", "report.yaml", "--fast"])
    assert "missing" in complaint(["run"])
    assert "too many" in complaint(["run", "a.yaml", "b.yaml"])


@every_page
def test_every_language_of_a_block_is_one_that_is_checked(written: Page) -> None:
    unknown = {b.language for b in written.blocks if not b.tested_by} - {"python", "yaml", "sh", "math"}
    assert unknown == set()


@every_page
def test_every_formula_can_be_drawn(written: Page) -> None:
    for source in written.of("math"):
        drawn = formula(source, "math", "math", {}, None)
        assert drawn.count("<math") == len(source.strip().splitlines())
        assert "\\" not in re.sub(r"<[^>]+>", "", drawn), f"a command of TeX that is not known: {source}"


@every_page
def test_every_link_leads_to_a_file_and_to_a_heading(written: Page) -> None:
    for link in written.links:
        target, _, fragment = link.partition("#")
        path = (written.path.parent / target).resolve() if target else written.path
        assert path.is_file(), f"{written.name}: {link}"
        assert ROOT in path.parents, f"{written.name}: {link} leaves the repository"
        if fragment:
            assert fragment in Page(path).anchors, f"{written.name}: {link}"


def test_every_page_of_the_manual_is_in_its_contents_and_in_the_readme() -> None:
    names = {path.name for path in MANUAL.glob("*.md")} - {"index.md"}
    assert {link.partition("#")[0] for link in page("index").links if not link.startswith("..")} == names
    linked = {link.partition("#")[0] for link in README.links}
    assert {f"barlow_report/manual/{name}" for name in names} <= linked


@every_page
def test_every_page_has_one_title_and_none_twice(written: Page) -> None:
    assert len(re.findall(r"^# .+$", written.prose, flags=re.MULTILINE)) == 1
    assert len(written.anchors) == len(set(written.anchors))
