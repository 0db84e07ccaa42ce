"""Feature attacks of some images of each triptych: the default where the feature model is the inspected one."""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from playwright.sync_api import Browser, expect

from barlow_report import pipeline
from barlow_report.annotations.exchange.sheets import compose_triptych
from barlow_report.config import Config, ModelConfig, load_config
from barlow_report.progress import Advance, SilentProgress, ignore_advance
from barlow_report.report.pages.facts import some_attacked
from barlow_report.run_folder import Run
from barlow_report.stages import tile_drawing
from barlow_report.stages.attacked import attacked_words, is_presumed_robust, n_attacked
from barlow_report.stages.tile_drawing import tiles_before
from barlow_report.stages.tile_work import TileUnit
from tests.annotations.form import Form
from tests.lenses.error_types.test_stage import Messages
from tests.pipeline.toy import write_task

_WHY = (
    "Of the 4 images of a triptych, the first 2 have a feature attack (visuals.n_attacked): the features are those of "
    "the inspected model, which is not known to be robust, so that attacks may look like noise."
)


_OF_LIBRARY = (
    "Of the 4 images of a triptych, the first 2 have a feature attack (visuals.n_attacked): the feature model is one "
    "of a library, which is not known to be robust, so that attacks may look like noise."
)


def _config(folder: Path, *, visuals: dict[str, Any] | None = None, **others: object) -> Config:
    settings = {"n_images": 4, "n_gallery": 4, "attack": {"n_steps": 2}, **(visuals or {})}
    return load_config(write_task(folder, n_per_class=60, settings={"visuals": settings, **others}))


@pytest.mark.parametrize(
    ("visuals", "feature_model", "n", "words"),
    [
        ({}, None, 2, _WHY),
        ({}, {"factory": "network.py:colours"}, 4, None),
        ({"n_attacked": 3}, None, 3, "Of the 4 images of a triptych, the first 3 have a feature attack (visuals."),
        ({"n_attacked": 9}, None, 4, None),
        ({"n_attacked": 1}, {"factory": "network.py:colours"}, 1, "Of the 4 images of a triptych, the first 1 have"),
        ({}, {"torchvision": "resnet18", "pretrained": True}, 2, _OF_LIBRARY),
        ({"n_attacked": 4}, {"torchvision": "resnet18", "pretrained": True}, 4, None),
        ({"n_images": 1}, None, 1, None),
        ({"attack": "none"}, None, 0, None),
    ],
)
def test_how_many_are_attacked(
    tmp_path: Path, visuals: dict[str, Any], feature_model: object, n: int, words: str | None
) -> None:
    others = {} if feature_model is None else {"feature_model": feature_model}
    config = _config(tmp_path, visuals=visuals, **others)
    assert n_attacked(config) == n
    said = attacked_words(config)
    assert (said is None) == (words is None)
    assert (said or "").startswith(words or "")


@pytest.mark.parametrize(
    ("model", "is_robust"),
    [
        ({"torchvision": "resnet50", "pretrained": "IMAGENET1K_V2"}, False),
        ({"torchvision": "resnet50", "pretrained": True, "weights": "resnet50-0676ba61.pth"}, False),
        ({"torchvision": "resnet50"}, False),
        ({"timm": "convnext_tiny.in12k_ft_in1k", "pretrained": True}, False),
        ({"timm": "vit_base_patch16_clip_224.laion2b", "pretrained": True}, False),  # no word ends or begins with ap
        ({"timm": "tf_efficientnet_b0.ap_in1k", "pretrained": True}, True),
        ({"timm": "tf_efficientnet_b0", "pretrained": "ap_in1k"}, True),
        ({"timm": "inception_v3.tf_adv_in1k", "pretrained": True}, True),
        ({"transformers": "google/vit-base-patch16-224"}, False),
        ({"transformers": "somebody/resnet50-robust-l2"}, True),
        ({"transformers": "/models/own"}, True),
        ({"torchvision": "resnet50", "pretrained": True, "weights": "robust_resnet50.pt"}, True),
        ({"torchvision": "resnet50", "weights": "imagenet_l2_3_0.pt"}, True),
        ({"factory": "network.py:colours"}, True),
        ({"program": "model.pt2"}, True),
    ],
)
def test_what_is_taken_for_robust(model: dict[str, Any], is_robust: bool) -> None:
    assert is_presumed_robust(ModelConfig(**model)) is is_robust


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("some")
    return pipeline.compute(_config(folder), folder=folder / "run")


def test_the_first_of_each_triptych_have_an_attack_and_the_others_have_none(run: Run) -> None:
    tiles = run.read_table("tiles")
    first = tiles["rank"] <= 2
    assert first.sum() * 2 == len(tiles) > 0
    assert tiles.loc[first, "attack"].notna().all()
    assert (tiles.loc[first, "attacked_activation"] >= tiles.loc[first, "activation"]).all()
    assert tiles.loc[~first, "attack"].isna().all()
    assert tiles.loc[~first, "attacked_activation"].isna().all()
    assert tiles["map"].notna().all()
    kept = tiles_before(run)
    assert len({(tile["feature_id"], tile["image_id"]) for tile in kept}) == len(kept)
    attacked = set(tiles.loc[first, ["feature_id", "image_id"]].itertuples(index=False, name=None))
    assert {(tile["feature_id"], tile["image_id"]) for tile in kept if tile["attack"] is not None} == attacked


def _record(image_id: int, *, attack: str | None) -> dict[str, Any]:
    attacked = None if attack is None else 2.0
    values = {"activation": 1.0, "attacked_activation": attacked, "map": None, "map_low": None, "map_high": None}
    return {"feature_id": 7, "image_id": image_id, **values, "attack": attack}


def test_an_image_that_is_first_in_one_group_and_later_in_another_has_an_attack_in_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [(0, 7, 1, 10), (0, 7, 2, 11), (0, 7, 3, 12), (1, 7, 1, 12), (1, 7, 2, 13), (1, 7, 3, 11)]
    tiles = pd.DataFrame(rows, columns=["group_id", "feature_id", "rank", "image_id"])
    drawn = [_record(i, attack=None) for i in (10, 11, 12)] + [_record(11, attack="11.webp")]
    asked: list[Sequence[tuple[int, int]]] = []

    def draw(to_attack: Any, others: Any, *_: object, **__: object) -> list[dict[str, Any]]:
        asked.extend([to_attack, others])
        return [_record(i, attack=f"{i}.webp") for _, i in to_attack] + [_record(i, attack=None) for _, i in others]

    monkeypatch.setattr(tile_drawing, "_draw", draw)
    nothing: Any = None
    found = tile_drawing.draw_tiles(
        tiles, nothing, _config(tmp_path), nothing, tmp_path, drawn=drawn, progress=Messages()
    )
    assert asked == [[(7, 10), (7, 12), (7, 13)], []]  # 10 and 12 were drawn without an attack
    assert found["attack"].tolist() == ["10.webp", "11.webp", None, "12.webp", "13.webp", None]
    assert found["attacked_activation"].notna().tolist() == [True, True, False, True, True, False]


@pytest.fixture(scope="module")
def index(run: Run) -> Path:
    """The front page of its site."""
    return pipeline.build_site(run.folder, site=run.folder.with_name("site"))


def test_pages_say_which_have_an_attack_and_why_not_all(run: Run, index: Path) -> None:
    assert some_attacked(run.info) == _WHY
    assert _WHY in index.read_text(encoding="utf-8")
    assert _WHY in (index.parent / "method" / "index.html").read_text(encoding="utf-8")
    page = next((index.parent / "features").glob("*/index.html")).read_text(encoding="utf-8")
    assert "of the first 2 only" in page
    assert page.count("not attacked") == 2 * page.count("of the first 2 only")
    form = (index.parent / "annotate" / "index.html").read_text(encoding="utf-8")
    assert "<b>C</b> the first of these images changed so that it responds more" in form


def test_the_form_says_which_images_have_no_attack(index: Path, browser: Browser) -> None:
    with browser.new_context() as context:
        form = Form(context, index.parent)
        form.start("somebody")
        rows = form.page.locator("[data-pictures] tr")
        said = [rows.nth(row).locator("td").all_inner_texts() for row in range(rows.count())]
        assert said == [[""] * 4, [""] * 4, ["", "", "not attacked", "not attacked"]]
        form.page.locator("[data-pictures] tr:last-child a.zoom").first.click()  # the viewer steps over the gaps
        viewer = form.page.locator("dialog[open]")
        expect(viewer).to_contain_text("1 of 2")
        for place in ("2 of 2", "1 of 2"):
            form.page.keyboard.press("ArrowRight")
            expect(viewer).to_contain_text(place)
        assert form.noted == []


def test_sheets_leave_the_place_of_an_attack_that_is_not_there_empty(run: Run) -> None:
    tiles = run.read_table("tiles")
    tiles = tiles[tiles["group_id"] == tiles["group_id"].iloc[0]]
    columns = [
        tiles[name].astype(object).where(tiles[name].notna(), None) for name in ("thumbnail", "heatmap", "attack")
    ]
    sheet = Image.open(io.BytesIO(compose_triptych(run.media, list(zip(*columns, strict=True)))))
    pixels = np.asarray(sheet.convert("RGB")).astype(int)
    side, gap, margin, label = 176, 8, 16, 26
    top = margin + 2 * (label + side + gap) + label
    cells = [pixels[top:, margin + column * (side + gap) :][10 : side - 10, 10 : side - 10] for column in range(4)]
    paper = pixels[2, 2]
    assert [bool(np.abs(cell - paper).max() < 8) for cell in cells] == [False, False, True, True]


class _Team:
    """Workers that take no time."""

    def map(self, units: Sequence[TileUnit], *, advance: Advance = ignore_advance) -> Iterator[list[dict[str, Any]]]:
        for unit in units:
            advance(len(unit.pairs))
            yield [{"pair": pair} for pair in unit.pairs]


def _units(pairs: Sequence[tuple[int, int]], *, is_attacked: bool) -> list[TileUnit]:
    return [TileUnit(pairs=pairs, photos={}, is_attacked=is_attacked)]


@pytest.mark.parametrize(
    ("n_pairs", "said"),
    [
        (104, ["Feature attacks: 95 at 0.2 s each, about 19 s. visuals.attack: none leaves them out"]),
        (40, []),  # 31 at 0.2 s
        (13, []),  # 9 at 1 s: no more are timed
    ],
)
def test_how_long_attacks_take_is_said_when_the_first_have_warmed_up(
    monkeypatch: pytest.MonkeyPatch, n_pairs: int, said: list[str]
) -> None:
    times = iter([100.0, 104.0, 200.0, 201.0])  # 4 at 1 s each, then 5 at 0.2 s
    monkeypatch.setattr("barlow_report.stages.tile_drawing.time", SimpleNamespace(perf_counter=lambda: next(times)))
    progress = Messages()
    pairs = [(0, image_id) for image_id in range(n_pairs)]
    found = tile_drawing._first(_Team(), pairs, _units, at_once=16, progress=progress)
    assert found == [{"pair": pair} for pair in pairs[: 4 if n_pairs == 13 else 9]]
    assert progress.said == said


class _Tasks(SilentProgress):
    """Keeps how many units of each task were finished before it, and in all when it ends."""

    def __init__(self) -> None:
        self.done: dict[str, tuple[int, int, int]] = {}

    @contextmanager
    def task(self, description: str, *, total: int, unit: str, n_done: int = 0) -> Iterator[Advance]:  # noqa: ARG002
        """Add up what is finished."""
        parts: list[int] = []
        yield parts.append
        self.done[description] = (n_done, sum(parts), total)


def test_the_first_attacks_are_no_work_that_was_finished_earlier(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tile_drawing, "_N_FIRST", 1)
    progress = _Tasks()
    pipeline.compute(_config(tmp_path), folder=tmp_path / "run", progress=progress)
    n_earlier, n_done, total = progress.done["Attacking features"]
    assert (n_earlier, n_done) == (0, total)
    assert total > 1
