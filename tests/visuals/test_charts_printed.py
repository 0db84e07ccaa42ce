"""Charts on paper: what Chromium writes into a PDF of them, and what another program draws of it.

A stroke without length is drawn by some programs and not by others: PDF lets a round cap be a dot and a square one
nothing (ISO 32000, 8.5.3.2). So drawing is not enough of a test; there must be no such stroke.
"""

import base64
import io
import re
import zlib

import numpy as np
import pandas as pd
import pypdfium2  # type: ignore[import-untyped]
import pytest
from playwright.sync_api import Browser
from scipy.ndimage import label

from barlow_report.lenses.models.charts import modes_by_model
from barlow_report.visuals.charts import gain_by_base_rate

pytestmark = pytest.mark.browser

FIRST, SECOND = (0x00, 0x72, 0xB2), (0xD5, 0x5E, 0x00)  # the colours of marks on a light page
_SCALE = 4
_WITHOUT_LENGTH = re.compile(rb"\n(\S+ \S+) m\n\1 l")


def _printed(svg: str, browser: Browser) -> np.ndarray:
    """Print a chart as a report shows it, and return the first page as pixels, (height, width, 3)."""
    page = browser.new_page()
    address = "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()
    page.set_content(f'<img src="{address}" width="460">', wait_until="load")
    pdf = page.pdf(format="A4")
    page.close()
    assert [stroke for part in _contents(pdf) for stroke in _WITHOUT_LENGTH.findall(part)] == []
    document = pypdfium2.PdfDocument(io.BytesIO(pdf))
    assert len(document) == 1
    return np.asarray(document[0].render(scale=_SCALE).to_pil().convert("RGB")).astype(int)


def _contents(pdf: bytes) -> list[bytes]:
    """The drawing instructions of a PDF."""
    found = []
    for stream in re.findall(rb"stream\r?\n(.*?)endstream", pdf, re.DOTALL):
        try:
            found.append(zlib.decompress(stream))
        except zlib.error:
            continue  # a picture or a font in a form of its own
    assert any(b" re" in part for part in found)
    return found


def _n_marks(pixels: np.ndarray, colour: tuple[int, int, int]) -> int:
    """Count the separate spots of a colour that are at least two points wide and high."""
    spots, n = label(np.abs(pixels - np.array(colour)).sum(axis=2) < 90)
    sizes = np.bincount(spots.ravel())[1 : n + 1]
    return int((sizes >= (2 * _SCALE) ** 2 * 0.7).sum())


def test_every_dot_and_every_square_of_a_chart_is_printed(browser: Browser) -> None:
    n = 30
    places = np.linspace(0.1, 0.5, n)
    points = pd.DataFrame(
        {
            "depth": 1,
            "base_error_rate": places,
            "gain": np.tile([0.2, 0.3], n // 2),
            "base_error_rate_held_out": places,
            "gain_held_out": np.tile([0.1, 0.15], n // 2),
            "gain_by_chance": 0.004,
        }
    )
    pixels = _printed(gain_by_base_rate(points, depth=1, grouping="by label").light, browser)
    assert (_n_marks(pixels, FIRST), _n_marks(pixels, SECOND)) == (n + 1, n + 2)  # with the legend and chance


def test_which_modes_hold_for_which_model_is_the_same_on_paper(browser: Browser) -> None:
    holds = np.random.default_rng(0).random((6, 5)) < 0.5
    chart = modes_by_model(
        holds, ~holds, modes=[f"mode {i}" for i in range(6)], models=list("abcde"), accuracies=[0.5, 0.6, 0.7, 0.8, 0.9]
    )
    pixels = _printed(chart.light, browser)
    assert (_n_marks(pixels, SECOND), _n_marks(pixels, FIRST)) == (holds.sum() + 1, (~holds).sum() + 1)
