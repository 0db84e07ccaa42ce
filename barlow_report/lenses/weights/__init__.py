"""Training images: which of them are in the failure modes, and how much each should count when training again.

Jain et al. (arXiv 2206.14754) repair the failing part of a class by more of its images, or by weighting those that are
there. The pool looks for more; this weights the ones that a model was trained on.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from barlow_report.lenses.lens import Lens

if TYPE_CHECKING:
    from barlow_report.config import Config
    from barlow_report.estimates import Estimate
    from barlow_report.lenses.weights.config import WeightsConfig
    from barlow_report.lenses.weights.records import WeightsView as View
    from barlow_report.progress import Progress
    from barlow_report.report import ReportSource
    from barlow_report.report.pages import Site, SitePage
    from barlow_report.report.records import Rule
    from barlow_report.report.slots import MethodPart, Sentence
    from barlow_report.run_folder import Run
    from barlow_report.stages.prospect import Prospect
    from barlow_report.tables import Table

__all__ = ["Weights"]


class Weights(Lens["View"]):
    """Which training images are in the failure modes, and how much each of them should count."""

    name = "weights"
    key = "training"
    meaning = (
        "The labelled images that the model was trained on: which of them are in the failure modes, and how much each "
        "should count when training again; leave the section out, and nothing is said of them."
    )
    command = (
        "Weight the training images by the failure modes that they are in. Extracts and explains first if need be."
    )
    command_name = "weights"
    needs = ("error_types",)
    needs_images = True

    def section(self) -> "type[WeightsConfig]":
        from barlow_report.lenses.weights.config import WeightsConfig

        return WeightsConfig

    def check(self, config: "Config") -> None:
        from barlow_report.config.further import refuse_given_features

        if config.section(self.key) is not None:
            refuse_given_features(config.data, key=self.key)

    def tables(self) -> "Sequence[Table]":
        from barlow_report.lenses.weights.tables import TABLES

        return TABLES

    def compute(self, config: "Config", run: "Run", *, explained: str, progress: "Progress") -> None:
        from barlow_report.lenses.weights.stage import weight_training_images

        weight_training_images(config, run, explained=explained, progress=progress)

    def estimate(self, config: "Config", prospect: "Prospect") -> "Estimate":
        from barlow_report.lenses.weights.estimating import estimate_weights

        return estimate_weights(prospect)

    def read(self, source: "ReportSource") -> "View | None":
        from barlow_report.lenses.weights.records import read_weights

        return read_weights(source)

    def pages(self, site: "Site", view: "View") -> "Iterator[SitePage]":
        from barlow_report.lenses.weights.pages import training_page

        yield training_page(site, view)

    def mode_sentence(self, site: "Site", view: "View", rule: "Rule") -> "Sentence | None":
        from barlow_report.lenses.weights.pages import mode_sentence

        return mode_sentence(view, rule)

    def method(self, site: "Site", view: "View") -> "MethodPart":
        from barlow_report.lenses.weights.pages import method_part

        return method_part(view)

    def downloads(self, site: "Site", view: "View") -> "Mapping[str, Iterable[str]]":
        from barlow_report.lenses.weights.downloads import modes_csv

        return {"training-modes.csv": modes_csv(site, view)}
