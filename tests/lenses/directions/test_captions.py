"""Caption sets, and the order of captions along directions whose answer is known."""

from pathlib import Path

import numpy as np
import pytest

from barlow_report.errors import ConfigError
from barlow_report.lenses.directions.captions import read_captions, score_captions
from barlow_report.lenses.directions.config import DirectionsConfig
from barlow_report.lenses.directions.scoring import find_directions
from tests.lenses.directions.planted import planted_classes


def _write(folder: Path, text: str) -> Path:
    path = folder / "captions.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_shipped_captions_cover_the_usual_attributes() -> None:
    captions = read_captions()
    assert {
        "colour",
        "background",
        "viewpoint",
        "size",
        "material",
        "weather",
        "position",
    } <= captions.attributes.keys()
    cat = captions.for_class("cat")
    assert cat.reference == "a photo of a cat"
    assert "a photo of a red cat" in cat.captions
    assert len(set(cat.captions)) == len(cat.captions) == len(cat.attributes) >= 60


def test_every_template_is_filled_with_every_word(tmp_path: Path) -> None:
    text = """
    reference: the {class}
    attributes:
      colour: {templates: ["a {value} {class}", "{class}, {value}"], words: [red, blue]}
      place: {templates: ["the {class}{value}"], words: [" at sea"]}
    """
    found = read_captions(_write(tmp_path, text)).for_class("{value} & <b>")
    assert found.captions == (
        "a red {value} & <b>",
        "a blue {value} & <b>",
        "{value} & <b>, red",
        "{value} & <b>, blue",
        "the {value} & <b>at sea",
    )
    assert found.attributes == ("colour",) * 4 + ("place",)
    assert found.reference == "the {value} & <b>"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("attributes: {colour: {templates: [a photo], words: [red]}}", r"expected \{class\} and \{value\}"),
        ("attributes: {colour: {templates: ['{class} {value}'], values: [red]}}", "unknown key"),
        ("reference: a photo\nattributes: {a: {templates: ['{class} {value}'], words: [b]}}", r"expected \{class\}"),
        ("attributes: {}", "at least 1"),
    ],
)
def test_a_wrong_caption_file_is_an_error_that_says_where(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read_captions(_write(tmp_path, text))


def test_captions_are_ordered_by_what_the_hard_images_share() -> None:
    # class 0 fails where dimension 0 is low: a caption that lowers it is hard, one that raises it easy
    embeddings, labels, predictions, held_out = planted_classes()
    found = find_directions(
        embeddings, labels, predictions, is_held_out=held_out, n_classes=3, settings=DirectionsConfig()
    )
    scale = embeddings.std(axis=0)
    reference = embeddings.mean(axis=0) + scale  # texts lie elsewhere than images: the difference must not care
    changes = {"low": -2.0, "lower": -4.0, "same": 0.0, "high": 3.0}
    captions = np.tile(reference, (5, 1))
    captions[:4, 0] += np.array(list(changes.values())) * scale[0]
    captions[4, 1] += 4 * scale[1]  # the direction of another class
    frame, score = score_captions(
        found.by_class[0],
        found.whitening,
        caption_embeddings=captions,
        reference_embedding=reference,
        captions=[*changes, "other"],
        attributes=["level"] * 4 + ["other"],
    )
    order = frame["caption"].tolist()
    assert order[:2] == ["lower", "low"]
    assert order[-1] == "high"
    assert frame["rank"].tolist() == [1, 2, 3, 4, 5]
    assert frame.set_index("caption").loc["same", "score"] == pytest.approx(score)


def test_scores_equal_the_decision_value_of_the_difference() -> None:
    embeddings, labels, predictions, held_out = planted_classes()
    found = find_directions(
        embeddings, labels, predictions, is_held_out=held_out, n_classes=3, settings=DirectionsConfig()
    )
    rng = np.random.default_rng(0)
    captions, reference = rng.normal(size=(3, 16)), rng.normal(size=16)
    frame, _ = score_captions(
        found.by_class[1],
        found.whitening,
        caption_embeddings=captions,
        reference_embedding=reference,
        captions=["a", "b", "c"],
        attributes=["x"] * 3,
    )
    fitted = embeddings[~held_out].astype(np.float64)
    for caption, embedding in zip("abc", captions, strict=True):
        z = (embedding - reference - fitted.mean(axis=0)) / fitted.std(axis=0)
        expected = z / np.linalg.norm(z) @ found.by_class[1].weights + found.by_class[1].intercept
        assert frame.set_index("caption").loc[caption, "score"] == pytest.approx(expected, abs=1e-9)
