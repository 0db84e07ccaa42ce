"""Somebody else's MkDocs site with a report in it, for tests of pages that are dropped in."""

import functools
import http.server
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from barlow_report.report import Profile, ReportSource, build_site

__all__ = ["build_host", "served"]

# What a lively handbook has switched on. The hook does what the macros plugin does: Jinja over every page's source.
_EXTENSIONS = [
    "abbr",
    "admonition",
    "attr_list",
    "def_list",
    "footnotes",
    "md_in_html",
    "tables",
    "toc",
    "pymdownx.emoji",
    "pymdownx.magiclink",
    "pymdownx.snippets",
    "pymdownx.superfences",
    "pymdownx.tabbed",
]
_HOOK = """
import jinja2

def on_page_markdown(markdown, **_):
    return jinja2.Template(markdown).render()
"""


def build_host(
    folder: Path,
    source: ReportSource | None,
    *,
    profile: Profile,
    directories: bool,
    address: str = "http://host.example/",
) -> Path:
    """Make a handbook in `folder` with the report in docs/reports/mine, build it, and return the site's folder.

    Without a source, the report is there already.
    """
    if source is not None:
        build_site(source, site=folder / "docs" / "reports" / "mine", profile=profile)
    (folder / "docs" / "index.md").write_text("# Handbook\n\nSee [the report](reports/mine/index.md).\n")
    (folder / "hook.py").write_text(_HOOK)
    config = {
        "site_name": "Handbook",
        "site_url": address,
        "use_directory_urls": directories,
        "theme": {
            "name": "material",
            "font": False,
            "features": ["navigation.instant", "navigation.indexes"],
            "palette": [
                {"media": "(prefers-color-scheme: light)", "scheme": "default"},
                {"media": "(prefers-color-scheme: dark)", "scheme": "slate"},
            ],
        },
        "markdown_extensions": _EXTENSIONS,
        "hooks": ["hook.py"],
        "plugins": ["search"],
        "nav": ["index.md", {"Report": "reports/mine/index.md"}],
        "not_in_nav": "/reports/mine/",
    }
    (folder / "mkdocs.yml").write_text(json.dumps(config))
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder / "site")]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    return folder / "site"


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def served(folder: Path, *, port: int = 0) -> Iterator[str]:
    """Serve `folder` on this machine and yield its address."""
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()
        thread.join()
