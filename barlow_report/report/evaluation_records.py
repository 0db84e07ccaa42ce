"""What the tables of the whole run are about, as small frozen objects: what is explained, what trees find."""

from dataclasses import dataclass

from barlow_report.report.records import Share

__all__ = [
    "Evaluation",
    "Explained",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """The automatic evaluation of one grouping at one depth; see table `evaluation`."""

    grouping: str
    depth: int
    n_groups: int
    n_trees: int
    n_with_mode: int
    mean_tree_gain: float | None
    n_trees_held_out: int
    n_with_mode_held_out: int
    mean_tree_gain_held_out: float | None
    mean_tree_gain_by_chance: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """How many images and failures are covered, each counted once; see table `explained`."""

    scope: str
    grouping: str | None
    group_id: int | None
    n_verified: int
    n_images: int
    n_images_in_modes: int
    n_images_in_verified: int | None
    n_failures: int
    n_failures_in_modes: int
    n_failures_in_verified: int | None
    n_images_held_out: int
    n_images_in_verified_held_out: int | None
    n_failures_held_out: int
    n_failures_in_verified_held_out: int | None

    @property
    def in_modes(self) -> Share:
        """Failures among the fitted images that failure modes cover."""
        return Share(self.n_failures_in_modes, self.n_failures)

    @property
    def images_in_modes(self) -> Share:
        """Fitted images that failure modes cover."""
        return Share(self.n_images_in_modes, self.n_images)

    @property
    def held_out(self) -> Share:
        """Failures among the images in evidence that verified failure modes cover."""
        return Share(self.n_failures_in_verified_held_out, self.n_failures_held_out)

    @property
    def images_held_out(self) -> Share:
        """Images in evidence that verified failure modes cover."""
        return Share(self.n_images_in_verified_held_out, self.n_images_held_out)
