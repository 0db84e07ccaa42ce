"""What `barlow-report annotations export` does: tasks for another tool, or the answers as JSON Lines."""

from pathlib import Path
from typing import Any

from barlow_report.annotations.exchange.label_studio import label_config, tasks_json
from barlow_report.annotations.exchange.potato import POTATO_IMAGES, potato_config, potato_items
from barlow_report.annotations.exchange.sheets import compose_triptych
from barlow_report.errors import DataError
from barlow_report.files import atomic_write, output_errors
from barlow_report.run_folder import Run
from barlow_report.stages.asking import annotations_folder, current_batch, relation_questions, tables_of

__all__ = ["export", "export_tasks"]


def export(source: Path, output: Path, *, to: str, image_url: str) -> Path:
    """Write tasks for another tool, or answers as JSON Lines; see the command.

    Raises:
        DataError: `to` is no format, or the source has nothing to export.
    """
    if to == "jsonl":
        return _export_lines(source, output)
    if to not in ("label-studio", "potato"):
        raise DataError(f"--to: found {to!r}, expected label-studio, potato or jsonl.")
    run = Run.open(source)
    run.require("visualize")
    return export_tasks(run, output, to=to, image_url=image_url)


def _export_lines(source: Path, output: Path) -> Path:
    from barlow_report.annotations.answers import canonical
    from barlow_report.annotations.exchange.database import is_database, read_database

    if is_database(source):
        lines = list(read_database(source))
    else:
        lines = [canonical(item.answer) for item in annotations_folder(Run.open(source)).stored()]
    atomic_write(output, "".join(f"{line}\n" for line in sorted(lines)))
    return output


def export_tasks(run: Run, output: Path, *, to: str, image_url: str = "") -> Path:
    """Write the labelling configuration, the tasks and one picture per item.

    Args:
        run: The run; the batch is that of the site.
        output: New or empty folder.
        to: `label-studio` or `potato`.
        image_url: Where the folder `images` will be found; empty: beside the tasks, for Potato where it serves them.

    Raises:
        DataError: There is nothing to ask, or the folder is not empty.
    """
    tables = tables_of(run)
    batch = current_batch(run, tables)
    if batch is None:
        raise DataError(
            f"{run.folder}: there is nothing to ask. Choose features with barlow-report annotations template."
        )
    with output_errors(output):
        if output.exists() and (not output.is_dir() or any(output.iterdir())):
            raise DataError(f"{output}: exists and is not an empty folder. Choose a new one.")
    tiles = {key: frame.sort_values("rank") for key, frame in tables["tiles"].groupby(["group_id", "feature_id"])}
    groups = {row.group_id: row for row in tables["groups"].itertuples()}
    questions = relation_questions(run, tables["groups"])
    own = f"{image_url.rstrip('/')}/images/" if image_url else POTATO_IMAGES if to == "potato" else "images/"
    tasks: list[dict[str, Any]] = []
    for item in batch.items:
        found = tiles[item.group_id, item.feature_id]
        heatmaps, attacks = (
            [name if isinstance(name, str) else None for name in found[column]] for column in ("heatmap", "attack")
        )
        picture = compose_triptych(run.media, list(zip(found["thumbnail"], heatmaps, attacks, strict=True)))
        name = f"{item.group_id}-{item.feature_id}.webp"
        atomic_write(output / "images" / name, picture, durable=False)
        group = groups[item.group_id]
        tasks.append(
            {
                "id": f"{item.group_id}-{item.feature_id}",
                "image": f"{own}{name}",
                "title": f"Images of {group.name} (grouped by {group.grouping})",
                "question": questions[item.group_id],
                "report_id": batch.report_id,
                "feature_model": batch.feature_model,
                "batch_id": batch.batch_id,
                "group_id": item.group_id,
                "feature_id": item.feature_id,
            }
        )
    if to == "label-studio":
        atomic_write(output / "config.xml", label_config())
        atomic_write(output / "tasks.json", tasks_json(tasks))
    else:
        atomic_write(output / "config.yaml", potato_config(name=f"Describe features: {run.info.get('name', 'report')}"))
        atomic_write(output / "items.jsonl", potato_items(tasks))
    return output
