"""Joint modes as CSV and JSON, with the features that carry them."""

from collections.abc import Iterator
from typing import Any

from barlow_report.lenses.joint.records import JointMode, JointModes
from barlow_report.report.downloads import as_json, csv_line
from barlow_report.report.pages.page import Site
from barlow_report.report.records import Estimate

__all__ = ["joint_csv", "joint_json"]


def _record(site: Site, mode: JointMode) -> dict[str, Any]:
    """One joint mode as a flat record."""
    group = site.catalog.groups[mode.group_id]
    return {
        "group_id": mode.group_id,
        "grouping": group.grouping,
        "class_id": group.class_id,
        "group": group.name,
        "verdict": mode.verdict,
        "n_images": mode.members.n,
        "n_failures": mode.members.k,
        "base_error_rate": group.all_images.value,
        **_estimate("error_rate", mode.error),
        **_estimate("error_coverage", mode.coverage),
        "importance_value": mode.importance_value,
        "auc": mode.auc,
        "threshold": mode.threshold,
        "printed_threshold": mode.printed_threshold,
        "p_value": mode.p_value,
        "q_value": mode.q_value,
    }


def _estimate(name: str, value: Estimate) -> dict[str, float]:
    return {name: value.value, f"{name}_low": value.low, f"{name}_high": value.high}


def joint_csv(site: Site, joint: JointModes) -> Iterator[str]:
    """Yield all joint modes as CSV with a header, line by line; features by the size of their weight."""
    for position, mode in enumerate(joint.modes.values()):
        record = _record(site, mode) | {"feature_ids": " ".join(str(f.feature_id) for f in mode.features)}
        if not position:
            yield csv_line(record)
        yield csv_line(record.values())


def joint_json(site: Site, joint: JointModes) -> Iterator[str]:
    """Yield all joint modes with their features and the images along them, as JSON in parts."""
    yield '{"joint_modes":['
    for position, mode in enumerate(joint.modes.values()):
        record = _record(site, mode) | {
            "features": [{"feature_id": f.feature_id, "weight": f.weight} for f in mode.features],
            "images": [{"image_id": i.image_id, "score": i.score} for i in mode.images],
        }
        yield f"{',' if position else ''}\n{as_json(record).rstrip()}"
    yield "\n]}\n"
