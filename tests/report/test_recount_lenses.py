"""Every rate on the pages of lenses is counted again, from the tables of a run of images, models and rules.

The run is a real one of a small task. Rules are taken as they are printed; what changed images did is known only from
the tables of the changes, and must add up on all of them.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from barlow_report import pipeline
from barlow_report.config import load_config
from barlow_report.lenses.error_types.records import ERROR_TITLES
from barlow_report.report import ReportSource
from barlow_report.run_folder import Run
from barlow_report.stages.holding_out import images_to_test_with
from tests.pipeline.toy import write_task
from tests.report.conftest import Built
from tests.report.recounting import Booleans, Pair, cells, count, percent, rates, said, table_rows

N = 90
LABEL_NOISE = ("set_aside", "overlapping", "multi_label")


@dataclass(frozen=True)
class Recounted:
    """A built site with its run, the predictions of all models, and the images that lenses hold out."""

    built: Built
    run: Run
    models: pd.DataFrame
    held_out: Booleans

    @property
    def labels(self) -> npt.NDArray[np.int64]:
        return np.asarray(self.run.read_table("images")["label"], dtype=np.int64)

    @property
    def fails(self) -> Booleans:
        fails: Booleans = np.not_equal(self.labels, self.run.read_table("images")["prediction"].to_numpy())
        return fails

    def leaf(self, conditions: pd.DataFrame, members: Booleans) -> Booleans:
        """The members that meet conditions, by the thresholds that are printed."""
        inside, features = members.copy(), self.run.features().astype(np.float64)
        for row in conditions.itertuples():
            at_most = features[:, row.feature_id] <= row.printed_threshold
            inside &= at_most if row.branch == "le" else ~at_most
        return inside

    def of_rule(self, rule_id: int) -> tuple[Booleans, Booleans]:
        """The images that meet a rule, and those of its group."""
        rule = self.run.read_table("rules").set_index("rule_id").loc[rule_id]
        group = self.run.read_table("groups").set_index("group_id").loc[rule["group_id"]]
        column = self.run.read_table("images")[group["grouping"]].to_numpy()
        conditions, members = self.run.read_table("conditions"), column == group["class_id"]
        return self.leaf(conditions[conditions["rule_id"] == rule_id], members), members

    def rates(self, path: str) -> list[tuple[str, Pair]]:
        """The rates of a page, each checked to be that of its counts."""
        found = list(rates(self.built.text(path)))
        for rate, (k, n) in found:
            decimals = len(rate.partition(".")[2])
            assert rate in {percent(Fraction(k, n), decimals, is_rest=is_rest) for is_rest in (False, True)}
        return found


@pytest.fixture(scope="module")
def recounted(tmp_path_factory: pytest.TempPathFactory) -> Recounted:
    """The toy task with every lens that its pages can have: three models, labels of people, given superclasses."""
    folder = tmp_path_factory.mktemp("lenses")
    names = [f"{colour}/{i:04d}.png" for colour in ("blue", "red") for i in range(N)]
    labels = np.repeat([0, 1], N)
    marked = (labels == 1) & (np.arange(2 * N) % N % 3 == 0)
    random = np.random.default_rng(2)
    models = {"same": marked, "alike": marked & (random.random(2 * N) < 0.9), "random": random.random(2 * N) < 0.2}
    predictions = pd.DataFrame({name: np.where(fails, 1 - labels, labels) for name, fails in models.items()})
    colours = np.array(["blue", "red"])
    predictions.apply(lambda ids: colours[ids]).assign(path=names).to_csv(folder / "models.csv", index=False)
    (folder / "kinds.yaml").write_text("colours: [red, blue]\n")
    (folder / "both.csv").write_text("path,labels\nred/0000.png,red;blue\nred/0003.png,\nred/0001.png,red\n")
    settings: dict[str, Any] = {
        "comparison": {"predictions": "models.csv"},
        "taxonomy": {"superclasses": "kinds.yaml", "multi_labels": "both.csv"},
        "directions": {},
        "causes": {"n_images": 2 * N, "n_controls": 2, "n_class_controls": 1, "n_pairs": 1, "radius": 12.0},
    }
    config = load_config(write_task(folder, n_per_class=N, settings=settings))
    run = pipeline.compute(config, folder=folder / "run")
    pipeline.build_site(run.folder, site=folder / "site")
    source = ReportSource(info=run.info, tables={}, media=run.media)
    return Recounted(Built(source, folder / "site"), run, predictions, images_to_test_with(config, run))


def test_directions_are_counted_on_images_that_they_were_not_fitted_to(recounted: Recounted) -> None:
    places = recounted.run.read_table("directions").set_index("image_id")
    classes = recounted.run.read_table("classes").set_index("name")["class_id"]
    shown: set[Pair] = set()
    for row in table_rows(recounted.built, "directions"):
        members = recounted.labels == classes[row["class"][0]]
        if row["accuracy"] is None:
            assert (row["failures"], row["successes"]) == (None, None)
            continue
        is_hard = np.zeros_like(members)
        is_hard[places.index] = places["decision_value"] <= 0
        assert row["failures"] == count(is_hard, members & recounted.held_out & recounted.fails)
        assert row["successes"] == count(~is_hard, members & recounted.held_out & ~recounted.fails)
        pairs = (row["failures"], row["successes"])
        assert row["accuracy"] == pytest.approx(float(sum(Fraction(*pair) for pair in pairs) / 2))
        page = recounted.rates(row["class"][1].partition("#")[0])
        assert set(pairs) <= {pair for _, pair in page}
        shown |= set(pairs)
    assert shown
    assert {pair for _, pair in recounted.rates("directions/index.html")} == shown


def test_error_types_are_shares_of_failures_that_can_be_counted(recounted: Recounted) -> None:
    types = recounted.run.read_table("error_types").set_index("image_id")["error_type"]
    of_image = np.full(len(recounted.labels), "", dtype=object)
    of_image[types.index] = types
    assert set(types) == {"set_aside", "multi_label", "fine_grained"}
    assert set(types.index) == set(np.flatnonzero(recounted.fails))

    def expected(failing: Booleans) -> dict[str, Pair]:
        keys = {error_type.replace("_", "-"): error_type for error_type in set(types)}
        return {key: count(of_image == error_type, failing) for key, error_type in keys.items()}

    page = recounted.built.text("error-types/index.html")
    titles = {title: error_type for error_type, title in ERROR_TITLES.items()}
    for title, shown, *_ in cells(page, "Types of errors"):
        k, n = count(of_image == titles[title], recounted.fails)
        assert shown.startswith(f"{percent(Fraction(k, n), 1)} % {k}/{n}") or (shown == "not assessed" and not k)
    classes = recounted.run.read_table("classes").set_index("name")["class_id"]
    for row in table_rows(recounted.built, "error-types-by-class"):
        failing = recounted.fails & (recounted.labels == classes[row["class"][0]])
        assert row["failures"] == failing.sum()
        assert all(row[key] == (pair if pair[1] else None) for key, pair in expected(failing).items())
    modes = table_rows(recounted.built, "error-types-by-mode")
    assert modes
    for row in modes:
        leaf, _ = recounted.of_rule(int(row["rule"][1].partition("#rule-")[2]))
        failing = recounted.fails & leaf
        assert row["failures"] == failing.sum()
        assert all(row[key] == pair for key, pair in expected(failing).items())
    for row in table_rows(recounted.built, "failure-modes"):
        leaf, _ = recounted.of_rule(int(row["rule"][1].partition("#rule-")[2]))
        assert row["noise"] == count(np.isin(of_image, LABEL_NOISE), recounted.fails & leaf)
    recounted.rates("error-types/index.html")


def test_accuracies_are_means_over_classes_of_images_that_can_be_counted(recounted: Recounted) -> None:
    types = recounted.run.read_table("error_types").set_index("image_id")["error_type"]
    of_image = np.full(len(recounted.labels), "", dtype=object)
    of_image[types.index] = types
    kept, right = of_image != "set_aside", ~recounted.fails
    accepted: list[str] = []
    rows = cells(recounted.built.text("error-types/index.html"), "Accuracies")
    further: Sequence[Sequence[str]] = ((), ("overlapping", "multi_label"), ("fine_grained",), ("co_occurrence",))
    assert len(rows) == len(further)
    for row, more in zip(rows, further, strict=True):
        accepted += more
        correct = right | np.isin(of_image, accepted)
        shares = [Fraction(*count(correct, kept & (recounted.labels == class_id))) for class_id in (0, 1)]
        assert row[2] in (f"{percent(sum(shares, Fraction(0)) / 2, 1, is_rest=True)} %", "not assessed")
    assert [row[2] for row in rows].count("not assessed") <= 1


def test_models_are_counted_from_their_predictions(recounted: Recounted) -> None:
    rows = {row["model"]: row for row in table_rows(recounted.built, "models")}
    page, labels = said(recounted.built.text("models/index.html")), recounted.labels
    assert set(rows) == set(recounted.models)
    wholes = {}
    for name, row in rows.items():
        fails = recounted.models[name].to_numpy() != labels
        k, n = row["accuracy"]
        assert (k, n) == (int((~fails).sum()), len(labels))
        wholes[name] = percent(Fraction(k, n), 1, is_rest=True)
        assert Fraction(wholes[name]) + Fraction(percent(Fraction(n - k, n), 1)) == 100
        assert f"{wholes[name]} % {k}/{n} · " in page
        types = [pair for key, pair in row.items() if key in ("set-aside", "multi-label", "fine-grained")]
        assert sum(k for k, _ in types) == fails.sum()
        assert {n for _, n in types} == {fails.sum()}
        noted = {"red/0000.png": "multi-label", "red/0003.png": "set-aside"}
        for path, key in noted.items():
            if fails[N + int(path[4:8])]:
                assert row[key][0] >= 1
    worst, *_, best = sorted(rows, key=lambda name: rows[name]["accuracy"][0])
    assert f"Top-1 accuracy from {wholes[worst]} % ({worst}) to {wholes[best]} % ({best})." in page


def test_modes_of_several_models_have_the_rates_that_their_printed_rules_give(recounted: Recounted) -> None:
    run, names = recounted.run, recounted.run.read_table("models")["name"].tolist()
    modes, conditions = run.read_table("shared_modes"), run.read_table("shared_mode_conditions")
    holds = run.read_table("shared_mode_rates").pivot_table(index="mode_id", columns="model_id", values="holds")
    found = run.read_table("shared_mode_rates").pivot_table(index="mode_id", columns="model_id", values="is_found")
    expected = []
    for mode in modes.itertuples():
        own = conditions[conditions["mode_id"] == mode.mode_id]
        row: dict[str, Pair | None] = {
            "holds": (int(holds.loc[mode.mode_id].sum()), len(names)),
            "found": (int(found.loc[mode.mode_id].sum()), len(names)),
        }
        for model_id, name in enumerate(names):
            predictions = recounted.models[name].to_numpy()
            column = recounted.labels if mode.grouping == "label" else predictions
            members = recounted.leaf(own, column == mode.class_id) & recounted.held_out
            pair = count(predictions != recounted.labels, members)
            row[f"model-{model_id}"] = pair if pair[1] else None
        expected.append(row)
    rows = table_rows(recounted.built, "shared-modes")
    shown = [{key: row[key] for key in expected[0]} for row in rows]
    assert len(shown) >= 2
    assert sorted(map(repr, shown)) == sorted(map(repr, expected))
    n_all, n_one = (sum(row["holds"][0] == n for row in rows) for n in (len(names), 1))
    page = said(recounted.built.text("models/index.html"))
    assert re.search(rf"{len(rows)} failure modes hold for at least one model: {n_all} for all of them, {n_one} ", page)
    recounted.rates("models/index.html")


def test_causes_are_counted_the_same_in_all_of_their_tables(recounted: Recounted) -> None:
    run = recounted.run
    doses, controls, causes = (run.read_table(name) for name in ("cause_doses", "cause_controls", "causes"))
    rows = [row for row in table_rows(recounted.built, "causes") if row["before"] is not None]
    assert {row["direction"] for row in rows} == {"repair", "break"}
    classified = run.read_table("conditions").groupby("rule_id").size()
    for row in rows:
        rule_id, feature_id = int(row["mode"][1].partition("#rule-")[2]), int(row["feature"][1].split("/")[1])
        where = f"rule_id == {rule_id} and direction == '{row['direction']}'"
        [cause] = causes.query(f"{where} and feature_id == {feature_id}").to_dict("records")
        where += f" and position == {cause['position']}"
        leaf, group = recounted.of_rule(rule_id)
        if classified[rule_id] == 1:
            assert row["before"] == count(recounted.fails, leaf if row["direction"] == "repair" else group & ~leaf)
        along = doses.query(where).set_index("dose")
        for dose, key in ((0.0, "before"), (1.0, "moved")):
            assert row[key] == tuple(along.loc[dose, ["n_failures_moved", "n_images"]])
        others = controls.query(f"{where} and kind == 'other'")
        k, n = row["controls"]
        assert (k, n) == (others["n_failures"].sum(), others["n_images"].sum())
        assert cause["control_rate"] == pytest.approx(k / n)
        difference = float(Fraction(k, n) - Fraction(*row["moved"]))
        assert row["effect"] == pytest.approx(difference if row["direction"] == "repair" else -difference)
        assert row["reached"][1] == row["before"][1] == row["moved"][1]
    pairs = {row[key] for row in rows for key in ("before", "moved", "controls", "reached")}
    assert {pair for _, pair in recounted.rates("causes/index.html")} == pairs


def test_sentences_on_causes_say_the_rates_of_the_table(recounted: Recounted) -> None:
    rows = [row for row in table_rows(recounted.built, "causes") if row["before"] is not None]
    for row in rows:
        page = said(recounted.built.text(row["mode"][1].partition("#")[0]))
        moved, before, others = (percent(Fraction(*row[key]), 0) for key in ("moved", "before", "controls"))
        n = row["before"][1]
        words = rf"{n} image.{{1,40}}, {moved} % fail instead of {before} %; after other changes .{{1,20}}, {others} %"
        assert re.search(words, page), words
