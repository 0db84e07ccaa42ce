"""How long a comparison takes: some of the models are loaded and asked about some images; then trees and tests."""

from barlow_report.config import Config
from barlow_report.estimates import Estimate
from barlow_report.formatting import count, counted
from barlow_report.lenses.models.config import ComparisonConfig
from barlow_report.lenses.models.sources import list_models
from barlow_report.lenses.models.stage import plain_rules
from barlow_report.stages.forecast_rules import measure_search
from barlow_report.stages.model_answers import AskedModel
from barlow_report.stages.models_cost import measure_models
from barlow_report.stages.prospect import Prospect

__all__ = ["estimate_comparison"]

_BYTES_PER_ANSWER = 8
"""A class_id and a confidence: see `stages.model_answers.Predicted`."""
_SECONDS_PER_ANSWER = 1e-6
"""To classify errors and to count: 100 models and 50,000 images take 5 seconds."""
_TYPES = 6
"""Kinds of errors that have pictures of the most common ones."""


def estimate_comparison(config: Config, prospect: Prospect) -> Estimate:
    """Estimate the lens: asking models, trees of those that propose failure modes, and pictures."""
    settings: ComparisonConfig = config.needed_section("comparison")
    sources = list_models(settings.models)
    n_models, n_images = len(sources), prospect.n_images
    seconds, words = 0.0, []
    figures: dict[str, int | float] = {"n_models": n_models}
    if sources:
        asked = [AskedModel(name=source.name, spec=source.spec) for source in sources]
        cost = measure_models(config, asked, prospect)
        seconds = n_models * (cost.loading + cost.asking * n_images) + cost.decoding * n_images
        words.append(_asked_words(n_models, n_images, cost.n_timed, cost.asking))
        n_published = sum(source.spec.is_downloaded for source in sources)
        if n_published:
            words.append(
                f"weights of {count(n_published)} are downloaded where they are not here yet, which is not timed"
            )
        words += [f"would be left out: {reason}" for reason in cost.unusable]
        figures |= {"n_timed": cost.n_timed, "seconds_each_image": cost.asking, "seconds_of_loading": cost.loading}
        if not cost.n_timed:
            return Estimate(words="; ".join(words), seconds=None, figures=figures)
    if settings.predictions:
        words.append(f"predictions of {counted(len(settings.predictions), 'table')}")
    n_proposing = 1 + min(settings.n_proposing, max(n_models, len(settings.predictions)))
    search = measure_search(plain_rules(config.rules), prospect)
    searching = 0.0 if search is None else search.once + search.seconds * n_proposing
    n_pictures = _TYPES * config.visuals.n_gallery
    drawing, n_bytes = prospect.pictures(n_pictures)
    words.append(f"{counted(n_proposing, 'search')} for rules".replace("searchs", "searches"))
    return Estimate(
        words="; ".join(words),
        seconds=seconds + searching + drawing + n_models * n_images * _SECONDS_PER_ANSWER,
        n_bytes=n_models * n_images * _BYTES_PER_ANSWER + n_bytes,
        n_pictures=n_pictures,
        figures=figures | {"n_searches": n_proposing, "seconds_of_searches": searching},
    )


def _asked_words(n_models: int, n_images: int, n_timed: int, each: float) -> str:
    asked = f"{counted(n_models, 'model')} asked about {counted(n_images, 'image')}"
    if not n_timed:
        return f"{asked}, none of which is here to be timed"
    which = "each timed" if n_timed == n_models else f"{count(n_timed)} of them timed"
    return f"{asked}, {which}, {1 / max(each, 1e-9):,.1f} a second on average"
