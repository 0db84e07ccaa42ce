"""What a configuration names and this machine lacks: files and packages, told before any work is done.

It is a look at names and no more: whether a file holds what it should is for whoever reads it.
"""

import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path

from barlow_report.storage import is_address

__all__ = ["missing_file", "missing_package"]

_WILD = frozenset("*?[{")


def missing_file(path: Path, key: str) -> Iterator[str]:
    """Yield a sentence if there is no such file or folder, or none that fits a pattern.

    Args:
        path: An address elsewhere is not asked.
        key: Its place in the configuration, such as taxonomy.multi_labels.
    """
    if is_address(path):
        return
    parts = path.parts
    n_plain = next((i for i, part in enumerate(parts) if _WILD & set(part)), None)
    if n_plain is not None and not os.path.lexists(path):  # a file may be called like a pattern
        folder, rest = Path(*parts[:n_plain]), str(Path(*parts[n_plain:]))
        if not folder.is_dir():
            yield f"{key}: found no folder {folder}. Correct the pattern."
        elif "{" not in rest and next(folder.glob(rest), None) is None:  # glob knows no {000..009}
            yield f"{key}: found no file {path}. Correct the pattern."
    elif not os.path.exists(path):  # noqa: PTH110 - also where a folder above may not be read
        yield (
            f"{key}: {path} is a link to nothing."
            if path.is_symlink()
            else (f"{key}: found no file or folder {path}. Correct the path.")
        )


def missing_package(module: str, extra: str, key: str) -> Iterator[str]:
    """Yield a sentence if a package is not installed; it is not imported.

    Args:
        module: Its name in Python.
        extra: The extra of barlow-report that installs it.
        key: What in the configuration asks for it.
    """
    try:
        is_there = importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):  # a part of something else that is not there, or a stand-in without a place
        is_there = module in importlib.import_module("sys").modules
    if not is_there:
        yield f"{key}: {module} is not installed. Install it: pip install 'barlow-report[{extra}]'."
