"""What pages load: style sheets and scripts, written without comments and spaces."""

from pathlib import Path
from typing import Literal

from barlow_report.files import output_errors
from barlow_report.report.compact import compact
from barlow_report.report.render import templates_folder
from barlow_report.report.source import Profile

__all__ = ["copy_assets"]

_SHARED = (
    "barlow.css",
    "phone.css",
    "print.css",
    "barlow.js",
    "tables.js",
    "jump.js",
    "tabs.js",
    "viewer.js",
    "annotate.css",
    "annotate.js",
    "causes.css",
    "changes.css",
    "people.css",
    "modes.css",
    "gallery.js",
    "overview.css",
    "class.css",
    "folded.css",
)
_FRAME = ("frame.css", "search.js", "favicon.svg", "iframe-worker.js", "iframe-worker.LICENSE.txt")
_ASSETS: dict[Profile | Literal["manual"], tuple[str, ...]] = {
    "standalone": (*_SHARED, *_FRAME),
    "mkdocs": (*_SHARED, "hosted.css"),
    "techdocs": (),
    "single": (),
    "manual": (*_FRAME, "barlow.css", "phone.css", "print.css", "manual.css"),
}
_PARTS = {
    "tables.js": ("fold.js", "tables.js"),
    "gallery.js": ("fold.js", "gallery.js", "tables.js"),
    "jump.js": ("fold.js", "jump.js"),
    "search.js": ("fold.js", "search.js"),
    "annotate.js": ("annotate-store.js", "annotate-outbox.js", "annotate.js"),
}
"""Scripts whose source is in several files; pages load the whole."""


def copy_assets(folder: Path, profile: Profile | Literal["manual"]) -> None:
    """Write what the pages of a site, those for a host, or those of the manual load."""
    names, target = _ASSETS[profile], folder / "assets" / "barlow"
    with output_errors(target):
        target.mkdir(parents=True, exist_ok=True)
        for name in names:
            parts = [templates_folder() / "assets" / part for part in _PARTS.get(name, (name,))]
            text = "\n".join(part.read_text(encoding="utf-8") for part in parts)
            if profile == "mkdocs" and name in ("barlow.css", "overview.css"):
                # A host's style sheet is particular about elements: ours must be more so
                tokens, _, rules = text.rpartition("\n.barlow {")
                text = f"{tokens}\n.barlow.barlow.barlow {{{rules}"
            (target / name).write_bytes((text if "worker" in name else compact(name, text)).encode())
