"""Which images a failure mode has, and which of them get a picture."""

import numpy as np
import pandas as pd

from barlow_report.stages.mode_images import choose_pictures, mode_images
from barlow_report.visuals.triptychs import choose_gallery, choose_mode_pictures

FEATURES = np.array(
    [[0.0, 5.0], [0.1, 5.0], [0.5, 1.0], [0.25, 9.0], [0.2, 0.0], [0.9, 0.0], [0.3, 2.0], [0.1, 2.5]], dtype=np.float16
)
CONDITIONS = pd.DataFrame(
    [(3, 1, 1, "gt", 2.0), (3, 0, 0, "le", 0.25), (4, 0, 0, "gt", 0.25), (7, 0, 1, "le", 9.0)],
    columns=["rule_id", "position", "feature_id", "branch", "threshold"],
)
RULES = pd.DataFrame([(3, 0, True), (4, 0, False), (7, 1, True)], columns=["rule_id", "group_id", "is_failure_mode"])
MEMBERS = {0: np.array([0, 1, 2, 3, 4]), 1: np.array([5, 6, 7])}


def test_a_mode_has_the_images_of_its_group_that_meet_all_conditions() -> None:
    found = mode_images(FEATURES, RULES, CONDITIONS, members=MEMBERS.__getitem__)
    assert found.to_numpy().tolist() == [
        [3, 0, 0, 0.0],  # rule 3: feature 0 at most 0.25, and feature 1 above 2
        [3, 0, 1, float(np.float16(0.1))],
        [3, 0, 3, 0.25],
        [3, 1, 0, 5.0],
        [3, 1, 1, 5.0],
        [3, 1, 3, 9.0],
        [7, 0, 5, 0.0],  # rule 4 is no failure mode; rule 7 holds for the whole of group 1
        [7, 0, 6, 2.0],
        [7, 0, 7, 2.5],
    ]


def test_no_mode_has_no_images() -> None:
    found = mode_images(FEATURES, RULES.assign(is_failure_mode=False), CONDITIONS, members=MEMBERS.__getitem__)
    assert found.empty
    assert choose_pictures(found, np.zeros(8, dtype=bool), n=3, seed=0).empty


def test_an_image_of_two_modes_gets_one_picture() -> None:
    images = pd.DataFrame({"rule_id": [1, 1, 1, 2, 2], "position": [0, 1, 0, 0, 0], "image_id": [4, 4, 6, 4, 5]})
    chosen = choose_pictures(images, np.zeros(8, dtype=bool), n=5, seed=0)
    assert chosen["image_id"].tolist() == [4, 5, 6]


def test_three_failures_to_a_success_get_a_picture_where_there_are_more() -> None:
    ids = np.arange(100, 300)
    for n_failures, n, expected in ((150, 40, (30, 10)), (10, 40, (10, 30)), (195, 40, (35, 5)), (150, 500, (150, 50))):
        is_failure = np.arange(200) < n_failures
        chosen = choose_mode_pictures(ids, is_failure, n=n, seed=1, rule_id=2)
        failing = int((chosen < 100 + n_failures).sum())
        assert (failing, len(chosen) - failing) == expected
        assert len(set(chosen.tolist())) == len(chosen)
        gallery = choose_gallery(ids, is_failure, n=4, seed=1, rule_id=2)["image_id"]
        assert set(gallery) <= set(chosen.tolist())  # no picture is drawn besides
