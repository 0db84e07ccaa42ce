"""Which stages and lenses leave which tables in a run folder, and how to get one back that is damaged."""

from barlow_report.lenses import registry
from barlow_report.tables import ANSWER_TABLES

__all__ = ["STAGES", "advice", "stage_tables"]

STAGES = ("extract", "explain", "visualize")
"""The stages that write to a run folder, in order."""

_STAGE_TABLES = {
    "extract": ("classes", "skipped", "images", "scores", "contents"),
    "explain": (
        "splits",
        "groups",
        "group_samples",
        "group_classes",
        "memberships",
        "selection",
        "nodes",
        "rules",
        "conditions",
        "evaluations",
        "evaluation",
        "explained",
        "joint_modes",
        "joint_features",
        "joint_images",
    ),
    "visualize": (
        "tiles",
        "galleries",
        "quantiles",
        "group_quantiles",
        "mode_images",
        "mode_pictures",
        "histograms",
        "group_histograms",
        "strips",
        "strip_images",
    ),
}


def stage_tables() -> dict[str, tuple[str, ...]]:
    """Return the tables that each stage and each lens writes, some of them only where they are asked for."""
    of_lenses = {lens.key: tuple(table.name for table in lens.tables()) for lens in registry.LENSES}
    return _STAGE_TABLES | of_lenses


def advice(name: str) -> str:
    """What to do where the file of a table or an array is missing or damaged."""
    if name in ANSWER_TABLES:
        return (
            "Run barlow-report annotations merge with the run folder and no files: it makes the tables of names again."
        )
    if name in ("planted", "true_effects"):
        return "Run barlow-report demo again."
    if name in stage_tables()["changes"]:
        return "Run barlow-report compare again, or barlow-report run where the configuration has a section changes."
    stages = (stage for stage, tables in stage_tables().items() if name in tables)
    stage = "extract" if name == "features" else next(stages, None)
    again = f": it does the stage {stage} again" if stage else ": it writes it again"
    return f"Run barlow-report run with the run's configuration{again}."
