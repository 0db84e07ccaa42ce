"""Style sheets and scripts in the form that pages load."""

import pytest

from barlow_report.report.compact import compact
from barlow_report.report.render import templates_folder


def test_a_style_sheet_loses_comments_and_space_but_nothing_that_means_something() -> None:
    text = (
        '/* a\n b */\n.a :is(p, li) > b:hover {\n  color: red;  --x: #fff;\n  content: "✓ x";\n}\n'
        "@media print { a { top: 0 } }\n"
    )
    assert compact("x.css", text) == '.a :is(p,li)>b:hover{color:red;--x:#fff;content:"✓ x"}@media print{a{top:0}}\n'


def test_a_script_loses_comments_and_space_but_nothing_that_means_something() -> None:
    text = '// a\nvar u = "http://x"; // b\n  // c\n    go(u, /a b/ );\n\n'
    assert compact("x.js", text) == 'var u="http://x";go(u,/a b/);\n'


def test_other_files_stay_as_they_are() -> None:
    assert compact("x.svg", "<svg>\n  </svg>") == "<svg>\n  </svg>"


@pytest.mark.parametrize(
    "name", ["barlow.css", "frame.css", "hosted.css", "annotate.css", "people.css", "overview.css"]
)
def test_braces_of_our_style_sheets_are_in_pairs_and_outside_of_strings(name: str) -> None:
    text = (templates_folder() / "assets" / name).read_text(encoding="utf-8")
    assert text.count("{") == text.count("}") == compact(name, text).count("}")
