"""The seam on one machine: work is started once, and Ray is neither needed nor imported."""

import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from barlow_report.config import Config, EngineConfig, load_config, whole_config
from barlow_report.engine import LocalEngine, SharedArray, current_engine, named_images, using
from barlow_report.errors import ConfigError, DataError
from tests.blocking import without
from tests.engine.works import Squares
from tests.pipeline.toy import write_task


def test_a_worker_is_started_once_for_several_maps(tmp_path: Path) -> None:
    done: list[int] = []
    with current_engine().team(Squares(folder=tmp_path), n_units=3) as team:
        assert list(team.map([3, 1, 2], advance=done.append)) == [(9, None), (1, None), (4, None)]
        assert list(team.map([4])) == [(16, None)]
    assert done == [1, 1, 1]
    assert len(list(tmp_path.glob("start-*"))) == 1


def test_results_come_one_at_a_time(tmp_path: Path) -> None:
    with current_engine().team(Squares(folder=tmp_path), n_units=3) as team:
        results = team.map([1, 2, 3])
        next(results)
        assert not (tmp_path / "unit-2").exists()


def test_an_error_is_raised_as_it_is(tmp_path: Path) -> None:
    with (
        current_engine().team(Squares(folder=tmp_path, trouble="refused"), n_units=1) as team,
        pytest.raises(DataError, match=r"5\.png: cannot be read"),
    ):
        list(team.map([5]))


def test_an_engine_is_in_use_until_its_block_ends_and_no_other_one_inside() -> None:
    with using(EngineConfig()) as outer:
        assert current_engine() is outer
        with using(EngineConfig()) as inner:
            assert inner is outer
        assert current_engine() is outer
    assert isinstance(current_engine(), LocalEngine)
    assert current_engine() is not outer


def test_without_ray_it_is_said_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with (
        pytest.raises(ConfigError, match=r"pip install 'barlow-report\[distributed\]'"),
        using(EngineConfig(kind="ray")),
    ):
        pass


@pytest.mark.parametrize("address", ["127.0.0.1:1", "nonsense"])
def test_a_cluster_that_is_not_there_is_named_at_once(address: str) -> None:
    pytest.importorskip("ray")
    with (
        using(EngineConfig(kind="ray", address=address)) as engine,
        pytest.raises(ConfigError, match=rf"engine\.address: no Ray cluster can be joined at '{address}'"),
    ):
        _ = engine.n_threads


@pytest.mark.slow
def test_a_local_run_imports_nothing_of_ray(tmp_path: Path) -> None:
    config = write_task(tmp_path, n_per_class=40)
    code = without("ray") + "from barlow_report.cli import main; main()"
    arguments = ["visualize", str(config), "--run", str(tmp_path / "run")]
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_help_does_not_import_the_engine() -> None:
    code = "import sys, barlow_report.cli; print(sorted(name for name in sys.modules if 'ray' in name.split('.')))"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )


def test_a_configuration_can_be_sent_to_another_process(tmp_path: Path) -> None:
    config = load_config(write_task(tmp_path, n_per_class=1, settings={"causes": {}, "engine": "ray"}))
    for each in (config, Config(name="a", data=config.data, inspected_model=config.inspected_model)):
        again = pickle.loads(pickle.dumps(each))  # noqa: S301 - our own
        assert again == each
        assert type(again) is type(each)
        assert again.model_fields_set == each.model_fields_set


def test_the_word_alone_is_a_section_with_this_kind() -> None:
    values = {"name": "a", "data": {"folder": "b"}, "inspected_model": {"torchvision": "resnet18"}}
    assert whole_config().model_validate({**values, "engine": "ray"}).engine == EngineConfig(kind="ray")
    assert whole_config().model_validate(values).engine == EngineConfig()
    assert whole_config().model_validate({**values, "engine": {"kind": "ray", "n_workers": 3}}).engine.n_workers == 3


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"kind": "local", "n_workers": 2}, "'n_workers' goes with 'kind: ray'"),
        ({"kind": "ray", "address": "ray://head:10001"}, "run the command on a machine of the cluster"),
        ({"kind": "spark"}, "'local' or 'ray'"),
    ],
)
def test_settings_that_say_nothing_are_refused(values: dict[str, object], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        EngineConfig.model_validate(values)


def test_a_mapped_file_is_sent_as_its_name(tmp_path: Path) -> None:
    values = np.arange(12_000, dtype=np.float16).reshape(4000, 3)
    np.save(tmp_path / "values.npy", values)
    mapped = np.load(tmp_path / "values.npy", mmap_mode="r")
    sent = pickle.dumps(SharedArray(mapped))
    assert len(sent) < 1000
    again = pickle.loads(sent).array  # noqa: S301 - our own
    assert np.array_equal(again, values)
    assert again.dtype == values.dtype
    for part in (mapped[1:], values, np.asfortranarray(values)):
        again = pickle.loads(pickle.dumps(SharedArray(part))).array  # noqa: S301 - our own
        assert np.array_equal(again, part), "a part of a file is sent as it is"


def test_images_are_named_all_or_by_the_first_and_the_last() -> None:
    assert named_images(["a.png"]) == "1 image: a.png"
    assert named_images([f"{i}.png" for i in range(1024)]) == "1\u202f024 images: 0.png, 1.png, 2.png, …, 1023.png"
