"""Which suspected cues go together with the failure modes and directions of a run.

Where rules were found on one part of the images and tested on the other, only the latter are counted. Rules that were
tested by shuffles have been found on all images of their group, and all are counted; a page says so. They were found
by failures, not by the cue, but a cue that goes along with failures has a little more of this choice in its phi.
Directions are always counted on the images they were not fitted to, where there are any.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from barlow_report.config import Config
from barlow_report.files import digest_text
from barlow_report.lenses.attributes.config import AttributesConfig
from barlow_report.lenses.attributes.measuring import Values, judged, measure_direction, measure_mode, values_of
from barlow_report.progress import Progress
from barlow_report.run_folder import Run, fingerprint
from barlow_report.stages.members import GroupMembers
from barlow_report.tables import empty_table

__all__ = ["measure_attributes"]

_FORMAT = 1


def measure_attributes(config: Config, run: Run, *, explained: str, progress: Progress) -> None:
    """Write the tables of suspected cues, unless they are up to date.

    Args:
        config: The configuration, with a section `attributes`.
        run: The run folder, with the stage `explain` finished, and directions where they were asked for.
        explained: The fingerprint of that stage.
        progress: Where to report to.

    Raises:
        ConfigError: There is no section `attributes`.
    """
    settings: AttributesConfig = config.needed_section("attributes", example="[has_handle]")
    attributes = run.read_table("attributes")
    has_directions = run.is_finished("directions") and run.has_table("directions")
    mark = fingerprint(
        explain=explained,
        attributes=digest_text(attributes.to_csv(index=False)),
        directions=run.info["stages"].get("directions") if has_directions else None,
        columns=settings.columns,
        format=_FORMAT,
    )
    if run.is_done("attributes", fingerprint=mark):
        progress.message("Suspected cues are up to date")
        return
    run.begin("attributes", fingerprint=mark)
    images = run.read_table("images")
    values = values_of(attributes, settings.columns, n_images=len(images))
    level = config.rules.confidence_level
    modes = list(_modes(run, values, level=level))
    directions = list(_directions(run, values, images["label"].to_numpy(), level=level)) if has_directions else []
    failed = (images["label"] != images["prediction"]).to_numpy()
    run.write_table("attribute_values", _value_table(values, failed))
    run.write_table("mode_attributes", judged(modes) if modes else empty_table("mode_attributes"))
    if has_directions:
        run.write_table(
            "direction_attributes", judged(directions) if directions else empty_table("direction_attributes")
        )
    run.finish("attributes", fingerprint=mark)


def _modes(run: Run, values: Values, *, level: float) -> Iterator[dict[str, object]]:
    from barlow_report.rules import leaf_members  # scikit-learn takes a second

    rules = run.read_table("rules")
    verified = rules[rules["verdict"] == "verified"]
    conditions = dict(tuple(run.read_table("conditions").groupby("rule_id")))
    is_held_out = (run.read_table("splits")["split"] == "held_out").to_numpy()
    members, features = GroupMembers(run), run.features()
    for rule in verified.itertuples():
        image_ids = members(rule.group_id)
        is_tested = is_held_out[image_ids]
        image_ids = image_ids[is_tested] if is_tested.any() else image_ids
        inside = leaf_members(features, conditions[rule.rule_id], image_ids=image_ids)
        for row in measure_mode(values, image_ids=image_ids, is_inside=inside, level=level):
            yield {"rule_id": rule.rule_id, "images": "held_out" if is_tested.any() else "all", **row}


def _directions(run: Run, values: Values, labels: np.ndarray, *, level: float) -> Iterator[dict[str, object]]:
    placed = run.read_table("directions")
    for class_id, rows in placed.groupby(labels[placed["image_id"].to_numpy()]):
        is_tested = bool(rows["is_held_out"].any())
        counted = rows[rows["is_held_out"]] if is_tested else rows
        for row in measure_direction(
            values,
            image_ids=counted["image_id"].to_numpy(),
            decision_values=counted["decision_value"].to_numpy(),
            level=level,
        ):
            yield {"class_id": int(str(class_id)), "images": "held_out" if is_tested else "all", **row}


def _value_table(values: Values, failed: np.ndarray) -> pd.DataFrame:
    rows = []
    for column, (codes, names) in values.items():
        for code, name in [*enumerate(names), (-1, "")]:
            n = int((codes == code).sum())
            if n or code >= 0:
                rows.append(
                    {"column": column, "value": name, "n_images": n, "n_failures": int(failed[codes == code].sum())}
                )
    return pd.DataFrame(rows)
