"""The file system of an address, and its errors as ours."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from barlow_report.errors import BarlowReportError, DataError

__all__ = ["is_passing", "open_filesystem", "remote_errors", "version_of"]

_PACKAGES = {
    "s3": "s3fs",
    "s3a": "s3fs",
    "gs": "gcsfs",
    "gcs": "gcsfs",
    "az": "adlfs",
    "abfs": "adlfs",
    "hf": "huggingface_hub",
}
_WHERE = {
    "s3": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or the role of the machine; the server's address "
    "from AWS_ENDPOINT_URL, unless it is Amazon's",
    "gs": "GOOGLE_APPLICATION_CREDENTIALS or `gcloud auth application-default login`",
    "hf": "HF_TOKEN or `hf auth login`",
}


def open_filesystem(address: str) -> tuple[Any, str]:
    """Return the fsspec file system of an address, and the address as that file system has it.

    Objects are always listed anew: another process may have written some.

    Raises:
        DataError: The extra `remote` or the library of the scheme is missing, or the scheme is unknown.
    """
    try:
        import fsspec
    except ImportError as error:
        raise DataError(
            f"{address}: fsspec is not installed. Install it: pip install 'barlow-report[remote]'."
        ) from error
    scheme = address.partition("://")[0]
    try:
        with remote_errors(address):
            system, path = fsspec.core.url_to_fs(address, use_listings_cache=False)
    except ImportError as error:
        package = _PACKAGES.get(scheme)
        raise DataError(
            f"{address}: a library for {scheme}:// is not installed ({error}). "
            + (f"Install it: pip install {package}." if package else "Install the one that fsspec names.")
        ) from error
    except ValueError as error:
        raise DataError(f"{address}: {error}. Give an address of a kind that fsspec knows, such as s3://.") from error
    return system, str(path)


@contextmanager
def remote_errors(
    address: str, *, error_type: type[BarlowReportError] = DataError, verb: str = "read"
) -> Iterator[None]:
    """Turn the errors of a library for object stores into one that says what to do.

    Args:
        address: What is read or written.
        error_type: What is raised.
        verb: What is done with it.
    """
    try:
        yield
    except (BarlowReportError, ImportError, ValueError):
        raise
    except FileNotFoundError as error:
        raise error_type(f"{address}: not found. Check the address.") from error
    except PermissionError as error:
        raise error_type(f"{address}: {_refused(address, verb)} ({_said(error)})") from error
    except Exception as error:  # each library has its own
        name = type(error).__name__
        if "Credentials" in name or "Unauthorized" in name:
            raise error_type(f"{address}: {_refused(address, verb)} ({_said(error)})") from error
        raise error_type(
            f"{address}: cannot be {_PARTICIPLES[verb]} ({name}: {_said(error)}). Check the address and the "
            "connection, and run the same command again; what was finished is kept."
        ) from error


_PARTICIPLES = {"read": "read", "write": "written"}


def _refused(address: str, verb: str) -> str:
    where = _WHERE.get(address.partition("://")[0], "the environment variables and files of its library")
    return f"permission to {verb} was refused. Credentials are taken from {where}"


def _said(error: BaseException) -> str:
    text = " ".join(str(getattr(error, "strerror", None) or error).split())
    return f"{text[:200]}…" if len(text) > 200 else text or type(error).__name__


def version_of(info: dict[str, Any]) -> str:
    """Return what changes when an object changes, of what its file system says about it."""
    for key in (
        "ETag",
        "etag",
        "md5Hash",
        "generation",
        "content_md5",
        "LastModified",
        "last_modified",
        "mtime",
        "updated",
        "created",
    ):
        if info.get(key):
            return f"{key} {info[key]}"
    return f"size {info.get('size')}"


def is_passing(error: BaseException) -> bool:
    """Whether a second attempt may end otherwise."""
    return not isinstance(error, FileNotFoundError | PermissionError | IsADirectoryError) and (
        getattr(error, "errno", None) not in (errno.ENOENT, errno.EACCES)
    )
