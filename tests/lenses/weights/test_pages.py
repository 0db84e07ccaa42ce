"""What is said of training images: sentences by state, and the page on a phone and in the dark."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from playwright.sync_api import Browser

from barlow_report.lenses.weights.page_words import answer, lead, mode_words, times
from barlow_report.lenses.weights.records import TrainingMode, WeightsView, read_weights
from barlow_report.lenses.weights.tables import COMPARISONS, REASONS
from barlow_report.report import ReportSource, build_site
from barlow_report.report.links import broken_links
from barlow_report.report.records import Share
from barlow_report.tables import check_table
from tests.report.conftest import Built
from tests.report.synthetic import Recipe, synthetic_source
from tests.report.test_browser import Watched, violations

RECIPE = Recipe(
    n_classes=12, n_per_class=60, n_features=60, n_tiles=1, n_gallery=2, n_mode_images=4, n_pictures=4, image_size=32
)
SUMMARY = {
    "n_listed": 12_000,
    "n_read": 11_998,
    "n_analysed": 3,
    "n_labelled": 11_000,
    "n_unlabelled": 400,
    "n_other_class": 600,
    "n_members": 500,
    "n_raised": 340,
    "factor": None,
    "max_factor": 10.0,
}


def with_training(source: ReportSource) -> ReportSource:
    """Return the source with tables of training images, in which every comparison and reason occurs."""
    rules, groups = source.tables["rules"], source.tables["groups"].set_index("group_id")
    verified = rules[(rules["verdict"] == "verified") & (rules["group_id"].map(groups["grouping"]) == "label")]
    reasons = (None, *REASONS)
    rows = []
    for place, rule_id in enumerate(verified["rule_id"]):
        reason = reasons[place % len(reasons)]
        n_class = 0 if reason == "no_image_of_class" else 400
        n_meets = {"no_image_of_class": 0, "no_member": 0, "as_many": 300}.get(str(reason), 40)
        compared = "not_compared" if not n_class else COMPARISONS[place % 3]
        rows.append(
            {
                "rule_id": rule_id,
                "n_class": n_class,
                "n_meets": n_meets,
                "n_class_analysed": 60,
                "n_meets_analysed": 30,
                "comparison": compared,
                "p_value": 0.001 if n_class else None,
                "q_value": 0.002 if n_class else None,
                "factor": 9.0 if reason is None else 1.0,
                "reason": reason,
                "weight_share": (0.5 if reason is None else n_meets / 400) if n_class else None,
            }
        )
    tables = {"training_modes": pd.DataFrame(rows), "training_summary": pd.DataFrame([SUMMARY])}
    checked = {name: check_table(name, table, where="test") for name, table in tables.items()}
    return replace(source, tables={**source.tables, **checked})


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    source = with_training(synthetic_source(tmp_path_factory.mktemp("plain") / "run", RECIPE))
    folder = tmp_path_factory.mktemp("training") / "site"
    build_site(source, site=folder)
    return Built(source, folder)


@pytest.fixture
def view(built: Built) -> WeightsView:
    found = read_weights(built.source)
    assert found is not None
    return found


def _mode(comparison: str = "rarer", *, k: int = 5, n: int = 40, reason: str | None = None) -> TrainingMode:
    return TrainingMode(
        rule_id=0,
        analysed=Share(40, 120),
        training=Share(k, n),
        comparison=comparison,
        q_value=0.01,
        factor=7.0 if reason is None else 1.0,
        reason=reason,
        weight_share=0.5,
    )


def test_the_answer_counts_the_modes_that_are_rarer_and_those_without_an_image(view: WeightsView) -> None:
    def said(*modes: TrainingMode) -> str:
        return answer(replace(view, modes=dict(enumerate(modes))))

    rest = "among the training images than among the analysed ones."
    none = _mode(k=0, reason="no_member")
    assert said() == "No failure mode by label is verified, so every training image counts once."
    assert said(_mode()) == f"The one failure mode by label is rarer {rest}"
    assert said(_mode("undecided")) == f"The one failure mode by label is not known to be rarer {rest}"
    assert said(_mode(), _mode("more_common")) == f"1 of 2 failure modes by label is rarer {rest}"
    assert said(_mode(), none, none) == f"3 of 3 failure modes by label are rarer {rest} 2 have no training image."
    assert said(_mode("undecided"), _mode("undecided")) == f"None of 2 failure modes is known to be rarer {rest}"
    assert said(_mode(), _mode(k=0, reason="label_noise")).endswith(rest)  # none is wanted


def test_the_lead_says_what_the_images_are(view: WeightsView) -> None:
    assert lead(view).replace("\u202f", " ") == (
        "12 000 training images, among them 600 labelled as no class of this run, 400 without a label, 2 that could "
        "not be read. 340 of them count more than once in the weights, up to 9 times."
    )
    plain = replace(view, n_other_class=0, n_unlabelled=0, n_read=None, n_raised=0)
    assert lead(plain).endswith("training images. Every one of them counts once.")
    assert (times(1.0), times(7.0), times(2.54)) == ("once", "7 times", "2.5 times")


def test_a_mode_says_why_its_images_count_once() -> None:
    shares = (
        "Of the training images of its class 12.5 % are in this failure mode (5/40), of the analysed ones 33.3 % "
        "(40/120)."
    )
    assert mode_words(_mode()).replace("\u202f", " ") == f"{shares} In the weights they count 7 times."
    noise = mode_words(_mode(reason="label_noise")).replace("\u202f", " ")
    assert noise == f"{shares} They count once: mostly label noise: needs better labels."
    assert mode_words(_mode(k=0, reason="no_member")).endswith("(40/120).")
    assert mode_words(_mode(k=0, n=0, reason="no_image_of_class")) == "There is no training image of its class."


def test_the_page_has_every_mode_and_no_empty_number(built: Built, view: WeightsView) -> None:
    assert broken_links(built.site)[0] == []
    text = built.text("training/index.html")
    assert len({mode.reason for mode in view.modes.values()}) >= 4
    assert "12\u202f000 training images" in text
    assert "3 training images are also among the analysed ones" in text
    assert "nan" not in text.lower().replace("nano", "").split()
    assert len(built.text("data/training-modes.csv").splitlines()) == len(view.modes) + 1


@pytest.mark.browser
@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 360)])
def test_the_page_is_accessible_and_does_not_scroll_sideways(
    built: Built, browser: Browser, scheme: str, width: int
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
    page = Watched(context).open(built, "training/index.html")
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    context.close()


def test_a_run_without_training_images_has_no_page(tmp_path: Path) -> None:
    source = synthetic_source(tmp_path / "run", RECIPE)
    assert read_weights(source) is None
