"""The two sides of a failure mode: failures that meet its last condition, successes that do not, and what lies between.

"It" is always the feature of the last condition. The conditions before it hold for every image that is shown.
"""

from dataclasses import dataclass, replace

from barlow_report.formatting import threshold
from barlow_report.report.datatable import Link
from barlow_report.report.histogram import HistogramDrawing, draw_histogram
from barlow_report.report.mode_words import mode_name
from barlow_report.report.pages.page import Site
from barlow_report.report.pages.pictures import FeaturePicture, feature_picture
from barlow_report.report.records import Group, Rule
from barlow_report.report.words import images_of, just_below

__all__ = ["Sides", "StripView", "sides_of", "strip_view"]

STRIP_SIZE = (420, 150)
_N_BESIDE = 3


@dataclass(frozen=True, kw_only=True)
class StripView:
    """How a group is distributed along one condition: the histogram, and the images closest to the threshold.

    Attributes:
        grouping: Of the group: of one by label, all images have the label.
        feature: What the feature is called, and its page.
        images: The images that the histogram counts: images labelled dog with feature 80.
        n_images: How many these are.
        fails_above: Whether the failure mode is beyond the threshold.
        below: Images up to the threshold, the closest one last.
        above: Images beyond it, the closest one first.
    """

    grouping: str
    feature: Link
    images: str
    n_images: int
    threshold: str
    fails_above: bool
    histogram: HistogramDrawing | None
    below: tuple[FeaturePicture, ...]
    above: tuple[FeaturePicture, ...]


@dataclass(frozen=True, kw_only=True)
class Sides:
    """What an image of a failure mode and one on the other side have to do with its feature, in a word or two."""

    fails: str
    right: str


def sides_of(rule: Rule) -> Sides:
    """Say what failures have or lack: lacks it and has it where feature 22 ≤ 0.1, the other way round where it is >."""
    last = rule.conditions[-1]
    earlier = {c.branch for c in rule.conditions[:-1] if c.feature_id == last.feature_id}
    less, more = ("has less of it", "has more of it") if earlier - {last.branch} else ("lacks it", "has it")
    return Sides(fails=less, right=more) if last.branch == "le" else Sides(fails=more, right=less)


def strip_view(site: Site, group: Group, rule: Rule, *, position: int) -> StripView:
    """Collect what is shown along the condition of a rule at `position`."""
    condition = rule.conditions[position]
    key = (rule.rule_id, position)
    bins = site.catalog.strips.get(key, ())
    cut = threshold(condition.printed)
    closest = {"below": just_below(condition.printed), "above": f"just above {cut}"}
    beside: dict[str, list[FeaturePicture]] = {place: [] for place in closest}
    for p in site.catalog.strip_images.get(key, ()):
        if p.place in beside and len(beside[p.place]) < _N_BESIDE:
            beside[p.place].append(
                feature_picture(
                    site, p.image_id, thumbnail=p.thumbnail, activation=p.activation, place=closest[p.place]
                )
            )
    name = condition.name or f"feature {condition.feature_id}"
    before = replace(rule, conditions=rule.conditions[:position])
    width, height = STRIP_SIZE
    return StripView(
        grouping=group.grouping,
        feature=Link(name, site.feature_path(condition.feature_id)),
        images=mode_name(group, before) if position else images_of(group),
        n_images=sum(b.n_images for b in bins),
        threshold=cut,
        fails_above=condition.branch == "gt",
        histogram=draw_histogram(
            bins, thresholds=[(condition.threshold, condition.printed)], width=width, height=height
        ),
        below=tuple(reversed(beside["below"])),
        above=tuple(beside["above"]),
    )
