"""Models and images that the lens can make nothing of: it says why, and no number is missing where one is shown."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from barlow_report import pipeline
from barlow_report.config import Config, ModelConfig
from barlow_report.lenses.causes.stage import find_causes
from barlow_report.progress import SilentProgress
from barlow_report.run_folder import Run
from tests.pipeline.toy import NETWORK

MODELS = """

class Blind(Colours):
    @torch.no_grad()
    def forward(self, x):
        return super().forward(x)


class Constant(Colours):
    def forward(self, x):
        return super().forward(x) * 0 + torch.tensor([0.0, 1.0])


class Counting(Colours):
    def forward(self, x):
        green = (x[:, 1:2] > 0.5).float()
        return self.head(self.pool(torch.relu(torch.cat([x[:, :1], green, x[:, 2:], x[:, :1] * 0], dim=1))).flatten(1))


def blind():
    return Blind()


def constant():
    return Constant()


def counting():
    return Counting()
"""
NUMBERS = ["control_rate", "control_rate_low", "control_rate_high", "effect", "effect_low", "effect_high"]


@pytest.fixture
def again(finished: tuple[Config, Run], tmp_path: Path) -> Run:
    """A copy of the finished run, whose causes are to be found again."""
    shutil.copytree(finished[1].folder, tmp_path / "run")
    run = Run.open(tmp_path / "run")
    run.redo("causes")
    return run


def _find(config: Config, run: Run) -> pd.DataFrame:
    find_causes(config, run, explained=run.info["stages"]["explain"], progress=SilentProgress())
    return run.read_table("causes")


def _model(folder: Path, name: str) -> ModelConfig:
    (folder / "edges.py").write_text(NETWORK + MODELS)
    return ModelConfig(factory=f"{folder / 'edges.py'}:{name}")


def _words(run: Run, site: Path) -> list[str]:
    pipeline.build_site(run.folder, site=site)
    pages = [
        path.read_text(encoding="utf-8") for path in (*site.glob("classes/*/index.html"), site / "causes/index.html")
    ]
    return " ".join(pages).lower().replace(">", " ").replace("<", " ").split()


def test_a_model_whose_answer_never_changes_has_weak_effects_of_nothing(
    finished: tuple[Config, Run], again: Run, tmp_path: Path
) -> None:
    config = finished[0].model_copy(
        update={"feature_model": finished[0].inspected_model, "inspected_model": _model(tmp_path, "constant")}
    )
    causes = _find(config, again)
    tested = causes[causes["reason"].isna()]
    assert len(tested)
    assert (tested[["effect", "effect_low", "effect_high"]] == 0).all(axis=None)
    assert set(tested["verdict"]) == {"weak"}
    assert (tested["p_value"] > 0.05).all()
    assert tested[NUMBERS].notna().all(axis=None)
    assert "nan" not in _words(again, tmp_path / "site")


def test_an_inspected_model_without_gradients_is_asked_all_the_same(
    finished: tuple[Config, Run], again: Run, tmp_path: Path
) -> None:
    config = finished[0].model_copy(
        update={"feature_model": finished[0].inspected_model, "inspected_model": _model(tmp_path, "blind")}
    )
    causes = _find(config, again)
    pd.testing.assert_frame_equal(causes, finished[1].read_table("causes"))


def test_a_feature_model_without_gradients_is_not_tested_and_says_so(
    finished: tuple[Config, Run], again: Run, tmp_path: Path
) -> None:
    config = finished[0].model_copy(update={"feature_model": _model(tmp_path, "blind")})
    causes = _find(config, again)
    assert set(causes["verdict"]) == {"not_tested"}
    assert causes["reason"].str.contains("no gradients flow from the features of").all()
    assert "nan" not in _words(again, tmp_path / "site")


def test_a_feature_that_no_change_of_pixels_moves_has_an_unreachable_target(
    finished: tuple[Config, Run], again: Run, tmp_path: Path
) -> None:
    # It counts pixels above a limit, so it differs between images and has a gradient of zero.
    config = finished[0].model_copy(update={"feature_model": _model(tmp_path, "counting")})
    causes = _find(config, again)
    reasons = causes.groupby("rule_id")["reason"].agg(set).tolist()
    assert {"no image reached the target within an L2 radius of 12"} in reasons
    assert set(causes["verdict"]) == {"not_tested"}
    assert causes[NUMBERS].isna().all(axis=None)


def test_a_dead_feature_has_no_other_side_to_take_a_target_from(finished: tuple[Config, Run], again: Run) -> None:
    # Channel 3 is 0 on every image: as a condition it holds for all of them, or for none.
    again.write_table("conditions", again.read_table("conditions").assign(feature_id=3, threshold=0.0, branch="le"))
    causes = _find(finished[0], again)
    reasons = causes.groupby("direction")["reason"].agg(set)
    assert reasons["repair"] == {"no image is on the other side of the threshold, to take a target from"}
    assert reasons["break"] == {"0 images can be changed, and 10 are needed"}
    assert set(causes["verdict"]) == {"not_tested"}
    assert np.isnan(causes["effect"].astype(float)).all()
