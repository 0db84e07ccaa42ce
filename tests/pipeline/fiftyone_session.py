"""What somebody does in FiftyOne with an exported run; a program for an environment of its own.

    python -m tests.pipeline.fiftyone_session EXPORTED SNIPPET BACK ROOT

It loads the folder EXPORTED, runs the manual's SNIPPET on it, which leaves `dataset` and `patches`, writes the data set
to BACK with paths relative to ROOT, and prints what it saw as one line of JSON.
"""

import json
import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any


def main(exported: str, snippet: str, back: str, root: str) -> None:
    """Do so, and print what FiftyOne says."""
    if not _has_database():
        from tests.pipeline.database_in_memory import use_database_in_memory

        use_database_in_memory()
    import fiftyone as fo

    loaded = fo.Dataset.from_dir(dataset_dir=exported, dataset_type=fo.types.LegacyFiftyOneDataset)
    seen = {field: loaded.values(path) for field, path in FIELDS.items()}
    loaded.delete()
    names: dict[str, Any] = {}
    exec(compile(Path(snippet).read_text(encoding="utf-8"), snippet, "exec"), names)  # noqa: S102 - the manual's own
    dataset, patches = names["dataset"], names["patches"]
    seen["evaluated"] = dataset.values("eval")
    seen["accuracy"] = dataset.load_evaluation_results("eval").metrics()["accuracy"]
    seen["patches"] = [
        [patch.filepath, patch.heatmaps.label, patch.heatmaps.bounding_box] for patch in patches.iter_samples()
    ]
    dataset.export(export_dir=back, dataset_type=fo.types.FiftyOneDataset, export_media=False, rel_dir=root)
    dataset.delete()
    sys.stdout.write("\n" + json.dumps(seen | {"version": fo.__version__}) + "\n")


FIELDS = {
    "file": "filepath", "label": "ground_truth.label", "prediction": "prediction.label",
    "confidence": "prediction.confidence", "tags": "tags", "eval": "eval", "image_id": "image_id",
    "boxes": "heatmaps.detections.bounding_box",
}  # fmt: skip


def _has_database() -> bool:
    spec = find_spec("fiftyone")
    folders = spec.submodule_search_locations if spec else None
    came_with_it = any((Path(folder) / "db" / "bin" / "mongod").exists() for folder in folders or ())
    return came_with_it or "FIFTYONE_DATABASE_URI" in os.environ


if __name__ == "__main__":
    main(*sys.argv[1:])
