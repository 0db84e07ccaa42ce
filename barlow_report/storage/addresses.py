"""What is an address and what is a path, and what a local copy is a copy of.

A configuration and the command line hold paths. `Path("s3://bucket/images")` is written `s3:/bucket/images`, and
nothing is lost by that: the first part of no usual path ends with a colon behind two or more letters.
"""

import re
from pathlib import Path, PurePosixPath

from barlow_report.errors import ConfigError

__all__ = ["address_of", "is_address", "joined", "note_copy", "parent_of", "plain_path", "shown", "with_addresses"]

_SCHEME = re.compile(r"^([A-Za-z][A-Za-z0-9+.\-]+):/+(.*)$", re.DOTALL)

_FILE = re.compile(r"^file:/+(?=.)", re.IGNORECASE | re.DOTALL)

_COPIES: dict[Path, str] = {}
"""The addresses that local folders and files are copies of, for messages."""


def address_of(path: Path | str) -> str | None:
    """Return the address that a path stands for, without a slash at its end; None where it is a path of this machine.

    Raises:
        ConfigError: It holds a user or a password.
    """
    found = _SCHEME.match(str(path))
    if found is None or found[1].lower() == "file":
        return None
    scheme, rest = found[1].lower(), found[2].rstrip("/")
    if "@" in rest.split("/", 1)[0]:
        raise ConfigError(
            f"{scheme}://…@…: holds a user or a password, which would be written into the run folder. Give the address "
            "without them; they are taken from the environment."
        )
    return f"{scheme}://{rest}"


def is_address(path: Path | str) -> bool:
    """Whether a path is an address; see `address_of`."""
    return address_of(path) is not None


def plain_path(path: Path) -> Path:
    """Return a path without `file://`, which means a path of this machine; any other as it is."""
    text = str(path)
    return Path(_FILE.sub("/", text)) if _FILE.match(text) else path


def joined(address: str, *parts: str) -> str:
    """Return the address of what lies below another."""
    return "/".join((address.rstrip("/"), *parts))


def parent_of(address: str) -> str:
    """Return the address of the folder that something lies in."""
    scheme, _, rest = address.partition("://")
    return f"{scheme}://{PurePosixPath(rest).parent}"


def note_copy(path: Path, address: str) -> None:
    """Remember what a local copy is a copy of."""
    _COPIES[path.resolve()] = address


def shown(path: Path) -> str:
    """Return what messages call a path: the address that it is a copy of, or lies below a copy of; else the path."""
    path = path.resolve() if _COPIES and not is_address(path) else path
    for copy, address in _COPIES.items():
        if path == copy:
            return address
        if path.is_relative_to(copy):
            return joined(address, *path.relative_to(copy).parts)
    return address_of(path) or str(path)


def with_addresses(message: str) -> str:
    """Return a message with the addresses in place of the paths of their copies."""
    for copy, address in sorted(_COPIES.items(), key=lambda item: -len(str(item[0]))):
        message = message.replace(str(copy), address)
    return message
