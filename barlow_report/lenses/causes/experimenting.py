"""Experiments as work for an engine: the models once per worker, and some experiments at a time."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from barlow_report.config import Config, ModelConfig
from barlow_report.lenses.causes.config import CausesConfig
from barlow_report.lenses.causes.experiments import Experiment
from barlow_report.lenses.causes.laboratory import Laboratory
from barlow_report.progress import Advance
from barlow_report.run_folder import Run
from barlow_report.seals import write_sealed_json

__all__ = ["Experiments"]

Together = tuple[Experiment, ...]
"""The unit: experiments whose images are changed at once."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Experiments:
    """Does experiments; there is no result, but a file for each in the folder of the unfinished work.

    Attributes:
        config: The configuration.
        settings: Its section `causes`.
        inspected: Its inspected model.
        folder: The run folder.
        work: Where the files go.
    """

    config: Config
    settings: CausesConfig
    inspected: ModelConfig
    folder: Path
    work: Path

    def start(self, n_threads: int | None) -> "_Experimenter":
        """Load the models; see `Work`."""
        config = self.config.with_threads(n_threads)
        return _Experimenter(Laboratory(config, self.settings, Run(self.folder), inspected=self.inspected), self.work)

    def describe(self, unit: Together) -> str:
        """Name the rules; see `Work`. Which of their images are changed, only a worker knows."""
        named = [f"{each.direction} of condition {each.position} of rule {each.rule_id}" for each in unit]
        return f"causes, images of the group of each of: {', '.join(named)}"

    def halves(self, unit: Together) -> list[Together]:
        """See `Work`."""
        middle = (len(unit) + 1) // 2
        return [unit[:middle], unit[middle:]] if len(unit) > 1 else []


class _Experimenter:
    def __init__(self, laboratory: Laboratory, work: Path) -> None:
        self._laboratory, self._work = laboratory, work

    def run(self, units: Iterable[Together], *, advance: Advance) -> Iterator[None]:
        """Do experiments; see `Worker`."""
        for unit in units:
            for experiment, rows in zip(unit, self._laboratory.test(unit), strict=True):
                write_sealed_json(self._work / experiment.name, rows)
            advance(len(unit))
            yield None
