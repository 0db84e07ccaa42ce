"""How many pages a site can have, and how long they take to build: by what pages took in sites of several sizes.

Building is not tried: pages are made of what a run finds. The constants are of sites of 52 to 9,870 pages; see
tests/benchmarks/forecast.py.
"""

from barlow_report.config import Config
from barlow_report.estimates import Estimate
from barlow_report.formatting import counted
from barlow_report.stages.prospect import Prospect

__all__ = ["estimate_site"]

_N_FIXED = 12
"""Pages that every site has, or one for each lens."""
_SECONDS, _SECONDS_PER_PAGE, _SECONDS_PER_PICTURE = 1.5, 0.005, 0.0008
_BYTES, _BYTES_PER_PAGE = 600_000, 50_000
_BYTES_PER_IMAGE = 130
"""Of the tables to download."""


def estimate_site(config: Config, prospect: Prospect, *, n_pictures: int) -> Estimate:
    """Estimate the site: its pages by what the run may find, and its pictures once more.

    Args:
        config: The configuration.
        prospect: What is known of the run.
        n_pictures: In the run folder.
    """
    expected, n_images = prospect.expected, prospect.n_images
    n_others = max(expected.n_groups - len(config.rules.groupings) * prospect.n_classes, 0)
    n_pages = _N_FIXED + prospect.n_classes + n_others + expected.n_features + expected.n_verified
    if config.site.images == "none":
        n_pictures = 0
    seconds = prospect.slowness * (_SECONDS + _SECONDS_PER_PAGE * n_pages + _SECONDS_PER_PICTURE * n_pictures)
    pages = _BYTES + _BYTES_PER_PAGE * n_pages + _BYTES_PER_IMAGE * n_images
    return Estimate(
        words=f"about {counted(n_pages, 'page')}, {expected.assumed}; its disk is beside that of the run folder",
        seconds=seconds,
        n_bytes=pages + prospect.pictures(n_pictures)[1],
        figures={"n_pages": n_pages, "n_pictures": n_pictures},
    )
