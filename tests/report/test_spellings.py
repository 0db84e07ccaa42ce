"""The ways to type a name."""

import pytest

from barlow_report.report.spellings import other_spellings


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("goldenRetriever", ["golden", "retriever"]),
        ("golden_retriever", ["golden", "retriever"]),
        ("XMLHttp", ["http", "xml"]),
        ("(dog) [cat]", ["cat", "dog"]),
        ("École Straße İstanbul", ["ecole", "istanbul", "strasse"]),
        ("E\u0301cole", ["ecole"]),
        ("柴犬", ["柴", "犬"]),
        ("犬", []),
        ("собака", []),
        ("สุนัข", []),
        ("plain words, a-b", ["words"]),
    ],
)
def test_hosts_find_a_name_by_its_parts_and_without_accents(text: str, expected: list[str]) -> None:
    assert other_spellings(text) == expected
