"""How long the pictures of joint modes take."""

from barlow_report.config import Config
from barlow_report.estimates import Estimate
from barlow_report.formatting import counted
from barlow_report.lenses.joint.selection import N_EXAMPLES, N_FEATURES
from barlow_report.stages.prospect import Prospect

__all__ = ["estimate_joint"]

_N_IMAGES = 12
"""Pictures along the direction of a joint mode."""
_SECONDS = 0.1


def estimate_joint(config: Config, prospect: Prospect) -> Estimate:
    """Estimate the lens: pictures of joint modes that are shown, of which half of all are expected to be."""
    if not config.data.has_images:
        return Estimate(words="no pictures: there are no images", seconds=_SECONDS)
    n_shown = (prospect.expected.n_joint + 1) // 2
    n_pictures = n_shown * (_N_IMAGES + N_FEATURES * N_EXAMPLES)
    drawing, n_bytes = prospect.pictures(n_pictures)
    return Estimate(
        words=f"{counted(n_pictures, 'picture')} of joint modes, if {counted(n_shown, 'group')} have one to show",
        seconds=_SECONDS + drawing,
        n_bytes=n_bytes,
        n_pictures=n_pictures,
        figures={"n_joint_modes": n_shown, "n_pictures": n_pictures},
    )
