"""The page in front of the reports on each output of a multi-label model: which output is how good."""

import math
from dataclasses import dataclass

import jinja2
from markupsafe import Markup

from barlow_report import formatting
from barlow_report.binary_measures import BinaryMeasures, Measured
from barlow_report.formatting import number, percent
from barlow_report.report.cards import as_cards
from barlow_report.report.inline_style import inline_style
from barlow_report.report.render import templates_folder
from barlow_report.visible import visible

__all__ = ["OutputEntry", "OutputsIndex", "outputs_page"]

_NOTHING = Markup("–")


@dataclass(frozen=True, kw_only=True)
class OutputEntry:
    """One output.

    Attributes:
        name: Of the output.
        path: Of its report, relative to the page.
        n_images: Images with a label for it.
        n_positive: Of them, positive ones.
        measures: Of the sample that `OutputsIndex.is_held_out` says.
        n_verified: Verified failure modes of its report.
        threshold: From which probability on an image is positive.
        maximises: What the threshold was chosen for, in words; None where it was given.
    """

    name: str
    path: str
    n_images: int
    n_positive: int
    measures: BinaryMeasures
    n_verified: int
    threshold: float
    maximises: str | None = None

    @property
    def title(self) -> str:
        """The name as a page shows it."""
        return visible(self.name)


@dataclass(frozen=True, kw_only=True)
class OutputsIndex:
    """What the page shows.

    Attributes:
        title: Of the report.
        entries: Of the outputs that have a report.
        left_out: Names of the others, each with the reason.
        level: Of the intervals, 0 to 1.
        max_q_value: Up to which a failure mode is verified.
        is_held_out: Measures are of held-out images; otherwise of all.
    """

    title: str
    entries: tuple[OutputEntry, ...]
    left_out: tuple[tuple[str, str], ...]
    level: float
    max_q_value: float
    is_held_out: bool

    @property
    def worst_first(self) -> list[OutputEntry]:
        """The outputs by balanced accuracy, those without one last, equal ones by name."""
        return sorted(self.entries, key=lambda entry: (_order(entry.measures.balanced_accuracy), entry.name))

    @property
    def maximises(self) -> str | None:
        """What all thresholds were chosen for, in words; None where they differ or were given."""
        found = {entry.maximises for entry in self.entries}
        return found.pop() if len(found) == 1 else None

    @property
    def chooses_some(self) -> bool:
        """Whether some thresholds were chosen and others not, or for something else: rows say which."""
        return self.maximises is None and any(entry.maximises is not None for entry in self.entries)

    @property
    def others(self) -> list[tuple[str, str]]:
        """The outputs without a report, as a page shows them."""
        return [(visible(name), reason) for name, reason in self.left_out]


def _order(measured: Measured) -> float:
    return math.inf if math.isnan(measured.value) else measured.value


def outputs_page(index: OutputsIndex) -> str:
    """Return the page, which is one file."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(templates_folder()),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        count=formatting.count,
        counted=formatting.counted,
        percent=percent,
        measured=_measured,
        measured_percent=_measured_percent,
    )
    html = environment.get_template("pages/outputs.html").render(
        index=index,
        title=visible(index.title),
        style=Markup(inline_style()),  # noqa: S704 - ours
    )
    return as_cards(html)


def _measured(measured: Measured) -> Markup:
    """A measure from 0 to 1 as a number, with its interval."""
    if math.isnan(measured.value):
        return _NOTHING
    value, low, high = (number(part, decimals=3) for part in measured)
    return Markup("{}<small>{}–{}</small>").format(value, low, high)


def _measured_percent(measured: Measured) -> Markup:
    """The same in per cent."""
    if math.isnan(measured.value):
        return _NOTHING
    return Markup("{}<small>{}</small>").format(
        percent(measured.value), formatting.interval(measured.low, measured.high)
    )
