"""See what a model is made from while it is being made: modules, files, folders, packages, environment variables.

A factory is somebody else's code: it imports from packages beside it, opens weights and settings, and asks the
environment. What it used decides what the model computes, so a run is up to date only while all of it is as it was.
Python tells its audit hooks when a file is opened or a folder is listed; variables are seen where `os.environ` reads
them. What belongs to a library counts only where the factory's own code asked for it, not where an import does. Not
seen are the clock, files that compiled code opens (but for those of safetensors and TorchScript), and what comes from
a network or from another program; the last two are named in `Seen.beyond`.

An audit hook cannot be removed: there is one per process, which does nothing outside of `watch`.
"""

# Texts, not paths: a hook is called for every file that is opened.
# ruff: noqa: PTH100, PTH118
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import lru_cache, wraps
from types import FrameType, ModuleType
from typing import Any

from barlow_report.own_code import PACKAGE, file_of, folders_of, is_library, is_own, reach, source_of

__all__ = ["Seen", "watch"]

_SYSTEM = tuple(os.path.join(os.sep, name, "") for name in ("proc", "sys", "dev"))
_BEYOND = {
    "socket.connect": "the network",
    "urllib.Request": "the network",
    "subprocess.Popen": "other programs",
    "os.system": "other programs",
    "os.posix_spawn": "other programs",
    "os.exec": "other programs",
}
# Functions of compiled code that open files, which Python's audit hooks do not hear of.
_OPENERS = (("safetensors", "safe_open"), ("torch.jit", "load"), ("torch", "from_file"))
# Variables that say where things are and how they are computed, or give access: none decides what a model is.
_IGNORED_NAMES = {"HOME", "PATH", "PWD", "OLDPWD", "USER", "LOGNAME", "SHELL", "SHLVL", "TERM", "TMPDIR", "TEMP", "TMP"}
_IGNORED_PARTS = (
    "TORCH_",
    "_NUM_THREADS",
    "XDG_",
    "LC_",
    "LANG",
    "SSH_",
    "CUDA_VISIBLE",
    "TOKEN",
    "SECRET",
    "PASSWORD",
    "_KEY",
)
_NOT_COUNTED = {"torch", "barlow_report"}  # they compute, and do not define what


@dataclass(kw_only=True)
class Seen:
    """What was used between the beginning and the end of `watch`; paths are absolute.

    Attributes:
        files: Modules of the factory's own and files that its code opened to read, there or not.
        folders: Folders that it listed.
        variables: Environment variables that it read, as they were; None where there was none.
        packages: Names of top-level modules of libraries that it imported.
        beyond: In words, where else it went: "the network", "other programs", "the whole environment".
    """

    files: set[str] = field(default_factory=set)
    folders: set[str] = field(default_factory=set)
    variables: dict[str, str | None] = field(default_factory=dict)
    packages: set[str] = field(default_factory=set)
    beyond: set[str] = field(default_factory=set)


class _Watcher:
    def __init__(self, tops: set[str]) -> None:
        self.tops = tops
        self.modules: set[str] = set()  # files of modules, of libraries too
        self.opened: set[str] = set()
        self.folders: set[str] = set()
        self.variables: dict[str, str | None] = {}
        self.n_reads: Counter[str] = Counter()
        self.n_copies = 0
        self.beyond: set[str] = set()
        self.asked: set[str] = set()  # modules that are imported by a text that holds their name

    def hear(self, event: str, args: tuple[Any, ...]) -> None:
        if event == "open":
            self._hear_open(*args[:3])
        elif event == "import" and args[1]:
            self.modules.add(os.path.abspath(args[1]))
        elif event in ("os.listdir", "os.scandir"):
            if self._is_asked():
                self.folders.add(_absolute("." if args[0] is None else args[0]))
        elif event == "sqlite3.connect":
            self.open(args[0])
        elif event in _BEYOND and self._is_asked():
            self.beyond.add(_BEYOND[event])

    def _hear_open(self, path: object, mode: str | None, flags: int) -> None:
        if not isinstance(path, str | bytes | os.PathLike):
            return
        if (set(mode) & set("wax")) if mode is not None else flags & os.O_WRONLY:
            return
        if os.fsdecode(path).endswith((".py", ".pyc")):
            self.modules.add(source_of(_absolute(path)))
        else:
            self.open(path)

    def open(self, path: object) -> None:
        """Note a file that is opened to read."""
        if isinstance(path, str | bytes | os.PathLike) and self._is_asked():
            self.opened.add(_absolute(path))

    def ask(self, module: object) -> None:
        """Note a module that is imported by a text that holds its name."""
        if isinstance(module, str) and self._is_asked():
            self.asked.add(module)

    def read(self, name: object, value: str | None) -> None:
        """Note that a variable is read."""
        text = os.fsdecode(name) if isinstance(name, str | bytes) else ""
        if any(part in text.upper() for part in _IGNORED_PARTS) or text in _IGNORED_NAMES or not self._is_asked():
            return
        self.variables.setdefault(text, value)
        self.n_reads[text] += 1

    def _is_asked(self) -> bool:
        """Whether the factory's own code asks, itself or through a library that it calls."""
        frame: FrameType | None = sys._getframe(2)
        while frame is not None:
            file, name = frame.f_code.co_filename, str(frame.f_globals.get("__name__", ""))
            if is_own(name, file, self.tops):
                return True
            if file != __file__ and file.startswith(("<frozen importlib", PACKAGE)):
                return False
            frame = frame.f_back
        return False


_current: list[_Watcher] = []  # of this process; one at most
_assigned: set[str] = set()  # variables that factories have set themselves


def _hook(event: str, args: tuple[Any, ...]) -> None:
    if _current:
        with suppress(Exception):  # an error here would stop what is only watched
            _current[0].hear(event, args)


@lru_cache(maxsize=1)
def _install_hook() -> None:
    sys.addaudithook(_hook)


@contextmanager
def watch(factories: Iterable[str]) -> Iterator[Seen]:
    """Fill the yielded object, when the block ends without an error, with what models were made from.

    Args:
        factories: As in the configuration, `package.module:function` or `path/to/file.py:function`.
    """
    sources = [factory.rpartition(":")[0] for factory in factories]
    tops = {source.partition(".")[0] for source in sources if not source.endswith(".py")} - _NOT_COUNTED
    watcher, seen = _Watcher(tops), Seen()
    _install_hook()
    _current.append(watcher)
    try:
        with _hearing_environment(watcher), _hearing_functions(watcher):
            yield seen
    finally:
        _current.remove(watcher)
    files = {os.path.abspath(source) for source in sources if source.endswith(".py")}
    names = [name for name, module in list(sys.modules.items()) if file_of(module) in files]
    names += [source for source in sources if not source.endswith(".py")]
    own, libraries = reach([*names, *watcher.asked], tops)
    folders = folders_of(tops)
    modules = {file for file in watcher.modules if file.startswith(folders) or not is_library(file)}
    read = {file for file in watcher.opened if file.startswith(folders) or not is_library(file)}
    seen.files = {file for file in files | own | modules | read if not file.startswith(_SYSTEM)}
    seen.folders = {folder for folder in watcher.folders if not is_library(os.path.join(folder, ""))}
    seen.packages = {
        name
        for name in libraries - tops - _NOT_COUNTED - set(sys.stdlib_module_names)
        if is_library(file_of(sys.modules.get(name)) or "<none>")
    }
    seen.variables, copied = _variables(watcher)
    seen.beyond = watcher.beyond | ({"the whole environment"} if copied else set())


def _variables(watcher: _Watcher) -> tuple[dict[str, str | None], bool]:
    """The variables that were read one by one, and whether all of them were copied as well."""
    copied = watcher.n_copies > 0 and len(watcher.n_reads) > len(os.environ) / 2
    n_copies = watcher.n_copies if copied else 0
    return {
        name: value
        for name, value in watcher.variables.items()
        if (value is None or watcher.n_reads[name] > n_copies) and name not in _assigned
    }, copied


@contextmanager
def _hearing_environment(watcher: _Watcher) -> Iterator[None]:
    kind: Any = type(os.environ)
    read, write, iterate = kind.__getitem__, kind.__setitem__, kind.__iter__

    def getitem(self: Any, key: Any) -> Any:
        value = None
        try:
            value = read(self, key)
        finally:
            with suppress(Exception):
                watcher.read(key, None if value is None else os.fsdecode(value))
        return value

    def setitem(self: Any, key: Any, value: Any) -> None:
        with suppress(Exception):
            _assigned.add(os.fsdecode(key))
        write(self, key, value)

    def iterated(self: Any) -> Iterator[Any]:
        watcher.n_copies += 1
        yield from iterate(self)

    kind.__getitem__, kind.__setitem__, kind.__iter__ = getitem, setitem, iterated
    try:
        yield
    finally:
        kind.__getitem__, kind.__setitem__, kind.__iter__ = read, write, iterate


@contextmanager
def _hearing_functions(watcher: _Watcher) -> Iterator[None]:
    heard = [
        *((module, name, watcher.open) for module, name in _OPENERS),
        ("importlib", "import_module", watcher.ask),
    ]
    replaced: list[tuple[str, Callable[..., Any], Callable[..., Any]]] = []
    for module, name, note in heard:
        function = getattr(sys.modules.get(module), name, None)
        if function is not None:
            replaced.append((name, function, _noted(function, note)))
    for name, function, noted in replaced:
        _replace(name, function, noted)
    try:
        yield
    finally:
        for name, function, noted in replaced:
            _replace(name, noted, function)


def _noted(function: Callable[..., Any], note: Callable[[object], None]) -> Callable[..., Any]:
    """Return `function` with its first text or path noted."""

    @wraps(function, updated=())
    def call(*args: Any, **kwargs: Any) -> Any:
        with suppress(Exception):
            note(next(value for value in (*args, *kwargs.values()) if isinstance(value, str | os.PathLike)))
        return function(*args, **kwargs)

    return call


def _replace(name: str, old: object, new: object) -> None:
    """Put `new` wherever a module calls `old` by `name`."""
    for module in list(sys.modules.values()):
        if isinstance(module, ModuleType) and vars(module).get(name) is old:
            setattr(module, name, new)


def _absolute(path: Any) -> str:
    return os.path.abspath(os.fsdecode(path))
