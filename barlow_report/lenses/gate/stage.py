"""Hold a run to a policy: for the command, and for the site of a run whose configuration has a section `gate`."""

from pathlib import Path

from barlow_report.clock import now
from barlow_report.config import Config
from barlow_report.lenses.changes.comparing import compare_runs
from barlow_report.lenses.changes.modes import names_of_modes
from barlow_report.lenses.gate.config import GateConfig
from barlow_report.lenses.gate.facts import Changes
from barlow_report.lenses.gate.policy import load_policy
from barlow_report.lenses.gate.reading import changes_of, read_changes, read_facts
from barlow_report.lenses.gate.results import Verdict
from barlow_report.lenses.gate.sources import open_results, results_of
from barlow_report.lenses.gate.storing import verdict_tables
from barlow_report.lenses.gate.verdict import judge
from barlow_report.progress import Progress
from barlow_report.run_folder import Run, fingerprint

__all__ = ["judge_run", "write_verdict"]

_FORMAT = 1
_DELTA = 0.05


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
    comparison = compare_runs(open_results(baseline), run, delta=_DELTA)
    names = {rule_id: name for rule_id, (name, _) in comparison.names_of_new().items()}
    return judge(rules, read_facts(run, names=names, changes=changes_of(comparison)), today=today)


def _stored_changes(config: Config, run: Run) -> Changes | None:
    settings = config.section("changes")
    if settings is None or not run.has_table("mode_changes"):
        return None
    tables = {name: run.read_table(name) for name in ("changes", "mode_changes", "class_changes")}
    return read_changes(tables, old=open_results(settings.baseline))
