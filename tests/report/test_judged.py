"""Where nothing could be judged, that is what the report says, with what would help."""

import dataclasses
import re

import pandas as pd
import pytest

from barlow_report.report import ReportSource
from barlow_report.report.judged import Judged, images_needed_here, nothing_judged
from barlow_report.report.pages import Site
from tests.report.conftest import Built

_WITHOUT_NODES = ("nodes", "rules", "conditions")


def _judged(source: ReportSource, **tables: pd.DataFrame) -> Judged | None:
    return nothing_judged(Site.from_source(dataclasses.replace(source, tables={**source.tables, **tables})))


def _without_trees(built: Built, *, status: str, **values: object) -> dict[str, pd.DataFrame]:
    tables = built.source.tables
    empty = {name: tables[name].iloc[:0] for name in _WITHOUT_NODES}
    return {"groups": tables["groups"].assign(status=status, **values), **empty}


def test_a_run_whose_groups_are_all_too_small_says_that_nothing_could_be_judged_and_what_would_help(
    demo: Built,
) -> None:
    judged = _judged(demo.source, **_without_trees(demo, status="too_few_images", n_images=1))
    assert judged is not None
    n_groups = len(demo.source.tables["groups"])
    assert judged.sentence == (
        f"Nothing could be judged: all {n_groups} groups of images are too small. The largest has 1 image to find "
        "rules in; 20 are needed."
    )
    more, larger, all_images = judged.helps
    sizes = [int(size) for size in re.findall(r"(?:among|points,) (\d+)", more.replace("\u202f", ""))]
    assert sizes[0] > sizes[1] > 20
    assert f"of {sizes[1]} images or more" in larger.replace("\u202f", "")
    assert all(key in larger for key in ("rules.unions", "rules.manifest_columns", "rules.confused_pairs"))
    assert "rules.evidence: shuffles" in all_images
    needed = images_needed_here(Site.from_source(demo.source))
    assert [row.points for row in needed] == ["20", "30"]
    assert [row.n_images for row in needed] == sizes
    method = demo.text("method/index.html").replace("\u202f", "")
    assert f"{sizes[0]} images and they fail 20 points more often, or {sizes[1]} images and they fail 30" in method


def test_a_run_whose_groups_fail_on_all_images_is_not_said_to_have_too_few(demo: Built) -> None:
    tables = _without_trees(demo, status="only_failures")
    n_groups = len(tables["groups"])
    judged = _judged(demo.source, **tables)
    assert judged is not None
    assert judged.sentence.startswith(f"Nothing could be judged: in {n_groups} groups all images fail. A condition")
    assert "order of the classes" in judged.helps[0]
    statuses = ["only_failures", "no_failures", "too_few_images"] + ["only_failures"] * (n_groups - 3)
    judged = _judged(demo.source, **{**tables, "groups": tables["groups"].assign(status=statuses)})
    assert judged is not None
    assert f"in {n_groups - 2} groups all images fail; of the others, 1 without failures and 1 too small." in (
        judged.sentence
    )


@pytest.mark.parametrize(("sizes", "words"), [((1, 11), "tested on 1 to 11 images"), ((1, 1), "tested on 1 image,")])
def test_modes_that_were_tested_on_too_few_images_judge_nothing(
    demo: Built, sizes: tuple[int, int], words: str
) -> None:
    rules = demo.source.tables["rules"]
    modes = rules["is_failure_mode"]
    small = rules.assign(verdict=rules["verdict"].where(~modes, "too_few_images"), n_failures_held_out=0)
    small["n_images_held_out"] = [sizes[n % 2] for n in modes.cumsum()]
    judged = _judged(demo.source, rules=small)
    assert judged is not None
    assert words in judged.sentence


def test_a_run_in_which_something_was_tested_or_nothing_fails_has_been_judged(demo: Built, quiet: Built) -> None:
    assert _judged(demo.source) is None
    assert _judged(quiet.source) is None
    assert _judged(demo.source, **_without_trees(demo, status="no_split")) is None
