"""Style sheets and scripts without what only their authors read: a seventh of their bytes.

The sources stay readable and are shipped; pages load the compact form. It is made by a few replacements that are
safe for our own files (no braces, semicolons or // inside of strings that begin a line), not by a minifier for
anybody's.
"""

import re

__all__ = ["compact"]

_CSS_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_CSS_AROUND = re.compile(r"\s*([{};,])\s*")
_CSS_COLON = re.compile(r"(?<=[{;])([\w-]+): ")
_SPACE = re.compile(r"\s+")
_JS_COMMENT = re.compile(r"^\s*//.*$", re.MULTILINE)
_JS_LINE = re.compile(r"\n\s*")


def compact(name: str, text: str) -> str:
    """Return the compact form of a file by its name: .css and .js; anything else as it is."""
    if name.endswith(".css"):
        text = _SPACE.sub(" ", _CSS_COMMENT.sub("", text)).strip()
        return _CSS_COLON.sub(r"\1:", _CSS_AROUND.sub(r"\1", text)).replace(";}", "}") + "\n"
    if name.endswith(".js"):
        return _JS_LINE.sub("\n", _JS_COMMENT.sub("", text)).strip() + "\n"
    return text
