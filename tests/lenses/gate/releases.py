"""Two releases of the tiny task: one whose network reads marks for blue, and one that does not look at them."""

from pathlib import Path

from barlow_report import pipeline
from barlow_report.config import load_config
from tests.pipeline.toy import NETWORK, write_task

__all__ = ["MODE", "write_releases"]

MODE = "red-with-f1-"
"""How the name of the only failure mode begins: red squares that carry a green mark."""


def write_releases(folder: Path) -> tuple[Path, Path]:
    """Explain both releases below `folder` and return their run folders, the good one first."""
    write_task(folder, n_per_class=60)
    (folder / "repaired.py").write_text(
        NETWORK.replace("-20.0, 100.0", "-20.0, 0.0").replace("20.0, -100.0", "20.0, 0.0")
    )
    text = (folder / "toy.yaml").read_text()
    (folder / "good.yaml").write_text(text.replace("network.py", "repaired.py").replace("name: toy", "name: good"))
    for name in ("good", "toy"):
        pipeline.compute(load_config(folder / f"{name}.yaml"), folder=folder / name, until="explain")
    return folder / "good", folder / "toy"
