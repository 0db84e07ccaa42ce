"""Compile numeric kernels once per machine, and also where nothing can be written."""

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

import numba

__all__ = ["compile_inline", "compile_kernel"]

P = ParamSpec("P")
R = TypeVar("R")


def compile_inline(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function that only other kernels call; it is stored with them."""
    return cast("Callable[P, R]", numba.njit(nogil=True)(function))


def compile_kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile `function` at its first call, without the interpreter lock while it runs.

    The machine code is stored beside the source or in the user's cache folder. On a read-only installation, a
    full disk or a home that cannot be written, it is compiled again by every process (about two seconds) instead
    of failing.
    """
    try:
        stored: Any = numba.njit(nogil=True, cache=True)(function)
    except RuntimeError:  # no folder can be written; numba finds out when it decorates
        return compile_inline(function)
    unstored: list[Callable[P, R]] = []

    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        if not unstored:
            try:
                return cast("R", stored(*args, **kwargs))
            except OSError:  # the folder could be written a moment ago, the file cannot
                unstored.append(compile_inline(function))
        return unstored[0](*args, **kwargs)

    return call
