"""Every rate that a reader sees is counted again: from the images and the rules as they are printed.

The site is of a real explanation, once with images held out and once with shuffles. What pages say is read from their
HTML, and the rules from the download; nothing here uses what the package computed them with.
"""

import csv
import dataclasses
import html
import io
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pytest

from barlow_report.config import RulesConfig
from barlow_report.report import build_site
from barlow_report.rules import explain_failures
from tests.report.conftest import Built
from tests.report.synthetic import Recipe, synthetic_source
from tests.rules.synthetic import Data, draw

Booleans = npt.NDArray[np.bool_]
Pair = tuple[int, int]

DATA = draw(n_images=1600)
CONDITION = re.compile(r"feature (\d+) ([≤>]) (−?[\d.e-]+)")
RATE = re.compile(r"([\d.]+) %\s*<small[^>]*>([\d ]+)/([\d ]+)")
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

    def group(self, grouping: str, class_id: int) -> Booleans:
        """The images of a group."""
        classes = self.data.labels if grouping == "label" else self.data.predictions
        members: Booleans = classes == class_id
        return members

    def leaf(self, row: dict[str, str]) -> Booleans:
        """The images of a leaf, by its printed rule."""
        inside = self.group(row["grouping"], int(row["class_id"]))
        for feature, sign, number in CONDITION.findall(row["rule"]):
            values = self.data.features[:, int(feature)].astype(np.float64)
            at_most = values <= float(number.replace("−", "-"))
            inside &= at_most if sign == "≤" else ~at_most
        return inside

    def rows(self) -> Iterator[dict[str, str]]:
        yield from csv.DictReader(io.StringIO(self.built.text("data/rules.csv")))

    def pages(self) -> Iterator[tuple[str, str]]:
        for pattern in ("*index.html", "classes/**/index.html", "failure-modes/**/index.html", "features/*/index.html"):
            for path in sorted(self.built.site.glob(pattern)):
                yield str(path.relative_to(self.built.site)), path.read_text(encoding="utf-8")


@pytest.fixture(scope="module", params=["held_out", "shuffles"])
def recounted(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Recounted:
    """The site of a small run in which rules are found."""
    folder = tmp_path_factory.mktemp(request.param)
    settings = RulesConfig.model_validate({"evidence": request.param, "max_depth": 2, "n_shuffles": 199})
    names = ["mug", "vase", "purse", "jug"]
    found = explain_failures(DATA.features, DATA.labels, DATA.predictions, class_names=names, settings=settings)
    source = synthetic_source(folder / "run", Recipe(n_classes=4, n_per_class=len(DATA.labels) // 4))
    images = source.tables["images"].assign(label=DATA.labels, prediction=DATA.predictions)
    tables = {name: source.tables[name] for name in ("classes", "skipped")}
    tables |= {"images": images, **found.tables}
    config = {**source.info["config"], "rules": settings.model_dump(mode="json")}
    source = dataclasses.replace(source, tables=tables, info={**source.info, "config": config}, charts={})
    build_site(source, site=folder / "site")
    held_out = (found.splits["split"] == "held_out").to_numpy()
    return Recounted(Built(source, folder / "site"), request.param, DATA, held_out)


def percent(share: Fraction, decimals: int) -> str:
    """A share as text, halves rounded up."""
    scaled = math.floor(share * 100 * 10**decimals + Fraction(1, 2))
    return f"{scaled // 10**decimals}" + (f".{scaled % 10**decimals:0{decimals}d}" if decimals else "")


def count(images: Booleans, among: Booleans) -> Pair:
    return int((images & among).sum()), int(among.sum())


def said(page: str) -> str:
    """The text of a page, with plain spaces."""
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", page)).replace("\u202f", " "))


def test_every_failure_mode_is_said_with_the_rate_that_its_printed_rule_gives(recounted: Recounted) -> None:
    rules = recounted.built.source.tables["rules"].set_index("rule_id")
    expected = {}
    for row in recounted.rows():
        leaf, group = recounted.leaf(row), recounted.group(row["grouping"], int(row["class_id"]))
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
    on_classes = {words for path, found in shown.items() if path.startswith("classes") for words in found}
    assert {expected[rule_id] for rule_id in modes} <= on_classes
    assert shown["index.html"]


def _of_groups(recounted: Recounted, part: Booleans) -> set[Pair]:
    """Rates of groups and leaves, and what leaves cover, among some images."""
    pairs = set()
    for row in recounted.rows():
        group, leaf = (images & part for images in (_group(recounted, row), recounted.leaf(row)))
        pairs |= {count(recounted.fails, group), count(recounted.fails, leaf), count(leaf, group & recounted.fails)}
    return pairs


def _group(recounted: Recounted, row: dict[str, str]) -> Booleans:
    return recounted.group(row["grouping"], int(row["class_id"]))


def _of_classes(recounted: Recounted) -> set[Pair]:
    """What classes are taken for, and how well they are recognised."""
    labels, predictions, fails = recounted.data.labels, recounted.data.predictions, recounted.fails
    everything = np.ones_like(fails)
    pairs = {count(fails, everything), count(~fails, everything)}
    for a in range(4):
        label, taken = labels == a, predictions == a
        pairs.add((2 * int((label & taken).sum()), int(label.sum() + taken.sum())))  # F1
        for group in (label, taken):
            pairs |= {count(fails, group), count(~fails, group)}
            for b in range(4):
                other = (predictions if group is label else labels) == b
                pairs.add(count(other, group & fails))
    return pairs


def _by_depth(page: str) -> Iterator[tuple[int, str]]:
    """The parts of a page, and in how many folded sections each is."""
    depth = 0
    for part in DETAILS.split(page):
        depth += {"<details": 1, "</details": -1}.get(part, 0)
        yield depth, part


def test_every_rate_beside_its_counts_is_that_of_images_that_can_be_counted(recounted: Recounted) -> None:
    everything = np.ones_like(recounted.held_out)
    tested = recounted.held_out if recounted.evidence == "held_out" else everything
    known = _of_classes(recounted) | _of_groups(recounted, everything) | _of_groups(recounted, tested)
    known |= _of_confidence(recounted)
    as_seen = _of_groups(recounted, ~recounted.held_out)
    n_checked = 0
    for path, page in recounted.pages():
        for depth, text in _by_depth(page):
            for rate, *counts in RATE.findall(text.replace("\u202f", " ")):
                k, n = (int(number.replace(" ", "")) for number in counts)
                assert rate == percent(Fraction(k, n), len(rate.partition(".")[2])), (path, rate, k, n)
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


def test_printed_rules_on_pages_are_those_of_the_download(recounted: Recounted) -> None:
    rules = {row["rule"] for row in recounted.rows()}
    for path, page in recounted.pages():
        for code in re.findall(r"<code>(feature [^<]*)</code>", page):
            assert html.unescape(code) in rules, path


def test_what_verified_modes_explain_is_counted_once_and_said_so_on_the_overview(recounted: Recounted) -> None:
    table = recounted.built.source.tables["explained"]
    run = table[table["scope"] == "run"].iloc[0]
    part = recounted.held_out if recounted.evidence == "held_out" else np.ones_like(recounted.held_out)
    inside = np.zeros_like(part)
    for row in recounted.rows():
        if row["verdict"] == "verified":
            inside |= recounted.leaf(row)
    assert (run["n_images_in_verified_held_out"], run["n_images_held_out"]) == count(inside, part)
    failing = count(inside, part & recounted.fails)
    if recounted.evidence == "held_out":
        assert (run["n_failures_in_verified_held_out"], run["n_failures_held_out"]) == failing
    else:
        assert run["n_failures_held_out"] == failing[1]
        assert 0 < run["n_failures_in_verified_held_out"] <= failing[0]
    shares = [
        percent(Fraction(int(run[f"n_{name}_in_verified_held_out"]), int(run[f"n_{name}_held_out"])), 0)
        for name in ("failures", "images")
    ]
    overview = said(recounted.built.text("index.html"))
    assert f"{shares[0]} % of the failures in {shares[1]} % of the images" in overview
    n_verified = sum(row["verdict"] == "verified" for row in recounted.rows())
    assert f"{n_verified} known condition" in overview
