"""The page of the Python interface, from the annotations and docstrings of the package's public names."""

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import griffe

import barlow_report
from barlow_report.config import Section
from barlow_report.manual.reference.marking import code, definitions, heading, inline, paragraphs

__all__ = ["python_page"]

_INTRODUCTION = """# Python

The public names of the package, made from their annotations and docstrings. Everything else may change without notice.
[From arrays, in Python](../arrays.md) shows how they are used.
"""
_FOR_READERS = {"Run": ("open", "info", "has_table", "table", "read_table", "features")}
"""Of classes that the product itself also writes with: what those need who read."""


def python_page() -> str:
    """Return the page, in Markdown."""
    parts = [_INTRODUCTION]
    for name in barlow_report.__all__:
        if not name.startswith("_"):
            parts += _public(name, getattr(barlow_report, name))
    return "\n".join(parts)


def _public(name: str, value: Any) -> Iterator[str]:
    found = _parsed(value)
    is_function = isinstance(found, griffe.Function)
    yield heading(2, f"`{name}`", name)
    if is_function:
        yield _signature(name, found)
    yield from _docstring(found)
    if inspect.isclass(value) and not issubclass(value, BaseException):
        yield from _members(name, value)


def _members(name: str, value: type) -> Iterator[str]:
    if issubclass(value, Section):
        yield "\nIts fields are keys of the [configuration](configuration.md).\n"
        return
    known: dict[str, griffe.Object] = {}
    for part in reversed([part for part in value.__mro__ if part.__module__.startswith("barlow_report")]):
        known |= {member: found for member, found in _parsed(part).members.items() if isinstance(found, griffe.Object)}
    shown = _FOR_READERS.get(name) or [member for member in known if not member.startswith("_")]
    for member in shown:
        found = known[member]
        if not found.docstring:
            continue
        yield heading(3, f"`{name}.{member}`", f"{name}.{member}")
        if isinstance(found, griffe.Function):
            yield _signature(f"{name}.{member}", found)
        elif isinstance(found, griffe.Attribute) and found.annotation:
            yield f"\n```python\n{name}.{member}: {_type(found.annotation, found)}\n```\n"
        yield from _docstring(found)


def _parsed(value: Any) -> Any:
    """Read the source of a class or a function."""
    module = sys.modules[value.__module__]
    path = Path(inspect.getfile(value))
    found: Any = griffe.visit(module.__name__, filepath=path, code=path.read_text(encoding="utf-8"))
    for part in value.__qualname__.split("."):
        found = found.members[part]
    return found


def _signature(name: str, function: griffe.Function) -> str:
    """Return the call with each argument on a line of its own."""
    lines: list[str] = []
    is_keyword = False
    for parameter in function.parameters:
        if parameter.name in ("self", "cls"):
            continue
        if parameter.kind is griffe.ParameterKind.keyword_only and not is_keyword:
            is_keyword = True
            lines.append("*")
        kind = f": {_type(parameter.annotation, function)}" if parameter.annotation else ""
        default = f" = {parameter.default}" if parameter.default is not None else ""
        lines.append(f"{parameter.name}{kind}{default}")
    returns = f" -> {_type(function.returns, function)}" if function.returns else ""
    inside = "".join(f"\n    {line}," for line in lines)
    return f"\n```python\n{name}({inside}{chr(10) if lines else ''}){returns}\n```\n"


def _type(annotation: Any, found: griffe.Object) -> str:
    """Return an annotation, a short name of its module for it written out."""
    short = found.module.members.get(str(annotation))
    return str(short.value if isinstance(short, griffe.Attribute) and short.value else annotation)


def _docstring(found: griffe.Object) -> Iterator[str]:
    for section in found.docstring.parse("google") if found.docstring else ():
        if section.kind is griffe.DocstringSectionKind.text:
            yield paragraphs(section.value) + "\n"
            continue
        title = {"parameters": "Arguments"}.get(section.kind.value, section.kind.value.capitalize())
        yield f"<p><strong>{title}</strong></p>\n"
        yield definitions(_entry(section.kind, item, found) for item in section.value)


def _entry(kind: griffe.DocstringSectionKind, item: Any, found: griffe.Object) -> tuple[str, str, str, str]:
    meaning = paragraphs(item.description) if "\n\n" in item.description else inline(item.description)
    if kind in (griffe.DocstringSectionKind.returns, griffe.DocstringSectionKind.raises):
        return "", _type(item.annotation, found), "", meaning
    return "", item.name, code(_type(item.annotation, found)) if item.annotation else "", meaning
