"""Published lists of common errors: what an entry says, and what is wrong with a bad one."""

from pathlib import Path

import pytest

from barlow_report.common_errors import CommonError, is_common_errors, read_common_errors
from barlow_report.errors import DataError

ENTRIES = """\
1) cnt mistakes = 961, file = n02114712/ILSVRC2012_val_00010883.JPEG
target = 271, n02114712: red wolf, maned wolf, Canis rufus, Canis niger
multi_labels:
271, n02114712: red wolf, maned wolf, Canis rufus, Canis niger
pred = 272, n02114855: coyote, prairie wolf, brush wolf, Canis latrans

12) cnt mistakes = 699, file = n02105251/ILSVRC2012_val_00038285.JPEG
target = 226, n02105251: briard
multi_labels:
226, n02105251: briard
233, n02106382: Bouvier des Flandres, Bouviers des Flandres
233, n02106382: Bouvier des Flandres, Bouviers des Flandres
pred = 202, n02098105: soft-coated wheaten terrier
['potentially OOV, detected by CLIP', "Top-5 alternative proposals: [(4167759, 'seesaw', '58.59%')] | out of 135"]
"""


def _write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "most_common_fg.txt"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("around", ["", "\n\n", "\ufeff"])
def test_entries_are_read_by_wordnet_ids(tmp_path: Path, around: str) -> None:
    path = _write(tmp_path, around + ENTRIES)
    assert is_common_errors(path)
    assert read_common_errors(path) == [
        CommonError(
            path="n02114712/ILSVRC2012_val_00010883.JPEG",
            label="n02114712",
            correct=("n02114712",),
            prediction="n02114855",
            n_models=961,
        ),
        CommonError(
            path="n02105251/ILSVRC2012_val_00038285.JPEG",
            label="n02105251",
            correct=("n02105251", "n02106382"),
            prediction="n02098105",
            n_models=699,
        ),
    ]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (("1) cnt", "one) cnt"), r"line 1: found 'one\) cnt mistakes.*expected '<number>\)"),
        (("target = 226", "label = 226"), r"line 7: expected the lines 'target = …'"),
        (("pred = 202", "prediction = 202"), "line 7: found no line 'pred = …'"),
        (("pred = 272, n02114855: coyote", "pred = coyote"), "line 1: found 'coyote, prairie wolf.*such as '271"),
        (("233, n02106382: Bouvier", "Bouvier"), "line 7: found 'Bouvier des Flandres"),
    ],
)
def test_an_entry_of_another_form_is_an_error(tmp_path: Path, change: tuple[str, str], problem: str) -> None:
    with pytest.raises(DataError, match=problem):
        read_common_errors(_write(tmp_path, ENTRIES.replace(*change)))


def test_other_files_are_no_such_lists(tmp_path: Path) -> None:
    assert not is_common_errors(_write(tmp_path, "a.png\nb.png\n"))
    assert not is_common_errors(tmp_path / "nowhere")
    with pytest.raises(DataError, match="nowhere: cannot be read"):
        read_common_errors(tmp_path / "nowhere")
    with pytest.raises(DataError, match="found no entry"):
        read_common_errors(_write(tmp_path, "\n"))
