"""Words of others, such as names of classes and files, without characters that would upset the page."""

import re

__all__ = ["visible"]

_INVISIBLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff]"
)


def visible(text: str) -> str:
    """Replace what cannot be seen by U+FFFD: control characters, turns of the writing direction, half characters.

    A name with such a character could rearrange the words around it, and half a character cannot be written.
    """
    return _INVISIBLE.sub("\ufffd", text)
