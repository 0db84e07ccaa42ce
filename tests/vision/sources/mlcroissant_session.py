"""What Croissant's own package reads; a program for an environment of its own.

    python -m tests.vision.sources.mlcroissant_session METADATA RECORD_SET FOLDER [FILE_ID ...]

It validates METADATA and prints the records as one line of JSON. FOLDER stands for the files or sets of files that are
named, as if they had been fetched to it; images are written as their sizes.
"""

import json
import sys
from pathlib import Path
from typing import Any


def main(metadata: str, record_set: str, folder: str, *file_ids: str) -> None:
    """Read and print the records."""
    import mlcroissant

    dataset = mlcroissant.Dataset(metadata, mapping=dict.fromkeys(file_ids, Path(folder)) or None)
    records = [
        {key.rpartition("/")[2]: _plain(value) for key, value in record.items()}
        for record in dataset.records(record_set)
    ]
    sys.stdout.write("\n" + json.dumps({"records": records, "issues": sorted(dataset.metadata.issues.errors)}) + "\n")


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode()
    if hasattr(value, "size") and hasattr(value, "mode"):
        return list(value.size)
    return value.item() if hasattr(value, "item") else value


if __name__ == "__main__":
    main(*sys.argv[1:])
