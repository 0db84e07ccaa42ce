"""The page in front of the reports on each output."""

import re
from dataclasses import replace

import numpy as np

from barlow_report.binary_measures import measure
from barlow_report.report.outputs_page import OutputEntry, OutputsIndex, outputs_page

HOSTILE = "<b>|* \u202e"


def entry(name: str, labels: list[int], numbers: list[float], **values: object) -> OutputEntry:
    found = np.array(numbers)
    usual = {
        "name": name,
        "path": f"{name}/index.html",
        "n_images": len(labels),
        "n_positive": sum(labels),
        "measures": measure(np.array(labels, dtype=bool), found >= 0.5, found, level=0.9),
        "n_verified": 3,
        "threshold": 0.123456,
    }
    return OutputEntry(**{**usual, **values})  # type: ignore[arg-type]


ENTRIES = (
    entry("good", [1, 1, 0, 0], [0.9, 0.8, 0.1, 0.2]),
    entry("alone", [0, 0], [0.1, 0.2]),
    entry("bad", [1, 1, 0, 0], [0.1, 0.8, 0.1, 0.7], n_images=1200),
    entry(HOSTILE, [1, 0, 0], [0.9, 0.8, 0.1], path="b/index.html"),
)
INDEX = OutputsIndex(
    title=HOSTILE,
    entries=ENTRIES,
    left_out=(("zebra", "none of the 4 images with a label is positive"), (HOSTILE, "no image has a label for it")),
    level=0.9,
    max_q_value=0.1,
    is_held_out=False,
)


def chosen_for(measure: str) -> tuple[OutputEntry, ...]:
    return tuple(replace(one, maximises=measure) for one in ENTRIES)


def rows(page: str) -> list[list[str]]:
    found = re.findall(r"<tr.*?</tr>", page, re.DOTALL)
    return [
        [" ".join(re.sub(r"<[^>]+>", " ", cell).split()) for cell in re.findall(r"<t[hd].*?</t[hd]>", row, re.DOTALL)]
        for row in found
    ]


def test_the_worst_come_first_and_what_is_not_defined_last() -> None:
    found = rows(outputs_page(INDEX))
    assert [row[0] for row in found[1:]] == ["bad", "&lt;b&gt;|* \ufffd", "good", "alone"]
    assert found[1][1:] == [
        "2 0.2 % of 1 200",
        "50.0 % 23–77 %",
        "0.500 0.145–0.855",
        "0.625 0.204–0.913",
        "3",
        "0.123",
    ]
    assert found[4][2:5] == ["–", "–", "–"]


def test_names_are_text_and_nothing_is_loaded() -> None:
    page = outputs_page(INDEX)
    assert "<b>|*" not in page
    assert "\u202e" not in page
    assert "default-src 'none'" in page
    assert not re.search(r"(src|href)=\"https?:", page)
    assert "nan" not in re.sub(r"<style.*?</style>", "", page, flags=re.DOTALL).lower()


def test_it_says_what_has_no_report_and_what_numbers_are_of() -> None:
    page = " ".join(outputs_page(INDEX).split())
    assert "zebra: none of the 4 images with a label is positive" in page
    assert "are of all images with a label for the output" in page
    assert "its 90 % interval" in page
    assert "(q ≤ 0.1 in each grouping), <b>not over all outputs together</b>" in page
    held_out = replace(INDEX, is_held_out=True, left_out=(), entries=chosen_for("F1"))
    page = " ".join(outputs_page(held_out).split())
    assert "without a report" not in page
    assert "are of the held-out images, on which no rule was found" in page
    assert "the one with the largest F1 on the images that are not held out" in page
    assert rows(page)[0][2] == "Held out"
    assert rows(page)[3][2] == "4 2 positive"


def test_chosen_thresholds_make_measures_of_all_images_too_high() -> None:
    page = " ".join(outputs_page(replace(INDEX, entries=chosen_for("balanced accuracy"))).split())
    assert "so the balanced accuracy and F1 above are a little too high" in page
