"""The pages of the manual to a site that opens from any disk or web server, in the look of the reports."""

import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Any

from barlow_report.errors import SiteError
from barlow_report.files import output_errors
from barlow_report.manual.contents import Entry, Part, add_entries, read_contents
from barlow_report.manual.gallery import FOLDER as REPORTS
from barlow_report.manual.gallery import PAGE as GALLERY
from barlow_report.manual.gallery import with_reports, write_reports
from barlow_report.manual.reference import REFERENCES
from barlow_report.manual.relocating import collect
from barlow_report.progress import Progress, SilentProgress
from barlow_report.report.assets import copy_assets
from barlow_report.report.folder import replaced_folder
from barlow_report.report.links import check_links
from barlow_report.report.render import templates_folder
from barlow_report.report.theme import quiet_mkdocs, theme_settings
from barlow_report.report.theme_files import drop_unused
from barlow_report.run_folder import Run
from barlow_report.schema_cli import Document, schema_text

__all__ = ["build_manual"]

_PAGES = Path(__file__).resolve().parent
_ROOT = _PAGES.parents[1]
_EXTENSIONS: dict[str, dict[str, Any]] = {
    "attr_list": {},
    "md_in_html": {},
    "tables": {},
    "toc": {"permalink": "#", "permalink_title": "Link to this section", "toc_depth": 3},
    "pymdownx.highlight": {"use_pygments": True, "auto_title": False},
    "pymdownx.superfences": {},
}


def build_manual(
    site: Path, *, reports: Mapping[str, Run] = MappingProxyType({}), progress: Progress | None = None
) -> Path:
    """Build the manual into the folder `site`.

    Args:
        site: New, empty, or a site of ours, which is replaced as a whole.
        reports: Finished runs of the gallery by name, see `gallery.compute_reports`. Their sites become part of the
            manual, and the page *Gallery* leads to them.
        progress: Where to report to; default: nowhere.

    Returns:
        The path of its first page.

    Raises:
        RunFolderError: A run of the gallery is not complete.
        SiteError: A page or a link is amiss; this is no checkout, which the manual's links lead into; or the extra
            `manual` is not installed.
        OutputError: `site` holds something else, or cannot be written.
    """
    _check_place()
    texts, pictures = collect(sorted(_PAGES.glob("*.md")), root=_ROOT, folder=_PAGES)
    parts = read_contents(texts["index.md"])
    generated = [Entry(page.title, page.file, page.words) for page in REFERENCES]
    texts["index.md"] = add_entries(texts["index.md"], "Reference", generated)
    texts |= {page.file: page.write() for page in REFERENCES}
    texts |= {f"reference/{document.value}.schema.json": schema_text(document) for document in Document}
    parts = read_contents(texts["index.md"])
    with replaced_folder(site, run_id="manual") as folder, tempfile.TemporaryDirectory(prefix="barlow-report-") as work:
        documents = Path(work) / "docs"
        sites = write_reports(reports, Path(work), progress=progress or SilentProgress())
        texts[GALLERY] = with_reports(texts[GALLERY], sites)
        _write(documents, texts, pictures)
        _build(documents, parts, folder=folder)
        copy_assets(folder, "manual")
        if sites:  # after the generator, which empties the folder
            shutil.move(Path(work) / REPORTS, folder / REPORTS)
        check_links(folder)
    return Path(site) / "index.html"


def _check_place() -> None:
    if not (_ROOT / "pyproject.toml").is_file():
        raise SiteError("the manual is built in a checkout of barlow-report, because it links to files of it.")
    for name in ("griffe", "latex2mathml"):
        if find_spec(name) is None:
            raise SiteError(f"{name} is not installed. Install the extra: pip install 'barlow-report[manual]'.")


def _write(documents: Path, texts: Mapping[str, str], pictures: Mapping[str, Path]) -> None:
    for place, text in texts.items():
        (documents / place).parent.mkdir(parents=True, exist_ok=True)
        (documents / place).write_text(text, encoding="utf-8")
    for place, path in pictures.items():
        (documents / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, documents / place)


def _build(documents: Path, parts: Sequence[Part], *, folder: Path) -> None:
    with quiet_mkdocs():
        from mkdocs.commands.build import build
        from mkdocs.config import load_config
        from mkdocs.exceptions import MkDocsException

        from barlow_report.manual.formulas import formula
        from barlow_report.manual.plugin import ManualPlugin

        config_file = documents.parent / "mkdocs.yml"
        config_file.write_text(json.dumps(_mkdocs_config(parts)), encoding="utf-8")  # JSON is YAML
        plugin = ManualPlugin(templates_folder() / "theme")
        try:
            config = load_config(str(config_file), site_dir=str(folder))
            config.mdx_configs["pymdownx.superfences"] = {
                "custom_fences": [{"name": "math", "class": "math", "format": formula}]
            }
            config.theme.static_templates.clear()  # a 404 page has no use without an address
            config.plugins["barlow-report"] = plugin
            with output_errors(folder):
                build(config)
                drop_unused(folder, [path.read_text(encoding="utf-8") for path in folder.rglob("*.html")])
        except MkDocsException as error:
            raise SiteError(f"the site generator failed: {error}. Please report this as a bug.") from error


def _mkdocs_config(parts: Sequence[Part]) -> dict[str, Any]:
    features = ["navigation.tabs", "navigation.top", "navigation.footer", "toc.follow"]
    return {
        **theme_settings(templates_folder() / "manual", features=features),
        "site_name": "barlow-report",
        "docs_dir": "docs",
        "markdown_extensions": [{name: settings} for name, settings in _EXTENSIONS.items()],
        "extra_css": [f"assets/barlow/{name}.css" for name in ("frame", "barlow", "phone", "print", "manual")],
        "nav": [
            {"Contents": "index.md"},
            *({part.title: [{entry.title: entry.file} for entry in part.entries]} for part in parts),
        ],
    }
