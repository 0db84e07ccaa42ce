"""The arguments of a command, of which any path may be an address."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from barlow_report.errors import OutputError
from barlow_report.storage import is_address, local_file

__all__ = ["on_this_machine"]

_RUNS = frozenset({"run", "new", "runs", "baseline", "source"})
_READ = frozenset({"baseline", "source"})
_SITES = frozenset({"site"})
_INPUTS = frozenset({"config", "policy", "files"})


@contextmanager
def on_this_machine(arguments: Mapping[str, Any], *, reads: frozenset[str] = _READ) -> Iterator[dict[str, Any]]:
    """Yield the arguments of a command with local paths in place of addresses; what is written goes there at the end.

    Args:
        arguments: By name; values that are no paths, nor lists of them, stay.
        reads: Names of run folders that the command only reads.

    Raises:
        DataError, RunFolderError: Something cannot be read.
        OutputError: Something cannot be written, or an address stands where only a path can.
    """
    with ExitStack() as stack:
        yield {name: _local(name, value, stack, reads) for name, value in arguments.items()}


def _local(name: str, value: Any, stack: ExitStack, reads: frozenset[str]) -> Any:
    if isinstance(value, list | tuple):  # of several runs the last one is written to
        read = reads | {name}
        return type(value)(_local(name, part, stack, reads if part is value[-1] else read) for part in value)
    if not isinstance(value, Path) or not is_address(value):
        return value
    from barlow_report.storage.addresses import address_of
    from barlow_report.storage.mirror import mirrored
    from barlow_report.storage.publishing import published

    address = str(address_of(value))
    if name in _RUNS:
        if Path(address).suffix == ".zip":
            return local_file(value)
        return stack.enter_context(mirrored(address, is_written=name not in reads))
    if name in _SITES:
        return stack.enter_context(published(address))
    if name in _INPUTS:
        return local_file(value)
    raise OutputError(f"{address}: is an address; --{name.replace('_', '-')} takes a path of this machine.")
