"""Every rate that a reader sees is counted again: from the images and the rules as they are printed.

The site is of a real explanation, once with images held out and once with shuffles. What pages say is read from their
HTML, and the rules from the download; nothing here uses what the package computed them with.
"""

import csv
import dataclasses
import html
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from statistics import fmean

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from barlow_report.config import RulesConfig
from barlow_report.report import build_site
from barlow_report.rules import explain_failures, group_by_column
from barlow_report.significance import wilson_interval
from tests.report.conftest import Built
from tests.report.recounting import Booleans, Pair, cells, count, percent, rates, said, table_rows
from tests.report.synthetic import Recipe, synthetic_source
from tests.rules.synthetic import Data, draw

DATA = draw(n_images=1600)
SITES = ["north" if feature < 0.3 else "south" for feature in DATA.features[:, 9]]
CONDITION = re.compile(r"feature (\d+) ([≤>]) (−?[\d.e-]+)")
WRONG = re.compile(r"(about )?([\d.]+) % fail instead of ([\d.]+) % \(([^()]*)\)")
DETAILS = re.compile(r"(</?details\b)")


@dataclass(frozen=True)
class Recounted:
    """A built site, what kind of evidence it has, and who is in which leaf by the printed rules."""

    built: Built
    evidence: str
    data: Data
    held_out: Booleans

    @property
    def fails(self) -> Booleans:
        return np.not_equal(self.data.labels, self.data.predictions)

    @property
    def tested(self) -> Booleans:
        """The images in evidence."""
        return self.held_out if self.evidence == "held_out" else np.ones_like(self.held_out)

    @property
    def groups(self) -> pd.DataFrame:
        return self.built.source.tables["groups"].set_index("group_id")

    def group(self, group_id: int) -> Booleans:
        """The images of a group."""
        group = self.groups.loc[group_id]
        if group["grouping"] in ("label", "prediction"):
            classes = self.data.labels if group["grouping"] == "label" else self.data.predictions
            members: Booleans = classes == group["class_id"]
            return members
        table, members = self.built.source.tables["memberships"], np.zeros_like(self.held_out)
        members[table.loc[table["group_id"] == group_id, "image_id"]] = True
        return members

    def leaf(self, row: dict[str, str]) -> Booleans:
        """The images of a leaf, by its printed rule."""
        inside = self.group(int(row["group_id"]))
        for feature, sign, number in CONDITION.findall(row["rule"]):
            values = self.data.features[:, int(feature)].astype(np.float64)
            at_most = values <= float(number.replace("−", "-"))
            inside &= at_most if sign == "≤" else ~at_most
        return inside

    def rows(self) -> Iterator[dict[str, str]]:
        yield from csv.DictReader(io.StringIO(self.built.text("data/rules.csv")))

    def pages(self) -> Iterator[tuple[str, str]]:
        for path in sorted(self.built.site.rglob("index.html")):
            yield str(path.relative_to(self.built.site)), path.read_text(encoding="utf-8")


@pytest.fixture(scope="module", params=["held_out", "shuffles"])
def recounted(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Recounted:
    """The site of a small run in which rules are found, of classes and of groups of every other kind."""
    folder = tmp_path_factory.mktemp(request.param)
    further = {"confused_pairs": 2, "unions": {"tableware": ["mug", "vase"]}, "n_permutations": 20}
    settings = RulesConfig.model_validate({"evidence": request.param, "max_depth": 2, "n_shuffles": 199, **further})
    names = ["mug", "vase", "purse", "jug"]
    found = explain_failures(
        DATA.features,
        DATA.labels,
        DATA.predictions,
        class_names=names,
        settings=settings,
        groupings=[group_by_column("site", SITES)],
    )
    source = synthetic_source(folder / "run", Recipe(n_classes=4, n_per_class=len(DATA.labels) // 4))
    images = source.tables["images"].assign(label=DATA.labels, prediction=DATA.predictions)
    tables = {name: source.tables[name] for name in ("classes", "skipped")}
    tables |= {"images": images, **found.tables}
    config = {**source.info["config"], "rules": settings.model_dump(mode="json")}
    source = dataclasses.replace(source, tables=tables, info={**source.info, "config": config}, charts={})
    build_site(source, site=folder / "site")
    held_out = (found.splits["split"] == "held_out").to_numpy()
    return Recounted(Built(source, folder / "site"), request.param, DATA, held_out)


def test_every_failure_mode_is_said_with_the_rate_that_its_printed_rule_gives(recounted: Recounted) -> None:
    rules = recounted.built.source.tables["rules"].set_index("rule_id")
    expected = {}
    for row in recounted.rows():
        leaf, group = recounted.leaf(row), recounted.group(int(row["group_id"]))
        if recounted.evidence == "held_out":
            k, n = count(recounted.fails, leaf & recounted.held_out)
            base = Fraction(*count(recounted.fails, group & recounted.held_out))
            words = ("", percent(Fraction(k, n), 0) if n else "", f"{k} of {n} held-out image{'s' * (n != 1)}")
        else:
            base, rule = Fraction(*count(recounted.fails, group)), rules.loc[int(row["rule_id"])]
            rate, low, high = (
                percent(Fraction(repr(float(rule[f"error_rate_held_out{end}"]))), 0) for end in ("", "_low", "_high")
            )
            n = int(leaf.sum())
            words = ("about ", rate, f"{low}–{high} %, estimated from {n} image{'s' * (n != 1)}")
        expected[row["rule_id"]] = (*words[:2], percent(base, 0), words[2])
    modes = [row["rule_id"] for row in recounted.rows() if row["is_failure_mode"] == "True"]
    assert len(modes) >= 4
    shown = {path: WRONG.findall(said(page).replace("About ", "about ")) for path, page in recounted.pages()}
    for path, found in shown.items():
        assert set(found) <= set(expected.values()), path
    for rule_id in modes:
        assert expected[rule_id] in shown[f"failure-modes/{rule_id}/index.html"]
    in_full = {words for path, found in shown.items() if path.startswith(("classes", "groups")) for words in found}
    assert {expected[rule_id] for rule_id in modes} <= in_full
    assert shown["index.html"]


def _of_groups(recounted: Recounted, part: Booleans) -> set[Pair]:
    """Rates of groups and leaves, and what leaves cover, among some images."""
    pairs = set()
    for row in recounted.rows():
        group, leaf = (images & part for images in (recounted.group(int(row["group_id"])), recounted.leaf(row)))
        pairs |= {count(recounted.fails, group), count(recounted.fails, leaf), count(leaf, group & recounted.fails)}
    return pairs


def _of_classes(recounted: Recounted) -> set[Pair]:
    """What classes and groups are taken for, and how well classes are recognised."""
    labels, predictions, fails = recounted.data.labels, recounted.data.predictions, recounted.fails
    everything = np.ones_like(fails)
    pairs = {count(fails, everything)} | _right(recounted)
    for a in range(4):
        label, taken = labels == a, predictions == a
        pairs.add((2 * int((label & taken).sum()), int(label.sum() + taken.sum())))  # F1
        for group in (label, taken):
            pairs |= {count((predictions if group is label else labels) == b, group & fails) for b in range(4)}
    for group_id in recounted.groups.index:
        group = recounted.group(int(group_id))
        pairs.add(count(fails, group))
        pairs |= {count((labels == a) & (predictions == b), group & fails) for a in range(4) for b in range(4)}
    return pairs


def _right(recounted: Recounted) -> set[Pair]:
    """Images that are right: of all, of each label, and of each prediction."""
    data = recounted.data
    groups = [np.ones_like(recounted.fails), *(ids == a for ids in (data.labels, data.predictions) for a in range(4))]
    return {count(~recounted.fails, group) for group in groups}


def _by_depth(page: str) -> Iterator[tuple[int, str]]:
    """The parts of a page, and in how many folded sections each is."""
    depth = 0
    for part in DETAILS.split(page):
        depth += {"<details": 1, "</details": -1}.get(part, 0)
        yield depth, part


def test_every_rate_beside_its_counts_is_that_of_images_that_can_be_counted(recounted: Recounted) -> None:
    everything, right = np.ones_like(recounted.held_out), _right(recounted)
    known = _of_classes(recounted) | _of_groups(recounted, everything) | _of_groups(recounted, recounted.tested)
    known |= _of_confidence(recounted) | _of_explained(recounted)
    as_seen = _of_groups(recounted, ~recounted.held_out)
    n_checked = 0
    for path, page in recounted.pages():
        for depth, text in _by_depth(page):
            for rate, (k, n) in rates(text):
                written = [
                    percent(Fraction(k, n), len(rate.partition(".")[2]), is_rest=is_rest) for is_rest in (False, True)
                ]
                assert rate == written[0] or (rate == written[1] and (k, n) in right), (path, rate, k, n)
                assert (k, n) in known or (depth and (k, n) in as_seen), (path, k, n)
                n_checked += 1
    assert n_checked > 100


def _of_confidence(recounted: Recounted) -> set[Pair]:
    """How many images the model is at least so sure of, and how many of these fail."""
    confidence = recounted.built.source.tables["images"]["confidence"].to_numpy()
    pairs = set()
    for least in np.arange(0, 1, 0.01).round(2):
        sure = confidence >= least
        pairs |= {count(sure, np.ones_like(sure)), count(recounted.fails, sure)}
    return pairs


def _of_explained(recounted: Recounted) -> set[Pair]:
    """How many images and failures modes cover; the counts themselves are counted again below."""
    table = recounted.built.source.tables["explained"]
    table = table[table["scope"] != "group"]
    return {
        (int(row[f"n_{what}_in_{which}"]), int(row[f"n_{what}{of}"]))
        for row in table.to_dict("records")
        for what in ("failures", "images")
        for which, of in (("modes", ""), ("verified_held_out", "_held_out"))
    }


def test_printed_rules_on_pages_are_those_of_the_download(recounted: Recounted) -> None:
    rules = {row["rule"] for row in recounted.rows()}
    for path, page in recounted.pages():
        for code in re.findall(r"<code>(feature [^<]*)</code>", page):
            assert html.unescape(code) in rules or path == "method/index.html", path  # which has an example


@dataclass(frozen=True)
class Covered:
    """Images in modes of some groups: in verified ones, in any, and what verified ones cover of the failures."""

    members: Booleans
    modes: Booleans
    verified: Booleans
    shares: npt.NDArray[np.float64]
    n_verified: int


def _covered(recounted: Recounted, grouping: str | None) -> Covered:
    """Who is in the modes of the groups of a grouping, or of all, by the printed rules.

    With shuffles a failure counts with what the estimated rate of its mode is of the rate that was seen.
    """
    rules = recounted.built.source.tables["rules"].set_index("rule_id")
    nobody = np.zeros_like(recounted.held_out)
    members, modes, verified, shares, n = nobody.copy(), nobody.copy(), nobody.copy(), nobody.astype(float), 0
    for group_id, group in recounted.groups.iterrows():
        if grouping in (None, group["grouping"]):
            members |= recounted.group(int(str(group_id)))
    for row in recounted.rows():
        if grouping not in (None, row["grouping"]) or row["is_failure_mode"] != "True":
            continue
        leaf = recounted.leaf(row)
        modes |= leaf
        if row["verdict"] == "verified":
            n += 1
            verified |= leaf
            share = 1.0
            if recounted.evidence == "shuffles":
                k, of = count(recounted.fails, leaf)
                share = min(1.0, float(rules.loc[int(row["rule_id"]), "error_rate_held_out"]) * of / k)
            shares = np.maximum(shares, leaf * share)
    return Covered(members, modes, verified, shares, n)


def _parts(recounted: Recounted) -> tuple[Booleans, Booleans]:
    """The images that rules are found on, and those in evidence."""
    return (~recounted.held_out if recounted.evidence == "held_out" else recounted.tested), recounted.tested


def test_what_modes_explain_is_counted_once_and_said_so_on_the_evaluation(recounted: Recounted) -> None:
    page, (fit, tested) = recounted.built.text("evaluation/index.html"), _parts(recounted)
    rows = cells(page, "Table of failures explained")
    groupings = recounted.groups["grouping"].drop_duplicates().tolist()
    assert len(rows) == 1 + len(groupings)
    for row, grouping in zip(rows, [None, *groupings], strict=True):
        found = _covered(recounted, grouping)
        failing = found.members & recounted.fails & tested
        shown = (
            (round(float(found.shares[failing].sum())), int(failing.sum())),
            count(found.verified, found.members & tested),
            count(found.modes, found.members & recounted.fails & fit),
        )
        assert row[1:] == [str(found.n_verified), *(f"{percent(Fraction(k, n), 1)} % {_ratio(k, n)}" for k, n in shown)]


def _ratio(k: int, n: int) -> str:
    return f"{k:,}/{n:,}".replace(",", " ")


def test_what_verified_modes_explain_is_said_on_the_overview(recounted: Recounted) -> None:
    found, tested = _covered(recounted, None), recounted.tested
    failing = recounted.fails & tested
    shares = [
        percent(Fraction(round(float(found.shares[failing].sum())), int(failing.sum())), 0),
        percent(Fraction(*count(found.verified, tested)), 0),
    ]
    overview = said(recounted.built.text("index.html"))
    assert f"{shares[0]} % of the failures in {shares[1]} % of the images" in overview
    assert f"{found.n_verified} known condition" in overview


def test_the_evaluation_adds_up_what_the_trees_of_its_groups_gain(recounted: Recounted) -> None:
    tables = recounted.built.source.tables
    trees = tables["evaluations"].merge(tables["groups"][["group_id", "grouping"]], on="group_id")
    rows = iter(cells(recounted.built.text("evaluation/index.html"), "Table of what trees find"))
    for grouping in dict.fromkeys(tables["groups"]["grouping"]):
        n_groups = int((tables["groups"]["grouping"] == grouping).sum())
        for depth in (1, 3):
            found = trees[(trees["grouping"] == grouping) & (trees["depth"] == depth)]
            tested = found.dropna(subset="tree_gain_held_out")
            chance = (1 - tested["base_error_rate_held_out"]) / (tested["n_images_held_out"] - 1)
            row = next(rows)
            assert row[1:7] == [
                str(depth),
                f"{len(found)}/{n_groups}",
                f"{found['is_failure_mode'].sum()}/{len(found)}",
                f"{int(tested['is_failure_mode_held_out'].sum())}/{len(tested)}",
                f"{fmean(found['tree_gain']):.3f}",
                f"{fmean(tested['tree_gain_held_out']):.3f}",
            ]
            if depth == 1:  # two leaves
                assert row[7] == f"{fmean(chance):.3f}"
    assert next(rows, None) is None


def test_noise_floors_are_counted_on_the_evaluation(recounted: Recounted) -> None:
    page, groups = recounted.built.text("evaluation/index.html"), recounted.groups.dropna(subset="noise_floor")
    if recounted.evidence == "shuffles":
        assert "Not computed: the rules of this run were compared with those for shuffled failures." in said(page)
        return
    rows = cells(page, "Table of noise floors")
    assert len(rows) == groups["grouping"].nunique() >= 4
    for row, (_, found) in zip(rows, groups.groupby("grouping", sort=False), strict=True):
        gains = found["average_leaf_error_rate"] - found["base_error_rate"]
        floors = found["noise_floor"]
        n_above = int((gains > floors).sum())
        assert row[1:] == [f"{n_above}/{len(found)} groups", f"{fmean(gains):.3f}", f"{fmean(floors):.3f}"]


def test_the_table_of_groups_counts_their_images_and_modes(recounted: Recounted) -> None:
    rows = table_rows(recounted.built, "groups")
    assert len(rows) == len(recounted.groups) - 8
    html_rates = list(rates(recounted.built.text("groups/index.html")))
    assert html_rates == [(percent(Fraction(*row["ber"]), 1), row["ber"]) for row in rows]
    for row in rows:
        group_id = int(re.findall(r"groups/(\d+)/", row["group"][1])[0])
        modes = [r for r in recounted.rows() if int(r["group_id"]) == group_id and r["is_failure_mode"] == "True"]
        assert row["ber"] == count(recounted.fails, recounted.group(group_id))
        assert row["modes"] == len(modes)
        assert row["verified"] == sum(mode["verdict"] == "verified" for mode in modes)


def test_the_table_of_failure_modes_has_the_rates_that_printed_rules_give(recounted: Recounted) -> None:
    rules = recounted.built.source.tables["rules"].set_index("rule_id")
    printed = {int(row["rule_id"]): row for row in recounted.rows() if row["is_failure_mode"] == "True"}
    rows = table_rows(recounted.built, "failure-modes")
    assert len(rows) == len(printed)
    fails, tested = recounted.fails, recounted.tested
    for row in rows:
        rule_id = int(row["rule"][1].partition("#rule-")[2])
        rule = printed.pop(rule_id)
        leaf, group = recounted.leaf(rule), recounted.group(int(rule["group_id"]))
        assert row["ber"] == count(fails, group & tested)
        assert row["n"] == int((leaf & tested).sum())
        assert row["images"][0] in (f"all {int(leaf.sum())}", "some")
        if recounted.evidence == "held_out":
            assert row["er"] == count(fails, leaf & tested)
            assert row["ec"] == count(leaf, group & fails & tested)
            importance = Fraction(*row["er"]) * Fraction(*row["ec"])
        else:
            estimates = rules.loc[rule_id]
            assert row["er"] == estimates["error_rate_held_out"] < Fraction(*count(fails, leaf))
            assert row["ec"] == pytest.approx(row["er"] * int(leaf.sum()) / int((group & fails).sum()))
            importance = row["er"] * row["ec"]
        assert row["iv"] == pytest.approx(float(importance))
    assert not printed


def test_the_table_of_failure_modes_says_its_intervals(recounted: Recounted) -> None:
    page = said(recounted.built.text("failure-modes/index.html"))
    rules = recounted.built.source.tables["rules"].set_index("rule_id")
    for row in table_rows(recounted.built, "failure-modes"):
        rule = rules.loc[int(row["rule"][1].partition("#rule-")[2])]
        for key, name in (("er", "error_rate"), ("ec", "error_coverage")):
            ends: tuple[float, ...] = tuple(rule[f"{name}_held_out_{end}"] for end in ("low", "high"))
            value, counts = rule[f"{name}_held_out"], ""
            if recounted.evidence == "held_out":
                k, n = row[key]
                value, counts = k / n, f"{_ratio(k, n)} · "
                assert ends == pytest.approx(tuple(float(end) for end in wilson_interval(k, n)))
            assert ends[0] <= value <= ends[1]
            low, high = (percent(Fraction(repr(float(end))), 0) for end in ends)
            assert f"{percent(Fraction(repr(float(value))), 1)} % {counts}{low}–{high} %" in page


def test_the_table_of_joint_modes_has_base_rates_that_can_be_counted(recounted: Recounted) -> None:
    if recounted.evidence == "held_out":
        assert not (recounted.built.site / "joint-modes").exists()
        return
    table = recounted.built.source.tables["joint_modes"].set_index("group_id")
    names = {group["name"]: group_id for group_id, group in recounted.groups.iterrows() if group_id in table.index}
    rows, verified = table_rows(recounted.built, "joint-modes"), _verified_groups(recounted)
    assert len(rows) == len(table) == len(names) >= 6
    for row in rows:
        group_id = names[row["group"][0]]
        mode, base = table.loc[group_id], count(recounted.fails, recounted.group(int(str(group_id))))
        assert row["ber"] == base
        assert (row["er"], row["ec"], row["n"]) == (mode["error_rate"], mode["error_coverage"], mode["n_images"])
        assert row["ec"] == pytest.approx(min(1.0, row["er"] * row["n"] / base[0]))
        assert row["iv"] == pytest.approx(row["er"] * row["ec"])
        assert (row["named"] == "a rule is verified") == (group_id in verified)
    shown = [f"{percent(Fraction(*row['ber']), 1)} % {_ratio(*row['ber'])}" for row in rows]
    assert all(words in said(recounted.built.text("joint-modes/index.html")) for words in shown)


def _verified_groups(recounted: Recounted) -> set[int]:
    return {int(row["group_id"]) for row in recounted.rows() if row["verdict"] == "verified"}
