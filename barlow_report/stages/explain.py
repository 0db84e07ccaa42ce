"""The second stage: groups, trees and rules from the features, and the evidence for each rule."""

from dataclasses import fields

from barlow_report.config import Config
from barlow_report.progress import Progress
from barlow_report.run_folder import Run, fingerprint

__all__ = ["explain"]


def explain(config: Config, run: Run, *, extracted: str, progress: Progress) -> str:
    """Write the tables of groups, trees and rules, unless they are up to date; return the fingerprint.

    Args:
        config: The configuration.
        run: The run folder, with the stage `extract` finished.
        extracted: The fingerprint of that stage.
        progress: Where to report to.
    """
    mark = fingerprint(
        extract=extracted, seed=config.seed, rules=config.rules.model_dump(mode="json", exclude={"n_workers"})
    )
    if run.is_done("explain", fingerprint=mark):
        progress.message("Rules are up to date")
        return mark
    run.begin("explain", fingerprint=mark)
    images = run.read_table("images")
    class_names = run.read_table("classes")["name"].tolist()
    from barlow_report.rules import explain_failures  # scikit-learn takes a second: only when there is work

    n_groups = len(config.rules.groupings) * len(class_names)
    with progress.task("Explaining failures", total=n_groups, unit="groups") as advance:
        explanation = explain_failures(
            run.features(),
            images["label"].to_numpy(),
            images["prediction"].to_numpy(),
            class_names=class_names,
            settings=config.rules,
            seed=config.seed,
            advance=advance,
        )
    for field in fields(explanation):
        run.write_table(field.name, getattr(explanation, field.name))
    run.finish("explain", fingerprint=mark)
    return mark
