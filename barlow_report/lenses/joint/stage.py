"""The pictures of joint modes: images along each direction, and what the features that carry it respond to."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from barlow_report.config import Config
from barlow_report.lenses.joint.selection import N_EXAMPLES, N_FEATURES, choose_examples, shown_groups
from barlow_report.progress import Progress
from barlow_report.run_folder import Run, fingerprint
from barlow_report.stages.members import GroupMembers
from barlow_report.tables import empty_table

__all__ = ["draw_joint_modes"]


def draw_joint_modes(config: Config, run: Run, *, explained: str, progress: Progress) -> None:
    """Write the pictures of the joint modes that are shown, unless they are up to date.

    They are drawn once the stage `visualize` has finished: until then nobody has asked for pictures.

    Args:
        config: The configuration.
        run: The run folder, with the stage `explain` finished.
        explained: The fingerprint of that stage.
        progress: Where to report to.

    Raises:
        DataError: An image that could be read before cannot be read any more.
    """
    if not run.is_finished("visualize"):
        return
    mark = fingerprint(
        explain=explained, thumbnail_size=config.visuals.thumbnail_size, n_features=N_FEATURES, n_examples=N_EXAMPLES
    )
    if run.is_done("joint", fingerprint=mark):
        return
    run.begin("joint", fingerprint=mark)
    shown = shown_groups(run.read_table("joint_modes"), run.read_table("rules"))
    images = run.read_table("joint_images")
    images = images[images["group_id"].isin(shown)].reset_index(drop=True)
    examples = _examples(run, shown)
    if len(images) and config.data.has_images:
        thumbnails = _thumbnails([*images["image_id"], *examples["image_id"]], config, run, progress=progress)
        run.write_table("joint_pictures", images[["group_id", "position"]].assign(thumbnail=thumbnails[: len(images)]))
        run.write_table("joint_examples", examples.assign(thumbnail=thumbnails[len(images) :]))
    else:
        run.write_table("joint_pictures", empty_table("joint_pictures"))
        run.write_table("joint_examples", empty_table("joint_examples"))
    run.finish("joint", fingerprint=mark)


def _examples(run: Run, shown: set[int]) -> pd.DataFrame:
    """The rows of table `joint_examples` without thumbnails."""
    carrying = run.read_table("joint_features")
    carrying = carrying[carrying["group_id"].isin(shown) & (carrying["rank"] <= N_FEATURES)]
    features = run.features()
    parts = [
        choose_examples(features, members, rows["feature_id"].tolist()).assign(group_id=group_id)
        for group_id, rows, members in _with_members(run, carrying)
    ]
    return pd.concat(parts, ignore_index=True) if parts else empty_table("joint_examples").drop(columns="thumbnail")


def _with_members(run: Run, carrying: pd.DataFrame) -> list[tuple[int, pd.DataFrame, npt.NDArray[np.int64]]]:
    """Each group with its rows, the largest weights first, and the ids of its images."""
    members = GroupMembers(run)
    by_group = carrying.sort_values(["group_id", "rank"]).groupby("group_id")
    return [(int(str(group_id)), rows, members(int(str(group_id)))) for group_id, rows in by_group]


def _thumbnails(image_ids: list[int], config: Config, run: Run, *, progress: Progress) -> list[str]:
    """The names of thumbnails below media/; those that other tables show are there already."""
    known: dict[int, str] = {}
    for name in ("tiles", "galleries", "quantiles", "group_quantiles", "mode_pictures"):
        table = run.read_table(name)
        known |= dict(zip(table["image_id"].tolist(), table["thumbnail"].tolist(), strict=True))
    missing = sorted(set(image_ids) - known.keys())
    if missing:
        from barlow_report.stages.pictures import Pictures  # reads the images: only when there are any to show

        with progress.task("Drawing joint modes", total=len(missing), unit="images") as advance:
            known |= dict(zip(missing, Pictures(config, run).thumbnails(missing, advance=advance), strict=True))
    return [known[image_id] for image_id in image_ids]
