"""How many images a class needs, against simulations that know nothing of the formula."""

import numpy as np
import pytest

from barlow_report.config import RulesConfig
from barlow_report.power import Effect, images_needed
from barlow_report.rules import explain_failures

EFFECT = Effect(share=1 / 3, base=0.15, difference=0.3)
N_FEATURES = 24


def draw(n: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Features of two clusters each, of which the first decides how often an image fails, and the failures."""
    features = random.normal(size=(n, N_FEATURES)).astype(np.float32)
    has = random.random((n, N_FEATURES)) < EFFECT.share
    return features + 6 * has, random.random(n) < EFFECT.base + EFFECT.difference * has[:, 0]


def share_found(n: int, *, evidence: str, n_runs: int = 30) -> float:
    """In how many of some runs the mode is found in a class of n images."""
    settings = RulesConfig.model_validate(
        {"evidence": evidence, "n_shuffles": 999, "n_resamples": 0, "evaluation_depths": (), "max_depth": 1}
    )
    found = 0
    for run in range(n_runs):
        features, fails = draw(n, np.random.default_rng([n, run]))
        result = explain_failures(
            features, np.zeros(n, dtype=np.int64), fails.astype(np.int64), class_names=["a", "b"], settings=settings
        )
        rules = result.rules[result.rules["verdict"].isin(["verified", "real_but_small"])]
        features_of = result.conditions.set_index("rule_id")["feature_id"]
        by_label = result.groups.set_index("group_id")["grouping"] == "label"
        found += any(features_of.loc[r.rule_id] == 0 and by_label[r.group_id] for r in rules.itertuples())
    return found / n_runs


@pytest.mark.slow
@pytest.mark.parametrize("evidence", ["shuffles", "held_out"])
def test_so_many_images_are_enough_and_far_fewer_are_not(evidence: str) -> None:
    settings = RulesConfig.model_validate({"evidence": evidence})
    needed = images_needed(EFFECT, settings=settings, n_features=N_FEATURES, n_groups=2)
    assert share_found(needed, evidence=evidence) >= 0.75  # 80 %, less what 30 runs may be below it
    assert share_found(needed // 3, evidence=evidence) <= 0.5


def test_the_formula_of_the_textbook_agrees_with_drawn_counts() -> None:
    settings = RulesConfig(max_q_value=0.05)
    n = images_needed(EFFECT, settings=settings, n_features=1, n_groups=1)
    random, n_draws = np.random.default_rng(1), 20000
    inside = random.binomial(n, EFFECT.share, n_draws)
    k_in = random.binomial(inside, EFFECT.base + EFFECT.difference)
    k_out = random.binomial(n - inside, EFFECT.base)
    k = k_in + k_out
    variance = k * (n - k) * inside * (n - inside) / (n**2 * (n - 1.0))
    z = (k_in - k * inside / n) / np.sqrt(variance)
    # 5 cuts on 2 sides and 2 tests share 0.05: 0.0025, of which a normal number exceeds 2.807 as often
    assert np.mean(z > 2.807) == pytest.approx(0.8, abs=0.02)


def test_more_to_choose_from_smaller_modes_and_more_classes_need_more_images() -> None:
    def needed(
        settings: RulesConfig | None = None, *, n_features: int = 512, n_groups: int = 10, by: float = 0.3
    ) -> int:
        effect, settings = Effect(share=1 / 3, base=0.2, difference=by), settings or RulesConfig()
        return images_needed(effect, settings=settings, n_features=n_features, n_groups=n_groups)

    assert needed() < needed(by=0.2) < needed(by=0.1)
    assert needed() < needed(n_features=5000) < 2 * needed()
    assert needed() < needed(n_groups=1000) < 2 * needed()
    assert needed() < needed(RulesConfig(evidence="held_out"))
    assert needed(RulesConfig(min_images=5000)) == 5000
