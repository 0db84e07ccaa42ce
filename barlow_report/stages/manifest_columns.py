"""The further columns of a manifest in the run folder."""

import pandas as pd

from barlow_report.run_folder import Run
from barlow_report.vision.datasets import ImageList

__all__ = ["write_attributes"]


def write_attributes(images: ImageList, run: Run) -> None:
    """Write table `attributes`, or delete it where no column is asked for."""
    if not images.attributes:
        run.delete_table("attributes")
        return
    rows = {path: row for row, path in enumerate(images.paths)}
    kept = run.read_table("images")
    order = [rows[path] for path in kept["path"]]
    found = [
        pd.DataFrame({"image_id": kept["image_id"], "column": name, "value": [values[row] for row in order]})
        for name, values in images.attributes.items()
    ]
    run.write_table("attributes", pd.concat(found, ignore_index=True).dropna(subset="value"))
