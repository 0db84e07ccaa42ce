"""The page of a feature: how it is distributed in the groups whose rules use it."""

import json
import re

from tests.report.conftest import Built


def _of_feature(demo: Built, feature_id: int) -> tuple[set[int], set[int]]:
    """The groups whose rules use a feature, and those of them with a failure mode that does."""
    rules = demo.source.tables["rules"].set_index("rule_id")
    conditions = demo.source.tables["conditions"]
    used = rules.loc[conditions.loc[conditions["feature_id"] == feature_id, "rule_id"]]
    return set(used["group_id"]), set(used.loc[used["is_failure_mode"], "group_id"])


def test_each_group_has_its_own_distribution_and_all_images_come_last(demo: Built) -> None:
    names = demo.source.tables["groups"].set_index("group_id")["name"]
    for feature_id in demo.source.tables["conditions"]["feature_id"].unique()[:4].tolist():
        groups, with_modes = _of_feature(demo, feature_id)
        page = demo.text(f"features/{feature_id}/index.html")
        found = page[page.index('id="distribution"') : page.index('id="triptychs"')]
        headings = re.findall(r'<h3 class="small">(?:<a [^>]*>)?([^<]+)', found)
        assert headings[-1] == "All images"
        assert sorted(words.split()[-1] for words in headings[:-1]) == sorted(names[g].split()[-1] for g in groups)
        assert found.count("<svg") == len(groups) + 1
        assert found.count('class="tri spread"') == len(with_modes) + 1
        twin = json.loads(demo.text(f"features/{feature_id}/feature.json"))
        assert {d["group_id"] for d in twin["distributions"] if d["histogram"]} == groups
        assert {d["group_id"] for d in twin["distributions"] if d["quantiles"]} == with_modes


def test_silent_images_are_counted_in_words_beside_their_bar(demo: Built) -> None:
    histograms = demo.source.tables["group_histograms"]
    silent = histograms.loc[histograms["low"] == histograms["high"], "feature_id"].iloc[0]
    page = demo.text(f"features/{silent}/index.html")
    assert "first bar: 90 images, 30 failures at exactly 0, cut" in page
    assert "with 90 images, 30 failures at exactly 0" in page
    assert '<path class="cut"' in page
