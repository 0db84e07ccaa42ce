"""What people call errors, compared with the types that are found."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Browser
from sklearn.metrics import cohen_kappa_score

from barlow_report.lenses.error_types.classes import Vocabulary
from barlow_report.lenses.error_types.images import ImageNames
from barlow_report.lenses.error_types.inputs import TaxonomyInputs
from barlow_report.lenses.error_types.people import agreement_table, compare_with_people
from barlow_report.lenses.error_types.person_types import read_person_types
from barlow_report.lenses.error_types.questions import FineGrained
from barlow_report.lenses.error_types.superclasses import Superclasses
from barlow_report.report import build_site
from barlow_report.tables import check_table
from tests.lenses.error_types.made_up import with_taxonomy
from tests.report.conftest import Built
from tests.report.synthetic import Recipe, synthetic_source
from tests.report.test_browser import Watched, violations

NAMES = ["cat", "dog", "car", "bus"]
PATHS = [f"test/{i}.png" for i in range(6)]
LABELS = np.array([0, 0, 1, 2, 3, 2])
PREDICTIONS = np.array([1, 0, 2, 3, 0, 2])


def _inputs() -> TaxonomyInputs:
    members = np.array([[True, False], [True, False], [False, True], [False, True]])
    superclasses = Superclasses(names=("animal", "vehicle"), members=members, origin="given")
    stages = (FineGrained(superclasses=superclasses, source="by hand"),)
    return TaxonomyInputs(stages=stages, superclasses=superclasses, multi_labels=None)


def test_types_are_told_for_what_was_predicted_where_the_table_says_so(tmp_path: Path) -> None:
    path = tmp_path / "study.csv"
    rows = [
        "0,fg,",  # cat taken for a dog: fine-grained
        "1,fg,",  # right here: no error
        "2,fg,cat",  # the run takes this dog for a car, the study's model for a cat: fine-grained
        "3,model failure,",  # car taken for a bus: fine-grained
        "4,model failure,",  # bus taken for a cat
        "5,fg,bus",  # right here, and taken for a bus by the study's model
    ]
    lines = [f"test/{row[0]}.png{row[1:]}" for row in rows]
    path.write_text("\n".join(["path,type,prediction", *lines]), encoding="utf-8")
    people = read_person_types([path], images=ImageNames(PATHS), vocabulary=Vocabulary(names=NAMES))
    found = compare_with_people(people, LABELS, PREDICTIONS, inputs=_inputs(), only_annotated=False)
    found = check_table("people_types", found, where="here")
    assert found["image_id"].tolist() == [0, 2, 3, 4, 5]
    assert found["prediction"].tolist() == [1, 0, 3, 0, 3]
    assert found["error_type"].tolist() == ["fine_grained"] * 3 + ["model_failure", "fine_grained"]
    agreement = check_table("people_agreement", agreement_table(found, n_listed=6, level=0.95), where="here").iloc[0]
    assert agreement[["n_listed", "n_errors", "n_same"]].tolist() == [6, 5, 4]
    assert agreement["kappa"] == pytest.approx(cohen_kappa_score(found["people_type"], found["error_type"]))
    none = replace(people, types={1: "fine_grained"}, predictions={})
    found = compare_with_people(none, LABELS, PREDICTIONS, inputs=_inputs(), only_annotated=False)
    agreement = check_table("people_agreement", agreement_table(found, n_listed=1, level=0.95), where="here").iloc[0]
    assert agreement["n_errors"] == 0
    assert np.isnan(agreement["kappa"])


@pytest.mark.browser
def test_the_page_shows_both_types_kappa_and_the_errors_that_people_call_otherwise(
    tmp_path: Path, browser: Browser
) -> None:
    recipe = Recipe(n_classes=4, n_per_class=60, n_features=30, image_size=32, n_pictures=6)
    source = with_taxonomy(synthetic_source(tmp_path / "run", recipe), has_people=True)
    build_site(source, site=tmp_path / "site")
    built = Built(source, tmp_path / "site")
    html = built.text("error-types/index.html")
    section = html[html.index('id="people"') :]
    section = section[: section.index("</section>")]
    words = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", "", section)).replace("\u202f", " ").replace("\u00a0", " ")
    pairs = source.tables["people_types"]
    kappa = cohen_kappa_score(pairs["people_type"], pairs["error_type"])
    assert (
        "People named the type of 20 errors (25 entries in their table). 15 of these have the same type here" in words
    )
    assert f"Cohen's kappa is {kappa:.2f} (" in words
    counts = pd.crosstab(pairs["people_type"], pairs["error_type"])
    cells = re.findall(r"<td[^>]*>(\d+)</td>", section)
    assert sum(map(int, cells)) == 20
    assert sorted(c for c in map(int, cells) if c) == sorted(c for c in counts.to_numpy().ravel().tolist() if c)
    context = browser.new_context(viewport={"width": 360, "height": 900}, color_scheme="dark")
    page = Watched(context).open(built, "error-types/index.html")
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert page.locator('[data-table="people-types"] tbody tr').count() == 5
    context.close()
