"""The configurations in a page: whole ones, sections, and sections that are alternatives to each other."""

import re
from collections.abc import Iterator

import yaml


def variants(code: str) -> Iterator[dict[str, object]]:
    """Yield the configurations that a block of YAML holds.

    A key that comes a second time begins an alternative: `directions: {}` and, in the next line, another
    `directions: {…}` are two configurations of one section, as a reader understands them.
    """
    part: dict[str, object] = {}
    for entry in re.split(r"^(?=\w)", code, flags=re.MULTILINE):
        section = yaml.safe_load(entry)
        if section is None:  # comments in front of the first key
            continue
        if part.keys() & section.keys():
            yield part
            part = {}
        part |= section
    yield part
