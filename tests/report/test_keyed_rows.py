"""Rows of a large table by their key."""

import pandas as pd

from barlow_report.report.keyed_rows import KeyedRows


def test_records_are_found_by_their_key_in_their_order_with_their_types() -> None:
    frame = pd.DataFrame(
        {
            "rule_id": [2, 1, 2, 2],
            "position": [0, 0, 1, 0],
            "rank": [2, 1, 1, 1],
            "name": ["ü", "a/b", "", "<b>"],
            "is_failure": [True, False, True, False],
            "value": [0.5, 1.5, 2.5, 3.5],
        }
    )
    one = KeyedRows(frame, key=("rule_id",), order=("position", "rank"), make=dict)
    assert [row["name"] for row in one.get(2)] == ["<b>", "ü", ""]
    assert one.get(1) == ({"rule_id": 1, "position": 0, "rank": 1, "name": "a/b", "is_failure": False, "value": 1.5},)
    two = KeyedRows(frame, key=("rule_id", "position"), order=("rank",), make=lambda row: row["value"])
    assert two.get((2, 0)) == (3.5, 0.5)
    assert two.get((2, 9)) == ()
    assert KeyedRows(frame[:0], key=("rule_id",), order=("rank",), make=dict).get(1) == ()
