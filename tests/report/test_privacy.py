"""How much of the photographs a site shows."""

import hashlib
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from barlow_report.progress import SilentProgress
from barlow_report.run_folder import STAGES, Run
from barlow_report.stages.privacy import blurred, without_photographs
from barlow_report.stages.site import write_site
from barlow_report.visuals.blurring import BLURRED_SIDE, blur
from tests.report.synthetic import Recipe, synthetic_source

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("run")
    source = synthetic_source(folder, Recipe(n_classes=2, n_pictures=6))
    run = Run.open(folder)
    for name, table in source.tables.items():
        run.write_table(name, table)
    for stage in STAGES:
        run.finish(stage, fingerprint="made up")
    run.update_info(config={**run.info["config"], "site": {"images": "blur"}})
    return run


def _digests(folder: Path) -> set[str]:
    return {hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*.webp")}


def _photographs(run: Run) -> set[str]:
    tiles, galleries, quantiles = (run.read_table(name) for name in ("tiles", "galleries", "quantiles"))
    names = {*tiles["thumbnail"], *tiles["attack"], *galleries["thumbnail"], *quantiles["thumbnail"]}
    return {hashlib.sha256((run.media / name).read_bytes()).hexdigest() for name in names}


def test_a_blurred_site_holds_no_photograph_and_says_so(run: Run, tmp_path: Path) -> None:
    write_site(run, site=tmp_path / "site", progress=SilentProgress())
    assert _digests(tmp_path / "site")
    assert not _digests(tmp_path / "site") & _photographs(run)
    text = (tmp_path / "site/classes/c0/index.html").read_text(encoding="utf-8")
    assert "Photographs are blurred" in text
    assert 'class="map"' in text


def test_building_again_blurs_nothing_again(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tables = {name: run.read_table(name) for name in ("tiles", "galleries", "quantiles")}
    first = blurred(run, tables, progress=SilentProgress())

    def refuse(_: bytes) -> bytes:
        raise AssertionError("a picture is blurred again")

    monkeypatch.setattr("barlow_report.stages.privacy.blur", refuse)
    second = blurred(run, tables, progress=SilentProgress())
    assert all(first[name].equals(second[name]) for name in tables)
    write_site(run, site=tmp_path / "site", progress=SilentProgress())


def test_a_site_without_photographs_holds_no_picture_and_says_so(run: Run, tmp_path: Path) -> None:
    write_site(run, site=tmp_path / "site", images="none", progress=SilentProgress())
    assert _digests(tmp_path / "site") == set()
    for page in ("index.html", "classes/c0/index.html", "features/0/index.html"):
        assert "shows no photographs" in (tmp_path / "site" / page).read_text(encoding="utf-8")
    assert all(
        len(without_photographs({name: run.read_table(name)})[name]) == 0
        for name in ("tiles", "galleries", "quantiles")
    )


def test_a_full_site_shows_the_photographs_whatever_the_run_says(run: Run, tmp_path: Path) -> None:
    write_site(run, site=tmp_path / "site", images="full", progress=SilentProgress())
    assert _digests(tmp_path / "site") & _photographs(run)


def test_a_blur_keeps_the_shape_and_nothing_that_twelve_pixels_cannot_hold() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (150, 200, 3)).astype(np.uint8)
    buffer = io.BytesIO()
    exif = Image.Exif()
    exif[0x010E] = "a secret place"
    Image.fromarray(noise).save(buffer, "WEBP", quality=90, exif=exif)
    result = blur(buffer.getvalue())
    with Image.open(io.BytesIO(result)) as image:
        assert image.size == (96, 72)
        assert not image.getexif()
        shown = image.convert("L")
        few = shown.resize((BLURRED_SIDE, BLURRED_SIDE * 72 // 96), Image.Resampling.BOX).resize(shown.size)
        lost = np.abs(np.asarray(shown, dtype=float) - np.asarray(few, dtype=float)).mean()
    assert lost < 3  # of 256 grey levels: twelve pixels hold all there is
    assert b"secret" not in result
