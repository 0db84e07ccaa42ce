"""What the theme ships and no page loads: source maps, its own search in 30 languages, icons; 2 MB of 3."""

import re
from collections.abc import Iterable
from pathlib import Path

__all__ = ["drop_unused"]

_MAP = re.compile(rb"\n?(?:/\*|//)# sourceMappingURL=[\w.-]+(?: ?\*/)?\n?")


def drop_unused(folder: Path, frames: Iterable[str]) -> None:
    """Delete the theme's files below `folder`/assets that no frame of a page names, and references to source maps."""
    text = "".join(frames)
    assets = folder / "assets"
    for path in sorted(assets.rglob("*"), reverse=True):  # what is in a folder comes before it
        if path.is_dir():
            if not any(path.iterdir()):
                path.rmdir()
        elif path.relative_to(folder).as_posix() not in text:
            path.unlink()
        elif path.suffix in (".css", ".js"):
            path.write_bytes(_MAP.sub(b"", path.read_bytes()))
