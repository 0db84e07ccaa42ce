"""Reading a program's archive once, and writing what was checked again.

Two readers of one zip file may see different things: names that are there twice, a second archive before or behind it,
keys of JSON that are there twice. So what is loaded is never the file, but a new archive in memory that holds the
members that were looked at, as they were looked at.
"""

import io
import json
import zipfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from barlow_report.errors import ModelError

__all__ = ["Refused", "read_json", "read_members", "write_members"]

MAX_UNPACKED = 1 << 28
"""Bytes of a member that is compressed; tensors never are, so that a small file could unpack to a huge one."""


class Refused(ModelError):  # noqa: N818  (a decision, not an accident)
    """What a program holds that could do more than compute; the message is the middle of a sentence."""


def read_members(path: Path, *, where: str) -> dict[str, bytes]:
    """Return the members of a zip file by their names without the folder that all are in.

    Raises:
        ModelError: It is no zip file, is damaged, or holds a name twice.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            names = [member.filename.partition("/")[2] or member.filename for member in members]
            name, n = Counter(names).most_common(1)[0] if names else ("", 0)
            if n > 1:
                raise ModelError(f"{where}: {path} holds {name!r} twice; save it again.")
            return {name: _read(archive, member) for name, member in zip(names, members, strict=True)}
    except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError) as error:
        raise ModelError(
            f"{where}: {path} cannot be read ({error}). Expected TorchScript (torch.jit.save) or a program of "
            "torch.export.save."
        ) from error


def _read(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    if member.compress_type != zipfile.ZIP_STORED and member.file_size > MAX_UNPACKED:
        raise ValueError(f"{member.filename} unpacks to {member.file_size:,} bytes")
    return archive.read(member)


def write_members(members: Mapping[str, bytes]) -> io.BytesIO:
    """Write an archive for torch's reader, which wants all members in one folder."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(f"program/{name}", content)
    buffer.seek(0)
    return buffer


def read_json(content: bytes, *, name: str) -> Any:
    """Parse JSON.

    Raises:
        Refused: It is none.
    """
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise Refused(f"{name} is no JSON ({error})") from error
