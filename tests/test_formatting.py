"""Numbers to text."""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from barlow_report import formatting
from barlow_report.slugs import slugs

THIN = formatting.THIN_SPACE


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.3519, "35.2 %"),
        (0.0, "0.0 %"),
        (1.0, "100.0 %"),
        (0.0001, "< 0.1 %"),
        (0.99999, "> 99.9 %"),
        (None, "–"),
        (math.nan, "–"),
    ],
)
def test_percentages(share: float | None, text: str) -> None:
    assert formatting.percent(share) == text.replace(" ", THIN)


@given(st.integers(1, 10**6), st.data(), st.integers(0, 2))
def test_shares_are_rounded_half_up_by_their_exact_value(n: int, data: st.DataObject, decimals: int) -> None:
    k = data.draw(st.integers(0, n))
    exact = math.floor(Fraction(k * 100 * 10**decimals, n) + Fraction(1, 2))
    text = formatting.percent(k / n, decimals=decimals).removesuffix(f"{THIN}%")
    if not text.startswith(("<", ">")):
        assert Fraction(text) * 10**decimals == exact
    else:
        assert exact in (0, 100 * 10**decimals)


@given(st.integers(1, 10**6), st.data(), st.integers(0, 2))
def test_what_fails_and_what_is_right_add_up_to_100(n: int, data: st.DataObject, decimals: int) -> None:
    k = data.draw(st.integers(0, n))
    fail = formatting.percent(k / n, decimals=decimals)
    right = formatting.percent((n - k) / n, decimals=decimals, is_rest=True)
    signs, numbers = {fail[0], right[0]}, [text.strip(f"<>%{THIN}") for text in (fail, right)]
    assert sum(map(Fraction, numbers)) == 100
    assert signs == {"<", ">"} or signs.isdisjoint("<>")


def test_a_half_of_what_is_right_goes_down_beside_what_fails() -> None:
    assert formatting.percent(1745 / 10000) == f"17.5{THIN}%"
    assert formatting.percent(8255 / 10000, is_rest=True) == f"82.5{THIN}%"
    assert formatting.percent(9995 / 10000, is_rest=True) == f"99.9{THIN}%"
    assert formatting.percent(5 / 10000, is_rest=True) == f"<{THIN}0.1{THIN}%"
    assert (formatting.percent(1.0, is_rest=True), formatting.percent(0.0, is_rest=True)) == (
        f"100.0{THIN}%",
        f"0.0{THIN}%",
    )
    assert formatting.percent(None, is_rest=True) == "–"


def test_halves_go_up_whatever_the_binary_digits() -> None:
    assert formatting.percent(8255 / 10000) == f"82.6{THIN}%"
    assert formatting.percent(0.9995) == f">{THIN}99.9{THIN}%"
    assert formatting.percent(0.0005) == f"0.1{THIN}%"
    assert formatting.interval(0.125, 0.375) == f"13–38{THIN}%"
    assert (formatting.number(0.0625), formatting.number(-0.0625)) == ("0.063", "−0.063")


@pytest.mark.parametrize(
    ("share", "base", "unlike", "text"),
    [
        (0.37, 0.2705, 0.1, "9.95"),
        (0.37, 0.27, None, "10"),
        (0.43, 0.27, 0.2, "16"),
        (0.2, 0.27, 0.1, "−7"),
        (0.1999, 0.0, 0.2, "19.99"),
        (72 / 159, 0.353316, 0.1, "9.95"),
    ],
)
def test_a_difference_is_written_with_as_many_digits_as_keep_it_true(
    share: float, base: float, unlike: float | None, text: str
) -> None:
    assert formatting.points(share, base, unlike=unlike) == text


@pytest.mark.parametrize(
    ("difference", "decimals", "text"),
    [
        (0.25, 1, "+25.0"),
        (-0.0325, 1, "−3.3"),
        (-0.0001, 1, "0.0"),
        (0.0, 1, "0.0"),
        (-0.004, 0, "0"),
        (float("nan"), 1, "–"),
        (None, 1, "–"),
    ],
)
def test_differences_have_their_sign_and_are_points(difference: float | None, decimals: int, text: str) -> None:
    assert formatting.change(difference, decimals=decimals) == text


def test_percentages_without_decimals() -> None:
    assert formatting.percent(0.97, decimals=0) == f"97{THIN}%"
    assert formatting.percent(0.999, decimals=0) == f">{THIN}99{THIN}%"


def test_counts_ratios_and_intervals() -> None:
    assert formatting.count(1234567) == f"1{THIN}234{THIN}567"
    assert formatting.ratio(311, 320) == "311/320"
    assert formatting.ratio(None, 320) == "–"
    assert formatting.interval(0.931, 0.987) == f"93–99{THIN}%"
    assert formatting.interval(math.nan, 0.9) == "–"


def test_measures_thresholds_and_p_values() -> None:
    assert formatting.number(0.17222) == "0.172"
    assert formatting.number(-0.0001) == "0.000"
    assert formatting.number(-0.25) == "−0.250"
    assert formatting.rounded(0.0893351) == "0.08934"
    assert [formatting.threshold(value) for value in (0.12559, -1.5, 12.0)] == ["0.12559", "−1.5", "12"]
    assert formatting.p_value(0.0004) == f"<{THIN}0.001"
    assert formatting.p_value(0.0312) == "0.031"


@given(st.floats(allow_nan=True, allow_infinity=True) | st.none())
def test_no_number_is_ever_written_as_nan(value: float | None) -> None:
    for write in (formatting.number, formatting.threshold, formatting.rounded, formatting.p_value):
        text = write(value)
        assert "nan" not in text.lower()
        assert "inf" not in text.lower()


def test_slugs_are_safe_unique_and_stable() -> None:
    names = ["Water jug", "water-jug", "água", "<b>|*", "../../etc", "CON", "", "日本", "x" * 300]
    result = slugs(names)
    assert result[:4] == ["water-jug", "water-jug-2", "agua", "b"]
    assert result[5:8] == ["class-con", "class", "class-2"]
    assert slugs([*names, "water jug"])[: len(names)] == result


@given(st.floats(0, 1) | st.just(math.nan))
def test_only_none_and_all_are_written_as_0_and_100_percent(share: float) -> None:
    text = formatting.percent(share)
    assert (text == f"0.0{THIN}%") == (share == 0)
    assert (text == f"100.0{THIN}%") == (share == 1)


@given(st.lists(st.text(max_size=80), max_size=30))
def test_slugs_of_any_names(names: list[str]) -> None:
    result = slugs(names)
    assert len(set(result)) == len(names)
    assert all(slug and slug.isascii() and slug == slug.lower() and len(slug) <= 64 for slug in result)
    assert not any(set(slug) & set("/\\.<>:\"'|?* ") for slug in result)


def test_duplicates_are_told_with_what_they_do_to_labels_and_evidence() -> None:
    words = formatting.duplicates_words
    assert words({}) == words({"n_images": 0, "n_with_other_labels": 0}) == ""
    assert words({"n_images": 1, "n_with_other_labels": 0}) == "1 is an exact duplicate of another image"
    assert words({"n_images": 2000, "n_with_other_labels": 3, "n_held_out_in_fit": 1}) == (
        f"2{THIN}000 are exact duplicates of another image; 3 equal an image with another label; "
        "1 held-out image equals one to fit on"
    )


@pytest.mark.parametrize(
    ("n", "words"),
    [
        (0, "0 images, 0 classes, 0 people"),
        (1, "1 image, 1 class, 1 person"),
        (2, "2 images, 2 classes, 2 people"),
        (1000, f"1{THIN}000 images, 1{THIN}000 classes, 1{THIN}000 people"),
    ],
)
def test_a_count_and_its_noun_agree(n: int, words: str) -> None:
    counted = formatting.counted
    assert f"{counted(n, 'image')}, {counted(n, 'class')}, {counted(n, 'person', 'people')}" == words
