"""Which code is a factory's own, and which modules it reaches.

Own code is what no installed package and not Python itself owns, and the package that a factory is named in, wherever
that lies. The versions of everything else are known.
"""

# Texts, not paths: these functions are called for every file that is opened.
# ruff: noqa: PTH100, PTH110, PTH118, PTH120

import ast
import importlib.util
import os
import site
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Set
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from types import ModuleType

__all__ = ["PACKAGE", "file_of", "folders_of", "is_library", "is_own", "reach", "source_of"]

PACKAGE = os.path.dirname(os.path.abspath(__file__)) + os.sep
"""Where barlow-report itself lies."""


@lru_cache(maxsize=1)
def _library_folders() -> tuple[str, ...]:
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    found = [sysconfig.get_paths()[name] for name in names]
    with suppress(AttributeError):  # virtual environments of old tools have no such function
        found += [*site.getsitepackages(), site.getusersitepackages()]
    folders = [form for folder in found for form in (os.path.abspath(folder), os.path.realpath(folder))]
    return tuple(dict.fromkeys(os.path.join(folder, "") for folder in folders))


@lru_cache(maxsize=4096)
def is_library(file: str) -> bool:
    """Whether a file belongs to Python, to an installed package or to barlow-report, whose versions are known."""
    return file.startswith((*_library_folders(), PACKAGE))


def is_own(module: str, file: str, tops: Set[str]) -> bool:
    """Whether a module is a factory's own code.

    Args:
        module: Its name.
        file: Its file, or what Python says instead of one, such as `<string>`.
        tops: Names of packages and modules that are the factory's own wherever they lie.
    """
    return module.partition(".")[0] in tops or not (file.startswith("<") or is_library(file))


def reach(names: Iterable[str], tops: Set[str]) -> tuple[set[str], set[str]]:
    """Follow the imports of modules that may have been loaded before; return own files and library modules."""
    waiting, known, files, libraries = list(names), set(names), set(), set()
    while waiting:
        name = waiting.pop()
        module = sys.modules.get(name)
        file = file_of(module)
        if module is None or (file is None and not hasattr(module, "__path__")):
            continue  # not loaded, or built in
        if file and not is_own(name, file, tops):
            libraries.add(name.partition(".")[0])
            continue
        if file:
            files.add(file)
        found = {*_imports(module, file), *_parents(name)} - known
        known |= found
        waiting += found
    return files, libraries


def _imports(module: ModuleType, file: str | None) -> Iterator[str]:
    """Yield names of what may be modules: in the import statements of a module, and among its values."""
    for value in list(vars(module).values()):
        yield str(value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", ""))
    if file is None or not file.endswith(".py"):
        return
    with suppress(OSError, SyntaxError, ValueError, ImportError):
        for node in ast.walk(ast.parse(Path(file).read_bytes())):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                base = "." * node.level + (node.module or "")
                base = importlib.util.resolve_name(base, module.__package__ or "") if node.level else base
                yield base
                yield from (f"{base}.{alias.name}" for alias in node.names)


def _parents(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[:n]) for n in range(1, len(parts))]


def file_of(module: ModuleType | None) -> str | None:
    """The file of a module; of one in an archive, the archive."""
    file = getattr(module, "__file__", None)
    if not isinstance(file, str):
        return None
    path = Path(os.path.abspath(file))
    return str(next((place for place in (path, *path.parents) if place.is_file()), path))


def folders_of(tops: Iterable[str]) -> tuple[str, ...]:
    """The folders of packages."""
    folders = (folder for top in tops for folder in getattr(sys.modules.get(top), "__path__", ()))
    return tuple(os.path.join(os.path.abspath(folder), "") for folder in folders)


def source_of(file: str) -> str:
    """The source that a compiled module stands for, where there is one."""
    if file.endswith(".pyc"):
        with suppress(ValueError):
            source = importlib.util.source_from_cache(file)
            return source if os.path.exists(source) else file
    return file
