"""What the manual changes in MkDocs: parts of the reports' frame are its own, and so is the search."""

import re
from pathlib import Path

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PrefixLoader
from mkdocs.config.base import LegacyConfig
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.plugins import BasePlugin
from mkdocs.structure.files import Files
from mkdocs.structure.pages import Page

from barlow_report.report.mkdocs_pages import with_own_search

__all__ = ["ManualPlugin"]

_SITEMAP = re.compile(r"sitemap\.xml(\.gz)?")


class ManualPlugin(BasePlugin[LegacyConfig]):  # type: ignore[no-untyped-call]
    """Lets templates of the manual include those of the reports' theme as `report/…`."""

    def __init__(self, theme: Path) -> None:
        self.theme = theme

    def on_files(self, files: Files, /, *, config: MkDocsConfig) -> Files:  # noqa: ARG002
        """Leave out the sitemap: it has no use without an address."""
        for file in [file for file in files if _SITEMAP.fullmatch(file.src_uri)]:
            files.remove(file)
        return files

    def on_page_markdown(self, markdown: str, /, *, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG002
        """Leave out the list of the section's pages where there is one page."""
        if page.is_homepage:
            page.meta["hide"] = ["navigation"]
        return markdown

    def on_env(self, env: Environment, /, *, config: MkDocsConfig, files: Files) -> Environment:  # noqa: ARG002
        """Let templates find those of the reports."""
        reports = PrefixLoader({"report": FileSystemLoader(self.theme)})
        env.loader = ChoiceLoader([reports, *([env.loader] if env.loader else [])])
        return env

    def on_post_page(self, output: str, /, *, page: Page, config: MkDocsConfig) -> str:  # noqa: ARG002
        """Exchange the search."""
        return with_own_search(output)
