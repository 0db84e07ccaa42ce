"""Charts: valid, repeatable SVG that holds what it says."""

from xml.etree import ElementTree

import pandas as pd
import pytest

from barlow_report.visuals.charts import error_rate_by_class, tree_gain

HOSTILE = ["dog", "$x_1$", "</text><script>alert(1)</script>", "c" * 300, ""]


def _classes(names: list[str]) -> pd.DataFrame:
    return pd.DataFrame({"name": names, "n_images": 100, "n_failures": range(10, 10 + len(names))})


def test_bars_name_every_class_as_text() -> None:
    chart = error_rate_by_class(_classes(HOSTILE))
    for svg in (chart.light, chart.dark):
        texts = [t.text or "" for t in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]  # noqa: S314
        assert {"dog", "$x_1$"} <= set(texts)
        assert any(t.startswith("</text><script>") for t in texts)
        assert max(map(len, texts)) < 60
        assert "<script" not in svg
    assert chart.light != chart.dark


def test_only_the_worst_of_many_classes_are_drawn_and_it_is_said() -> None:
    chart = error_rate_by_class(_classes([f"class {i}" for i in range(80)]))
    assert ">class 79<" in chart.light
    assert ">class 10<" not in chart.light
    assert "The 25 classes with the highest rates are shown." in chart.alt
    assert "Highest: class 79, 89%." in chart.alt


def test_the_same_numbers_give_the_same_bytes() -> None:
    assert error_rate_by_class(_classes(HOSTILE)) == error_rate_by_class(_classes(HOSTILE))


@pytest.mark.parametrize("held_out", [0.3, float("nan")])
def test_tree_gain_works_with_and_without_held_out_images(held_out: float) -> None:
    groups = pd.DataFrame(
        {
            "base_error_rate": [0.2, 0.4],
            "average_leaf_error_rate": [0.5, 0.5],
            "base_error_rate_held_out": held_out,
            "average_leaf_error_rate_held_out": held_out + 0.1,
        }
    )
    chart = tree_gain(groups)
    assert "Mean on fitted images: 0.200" in chart.alt
    assert ("held-out images: 0.100" in chart.alt) == (held_out == held_out)
    ElementTree.fromstring(chart.dark)  # noqa: S314 - our own text
