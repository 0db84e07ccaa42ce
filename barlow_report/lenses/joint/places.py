"""What joint modes have to say on the pages of others: a group, the overview, the method page."""

from dataclasses import dataclass

from barlow_report.config import RulesConfig
from barlow_report.formatting import THIN_SPACE, counted, interval, p_value, percent, points
from barlow_report.lenses.joint.page_tables import FeatureRow, feature_rows, pictures
from barlow_report.lenses.joint.records import JointMode, JointModes
from barlow_report.lenses.joint.selection import N_FEATURES
from barlow_report.report.datatable import Link
from barlow_report.report.pages.page import Heading, Site
from barlow_report.report.pages.pictures import GalleryPicture
from barlow_report.report.records import Estimate, Group, Share
from barlow_report.report.slots import Block, MethodPart, PagePart
from barlow_report.report.words import group_short, images_of

__all__ = [
    "TITLE",
    "JointCard",
    "JointOverview",
    "JointSection",
    "group_block",
    "joint_anchor",
    "joint_path",
    "method_part",
    "overview_block",
    "verdict_words",
]

TITLE = "Predictable only from many features"
_N_CARDS = 4


@dataclass(frozen=True, kw_only=True)
class JointSection:
    """The joint mode of a group, ready to be shown; images `high` are members, images `low` are not."""

    anchor: str
    title: str
    images_of: str
    mode: JointMode
    base: Share
    sentence: str
    evidence: str
    high: tuple[GalleryPicture, ...]
    low: tuple[GalleryPicture, ...]
    features: tuple[FeatureRow, ...]
    others: tuple[FeatureRow, ...]

    @property
    def has_examples(self) -> bool:
        """Whether there are pictures of what the features respond to."""
        return any(row.examples for row in self.features)


@dataclass(frozen=True, kw_only=True)
class JointCard:
    """A joint mode on the overview, with the pictures of both ends."""

    mode: JointMode
    link: Link
    base: Share
    sentence: str
    highest: GalleryPicture | None
    lowest: GalleryPicture | None


@dataclass(frozen=True, kw_only=True)
class JointOverview:
    """The section of the overview."""

    title: str
    n_shown: int
    n_verified: int
    cards: tuple[JointCard, ...]


def joint_anchor(group_id: int) -> str:
    """Anchor of a joint mode on the page of its group."""
    return f"joint-{group_id}"


def joint_path(site: Site, mode: JointMode) -> str:
    """Page and anchor of a joint mode that is shown."""
    return f"{site.group_page(site.catalog.groups[mode.group_id])}#{joint_anchor(mode.group_id)}"


def verdict_words(joint: JointModes) -> str:
    """Say how many joint modes are verified where no rule is; nothing where none is."""
    n = sum(mode.verdict == "verified" for mode in joint.shown)
    if not n:
        return ""
    which = "a joint mode of many features is verified" if n == 1 else "joint modes of many features are verified"
    return f"In {counted(n, 'group')} without a verified rule, {which}."


def group_block(site: Site, joint: JointModes, group: Group) -> Block | None:
    """The joint mode of a group; one line where a rule is verified, nothing where it may be chance."""
    mode = joint.modes.get(group.group_id)
    if mode is None:
        return None
    if mode.group_id in joint.beside:
        return Block(template="lenses/joint/line.html", view=f"Beside the rules: {_foretell(mode)}.")
    if not joint.shows(mode):
        return None
    heading = Heading(TITLE, joint_anchor(group.group_id))
    return Block(template="lenses/joint/group.html", view=_section(site, mode, group), heading=heading)


def overview_block(site: Site, joint: JointModes) -> Block | None:
    """The section of the overview; None where nothing is to be shown."""
    if not joint.shown:
        return None
    view = JointOverview(
        title=TITLE,
        n_shown=len(joint.shown),
        n_verified=sum(mode.verdict == "verified" for mode in joint.shown),
        cards=tuple(_card(site, mode) for mode in joint.shown[:_N_CARDS]),
    )
    return Block(template="lenses/joint/overview.html", view=view)


def method_part(joint: JointModes) -> MethodPart:
    """The part of the method page."""
    return MethodPart(
        section=PagePart(
            heading=Heading("Joint modes", "joint-modes"),
            block=Block(template="lenses/joint/method.html", view=joint),
        ),
        sources=Block(template="lenses/joint/sources.html", view=None),
    )


def _section(site: Site, mode: JointMode, group: Group) -> JointSection:
    rows = feature_rows(site, mode)
    return JointSection(
        anchor=joint_anchor(mode.group_id),
        title=TITLE,
        images_of=images_of(group),
        mode=mode,
        base=group.all_images,
        sentence=_sentence(mode, group),
        evidence=_evidence(mode, group, site.catalog.rules_config),
        high=tuple(pictures(site, [image for image in mode.images if image.score > mode.threshold])),
        low=tuple(pictures(site, [image for image in mode.images if image.score <= mode.threshold])),
        features=rows[:N_FEATURES],
        others=rows[N_FEATURES:],
    )


def _card(site: Site, mode: JointMode) -> JointCard:
    group = site.catalog.groups[mode.group_id]
    ends = pictures(site, [mode.images[0], mode.images[-1]] if len(mode.images) > 1 else [])
    return JointCard(
        mode=mode,
        link=Link(group_short(group), joint_path(site, mode)),
        base=group.all_images,
        sentence=_rates(mode, group),
        highest=ends[0] if len(ends) == 2 else None,
        lowest=ends[1] if len(ends) == 2 else None,
    )


def _sentence(mode: JointMode, group: Group) -> str:
    return f"{_rates(mode, group)} No rule is verified here."


def _rates(mode: JointMode, group: Group) -> str:
    """Say how often members fail and how much of the failures they hold."""
    return (
        f"Of the {images_of(group)} that score high, about {_estimated(mode.error)} fail instead of "
        f"{percent(group.all_images.value, decimals=0)}; they cover {_estimated(mode.coverage)} of the failures."
    )


def _estimated(value: Estimate) -> str:
    return f"{percent(value.value, decimals=0)} ({interval(value.low, value.high)})"


def _foretell(mode: JointMode) -> str:
    """Say how well all features together predict the failures, and that it is not chance, without a full stop."""
    p, q = (text if text.startswith("<") else f"= {text}" for text in (p_value(mode.p_value), p_value(mode.q_value)))
    return (
        f"all features together score a failure above a success in {percent(mode.auc, decimals=0)} "
        f"of pairs (chance: 50{THIN_SPACE}%; p {p}, q {q})"
    )


def _evidence(mode: JointMode, group: Group, config: RulesConfig) -> str:
    """Say what speaks for a joint mode, and what it misses."""
    found = f"With each image scored by a direction fitted without it, {_foretell(mode)}."
    if mode.verdict == "verified":
        return f"{found} The joint mode is verified."
    missed, base = [], group.all_images.value or 0.0
    if mode.error.value < base + config.rho:
        side = (
            f"above the base rate instead of {config.rho * 100:g}"
            if mode.error.value >= base
            else "below the base rate"
        )
        size = points(mode.error.value, base, unlike=config.rho).removeprefix("−")
        missed.append(f"error rate {counted(size, 'point')} {side}")
    if mode.coverage.value < config.tau:
        covered = f"{points(mode.coverage.value, 0.0, unlike=config.tau)}{THIN_SPACE}%"
        missed.append(f"covers {covered} of the failures instead of {percent(config.tau, decimals=0)}")
    return f"{found} It is real but small: {' and '.join(missed)}."
