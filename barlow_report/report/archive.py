"""A site as one zip file: for a review, a ticket, an e-mail.

At the top there is one page to open, and the site in a folder beside it. Times and order are fixed, so that the
same site gives the same bytes.
"""

import zipfile
from pathlib import Path

from markupsafe import escape

from barlow_report.files import atomic_file, output_errors

__all__ = ["OPEN_ME", "zip_site"]

OPEN_ME = "OPEN-ME.html"
_FOLDER = "report"
_TIME = (1980, 1, 1, 0, 0, 0)
_STORED = (".webp", ".gz", ".png", ".woff2")  # compressed already
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
</head>
<body>
<h1>{title}</h1>
<p><a href="{folder}/index.html">Open the report</a></p>
<p>If that leads nowhere, the archive is still packed: extract all of it (not only this page), then open this page
again. The report needs no network and no installation.</p>
</body>
</html>
"""


def zip_site(site: Path, *, title: str, archive: Path | None = None) -> Path:
    """Pack the folder `site` and return the path of the zip file, by default beside it.

    Raises:
        OutputError: The file cannot be written.
    """
    archive = archive or site.with_name(f"{site.name}.zip")
    page = _PAGE.format(title=escape(title), folder=_FOLDER)
    with output_errors(archive), atomic_file(archive) as file, zipfile.ZipFile(file, "w") as packed:
        _add(packed, OPEN_ME, page.encode())
        for path in sorted(site.rglob("*")):
            if path.is_file() and not path.name.startswith("."):
                _add(packed, f"{_FOLDER}/{path.relative_to(site).as_posix()}", path.read_bytes())
    return archive


def _add(packed: zipfile.ZipFile, name: str, data: bytes) -> None:
    info = zipfile.ZipInfo(name, _TIME)
    info.compress_type = zipfile.ZIP_STORED if name.endswith(_STORED) else zipfile.ZIP_DEFLATED
    info.external_attr = 0o644 << 16
    packed.writestr(info, data)
