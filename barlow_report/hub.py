"""Places that models are downloaded from: one try, of seconds, whether they can be reached.

Libraries try a hub again and again, for most of a minute, before they say that there is no network. So it is asked
once, and where nothing answers they are told to look among the files that they have already: what was downloaded
before is used, and what was not is an error at once.
"""

import importlib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

__all__ = ["asking_hub", "why_unreachable"]

TIMEOUT = 10.0
"""Seconds until a place that says nothing counts as one that cannot be reached."""

_AGENT = "barlow-report"


def why_unreachable(url: str) -> str | None:
    """Return in a few words why nothing answers at an address, http or https; None where something does.

    Any answer counts, also one that refuses: it is for the library to understand. So does an address that this
    package cannot speak to while the library may, by certificates of its own.
    """
    if not url.startswith(("http://", "https://")):
        return None
    request = Request(url, method="HEAD", headers={"User-Agent": _AGENT})  # noqa: S310 - checked above
    try:
        with urlopen(request, timeout=TIMEOUT):  # noqa: S310 - the same
            return None
    except HTTPError:
        return None
    except URLError as error:
        if isinstance(error.reason, ssl.SSLError):
            return None
        if isinstance(error.reason, TimeoutError):
            return _no_answer(url)
        return f"{_host(url)} cannot be reached: {getattr(error.reason, 'strerror', None) or error.reason}"
    except TimeoutError:
        return _no_answer(url)
    except (OSError, ValueError) as error:  # a connection that breaks off, or that speaks another protocol
        return f"{_host(url)} cannot be reached: {error}"


@contextmanager
def asking_hub() -> Iterator[str | None]:
    """Yield why the hub of Hugging Face cannot be reached; its libraries then use what they have, inside of the block.

    None where it can be reached, where it is not to be asked anyway (HF_HUB_OFFLINE), or without its library.
    """
    constants = _constants()
    reason = None if constants is None or constants.HF_HUB_OFFLINE else why_unreachable(constants.ENDPOINT)
    if constants is None or reason is None:
        yield None
        return
    constants.HF_HUB_OFFLINE = True
    _forget_sessions()
    try:
        yield reason
    finally:
        constants.HF_HUB_OFFLINE = False
        _forget_sessions()


def _constants() -> Any:
    try:
        return importlib.import_module("huggingface_hub.constants")
    except ImportError:
        return None


def _forget_sessions() -> None:
    """Let older versions of the library, which decide when a session begins, decide again."""
    forget = getattr(importlib.import_module("huggingface_hub.utils"), "reset_sessions", None)
    if forget is not None:
        forget()


def _no_answer(url: str) -> str:
    return f"{_host(url)} does not answer within {TIMEOUT:g} seconds"


def _host(url: str) -> str:
    return url.split("/")[2]
