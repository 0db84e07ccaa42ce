"""A finished run of the tiny task, with causes."""

import pytest

from barlow_report import pipeline
from barlow_report.config import Config, load_config
from barlow_report.run_folder import Run
from tests.pipeline.toy import write_task

CAUSES = {"n_images": 12, "n_controls": 2, "n_pairs": 2, "radius": 12.0}  # marks are large changes


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Config, Run]:
    folder = tmp_path_factory.mktemp("causes")
    config = load_config(write_task(folder, n_per_class=60, settings={"causes": CAUSES}))
    return config, pipeline.compute(config, folder=folder / "run")
