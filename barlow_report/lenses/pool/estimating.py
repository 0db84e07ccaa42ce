"""How long the images of a pool take beside the pass over them."""

from barlow_report.config import Config
from barlow_report.estimates import Estimate
from barlow_report.formatting import counted
from barlow_report.stages.prospect import Prospect

__all__ = ["estimate_pool"]

_SECONDS, _SECONDS_PER_IMAGE = 0.5, 3e-5
_SECONDS_PER_NUMBER = 4e-9
"""For each image, each number of its features and each failure mode: nearness and ranks."""


def estimate_pool(config: Config, prospect: Prospect) -> Estimate:
    """Estimate what follows the pass: candidates of each failure mode by label, and pictures of the best."""
    settings = config.needed_section("pool")
    n, n_modes = prospect.n_further["pool"], (prospect.expected.n_verified + 1) // 2
    n_pictures = min(n_modes * settings.n_pictures, n)
    drawing, n_bytes = prospect.pictures(n_pictures)
    each = _SECONDS_PER_IMAGE + _SECONDS_PER_NUMBER * prospect.n_features * (n_modes + 1)
    return Estimate(
        words=f"candidates for {counted(n_modes, 'failure mode')} by label, half of all",
        seconds=prospect.slowness * (_SECONDS + each * n) + drawing,
        n_bytes=n_bytes,
        n_pictures=n_pictures,
        figures={"n_modes": n_modes, "n_pictures": n_pictures},
    )
