"""What a record is, and what is wrong with one that is not."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from barlow_report.annotations.answers import MOST_USEFUL, AnswerError, canonical, parse_answer, plain_text
from tests.annotations.people import answer, record
from tests.report.synthetic import PAYLOADS


def test_a_record_is_written_in_one_way_and_read_back() -> None:
    one = record(short="  white \n spots ", ease=3)
    assert one.answers.short == "white spots"
    assert parse_answer(canonical(one)) == one
    for section in MOST_USEFUL:
        assert record(short="x", most_useful=section).answers.most_useful == section
    assert canonical(parse_answer(dict(reversed(list(answer(short="white spots", ease=3).items()))))) == canonical(one)


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"schema_version": 2}, "schema_version"),
        ({"record_id": "a b"}, "record_id"),
        ({"revision": 0}, "revision"),
        ({"revision": "1"}, "revision"),
        ({"revision": 1.5}, "revision"),
        ({"report_id": "../x"}, "report_id"),
        ({"feature_model": ""}, "feature_model"),
        ({"group_id": -1}, "group_id"),
        ({"feature_id": 2**40}, "feature_id"),
        ({"annotator": "Ada Lovelace"}, "annotator"),
        ({"annotator": "ada@example.org"}, "annotator"),
        ({"active_seconds": -1}, "active_seconds"),
        ({"n_pastes": True}, "n_pastes"),
        ({"name": "Ada"}, "name"),
        ({"answers": {}}, "answers"),
        ({"answers": {"short": "x", "ease": 6}}, "answers.ease"),
        ({"answers": {"short": "x", "ease": "5"}}, "answers.ease"),
        ({"answers": {"short": "x" * 101}}, "answers.short"),
        ({"answers": {"short": "x", "most_useful": "D"}}, "answers.most_useful"),
        ({"answers": {"short": "x", "cannot_tell": True}}, "answers"),
        ({"answers": {"short": " \u200e\u202e "}}, "answers"),
    ],
)
def test_a_wrong_value_is_refused_and_its_place_is_named(change: dict[str, Any], place: str) -> None:
    with pytest.raises(AnswerError, match=rf"(^|; ){place}: "):
        parse_answer(answer(fields=change))


def test_all_problems_are_named_at_once() -> None:
    with pytest.raises(AnswerError) as caught:
        parse_answer(answer(fields={"revision": 0, "group_id": -1, "answers": {"short": "x", "ease": 9}}))
    assert str(caught.value).count("; ") == 2
    assert "answers.ease: input should be less than or equal to 5, found 9" in str(caught.value)


@pytest.mark.parametrize("text", ["", "[]", "{", "null", "NaN", '{"answers": NaN}', "[" * 100_000, '"\\ud800"', "\x00"])
def test_what_is_no_record_is_refused_with_a_reason(text: str) -> None:
    with pytest.raises(AnswerError, match=r"\w+: "):
        parse_answer(text)


def test_cannot_tell_is_an_answer() -> None:
    assert record(cannot_tell=True).answers.short is None


@pytest.mark.parametrize("payload", PAYLOADS)
def test_hostile_text_is_kept_as_text(payload: str) -> None:
    text = payload[:100]
    kept = parse_answer(json.dumps(answer(short=text))).answers.short
    assert kept == plain_text(text)
    assert not any(c in (kept or "") for c in "\u202e\u2028\t")


@given(st.text())
def test_plain_text_can_always_be_written_and_is_stable(text: str) -> None:
    once = plain_text(text)
    once.encode()
    assert plain_text(once) == once
