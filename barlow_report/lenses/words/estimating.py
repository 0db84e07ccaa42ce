"""How long suggested words take: embeddings of images and words, and comparisons by chance for each group."""

import numpy as np

from barlow_report.config import Config
from barlow_report.estimates import Estimate
from barlow_report.formatting import counted
from barlow_report.lenses.words.config import WordsConfig
from barlow_report.lenses.words.scoring import best_words, most_activating, n_most_activating, random_picks
from barlow_report.lenses.words.stage import image_text_model
from barlow_report.lenses.words.vocabulary import BUILT_IN, read_vocabulary
from barlow_report.stages.embedding_cost import embedding_cost
from barlow_report.stages.measuring import timed
from barlow_report.stages.prospect import Prospect

__all__ = ["estimate_words"]

_N_DRAWS = 200
"""Of the comparisons by chance, how many are timed at most."""


def estimate_words(config: Config, prospect: Prospect) -> Estimate:
    """Estimate the lens."""
    settings: WordsConfig = config.needed_section("words")
    spec, role = image_text_model(config)
    words = read_vocabulary(settings.vocabulary or BUILT_IN)
    cost = embedding_cost(config, spec, prospect, role=role)
    expected = prospect.expected
    if not expected.n_verified:
        return Estimate(words=f"nothing to name: {expected.assumed}")
    sizes = np.bincount(prospect.images.labels[prospect.images.labels >= 0], minlength=1)
    size = int(min(np.median(sizes[sizes > 0]), settings.max_images))
    comparing = _comparing(settings, size, n_words=len(words), n_dimensions=cost.n_dimensions)
    texts = len(words) * cost.seconds_each_text
    return Estimate(
        words=f"{cost.words}; {counted(len(words), 'word')} and {counted(settings.n_draws, 'draw')} for each group, "
        f"{expected.assumed}",
        seconds=cost.seconds + texts + comparing * expected.n_verified,
        n_bytes=cost.n_bytes,
        figures={"n_words": len(words), "n_dimensions": cost.n_dimensions, "seconds_each_group": comparing},
    )


def _comparing(settings: WordsConfig, size: int, *, n_words: int, n_dimensions: int) -> float:
    """Seconds of the comparisons of one group."""
    n = n_most_activating(size, most=settings.n_images)
    if not n:
        return 0.0
    random = np.random.default_rng(0)
    images, texts = (random.normal(size=(k, n_dimensions)).astype(np.float32) for k in (size, n_words))
    n_draws = min(settings.n_draws, _N_DRAWS)

    def compare() -> None:
        chance = random_picks(size, n=n, n_draws=n_draws, seed=(0,))
        picks = most_activating(random.random((size, 1)), n=n)
        best_words(images, texts, picks=picks, by_chance=chance, n_best=1)

    return timed(compare) * settings.n_draws / n_draws
