"""Which images of a triptych the feature attack changes, and why not all."""

from barlow_report.config import Config

__all__ = ["N_ATTACKED", "attacked_words", "n_attacked"]

N_ATTACKED = 2
"""Images of each triptych where the feature model is the inspected one: enough to see that they look like noise."""

_WHY = (
    "the features are those of the inspected model, which is not known to be robust, so that attacks may look like "
    "noise"
)


def n_attacked(config: Config) -> int:
    """Return how many images of each triptych are attacked, the most activating ones: 0 without the attack.

    A feature model of its own is there to be robust. The inspected model rarely is: its attacks cost as much and show
    little, so that a few have to do unless `visuals.n_attacked` says otherwise.
    """
    settings = config.visuals
    if settings.attack == "none":
        return 0
    usual = settings.n_images if config.feature_model is not None else N_ATTACKED
    return min(usual if settings.n_attacked is None else settings.n_attacked, settings.n_images)


def attacked_words(config: Config) -> str | None:
    """Say that only some images are attacked; None where all are, or none."""
    n, n_images = n_attacked(config), config.visuals.n_images
    if n in (0, n_images):
        return None
    why = f": {_WHY}" if config.visuals.n_attacked is None else ""
    return f"Of the {n_images} images of a triptych, the first {n} have a feature attack (visuals.n_attacked){why}."
