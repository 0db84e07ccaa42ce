"""What is known of models: in tables that people write, and in the names of published weights."""

from pathlib import Path

import pandas as pd
import pytest

from barlow_report.errors import DataError
from barlow_report.lenses.models.metadata import NOTHING, Metadata, metadata_frame, read_metadata
from barlow_report.tables import all_tables
from barlow_report.vision.model_facts import pretraining_of_tag

KNOWN = Metadata(
    family="resnet",
    n_parameters=25_600_000,
    input_height=224,
    input_width=224,
    pretraining="ImageNet-1k",
    published_accuracy=0.761,
)


def _read(folder: Path, text: str, names: tuple[str, ...] = ("a", "b")) -> dict[str, Metadata]:
    path = folder / "known.csv"
    path.write_text(text, encoding="utf-8")
    return read_metadata(path, names)


def test_values_are_read_in_the_ways_that_people_write_them(tmp_path: Path) -> None:
    text = """Model;Family;Parameters;Input_size;Pretraining;Top_1
a;resnet;25.6M;224;ImageNet-1k;76.1 %
b;;1_500;224 x 320;;0.5
elsewhere;vit;1B;384;;90
"""
    assert _read(tmp_path, text) == {
        "a": KNOWN,
        "b": Metadata(n_parameters=1500, input_height=224, input_width=320, published_accuracy=0.5),
    }
    assert _read(tmp_path, "model,top_1\na,76.1\n")["a"].published_accuracy == 0.761
    assert _read(tmp_path, "model,parameters\na,2.5e7\n")["a"].n_parameters == 25_000_000


def test_parquet_with_numbers_and_missing_values_is_read(tmp_path: Path) -> None:
    path = tmp_path / "known.parquet"
    pd.DataFrame({"model": ["a", "b"], "input_size": [224.0, None], "top_1": [0.761, None]}).to_parquet(path)
    found = read_metadata(path, ("a", "b"))
    assert found == {"a": Metadata(input_height=224, input_width=224, published_accuracy=0.761), "b": NOTHING}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,family\na,x\n", "column 'model' is missing; found 'name', 'family'"),
        ("model,famly\na,x\n", "column 'famly' is not known; expected 'family', 'input_size', 'model'"),
        ("model,family\nc,x\n", "names none of the models; the first ones are 'a', 'b'"),
        ("model,family\na,x\na,y\n", "has several rows for model 'a'"),
        ("model,parameters\na,many\n", "model 'a': parameters is 'many', expected a number such as 25557032 or 25.6M"),
        ("model,input_size\na,large\n", "input_size is 'large', expected a size in pixels"),
        ("model,top_1\na,good\n", "top_1 is 'good', expected an accuracy such as 0.761 or 76.1 %"),
        ("model,top_1\na,-3\n", "top_1 is '-3', expected an accuracy"),
        ("model,top_1\na,130\n", "top_1 is '130', expected an accuracy"),
    ],
)
def test_what_cannot_be_understood_says_what_was_expected(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        _read(tmp_path, text)


def test_what_people_say_counts_more_than_what_a_library_states() -> None:
    stated = Metadata(family="mine", published_accuracy=0.5)
    assert stated.completed(KNOWN) == Metadata(
        family="mine",
        n_parameters=25_600_000,
        input_height=224,
        input_width=224,
        pretraining="ImageNet-1k",
        published_accuracy=0.5,
    )
    assert Metadata.of({"family": "vit", "n_bytes": 3}) == Metadata(family="vit")


def test_the_columns_have_the_types_of_the_table_also_where_nothing_is_known() -> None:
    columns = {column.name: column for column in all_tables()["models"].columns}
    for found in ([KNOWN, NOTHING], [NOTHING], []):
        frame = metadata_frame(found)
        assert len(frame) == len(found)
        assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == {
            name: columns[str(name)].dtype for name in frame.columns
        }


def test_the_data_that_weights_were_trained_on_are_read_from_their_names() -> None:
    assert pretraining_of_tag("sw_in12k_ft_in1k") == "ImageNet-12k, then ImageNet-1k"
    assert pretraining_of_tag("IMAGENET1K_SWAG_E2E_V1") == "Instagram hashtags (SWAG), then ImageNet-1k"
    assert pretraining_of_tag("a1_in1k") == "ImageNet-1k"
    assert pretraining_of_tag("cvnets") is None
