"""What people are asked: the items of the form, handed to the site as values."""

from dataclasses import dataclass
from functools import cached_property

__all__ = ["FormBatch"]


@dataclass(frozen=True, kw_only=True)
class FormBatch:
    """The items of the form and what an answer must say about where it belongs.

    Attributes:
        report_id: Of the run.
        feature_model: SHA-256 of the weights of its feature model.
        batch_id: Of this choice of items.
        part_size: Items of one sitting, at most.
        items: (group, feature) pairs, each with pictures.
        text: The batch as JSON, for the collector.
    """

    report_id: str
    feature_model: str
    batch_id: str
    part_size: int
    items: tuple[tuple[int, int], ...]
    text: str

    @cached_property
    def asked(self) -> frozenset[tuple[int, int]]:
        """The items, to look one up in."""
        return frozenset(self.items)

    @property
    def n_parts(self) -> int:
        """Number of sittings."""
        return -(-len(self.items) // self.part_size)
