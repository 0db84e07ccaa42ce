"""Which further images have the bytes of known ones."""

import numpy as np

from barlow_report.stages.known_images import are_among


def test_a_hash_is_found_whether_it_is_first_last_or_beyond_all_known_ones() -> None:
    known = np.array([b"b", b"d"], dtype="S32")
    asked = np.array([b"a", b"b", b"c", b"d", b"e", b"b"], dtype="S32")
    assert are_among(asked, known).tolist() == [False, True, False, True, False, True]


def test_nothing_is_among_none() -> None:
    none = np.empty(0, dtype="S32")
    assert are_among(np.array([b"a"], dtype="S32"), none).tolist() == [False]
    assert are_among(none, none).shape == (0,)
