"""How long the weights of training images take beside the pass over them."""

from barlow_report.estimates import Estimate
from barlow_report.formatting import counted
from barlow_report.stages.prospect import Prospect

__all__ = ["estimate_weights"]

_SECONDS, _SECONDS_PER_IMAGE, _BYTES_PER_IMAGE = 0.3, 3e-5, 60


def estimate_weights(prospect: Prospect) -> Estimate:
    """Estimate what follows the pass: the weight of each image, and the files of them."""
    n, n_modes = prospect.n_further["training"], (prospect.expected.n_verified + 1) // 2
    return Estimate(
        words=f"weights by {counted(n_modes, 'failure mode')} by label, half of all",
        seconds=prospect.slowness * (_SECONDS + _SECONDS_PER_IMAGE * n),
        n_bytes=_BYTES_PER_IMAGE * n,
        figures={"n_modes": n_modes},
    )
