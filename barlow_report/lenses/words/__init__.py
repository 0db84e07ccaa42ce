"""Names without people: words that a model of images and text suggests for the features of failure modes.

In the manner of CLIP-Dissect (Oikarinen and Weng, ICLR 2023). They are shown as suggested by a model, never as what
people say; in the form only to somebody who has answered.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from barlow_report.lenses.lens import Lens

if TYPE_CHECKING:
    from barlow_report.config import Config
    from barlow_report.estimates import Estimate
    from barlow_report.lenses.words.config import WordsConfig
    from barlow_report.lenses.words.records import WordView
    from barlow_report.progress import Progress
    from barlow_report.report import ReportSource
    from barlow_report.report.pages import Site, SitePage
    from barlow_report.report.records import Rule
    from barlow_report.report.slots import Block, MethodPart
    from barlow_report.run_folder import Run
    from barlow_report.stages.prospect import Prospect
    from barlow_report.tables import Table

__all__ = ["Words"]


class Words(Lens["WordView"]):
    """Which words fit what activates a feature."""

    name = "words"
    key = "words"
    meaning = "Words for features, suggested by a model of images and text; leave the section out, and none are."
    command = "Suggest words for the features of failure modes. Extracts and explains first if need be."
    needs_images = True

    def section(self) -> "type[WordsConfig]":
        from barlow_report.lenses.words.config import WordsConfig

        return WordsConfig

    def check(self, config: "Config") -> None:
        sections = {key: config.section(key) for key in ("words", "directions", "taxonomy")}
        named = [
            f"'{key}.clip'" for key, section in sections.items() if section is not None and section.clip is not None
        ]
        if sections["words"] is not None and len(named) != 1:
            raise ValueError(
                f"'words' needs an image-text model: expected one of 'words.clip', 'directions.clip' and "
                f"'taxonomy.clip', found {' and '.join(named) or 'none'}"
            )

    def tables(self) -> "Sequence[Table]":
        from barlow_report.lenses.words.tables import TABLES

        return TABLES

    def compute(self, config: "Config", run: "Run", *, explained: str, progress: "Progress") -> None:
        from barlow_report.lenses.words.stage import suggest_words

        suggest_words(config, run, explained=explained, progress=progress)

    def estimate(self, config: "Config", prospect: "Prospect") -> "Estimate":
        from barlow_report.lenses.words.estimating import estimate_words

        return estimate_words(config, prospect)

    def read(self, source: "ReportSource") -> "WordView | None":
        from barlow_report.lenses.words.records import read_words

        return read_words(source)

    def pages(self, site: "Site", view: "WordView") -> "Iterator[SitePage]":
        from barlow_report.lenses.words.pages import words_page

        yield words_page(site, view)

    def mode(self, site: "Site", view: "WordView", rule: "Rule") -> "Block | None":
        from barlow_report.lenses.words.pages import mode_block

        return mode_block(site, view, rule)

    def form_words(self, site: "Site", view: "WordView", group_id: int, feature_id: int) -> str:
        from barlow_report.lenses.words.page_words import quoted_words

        found = view.features.get((group_id, feature_id))
        return "" if found is None else quoted_words(found)

    def method(self, site: "Site", view: "WordView") -> "MethodPart":
        from barlow_report.lenses.words.pages import method_part

        return method_part()

    def downloads(self, site: "Site", view: "WordView") -> "Mapping[str, Iterable[str]]":
        from barlow_report.lenses.words.downloads import words_csv

        return {"suggested-words.csv": words_csv(site, view)}
