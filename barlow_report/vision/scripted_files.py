"""What a TorchScript archive may hold to be loaded: code whose every word is harmless.

TorchScript runs code while it loads (`__setstate__`, default values of arguments), so its graph cannot be looked at
first: the text of the code is. Its language has no way to write a name but to write it out, so an operation is not
used whose name is not there. The text is searched as bytes, strings and comments included: no second parser could read
it otherwise than torch's.
"""

import re
from collections.abc import Mapping

import torch

from barlow_report.vision.operations import forbidden_names, is_harmless
from barlow_report.vision.program_files import Refused

__all__ = ["checked_script"]

_KEPT = re.compile(r"data\.pkl|constants\.pkl|version|byteorder|\.data/version|(data|constants)/\d+|code/.+\.py")
_PICKLES = ("data.pkl", "constants.pkl")

_WORD = re.compile(rb"[A-Za-z_][A-Za-z0-9_]*")
_OPERATION = re.compile(rb"(?<![A-Za-z_.])ops\.([A-Za-z0-9_]+)\.([A-Za-z0-9_]+)")
_TYPE = re.compile(rb"(?<![A-Za-z0-9_])__torch__((?:\.[A-Za-z_][A-Za-z0-9_]*)+)")
"""A class or function of the archive itself, or one that is compiled into torch, under torch.classes."""
_ATTRIBUTE = re.compile(rb'(?<![A-Za-z_])getattr\([^,"\\#]*, "[^"\\\n]*"\)')
_ELSEWHERE = re.compile(rb"(?<![A-Za-z_.])(ops|__torch__|getattr)(?![A-Za-z0-9_])|\\[xuUN]|\\1[0-7][0-7]")
"""What is left of these: under another name, in another form, or letters of a text written as numbers."""
_PICKLED_CLASS = re.compile(rb"torch[.\n]classes[.\n](?!quantized[.\n])|torch(\s+[.#\\]|[#\\]|\.[\s#\\])")


def checked_script(members: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the members of an archive that make up the model.

    Raises:
        Refused: Its code names an operation or a class that can do more than compute.
    """
    kept = {name: content for name, content in members.items() if _KEPT.fullmatch(name)}
    for name, content in kept.items():
        if name.startswith("code/"):
            _check_code(content)
        elif name in _PICKLES and _PICKLED_CLASS.search(content):
            raise Refused("it holds objects of classes other than tensors and modules")
    return kept


def _check_code(code: bytes) -> None:
    forbidden = {word.decode() for word in _WORD.findall(code)} & forbidden_names()
    if forbidden:
        raise Refused(f"its code uses '{min(forbidden)}', which can do more than compute on tensors")
    for namespace, name in set(_OPERATION.findall(code)):
        _check_operation(namespace.decode(), name.decode())
    rest = _TYPE.sub(_without_own_type, _ATTRIBUTE.sub(_without_name, _OPERATION.sub(b";", code)))
    found = _ELSEWHERE.search(rest)
    if found:
        shown = rest[found.start() : found.start() + 60].split(b"\n")[0].decode(errors="replace")
        raise Refused(f"its code uses '{ascii(shown)[1:-1]}', which can do more than compute on tensors")


def _without_own_type(found: re.Match[bytes]) -> bytes:
    parts = found[1].split(b".")[1:]
    if parts == [b"torch"] or (
        parts[:2] == [b"torch", b"classes"] and (parts[2:3] != [b"quantized"] or len(parts) < 4)
    ):
        return found[0]
    return b";"


def _without_name(found: re.Match[bytes]) -> bytes:
    return found[0].replace(b"getattr", b";", 1)


def _check_operation(namespace: str, name: str) -> None:
    schemas = torch._C._jit_get_schemas_for_operator(f"{namespace}::{name}")
    if not schemas and namespace != "prim":
        raise Refused(f"its code uses {namespace}::{name}, which is not known here")
    if not all(is_harmless(schema) for schema in schemas):
        raise Refused(f"its code uses {namespace}::{name}, which can do more than compute on tensors")
