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
from barlow_report.demo.scene_folder import MULTI_LABELS, OVERLAPPING, read_scene_table, write_scenes
from barlow_report.lenses.directions.config import DirectionsConfig
from barlow_report.lenses.directions.scoring import find_directions
from barlow_report.lenses.error_types.cascade import classify_errors
from barlow_report.lenses.error_types.classes import Vocabulary
from barlow_report.lenses.error_types.inputs import gather_inputs
from barlow_report.lenses.planted.comparing import MIN_AGREEMENT, compare_with_planted
from barlow_report.rules import explain_failures, leaf_members
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


def _demo_config() -> Config:
    return load_config(DEMO / "demo.yaml")


def _analyse(folder: Path, *, seed: int) -> _Analysed:
    """Draw scenes with half of the cues missing and run both shipped models on them."""
    config = _demo_config()
    assert config.inspected_model is not None
    assert config.feature_model is not None
    table = read_scene_table(write_scenes(folder, n_per_class=N_PER_CLASS, cue_rate=0.5, noise_rate=0.25, seed=seed))
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


def _compare(analysed: _Analysed) -> pd.DataFrame:
    found = explain_failures(analysed.features, analysed.label, analysed.prediction, class_names=NAMES)
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
    )
    return planted.assign(name=NAMES).set_index("name")


def test_both_models_together_are_small_enough_to_ship() -> None:
    sizes = [path.stat().st_size for path in DEMO.glob("*.safetensors")]
    assert len(sizes) == 2
    assert sum(sizes) <= 2_000_000


@pytest.mark.parametrize("role", ["inspected_model", "feature_model"])
def test_a_shipped_model_has_an_output_per_class_and_a_map_that_shows_places(role: str) -> None:
    spec = getattr(_demo_config(), role)
    model = load_model(spec, device=torch.device("cpu"), role=role)
    logits, features, maps = model.features(torch.rand(2, 3, 64, 64))
    assert logits.shape == (2, len(CLASSES))
    assert maps is not None
    assert maps.shape[1] == features.shape[1]
    assert min(maps.shape[2:]) >= 8


@pytest.mark.slow
def test_what_was_planted_is_found_with_its_cue_and_label_noise_is_called_so(tmp_path: Path) -> None:
    # Other scenes than the demo's own, so that the outcome is no accident of its seed.
    analysed = _analyse(tmp_path / "scenes", seed=2)
    is_planted = np.array([CLASSES[name].cue is not None for name in NAMES])[analysed.label]
    shows_cue = analysed.scene_table["cue_present"].to_numpy(dtype=np.bool_)
    has_noise = (analysed.scene_table["label_noise"] != "").to_numpy(dtype=np.bool_)
    right = analysed.prediction == analysed.label
    assert right[(~is_planted | shows_cue) & ~has_noise].mean() > 0.99
    assert right[is_planted & ~shows_cue].mean() < 0.05
    assert right[has_noise].mean() < 0.05
    partner = np.array([NAMES.index(scene.partner) if scene.partner else -1 for scene in CLASSES.values()])
    lacking = is_planted & ~shows_cue
    assert (analysed.prediction[lacking] == partner[analysed.label[lacking]]).mean() > 0.95

    planted = _compare(analysed)
    with_cue, noisy = planted[planted["cue"] != ""], planted[planted["label_noise"] != ""]
    assert (with_cue["outcome"] == "found").mean() >= 0.8
    assert (with_cue.loc[with_cue["outcome"] == "found", "agreement"] >= MIN_AGREEMENT).all()
    assert (noisy["outcome"] == "found").all()
    assert (noisy["n_noise_recognised"] == noisy["n_noise_failures"]).all()
    assert (noisy["n_noise_failures"] >= 0.95 * noisy["n_noise"]).all()
    assert sorted(noisy["label_noise"]) == ["multi_label", "overlapping"]
    assert (planted["n_noise_false"] == 0).all()
    without = planted[(planted["cue"] == "") & (planted["label_noise"] == "")]
    assert len(without) == 7
    assert (without["outcome"] == "correctly_silent").all()
    assert (with_cue["cue_correlation"] >= 0.8).all()  # at most 0.87: half of the cues are missing
    assert planted.loc[planted["cue"] == "", "cue_correlation"].isna().all()
