"""What a pool has to say on the pages of others: a failure mode, the overview, the method page."""

from dataclasses import dataclass

from barlow_report.formatting import counted
from barlow_report.lenses.pool.page_words import how_many
from barlow_report.lenses.pool.pages import CandidatePicture, collect_path, mode_pictures
from barlow_report.lenses.pool.records import PoolView
from barlow_report.report.datatable import Link
from barlow_report.report.pages.page import Heading, Site
from barlow_report.report.records import Rule
from barlow_report.report.slots import Block, MethodPart, PagePart

__all__ = ["ModeCollect", "method_part", "mode_block", "note"]

_N_SHOWN = 4


@dataclass(frozen=True, kw_only=True)
class ModeCollect:
    """What a failure mode's entry says of the pool; `more` is None without a candidate."""

    sentence: str
    pictures: tuple[CandidatePicture, ...]
    more: Link | None


def mode_block(site: Site, view: PoolView, rule: Rule) -> Block | None:
    """The best candidates of a failure mode."""
    mode = view.modes.get(rule.rule_id)
    if mode is None:
        return None
    found = ModeCollect(
        sentence=f"In the pool: {how_many(mode)[:1].lower()}{how_many(mode)[1:]}",
        pictures=mode_pictures(site, view, rule)[:_N_SHOWN],
        more=Link("What to collect for this failure mode", collect_path(rule.rule_id)) if mode.candidates else None,
    )
    return Block(template="lenses/pool/mode.html", view=found)


def note(view: PoolView) -> Block | None:
    """A line of the overview."""
    n = sum(bool(mode.candidates) for mode in view.modes.values())
    words = (
        f"A pool of {counted(view.summary.n_read, 'image')} has candidates to collect for {n} of "
        f"{counted(len(view.modes), 'failure mode')} by label."
    )
    return Block(template="lenses/pool/note.html", view=words)


def method_part() -> MethodPart:
    """The part of the method page."""
    block = Block(template="lenses/pool/method.html", view=None)
    return MethodPart(section=PagePart(heading=Heading("What to collect", "what-to-collect"), block=block))
