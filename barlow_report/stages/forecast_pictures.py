"""How long the pictures take, and how large they are: feature attacks, heatmaps and thumbnails of some images."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from barlow_report.config import Config
from barlow_report.estimates import Estimate
from barlow_report.formatting import count, counted
from barlow_report.stages.attacked import attacked_words, n_attacked
from barlow_report.stages.measuring import seconds_each
from barlow_report.stages.prospect import Prospect

if TYPE_CHECKING:
    from barlow_report.vision.attack import FeatureAttack
    from barlow_report.vision.models import LoadedModel

__all__ = ["estimate_pictures"]

_SECONDS = 2.5
"""How long feature attacks are measured, and a tenth of it heatmaps."""
_N_FIRST, _N_HEATMAPS = 4, 64
_PASSES_PER_STEP = 1.5
"""A step of an attack takes about so many times what an image takes in the pass; so many are tried at first as take
some seconds then, since few at once take long for each."""
_PER_RULE, _PER_FEATURE = 30, 18
"""Thumbnails for each leaf of a tree, of its gallery and of its failures; and for each feature, beside its tiles."""
_HEATMAP_BYTES = 2_000
_SECONDS_OF_TABLES, _SECONDS_PER_RULE = 0.3, 0.02
"""Histograms, and which images are shown; measured with 32 and 86 leaves."""


def estimate_pictures(config: Config, prospect: Prospect) -> Estimate:
    """Estimate the stage that draws, from attacks, heatmaps and thumbnails of some images."""
    feature, expected = prospect.feature, prospect.expected
    n_tiles = expected.n_features * config.visuals.n_images
    n_attacks = expected.n_features * n_attacked(config)
    n_per_rule = min(_PER_RULE, config.visuals.n_mode_images + 2 * config.visuals.n_gallery)
    n_thumbnails = min(expected.n_rules * n_per_rule + expected.n_features * _PER_FEATURE + n_tiles, prospect.n_images)
    drawing, thumbnail_bytes = prospect.pictures(n_thumbnails)
    counting = prospect.slowness * (_SECONDS_OF_TABLES + _SECONDS_PER_RULE * expected.n_rules)
    if feature is None:
        n_pictures = n_thumbnails if prospect.picture is not None else 0
        return Estimate(
            words=f"{counted(n_pictures, 'thumbnail')}, and histograms" if n_pictures else "none, but histograms",
            seconds=drawing + counting,
            n_bytes=thumbnail_bytes,
            n_pictures=n_pictures,
            figures={"n_thumbnails": n_pictures},
        )
    attack, attacking = _attacks(config, prospect, feature) if n_attacks else (0.0, "")
    heatmap = _heatmap(prospect, feature) if feature.has_maps and n_tiles else 0.0
    maps = heatmap * (n_tiles - n_attacks) if n_attacks else heatmap * n_tiles
    attack_bytes = prospect.pictures(n_attacks)[1]
    many = f"{counted(n_tiles, 'tile')}, {counted(n_thumbnails, 'thumbnail')}"
    words = (
        f"{count(n_attacks)} feature attacks at {attack:.2g} s each, {many}, {expected.assumed}" if n_attacks else many
    )
    return Estimate(
        words=f"{words}. {attacking}" if attacking else f"{words}, no feature attack (visuals.attack: none)",
        seconds=attack * n_attacks + maps + drawing + counting,
        n_bytes=thumbnail_bytes + attack_bytes + n_tiles * (_HEATMAP_BYTES if feature.has_maps else 0),
        n_pictures=n_thumbnails + n_attacks + n_tiles,
        figures={
            "n_feature_attacks": n_attacks,
            "seconds_each_attack": attack,
            "n_tiles": n_tiles,
            "n_thumbnails": n_thumbnails,
        },
    )


def _attacks(config: Config, prospect: Prospect, feature: "LoadedModel") -> tuple[float, str]:
    """Seconds for each feature attack with its heatmap, and what is said of them."""
    from barlow_report.vision.attack import FeatureAttack

    settings = config.visuals.attack
    if settings == "none":
        return 0.0, ""
    attack = FeatureAttack(feature, settings)
    n_most = max(attack.n_pairs, _N_FIRST)
    usual = _PASSES_PER_STEP * settings.n_steps * prospect.seconds_each
    n_first = min(max(int(_SECONDS / usual), _N_FIRST), n_most) if usual > 0 else _N_FIRST
    each = seconds_each(_tiles(attack, prospect, feature), n_first=n_first, n_most=n_most, seconds=_SECONDS)
    some = attacked_words(config)
    said = "visuals.attack: none leaves the attacks out"
    return each, said if some is None else f"{said}. {some.removesuffix('.')}"


def _heatmap(prospect: Prospect, feature: "LoadedModel") -> float:
    work = _tiles(feature, prospect, feature)
    return seconds_each(work, n_first=_N_FIRST, n_most=_N_HEATMAPS, seconds=_SECONDS / 10)


def _tiles(by: "FeatureAttack | LoadedModel", prospect: Prospect, feature: "LoadedModel") -> Callable[[int], object]:
    def draw(n: int) -> object:
        from barlow_report.vision.tiles import compute_tiles

        images = [loaded.content for loaded in prospect.some_images(n)]
        images = [images[i % len(images)] for i in range(n)]
        return compute_tiles(by, images, feature_ids=(np.arange(n) % feature.n_features).tolist())

    return draw
