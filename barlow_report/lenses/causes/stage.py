"""For each condition of each verified failure mode: change the feature, ask the inspected model again, compare.

Where rules were found on one part of the images and tested on the other, only the latter are changed, and the former
give targets and the radius. Rules that were tested by shuffles have been found on all images, and all are used for
both: what is compared are answers to changes of the *same* images, so an image that is in the leaf by chance fails as
often after its controls as after the move, and adds nothing to an effect. tests/benchmarks/causes.py measures that.
"""

from pathlib import Path

import pandas as pd

from barlow_report.config import Config
from barlow_report.engine import current_engine
from barlow_report.lenses.causes.config import CausesConfig
from barlow_report.lenses.causes.experimenting import Experiments
from barlow_report.lenses.causes.experiments import Experiment, Rows, not_tested
from barlow_report.lenses.causes.judging import judged
from barlow_report.lenses.causes.tables import DIRECTIONS, PICTURES, TABLES
from barlow_report.progress import Progress
from barlow_report.run_folder import Run, fingerprint
from barlow_report.seals import is_sealed, read_sealed_json
from barlow_report.tables import empty_table

__all__ = ["N_TOGETHER", "find_causes"]

N_TOGETHER = 8
"""Units whose images are changed at once: passes are full, and at most so many are done again after a kill."""

_FORMAT = 4


def find_causes(config: Config, run: Run, *, explained: str, progress: Progress) -> None:
    """Write the tables of causes, unless they are up to date.

    Args:
        config: The configuration, with a section `causes`.
        run: The run folder, with the stage `explain` finished.
        explained: The fingerprint of that stage.
        progress: Where to report to.

    Raises:
        ConfigError: There is no section `causes`.
        DataError: An image cannot be read any more.
        ModelError: A model cannot be loaded or used.
    """
    settings: CausesConfig = config.needed_section("causes")
    mark = fingerprint(
        explain=explained,
        seed=config.seed,
        causes=settings.model_dump(mode="json"),
        thumbnail_size=config.visuals.thumbnail_size,
        format=_FORMAT,
    )
    if run.is_done("causes", fingerprint=mark):
        progress.message("Causes are up to date")
        return
    work = run.begin("causes", fingerprint=mark)
    units = _units(run)
    results = _results(units, config, settings, run, work, progress=progress)
    _write(results, config, run)
    run.finish("causes", fingerprint=mark)


def _units(run: Run) -> list[Experiment]:
    rules = run.read_table("rules")
    verified = rules[rules["verdict"] == "verified"][["rule_id", "group_id"]]
    rows = run.read_table("conditions").merge(verified, on="rule_id").sort_values(["rule_id", "position"])
    return [
        Experiment(
            rule_id=row.rule_id,
            group_id=row.group_id,
            position=row.position,
            feature_id=row.feature_id,
            branch=row.branch,
            direction=direction,
        )
        for row in rows.itertuples()
        for direction in DIRECTIONS
    ]


def _results(
    units: list[Experiment], config: Config, settings: CausesConfig, run: Run, work: Path, *, progress: Progress
) -> list[Rows]:
    """What came of each unit; those that an earlier attempt has left in `work` are not done again."""
    if not units:
        return []
    why_not = "there is no inspected model to ask: the predictions came with the images"
    inspected = config.inspected_model
    if inspected is None or run.info.get("models", {}).get("inspected") is None:
        return [not_tested(unit, why_not) for unit in units]
    missing = [unit for unit in units if not _is_whole(work / unit.name, run)]
    if missing:
        together = [tuple(missing[first : first + N_TOGETHER]) for first in range(0, len(missing), N_TOGETHER)]
        experiments = Experiments(config=config, settings=settings, inspected=inspected, folder=run.folder, work=work)
        n_done = len(units) - len(missing)
        with (
            current_engine().team(experiments, n_units=len(together)) as team,
            progress.task("Testing causes", total=len(units), unit="changes", n_done=n_done) as advance,
        ):
            for _ in team.map(together, advance=advance):
                pass
    return [read_sealed_json(work / unit.name, advice="") for unit in units]


def _is_whole(path: Path, run: Run) -> bool:
    """Whether an earlier attempt has left the rows of an experiment, with pictures that nobody has deleted since."""
    if not is_sealed(path):
        return False
    pairs = read_sealed_json(path, advice="")["cause_pairs"]
    return all(run.has_media(pair[name]) for pair in pairs for name in PICTURES)


def _write(results: list[Rows], config: Config, run: Run) -> None:
    """Judge all effects together and write the tables."""
    frames = {
        table.name: pd.DataFrame([row for result in results for row in result[table.name]], columns=table.column_names)
        for table in TABLES
    }
    if len(frames["causes"]):
        frames["causes"] = judged(frames["causes"], frames["cause_controls"], config)
    for name, frame in frames.items():
        run.write_table(name, frame if len(frame) else empty_table(name))
