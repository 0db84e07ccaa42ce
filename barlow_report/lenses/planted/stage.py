"""What was planted in the demo beside what its run has found."""

from pathlib import Path

from barlow_report.demo.scene_folder import read_scene_table
from barlow_report.lenses.planted.comparing import compare_with_planted
from barlow_report.run_folder import Run

__all__ = ["write_planted"]


def write_planted(run: Run, *, images: Path) -> None:
    """Write table `planted`: what was planted in the scenes of folder `images`, and what the run found."""
    from barlow_report.rules import leaf_members

    conditions = dict(tuple(run.read_table("conditions").groupby("rule_id")))
    features = run.features()
    planted = compare_with_planted(
        classes=run.read_table("classes"),
        images=run.read_table("images"),
        splits=run.read_table("splits"),
        groups=run.read_table("groups"),
        rules=run.read_table("rules"),
        scene_table=read_scene_table(images),
        directions=run.read_table("directions") if run.has_table("directions") else None,
        error_types=run.read_table("error_types") if run.has_table("error_types") else None,
        members=lambda rule_id: leaf_members(features, conditions[rule_id]),
    )
    run.write_table("planted", planted)
