"""Hold a run to a policy: for the command, and for the site of a run whose configuration has a section `gate`."""

from pathlib import Path

import pandas as pd

from barlow_report.clock import now
from barlow_report.config import Config
from barlow_report.lenses.changes.comparing import compare_runs
from barlow_report.lenses.changes.config import DELTA
from barlow_report.lenses.changes.modes import names_of_modes
from barlow_report.lenses.changes.sources import open_results, results_of
from barlow_report.lenses.changes.tabulating import comparison_tables
from barlow_report.lenses.gate.config import GateConfig
from barlow_report.lenses.gate.facts import Changes
from barlow_report.lenses.gate.policy import load_policy
from barlow_report.lenses.gate.reading import read_changes, read_facts, why_unjudged
from barlow_report.lenses.gate.results import Verdict
from barlow_report.lenses.gate.storing import verdict_tables
from barlow_report.lenses.gate.verdict import judge
from barlow_report.progress import Progress
from barlow_report.run_folder import Run, fingerprint

__all__ = ["judge_run", "write_verdict"]

_FORMAT = 1


def write_verdict(config: Config, run: Run, *, explained: str, progress: Progress) -> None:
    """Write the tables of the gate, unless they are up to date; a waiver can expire, so they are of one day.

    Args:
        config: The configuration, with a section `gate`.
        run: The run folder, with the stage `explain` finished, and the comparison where one is asked for.
        explained: The fingerprint of that stage.
        progress: Where to report to.

    Raises:
        ConfigError: There is no section `gate`, or the policy cannot be read.
        RunFolderError: The baseline cannot be read.
    """
    settings: GateConfig = config.needed_section("gate", example="{policy: policy.yaml}")
    policy, today = load_policy(settings.policy), now().date()
    mark = fingerprint(
        explain=explained,
        changes=run.info["stages"].get("changes"),
        policy=policy.model_dump(mode="json"),
        today=str(today),
        format=_FORMAT,
    )
    if run.is_done("gate", fingerprint=mark):
        progress.message("The gate is up to date")
        return
    run.begin("gate", fingerprint=mark)
    new = results_of(run)
    facts = read_facts(new, names=names_of_modes(new), changes=_stored_changes(config, run))
    verdict = judge(policy, facts, today=today)
    for name, table in verdict_tables(verdict).items():
        run.write_table(name, table)
    run.finish("gate", fingerprint=mark)
    progress.message(f"Gate: {verdict.outcome.replace('_', ' ')}")


def judge_run(new: Path, *, policy: Path, baseline: Path | None) -> Verdict:
    """Hold a run to a policy.

    Args:
        new: The run to be judged: its folder, or what `export-results` wrote.
        policy: The policy's file.
        baseline: The run it is compared with, likewise; None: conditions that need one have no verdict.

    Raises:
        ConfigError: The policy cannot be read.
        RunFolderError: A run cannot be read.
    """
    rules, today = load_policy(policy), now().date()
    run = open_results(new)
    if baseline is None:
        return judge(rules, read_facts(run, names=names_of_modes(run), changes=None), today=today)
    old = open_results(baseline)
    tables = comparison_tables(compare_runs(old, run, delta=DELTA))
    changes = read_changes(tables, unjudged=why_unjudged(old))
    return judge(rules, read_facts(run, names=_names(tables["mode_names"]), changes=changes), today=today)


def _names(table: pd.DataFrame) -> dict[int, str]:
    return dict(zip(table["rule_id"].tolist(), table["mode_name"].tolist(), strict=True))


def _stored_changes(config: Config, run: Run) -> Changes | None:
    if not run.is_finished("changes"):
        return None
    tables = {name: run.read_table(name) for name in ("changes", "mode_changes", "class_changes", "change_remarks")}
    settings = config.section("changes")
    if settings is not None:
        unjudged = why_unjudged(open_results(settings.earlier))
    else:  # compared by a command, and the earlier run may be gone
        unjudged = "" if (tables["mode_changes"]["found_in"] != "new").any() else _NOT_KNOWN
    return read_changes(tables, unjudged=unjudged)


_NOT_KNOWN = (
    "no failure mode is verified, and it is not known whether any could be judged: name its run in the configuration, "
    "changes: {baseline: RUN}"
)
