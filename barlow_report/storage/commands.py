"""The arguments of a command, of which any path may be an address."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from barlow_report.errors import OutputError
from barlow_report.storage import is_address, local_file, plain_path

__all__ = ["on_this_machine"]

_RUNS = frozenset({"run", "new", "runs", "baseline", "source"})
_READ = frozenset({"baseline", "source"})
_SITES = frozenset({"site"})
_INPUTS = frozenset({"config", "policy", "files"})
_ALSO_READ = {"check": frozenset({"run"})}
_ALSO_INPUTS = {"convert_checkpoint": frozenset({"source"})}
_FILES = {
    "card": frozenset({"file"}),
    "convert_checkpoint": frozenset({"target"}),
    "export_results": frozenset({"file"}),
    "schema": frozenset({"file"}),
}
"""The one file that a command writes, by the name of the command's function."""
_POSITIONAL = frozenset({"file", "folder", "target"})
_NONE: frozenset[str] = frozenset()


@contextmanager
def on_this_machine(arguments: Mapping[str, Any], *, command: str = "") -> Iterator[dict[str, Any]]:
    """Yield the arguments of a command with local paths in place of addresses; what is written goes there at the end.

    Args:
        arguments: By name; values that are no paths, nor lists of them, stay.
        command: The name of its function, where an argument means something else than in other commands.

    Raises:
        DataError, RunFolderError: Something cannot be read.
        OutputError: Something cannot be written, or an address stands where only a path can.
    """
    reads = _READ | _ALSO_READ.get(command, _NONE)
    with ExitStack() as stack:
        yield {name: _local(name, value, stack, command, reads) for name, value in arguments.items()}


def _local(name: str, value: Any, stack: ExitStack, command: str, reads: frozenset[str]) -> Any:
    if isinstance(value, list | tuple):  # of several runs the last one is written to
        read = reads | {name}
        return type(value)(_local(name, part, stack, command, reads if part is value[-1] else read) for part in value)
    if not isinstance(value, Path):
        return value
    if not is_address(value):
        return plain_path(value)
    from barlow_report.storage.addresses import address_of
    from barlow_report.storage.mirror import mirrored
    from barlow_report.storage.publishing import published, published_file

    address = str(address_of(value))
    if name in _INPUTS | _ALSO_INPUTS.get(command, _NONE):
        return local_file(value)
    if name in _FILES.get(command, _NONE):
        return stack.enter_context(published_file(address))
    if name in _RUNS:
        if Path(address).suffix == ".zip":
            return local_file(value)
        return stack.enter_context(mirrored(address, is_written=name not in reads))
    if name in _SITES:
        return stack.enter_context(published(address))
    called = name.upper() if name in _POSITIONAL else f"--{name.replace('_', '-')}"
    raise OutputError(
        f"{address}: is an address; {called} takes a path of this machine. Give one, and copy what is written there."
    )
