"""Formulas: written in TeX, between fences named `math`, as code hosts show them, and MathML in the site.

Browsers draw MathML themselves, so that no script and no font has to be loaded.
"""

from typing import Any

from latex2mathml.converter import convert

__all__ = ["formula"]


def formula(source: str, language: str, css_class: str, options: Any, md: Any, **_: Any) -> str:  # noqa: ARG001
    """Return the formulas of a fence, one for each of its lines; called by pymdownx.superfences."""
    lines = [line.strip().removesuffix("\\\\").strip() for line in source.splitlines()]
    return "".join(
        f'<div class="formula" tabindex="0" role="group" aria-label="Formula">{convert(line, display="block")}</div>'
        for line in lines
        if line
    )
