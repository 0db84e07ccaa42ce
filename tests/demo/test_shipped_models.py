"""The two shipped models do what the demo promises: one fails where a cue is missing, the other sees the cue."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray

import barlow_report.demo
from barlow_report.config import Config, load_config
from barlow_report.demo.classes import CLASSES
from barlow_report.demo.releases import ANALYSED_CUE_RATES, RELEASES, Release
from barlow_report.demo.scene_folder import MULTI_LABELS, OVERLAPPING, read_scene_table, write_scenes
from barlow_report.lenses.changes.comparing import compare_runs
from barlow_report.lenses.changes.results import RunResults
from barlow_report.lenses.changes.tabulating import comparison_tables
from barlow_report.lenses.directions.config import DirectionsConfig
from barlow_report.lenses.directions.scoring import find_directions
from barlow_report.lenses.error_types.cascade import classify_errors
from barlow_report.lenses.error_types.classes import Vocabulary
from barlow_report.lenses.error_types.inputs import gather_inputs
from barlow_report.lenses.planted.changing import compare_changes
from barlow_report.lenses.planted.comparing import MIN_AGREEMENT, compare_with_planted
from barlow_report.rules import Explanation, explain_failures, leaf_members
from barlow_report.vision.images import read_image
from barlow_report.vision.loading import load_model
from barlow_report.vision.preprocessing import to_tensor

DEMO = Path(barlow_report.demo.__file__).parent
NAMES = list(CLASSES)
N_PER_CLASS = 120


@dataclass(frozen=True)
class _Analysed:
    folder: Path
    scene_table: pd.DataFrame
    label: NDArray[np.int64]
    prediction: NDArray[np.int64]
    features: NDArray[np.float32]


def _demo_config(release: Release = RELEASES[0]) -> Config:
    return load_config(DEMO / f"{release.name}.yaml")


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Scenes with half of the cues missing, others than the demo's own: the outcome is no accident of its seed."""
    folder = tmp_path_factory.mktemp("demo") / "scenes"
    return write_scenes(
        folder, n_per_class=N_PER_CLASS, cue_rate=0.5, noise_rate=0.25, cue_rates=ANALYSED_CUE_RATES, seed=2
    )


def _analyse(folder: Path, release: Release) -> _Analysed:
    """Run the shipped models of a release on the scenes."""
    config = _demo_config(release)
    assert config.inspected_model is not None
    assert config.feature_model is not None
    table = read_scene_table(folder)
    predictions, features = [], []
    inspected = load_model(config.inspected_model, device=torch.device("cpu"), role="inspected_model")
    feature_model = load_model(config.feature_model, device=torch.device("cpu"), role="feature_model")
    for start in range(0, len(table), 256):
        pictures = [read_image(folder / path) for path in table["path"][start : start + 256]]
        batch = torch.stack([to_tensor(picture, config.inspected_model.preprocessing) for picture in pictures])
        with torch.inference_mode():
            predictions.append(inspected.features(batch)[0].argmax(1).numpy())
            features.append(feature_model.features(batch)[1].numpy())
    label = table["label"].map(NAMES.index).to_numpy(dtype=np.int64)
    return _Analysed(folder, table, label, np.concatenate(predictions).astype(np.int64), np.concatenate(features))


def _error_types(analysed: _Analysed) -> pd.DataFrame:
    """The error type of each failure, with the files that the demo's configuration names."""
    settings = _demo_config().section("taxonomy")
    assert settings is not None
    files = {"overlapping": analysed.folder / OVERLAPPING, "multi_labels": analysed.folder / MULTI_LABELS}
    inputs = gather_inputs(
        settings.model_copy(update=files),
        vocabulary=Vocabulary(names=NAMES),
        paths=analysed.scene_table["path"].tolist(),
        labels=analysed.label,
        predictions=analysed.prediction,
        features=lambda: analysed.features,
    )
    result = classify_errors(
        analysed.label, analysed.prediction, stages=inputs.stages, multi_labels=inputs.multi_labels
    )
    return result.error_types


def _explain(analysed: _Analysed) -> Explanation:
    return explain_failures(analysed.features, analysed.label, analysed.prediction, class_names=NAMES)


def _results(analysed: _Analysed, name: str) -> RunResults:
    """What a comparison needs of a run of a release."""
    found, ids = _explain(analysed), range(len(analysed.label))
    tables = ("splits", "groups", "group_classes", "memberships", "rules", "conditions")
    return RunResults(
        info={"name": name, "models": {"feature": {"sha256": "cd" * 32}}, "config": {}},
        tables={
            "classes": pd.DataFrame({"class_id": range(len(NAMES)), "name": NAMES, "slug": NAMES}),
            "images": pd.DataFrame(
                {"image_id": ids, "label": analysed.label, "prediction": analysed.prediction, "confidence": np.nan}
            ),
            "contents": pd.DataFrame({"image_id": ids, "digest": analysed.scene_table["path"]}),
            **{table: getattr(found, table) for table in tables},
        },
        activations=lambda feature_id, image_ids: analysed.features[image_ids, feature_id],
        source=name,
    )


def _compare(analysed: _Analysed, release: Release) -> pd.DataFrame:
    found = _explain(analysed)
    ids = range(len(analysed.label))
    paths = analysed.scene_table["path"]
    directions = find_directions(
        analysed.features,
        analysed.label,
        analysed.prediction,
        is_held_out=(found.splits["split"] == "held_out").to_numpy(),
        n_classes=len(NAMES),
        settings=DirectionsConfig(),
    )
    planted = compare_with_planted(
        classes=pd.DataFrame({"class_id": range(len(NAMES)), "name": NAMES, "slug": NAMES}),
        images=pd.DataFrame(
            {"image_id": ids, "path": paths, "label": analysed.label, "prediction": analysed.prediction}
        ),
        splits=found.splits,
        groups=found.groups,
        rules=found.rules,
        scene_table=analysed.scene_table,
        members=lambda rule_id: leaf_members(
            analysed.features, found.conditions[found.conditions["rule_id"] == rule_id]
        ),
        directions=directions.directions,
        error_types=_error_types(analysed),
        relies_on=release.relies_on,
    )
    return planted.assign(name=NAMES).set_index("name")


def test_the_models_together_are_small_enough_to_ship() -> None:
    sizes = [path.stat().st_size for path in DEMO.glob("*.safetensors")]
    assert len(sizes) == 3
    assert sum(sizes) <= 2_000_000


@pytest.mark.parametrize(("release", "role"), [(0, "inspected_model"), (0, "feature_model"), (1, "inspected_model")])
def test_a_shipped_model_has_an_output_per_class_and_a_map_that_shows_places(release: int, role: str) -> None:
    spec = getattr(_demo_config(RELEASES[release]), role)
    model = load_model(spec, device=torch.device("cpu"), role=role)
    logits, features, maps = model.features(torch.rand(2, 3, 64, 64))
    assert logits.shape == (2, len(CLASSES))
    assert maps is not None
    assert maps.shape[1] == features.shape[1]
    assert min(maps.shape[2:]) >= 8


@pytest.mark.slow
@pytest.mark.parametrize("release", RELEASES, ids=lambda release: release.name)
def test_what_was_planted_is_found_with_its_cue_and_label_noise_is_called_so(scenes: Path, release: Release) -> None:
    analysed = _analyse(scenes, release)
    is_planted = np.array([name in release.relies_on for name in NAMES])[analysed.label]
    shows_cue = analysed.scene_table["cue_present"].to_numpy(dtype=np.bool_)
    has_noise = (analysed.scene_table["label_noise"] != "").to_numpy(dtype=np.bool_)
    right = analysed.prediction == analysed.label
    assert right[(~is_planted | shows_cue) & ~has_noise].mean() > 0.99
    assert right[is_planted & ~shows_cue].mean() < 0.05
    assert right[has_noise].mean() < 0.05
    partner = np.array([NAMES.index(scene.partner) if scene.partner else -1 for scene in CLASSES.values()])
    lacking = is_planted & ~shows_cue
    assert (analysed.prediction[lacking] == partner[analysed.label[lacking]]).mean() > 0.95

    planted = _compare(analysed, release)
    assert set(planted.index[planted["cue"] != ""]) == release.relies_on
    with_cue, noisy = planted[planted["cue"] != ""], planted[planted["label_noise"] != ""]
    assert (with_cue["outcome"] == "found").mean() >= 0.8
    assert (with_cue.loc[with_cue["outcome"] == "found", "agreement"] >= MIN_AGREEMENT).all()
    assert (noisy["outcome"] == "found").all()
    assert (noisy["n_noise_recognised"] == noisy["n_noise_failures"]).all()
    assert (noisy["n_noise_failures"] >= 0.95 * noisy["n_noise"]).all()
    assert sorted(noisy["label_noise"]) == ["multi_label", "overlapping"]
    assert (planted["n_noise_false"] == 0).all()
    without = planted[(planted["cue"] == "") & (planted["label_noise"] == "")]
    assert len(without) == len(NAMES) - len(release.relies_on) - 2
    assert (without["outcome"] == "correctly_silent").all()
    assert (with_cue["cue_correlation"] >= 0.8).all()  # at most 0.87: half of the cues are missing
    assert planted.loc[planted["cue"] == "", "cue_correlation"].isna().all()


@pytest.mark.slow
def test_a_comparison_of_the_releases_says_exactly_what_was_planted_to_change(scenes: Path) -> None:
    first, second = (_analyse(scenes, release) for release in RELEASES)
    old, new = _results(first, "demo"), _results(second, "demo-2")
    tables = comparison_tables(compare_runs(old, new, delta=0.05))
    found = compare_changes(
        classes=new.tables["classes"],
        images=new.tables["images"].assign(path=second.scene_table["path"]),
        scene_table=second.scene_table,
        earlier=RELEASES[0].relies_on,
        relies_on=RELEASES[1].relies_on,
        mode_changes=tables["mode_changes"],
        flipped_images=tables["flipped_images"],
    )
    found = found.assign(name=NAMES).set_index("name")
    assert set(found.index[found["change"] == "repaired"]) == {"mug", "orange"}
    assert set(found.index[found["change"] == "new"]) == {"vase"}
    assert (found["outcome"] == "as_planted").all(), found[found["outcome"] != "as_planted"].to_string()
