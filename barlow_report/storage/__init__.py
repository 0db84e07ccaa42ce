"""Addresses in place of paths: `s3://…`, `gs://…`, `hf://…` and whatever else fsspec knows.

Everything below works on local files, which are mapped into memory, locked, renamed and sealed. So this package brings
what lies elsewhere to a folder of this machine, and what is made there back:

* `fetching`: a file, or the files that a pattern names, as a copy in the cache, fetched again when it has changed.
* `mirror`: a run folder as a copy that is written to while the object store follows, the list of what is finished last.
* `publishing`: a site, built here and put there, its front page last.
* `commands`: the arguments of a command, of which any may be an address.

Images of a folder are not copied: `vision/sources/remote.py` lists them and reads each when it is its turn. Nothing of
fsspec is imported where all paths are local. Credentials are those of fsspec's libraries, from their own environment
variables and files; an address that holds some is refused, since it would be noted in the run folder.
"""

from pathlib import Path

from barlow_report.storage.addresses import address_of, is_address, plain_path, shown, with_addresses

__all__ = ["address_of", "is_address", "local_file", "plain_path", "shown", "with_addresses"]


def local_file(path: Path) -> Path:
    """Return a path that can be opened: the path itself, or that of a copy of what an address names.

    Raises:
        DataError: It cannot be fetched.
    """
    address = address_of(path)
    if address is None:
        return plain_path(path)
    from barlow_report.storage.fetching import fetch

    return fetch(address)
