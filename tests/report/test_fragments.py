"""The parts that every page is made of, compared with files of known good HTML.

After a change that is meant: `BARLOW_REPORT_UPDATE_GOLDEN=1 pytest tests/report/test_fragments.py`, then read
the difference.
"""

import os
import re
from dataclasses import replace
from pathlib import Path

import jinja2
import pytest

from barlow_report.report.datatable import DataTable, Filter, Link, TableColumn
from barlow_report.report.media import MediaLibrary
from barlow_report.report.pages import Site
from barlow_report.report.records import Group, Node, Share
from barlow_report.report.render import Renderer, templates_folder
from barlow_report.report.tree import draw_tree
from tests.report.conftest import Built
from tests.report.test_words import GROUP, RULE

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture
def renderer(demo: Built) -> Renderer:
    return Renderer(templates_folder(), site=Site.from_source(demo.source), media=MediaLibrary(demo.source.media))


def _compare(name: str, html: str) -> None:
    text = re.sub(r"\s*\n\s*", "\n", html.strip()) + "\n"
    path = GOLDEN / name
    if os.environ.get("BARLOW_REPORT_UPDATE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def _group_with_tree() -> Group:
    def node(node_id: int, parent: int | None, branch: str, k: int, n: int, *, splits: bool) -> Node:
        return Node(
            node_id=node_id,
            parent_id=parent,
            branch=branch,
            depth=0 if parent is None else 1,
            feature_id=37 if splits else None,
            threshold=0.08934 if splits else None,
            error=Share(0, 0),
            error_held_out=Share(k, n),
        )

    nodes = (
        node(0, None, "root", 170, 335, splits=True),
        node(1, 0, "le", 130, 137, splits=False),
        node(2, 0, "gt", 40, 198, splits=False),
    )
    other = replace(RULE, rule_id=5, node_id=2, is_failure_mode=False)
    return replace(GROUP, nodes=nodes, rules=(RULE, other))


def test_a_tree_and_its_list(renderer: Renderer) -> None:
    template = renderer.environment.from_string(
        '{% from "parts/tree.html" import tree with context %}{{ tree(drawing, title) }}'
    )
    html = template.render(drawing=draw_tree(_group_with_tree()), title="images labelled <b>mug", root="../../")
    _compare("tree.html", html)


def test_a_table_with_every_kind_of_cell(renderer: Renderer) -> None:
    columns = (
        TableColumn(key="a", label="Name", kind="link"),
        TableColumn(key="b", label="ER", kind="rate", title="Error rate", starts="descending"),
        TableColumn(key="c", label="n", kind="count"),
        TableColumn(key="d", label="IV", kind="number"),
        TableColumn(key="e", label="q", kind="q"),
        TableColumn(key="f", label="Verdict", kind="badge", words={"verified": "verified"}),
        TableColumn(key="g", label="Group", kind="text"),
    )
    table = DataTable(
        name="t",
        caption="A table",
        columns=columns,
        rows=[
            [
                Link("<b>|*", "x/index.html#y"),
                Share(311, 320, 0.94, 0.99),
                1234,
                0.17222,
                0.0004,
                "verified",
                "by label",
            ],
            [None] * len(columns),
        ],
        filters=(
            Filter(key="", label="Contains", kind="contains"),
            Filter(key="b", label="ER ≥ %", kind="least", is_percent=True),
            Filter(key="g", label="Group", kind="equals", choices=(("<any>", "x"),)),
        ),
        sorted_by="b",
        empty="nothing",
    )
    template = renderer.environment.from_string(
        '{% from "parts/table.html" import data_table with context %}{{ data_table(table) }}'
    )
    _compare("table.html", template.render(table=table, root="../"))


def test_rates_bars_and_badges(renderer: Renderer) -> None:
    template = renderer.environment.from_string(
        '{% from "parts/macros.html" import ratebar, badge, er with context %}'
        "{{ rate(a) }}\n{{ rate(b) }}\n{{ ratebar(a, c) }}\n{{ ratebar(b, b) }}\n"
        "{{ badge('real_but_small') }}\n{{ er() }}"
    )
    _compare("rates.html", template.render(a=Share(130, 137, 0.899, 0.975), b=Share(0, 0), c=Share(1, 1), root=""))


def test_a_name_that_a_template_lacks_is_an_error(renderer: Renderer) -> None:
    with pytest.raises(jinja2.UndefinedError):
        renderer.environment.from_string("{{ view.nothing }}").render()
