"""The failure modes of an explanation in words, for people at a keyboard."""

import numpy as np
import pandas as pd
import pytest

import barlow_report
from barlow_report.rules import Explanation, explain_failures


@pytest.fixture(scope="module")
def explanation() -> Explanation:
    rng = np.random.default_rng(0)
    names = ["handle", "<b>gold</b>", "spots"]
    features = pd.DataFrame(rng.normal(size=(600, 3)).astype("float32"), columns=names)
    labels = np.array(["vase", "mug"])[rng.integers(0, 2, 600)]
    fails = (labels == "mug") & (features["<b>gold</b>"] < -0.3) & (rng.random(600) < 0.9)
    predictions = np.where(fails, "vase", labels)
    settings = barlow_report.RulesConfig(n_shuffles=199, n_resamples=0)
    return explain_failures(features, labels, predictions, settings=settings)


def test_columns_of_a_table_and_names_of_classes_are_kept(explanation: Explanation) -> None:
    assert explanation.feature_names == ("handle", "<b>gold</b>", "spots")
    modes = explanation.modes
    first = modes.iloc[0]
    assert (first["grouping"], first["group"], first["verdict"]) == ("label", "mug", "verified")
    assert first["rule"].startswith("<b>gold</b> ≤ ")
    rule = explanation.rules.set_index("rule_id").loc[first["rule_id"]]
    assert first["error_rate"] == rule["error_rate_held_out"]
    assert first["error_rate_low"] <= first["error_rate"] <= first["error_rate_high"]
    assert len(modes) == explanation.rules["verdict"].notna().sum()


def test_a_rule_in_words_has_the_counts_of_the_rule(explanation: Explanation) -> None:
    threshold = float(explanation.modes.iloc[0]["rule"].rsplit(" ", 1)[1].replace("−", "-"))
    rng = np.random.default_rng(0)
    gold = rng.normal(size=(600, 3)).astype("float32")[:, 1]
    mugs = rng.integers(0, 2, 600) == 1
    assert int((mugs & (gold <= threshold)).sum()) == explanation.modes.iloc[0]["n_images"]


def test_a_notebook_shows_them_with_names_as_text(explanation: Explanation) -> None:
    html = explanation._repr_html_()
    assert "&lt;b&gt;gold&lt;/b&gt;" in html
    assert "<b>gold" not in html
    assert "nan" not in html.lower()
    assert "1 verified" in html or "verified</p>" in html


def test_a_console_shows_them_in_a_few_lines(explanation: Explanation) -> None:
    first, header, *rows = repr(explanation).splitlines()
    assert (
        first
        == f"{len(explanation.modes)} failure modes, {(explanation.modes['verdict'] == 'verified').sum()} verified"
    )
    assert header.split()[:3] == ["rule_id", "grouping", "group"]
    assert len(rows) == len(explanation.modes)


def test_without_failure_modes_the_table_is_empty() -> None:
    features = np.random.default_rng(1).normal(size=(60, 2)).astype("float32")
    labels = np.arange(60) % 2
    found = explain_failures(features, labels, labels, settings=barlow_report.RulesConfig(n_shuffles=99))
    assert found.modes.empty
    assert found.feature_names == ()
    assert "0 failure modes, 0 verified" in found._repr_html_()
    assert repr(found) == "0 failure modes, 0 verified"
