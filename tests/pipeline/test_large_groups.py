"""A run whose groups are larger than what rules are fitted to: what is written, what pages say, and what is redone."""

from pathlib import Path

import pandas as pd
import pytest

from barlow_report import pipeline
from barlow_report.config import Config, RulesConfig, load_config
from barlow_report.run_folder import Run
from tests.pipeline.toy import write_task

RULES = {"n_shuffles": 99, "n_resamples": 0, "min_images": 10}


def _config(path: Path, *, limit: int = 50_000) -> Config:
    config = load_config(path)
    rules = config.rules.model_copy(update={"max_fitted_images": limit})
    return config.model_copy(update={"rules": rules})


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    settings = {"rules": RULES, "visuals": {"attack": "none", "n_images": 2, "n_gallery": 2}}
    return write_task(tmp_path_factory.mktemp("task"), n_per_class=150, settings=settings)


@pytest.fixture(scope="module")
def run(path: Path) -> Run:
    folder = path.parent / "run"
    pipeline.run(_config(path, limit=100), folder=folder, site=path.parent / "site")
    return Run.open(folder)


def test_pages_of_large_groups_say_what_rules_were_found_on(path: Path, run: Run) -> None:
    samples = run.read_table("group_samples")
    groups = run.read_table("groups").set_index("group_id")
    assert set(samples["group_id"]) == set(groups[groups["n_images"] > 100].index) != set()
    assert set(samples["n_images"]) == {100}
    page = (path.parent / "site" / "classes" / "red" / "index.html").read_text()
    words = "rules were found and tested on a random sample of 100 images, and counted on all 150 images."
    assert words in " ".join(page.split())
    mode = next((path.parent / "site" / "failure-modes").glob("*/index.html"))
    assert "The rule was chosen because many of them fail, in a sample;" in " ".join(mode.read_text().split())
    method = (path.parent / "site" / "method" / "index.html").read_text()
    assert 'id="samples"' in method
    assert f"{len(samples)} groups of this run have more than 100 images" in " ".join(method.split())
    evaluation = (path.parent / "site" / "evaluation" / "index.html").read_text()
    assert f"({len(samples)} large groups: both on a sample)" in " ".join(evaluation.split())


def test_pages_of_runs_without_large_groups_say_nothing_of_samples(path: Path, tmp_path: Path) -> None:
    pipeline.run(_config(path), folder=tmp_path / "run", site=tmp_path / "site")
    run = Run.open(tmp_path / "run")
    run.delete_table("group_samples")  # which earlier versions did not write
    run.finish("explain", fingerprint=run.info["stages"]["explain"])
    pipeline.build_site(tmp_path / "run", site=tmp_path / "again")
    for site in ("site", "again"):
        pages = list((tmp_path / site).rglob("*.html"))
        assert len(pages) > 10
        for page in pages:
            assert "random sample of" not in page.read_text(encoding="utf-8")


def test_runs_without_large_groups_are_as_before_and_stay_up_to_date(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = path.parent / "small"
    first = pipeline.compute(_config(path), folder=folder, until="explain")
    assert first.read_table("group_samples").empty
    before = {name: first.read_table(name) for name in ("groups", "rules", "nodes", "explained", "joint_modes")}
    monkeypatch.setattr("barlow_report.rules.explain_failures", lambda *_, **__: pytest.fail("explained again"))
    again = pipeline.compute(_config(path, limit=200), folder=folder, until="explain")
    for name, table in before.items():
        pd.testing.assert_frame_equal(table, again.read_table(name))
    monkeypatch.undo()
    limited = pipeline.compute(_config(path, limit=100), folder=folder, until="explain")
    assert len(limited.read_table("group_samples"))


def test_the_limit_has_bounds() -> None:
    assert RulesConfig().max_fitted_images == 50_000
    with pytest.raises(ValueError, match="greater than or equal to 100"):
        RulesConfig(max_fitted_images=99)
    assert RulesConfig(max_fitted_images=200, min_images=200, min_failures=100).max_fitted_images == 200
    for too_many in ({"min_images": 201}, {"min_failures": 101}):
        with pytest.raises(ValueError, match=r"a sample of 200 images is too small .* set it to at least 20[12]"):
            RulesConfig(max_fitted_images=200, **too_many)
