"""The shipped configuration on CIFAR-10: 10,000 real images, a standard model and a robust one."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from barlow_report import pipeline
from barlow_report.config import AttackConfig, Config, RulesConfig, load_config
from barlow_report.rules import explain_failures, leaf_members
from barlow_report.run_folder import Run
from tests.rules.reference import explain_in_sample
from tests.rules.test_reference import assert_equals_reference

pytestmark = pytest.mark.slow

CONFIG = Path(__file__).resolve().parents[2] / "configs" / "cifar10.yaml"


@pytest.fixture(scope="module")
def config(shared_cifar: Path) -> Config:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CIFAR10", str(shared_cifar))
        return load_config(CONFIG)


@pytest.fixture(scope="module")
def run(config: Config, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return pipeline.compute(config, folder=tmp_path_factory.mktemp("cifar") / "run", until="explain")


def test_every_image_is_read_and_the_accuracy_is_that_of_the_model(run: Run) -> None:
    images = run.read_table("images")
    assert len(images) == 10_000
    assert run.read_table("skipped").empty
    assert run.features().shape == (10_000, 256)
    assert (images["label"] == images["prediction"]).mean() == pytest.approx(0.826, abs=0.002)


def test_in_sample_results_of_all_groups_equal_those_of_scikit_learn(run: Run) -> None:
    images, features = run.read_table("images"), np.asarray(run.features())
    labels, predictions = images["label"].to_numpy(), images["prediction"].to_numpy()
    reference = explain_in_sample(features, labels, predictions, n_classes=10, max_depth=1)
    settings = RulesConfig(max_depth=1, held_out_fraction=0.0)
    assert sum(bool(group.leaves) for group in reference) == 20
    assert_equals_reference(explain_failures(features, labels, predictions, settings=settings), reference)


def test_the_class_dog_has_a_verified_failure_mode(run: Run) -> None:
    groups, rules = run.read_table("groups"), run.read_table("rules")
    dogs = groups[(groups["grouping"] == "label") & (groups["name"] == "dog")].iloc[0]
    verified = rules[(rules["group_id"] == dogs["group_id"]) & (rules["verdict"] == "verified")]
    assert len(verified) == 1
    mode = verified.iloc[0]
    assert mode["base_error_rate_held_out"] == pytest.approx(0.27, abs=0.02)
    assert mode["error_rate_held_out"] >= mode["base_error_rate_held_out"] + 0.1
    assert mode["q_value"] <= 0.05


def test_cats_taken_for_dogs_are_the_most_confused_pair_and_have_a_verified_failure_mode(run: Run) -> None:
    groups, rules, images = run.read_table("groups"), run.read_table("rules"), run.read_table("images")
    pairs = groups[groups["grouping"] == "confused_pairs"].reset_index(drop=True)
    assert len(pairs) == 10
    assert pairs["name"][0] == "cat → dog"
    names = run.read_table("classes").set_index("name")["class_id"]
    cats = images[images["label"] == names["cat"]]
    counts = cats["prediction"].value_counts()
    assert pairs["n_images"][0] + pairs["n_images_held_out"][0] == counts[names["cat"]] + counts[names["dog"]]
    assert pairs["n_failures"][0] + pairs["n_failures_held_out"][0] == counts[names["dog"]] == 139
    verified = rules[(rules["group_id"] == pairs["group_id"][0]) & (rules["verdict"] == "verified")]
    assert len(verified) == 1
    assert (rules["verdict"][rules["group_id"].isin(pairs["group_id"])] == "verified").sum() >= 2


def test_held_out_counts_are_those_of_the_images_a_rule_describes(run: Run) -> None:
    images, groups = run.read_table("images"), run.read_table("groups").set_index("group_id")
    held_out = (run.read_table("splits")["split"] == "held_out").to_numpy()
    failed = (images["label"] != images["prediction"]).to_numpy()
    conditions = dict(tuple(run.read_table("conditions").groupby("rule_id")))
    memberships = run.read_table("memberships")
    features = np.asarray(run.features())
    for rule in run.read_table("rules").itertuples():
        group = groups.loc[rule.group_id]
        if group["grouping"] == "confused_pairs":
            members = images.index.isin(memberships[memberships["group_id"] == rule.group_id]["image_id"])
        else:
            members = (images[group["grouping"]] == group["class_id"]).to_numpy()
        leaf = members & leaf_members(features, conditions[rule.rule_id])
        assert (rule.n_images, rule.n_images_held_out) == ((leaf & ~held_out).sum(), (leaf & held_out).sum())
        assert (rule.n_failures, rule.n_failures_held_out) == (
            (leaf & ~held_out & failed).sum(),
            (leaf & held_out & failed).sum(),
        )


def test_pictures_of_one_class_are_complete_and_every_attack_raises_its_feature(config: Config, run: Run) -> None:
    """The whole visual stage, with a short attack, on the extracted features."""
    folder = run.folder.with_name("pictures")
    shutil.copytree(run.folder, folder)
    short = config.model_copy(update={"visuals": config.visuals.model_copy(update={"attack": AttackConfig(n_steps=5)})})
    tiles = pipeline.compute(short, folder=folder).read_table("tiles")
    used = run.read_table("conditions").merge(run.read_table("rules"), on="rule_id")[["group_id", "feature_id"]]
    assert len(tiles) == len(used.drop_duplicates()) * config.visuals.n_images
    assert (tiles["attacked_activation"] > tiles["activation"]).all()
    names = pd.concat([tiles["thumbnail"], tiles["heatmap"], tiles["attack"]])
    assert all((folder / "media" / name).is_file() for name in names.unique())
