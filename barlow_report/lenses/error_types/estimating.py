"""How long the kinds of errors take: pictures of each, and words of an image-text model where they are asked for."""

from barlow_report.config import Config
from barlow_report.estimates import Estimate
from barlow_report.formatting import counted
from barlow_report.lenses.error_types.config import TaxonomyConfig
from barlow_report.lenses.error_types.proposing import image_text_model
from barlow_report.lenses.error_types.run_classes import vocabulary_of
from barlow_report.lenses.error_types.tables import ERROR_TYPES
from barlow_report.lenses.error_types.words import candidate_words
from barlow_report.stages.embedding_cost import embedding_cost
from barlow_report.stages.prospect import Prospect

__all__ = ["estimate_error_types"]

_SECONDS, _SECONDS_PER_FAILURE = 0.3, 1e-4
"""Measured with 600 to 9,000 failures; files of lists take more where they are long."""


def estimate_error_types(config: Config, prospect: Prospect) -> Estimate:
    """Estimate the lens."""
    settings: TaxonomyConfig = config.needed_section("taxonomy")
    n_failures = prospect.expected.n_failures
    n_pictures = min(len(ERROR_TYPES) * config.visuals.n_gallery, n_failures)
    drawing, n_bytes = prospect.pictures(n_pictures)
    words = [f"the kind of {counted(n_failures, 'failure')}, as often as images of the sample fail"]
    seconds = prospect.slowness * (_SECONDS + _SECONDS_PER_FAILURE * n_failures) + drawing
    figures: dict[str, int | float] = {"n_failures": n_failures}
    if settings.proposal_words is not None:
        spec, role = image_text_model(config, settings)
        cost = embedding_cost(config, spec, prospect, role=role)
        vocabulary = vocabulary_of(list(prospect.images.class_names), config.data)
        n_words = len(
            candidate_words(settings.proposal_words, vocabulary=vocabulary, wordnet_folder=settings.wordnet.folder)
        )
        seconds += cost.seconds + n_words * cost.seconds_each_text
        n_bytes += cost.n_bytes
        words.append(f"{cost.words}, and {counted(n_words, 'word')}")
        figures |= {"n_words": n_words, "n_dimensions": cost.n_dimensions}
    return Estimate(words="; ".join(words), seconds=seconds, n_bytes=n_bytes, n_pictures=n_pictures, figures=figures)
