"""Data sets in the layouts that the sources read, written by the tests themselves."""

import io
import json
import pickle
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torchvision
from PIL import Image

from tests.vision.toys import noise_image

Row = Mapping[str, Any]


def png(image: Image.Image) -> bytes:
    """The bytes of a lossless file."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def noise_png(seed: int) -> bytes:
    return png(noise_image(seed))


def image_table(rows: Sequence[Row], *, class_names: Sequence[str] | None = None) -> pa.Table:
    """A table in Hugging Face's layout: image {bytes, path}, and the other entries of the rows as columns.

    With class names the column label gets them as its ClassLabel in the schema's metadata.
    """
    struct = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    images = pa.array([{"bytes": row["image"], "path": row.get("file")} for row in rows], type=struct)
    others = {name: pa.array([row[name] for row in rows]) for name in rows[0] if name not in {"image", "file"}}
    table = pa.table({"image": images, **others})
    if class_names is None:
        return table
    features = {"image": {"_type": "Image"}, "label": {"names": list(class_names), "_type": "ClassLabel"}}
    return table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})


def write_parquet(path: Path, table: pa.Table, *, rows_per_group: int = 4) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, row_group_size=rows_per_group)
    return path


def write_arrow(path: Path, table: pa.Table, *, is_stream: bool, rows_per_batch: int = 4) -> Path:
    new = pa.ipc.new_stream if is_stream else pa.ipc.new_file
    path.parent.mkdir(parents=True, exist_ok=True)
    with new(str(path), table.schema) as writer:
        writer.write_table(table, max_chunksize=rows_per_batch)
    return path


def write_tar(path: Path, members: Iterable[tuple[str, bytes | str]], *, mode: str = "w") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, mode) as tar:  # type: ignore[call-overload]
        for name, content in members:
            data = content.encode() if isinstance(content, str) else content
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return path


def write_cifar10(
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    pixels: np.ndarray,
    labels: Sequence[int],
    class_names: Sequence[str],
) -> None:
    """Write the unpacked archive of CIFAR-10 with these test images (n, 32, 32, 3), and none to train on."""
    folder = root / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    rows = np.ascontiguousarray(pixels.transpose(0, 3, 1, 2)).reshape(len(pixels), -1)
    (folder / "test_batch").write_bytes(pickle.dumps({"data": rows, "labels": list(labels)}))
    (folder / "batches.meta").write_bytes(pickle.dumps({"label_names": list(class_names)}))
    cifar = torchvision.datasets.CIFAR10
    monkeypatch.setattr(cifar, "train_list", [])
    monkeypatch.setattr(cifar, "test_list", [["test_batch", None]])
    monkeypatch.setattr(cifar, "meta", {**cifar.meta, "md5": None})
