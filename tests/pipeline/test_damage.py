"""A run folder that was damaged on the disk: nothing in it is shown as truth, and the same command mends it."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from barlow_report.cli import app
from barlow_report.config import load_config
from barlow_report.errors import RunFolderError
from barlow_report.progress import SilentProgress
from barlow_report.run_folder import Run
from barlow_report.seals import UNSEALED, sealed_file
from barlow_report.stages.image_pass import begin_extraction, compute_shards
from barlow_report.tables import all_tables
from barlow_report.vision.datasets import list_images
from tests.pipeline.toy import write_task

pytestmark = pytest.mark.slow

N_TRIES = 400


def _invoke(*arguments: str | Path) -> str:
    result = CliRunner().invoke(app, [str(a) for a in arguments])
    assert "bug of barlow-report" not in result.output
    return f"{result.exit_code} {' '.join(result.output.split())}"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run, beside its configuration."""
    settings = {
        "extraction": {"batch_size": 16, "shard_size": 32, "n_workers": 2},
        "visuals": {"n_images": 2, "n_gallery": 2, "attack": {"n_steps": 1}},
        "directions": {},
        "taxonomy": {},
    }
    task = write_task(tmp_path_factory.mktemp("task"), n_per_class=36, settings=settings)
    assert _invoke("visualize", task, "--run", task.parent / "run").startswith("0")
    return task.parent / "run"


@pytest.fixture
def run(whole: Path, tmp_path: Path) -> Run:
    return Run.open(Path(shutil.copytree(whole, tmp_path / "run")))


def _values(run: Run) -> Iterator[tuple[str, object]]:
    """Everything that a run folder says, by file."""
    yield "run.json", run.info
    for name in all_tables():
        if run.has_table(name):
            yield f"{name}.parquet", run.read_table(name)
    yield "features.npy", np.array(run.features())
    for path in sorted(run.media.rglob("*.webp")):
        yield path.name, run.read_media(f"{path.parent.name}/{path.name}")


def _is_same(found: object, expected: object) -> bool:
    if isinstance(expected, pd.DataFrame):
        return isinstance(found, pd.DataFrame) and found.equals(expected)
    if isinstance(expected, np.ndarray):
        return bool(np.array_equal(np.asarray(found), expected))
    return found == expected


def test_one_flipped_bit_anywhere_is_found(run: Run) -> None:
    expected = dict(_values(run))
    files = [path for path in sorted(run.folder.rglob("*")) if path.name in expected]
    assert len(files) == len(expected) > 40
    chance = np.random.default_rng(0)
    silent: list[tuple[object, ...]] = []
    for _ in range(N_TRIES):
        path = files[chance.integers(len(files))]
        size = path.stat().st_size
        # half of the tries in what is read first: lengths, names of columns, seals
        place = int(chance.integers(size) if chance.random() < 0.5 else size - 1 - chance.integers(min(1500, size)))
        _flip(path, place, bit := int(chance.integers(8)))
        try:
            found = _value_of(Run(run.folder), path)
        except RunFolderError as error:
            silent += [] if path.name in str(error) else [(path.name, str(error))]
        else:
            silent += [] if _is_same(found, expected[path.name]) else [(path.name, place, bit)]
        _flip(path, place, bit)
    assert not silent


def _flip(path: Path, place: int, bit: int = 0) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 1 << bit
    path.write_bytes(data)


def _value_of(run: Run, path: Path) -> object:
    if path.suffix == ".parquet":
        return run.read_table(path.stem)
    if path.suffix == ".npy":
        return np.array(run.features(path.stem))
    return run.info if path.suffix == ".json" else run.read_media(f"{path.parent.name}/{path.name}")


def _content(folder: Path) -> dict[str, bytes]:
    others = {"run.lock", "reports.json"}  # a site notes there which groups it showed
    files = (path for path in folder.rglob("*") if path.is_file() and path.name not in others)
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def _a_picture(run: Run) -> Path:
    """One that only the page of a failure mode shows."""
    others = {name for table in ("tiles", "galleries", "quantiles") for name in run.read_table(table)["thumbnail"]}
    return run.media / next(str(n) for n in run.read_table("mode_pictures")["thumbnail"] if n not in others)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["features.npy"], "features.npy is damaged or missing: extract is done again"),
        (
            ["rules.parquet", "taxonomy_stages.parquet", "errors.parquet"],
            "rules.parquet is damaged or missing: explain",
        ),
        (["a picture"], " pictures is damaged or missing: visualize is done again"),
    ],
)
def test_the_same_command_mends_what_is_damaged(whole: Path, run: Run, names: list[str], said: str) -> None:
    expected = _content(whole)
    paths = [_a_picture(run) if name == "a picture" else run.folder / name for name in names]
    for path in paths:
        _flip(path, path.stat().st_size // 2)
    config = whole.parent / "toy.yaml"
    advice = "Run barlow-report run with the run's configuration"
    if names != ["features.npy"]:  # which a site does not need
        found = _invoke("site", run.folder, "--profile", "mkdocs", "--into", run.folder.parent / "site")
        assert paths[0].name in found
        assert "is damaged" in found
        assert advice in found
    assert said in _invoke("visualize", config, "--run", run.folder)
    assert _content(run.folder) == expected


def test_a_table_of_another_version_is_written_anew(whole: Path, run: Run) -> None:
    expected, path = _content(whole), run.folder / "rules.parquet"
    old = run.read_table("rules").drop(columns="stability").assign(verdict="not_verified")
    table = pa.Table.from_pandas(old, preserve_index=False).replace_schema_metadata({"seal": UNSEALED})
    with sealed_file(path, appends=False) as file:
        pq.write_table(table, file)
    assert "run the stage that writes it again" in _invoke("site", run.folder, "--site", run.folder.parent / "site")
    said = _invoke("explain", whole.parent / "toy.yaml", "--run", run.folder)
    assert "rules.parquet was written by another version: explain is done again" in said
    assert path.read_bytes() == expected["rules.parquet"]


def test_a_lost_table_is_no_table_that_was_never_there(run: Run) -> None:
    (run.folder / "galleries.parquet").unlink()
    found = _invoke("site", run.folder, "--site", run.folder.parent / "site")
    assert (
        "galleries.parquet: not found. Run barlow-report run with the run's configuration: it does the stage" in found
    )


def test_damaged_work_of_a_run_that_was_stopped_is_done_again(whole: Path, tmp_path: Path) -> None:
    config, run = whole.parent / "toy.yaml", Run(tmp_path / "run")
    assert _invoke("extract", config, "--run", run.folder).startswith("0")
    features = (run.folder / "features.npy").read_bytes()
    loaded = load_config(config)
    images = list_images(loaded.data)
    run.redo("extract")
    work = begin_extraction(loaded, images, run)
    compute_shards(loaded, images, [0, 1], work=work, progress=SilentProgress())
    first, _ = sorted(work.glob("*.npz"))
    _flip(first, 900)
    _flip(work / "models.json", 20)
    assert _invoke("extract", config, "--run", run.folder).startswith("0")
    assert (run.folder / "features.npy").read_bytes() == features
