"""The tables of changes fit a made-up run, as pages and the gate read them."""

from pathlib import Path

import pytest

from barlow_report.lenses.changes.tables import STATES, TABLES
from tests.lenses.changes.made_up import with_changes
from tests.report.synthetic import Recipe, synthetic_source


@pytest.mark.parametrize("kind", ["same_images", "same_feature_model"])
def test_made_up_changes_fit_their_schemas_and_have_every_state(tmp_path: Path, kind: str) -> None:
    recipe = Recipe(n_classes=12, n_pictures=1, n_tiles=1, n_gallery=1, n_mode_images=1)
    source = with_changes(synthetic_source(tmp_path / "run", recipe), kind=kind, n_releases=3)
    assert set(source.tables["mode_changes"]["state"]) == set(STATES)
    assert {table.name for table in TABLES} <= set(source.tables)
