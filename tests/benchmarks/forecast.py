"""Does `barlow-report check` say before a run what the run then takes?

    python -m tests.benchmarks.forecast [--cases demo cifar10 ...] [--work /tmp/forecast]

Each case is forecast by the command and then run by the product, one after the other, each in a process of its own, and
the table has seconds and bytes of both. Parts that take less than a second in both are left out of it.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from barlow_report import pipeline
from barlow_report.config import load_config
from barlow_report.demo import __file__ as demo_file
from barlow_report.lenses import registry
from barlow_report.progress import SilentProgress
from barlow_report.stages.demo import demo_config, draw
from tests.pipeline.things import write_things

__all__ = ["CASES", "Compared", "compared", "table"]

_STAGES = {"pass": "extract", "rules": "explain", "pictures": "visualize"}
"""Parts of a forecast by the functions that do them."""
_WORTH_A_ROW = 1.0


@dataclass(frozen=True)
class Compared:
    """A part of a case: what was said and what came of it; seconds, or bytes."""

    case: str
    part: str
    said: float
    took: float

    @property
    def ratio(self) -> float:
        """What was said for each that came of it."""
        return self.said / self.took if self.took else float("nan")


def _demo(folder: Path, **changed: Any) -> Path:
    """The demo's configuration as a file, its scenes beside it."""
    images = folder / "images"
    draw(images, progress=SilentProgress())
    values = demo_config(images).model_dump(mode="json", exclude_defaults=True)
    values = {key: value for key, value in values.items() if value is not None} | changed
    return _write(folder, {key: value for key, value in values.items() if value is not None})


def _write(folder: Path, values: dict[str, Any]) -> Path:
    file = folder / "case.yaml"
    file.write_text(yaml.safe_dump(values))
    return file


def _cifar(folder: Path) -> Path:
    """CIFAR-10 with causes, directions and kinds of errors."""
    config = load_config(Path(__file__).resolve().parents[2] / "configs" / "cifar10.yaml")
    values = config.model_dump(mode="json", exclude_defaults=True)
    values = {key: value for key, value in values.items() if value is not None}
    return _write(folder, values | {"causes": {}, "directions": {}, "taxonomy": {}})


def _features(folder: Path) -> Path:
    """A table of 6,000 predictions with features, and no images."""
    random = np.random.default_rng(0)
    features = random.random((6000, 128), dtype=np.float32)
    labels = np.arange(6000) % 10
    fails = random.random(6000) < np.where(features[:, 3] < 0.3, 0.5, 0.05)
    said = np.where(fails, (labels + 1) % 10, labels)
    rows = [f"{i}.png,class {label},class {other}" for i, (label, other) in enumerate(zip(labels, said, strict=True))]
    (folder / "table.csv").write_text("\n".join(["path,label,prediction", *rows]))
    np.save(folder / "features.npy", features)
    data = {"manifest": "table.csv", "images": "none", "features": "features.npy"}
    return _write(folder, {"name": "features", "data": data, "taxonomy": {}})


def _models(folder: Path) -> Path:
    """The demo without causes, and four other models."""
    network = "barlow_report.vision.scene_net:scene_net"
    preprocessing = {"resize": 64, "mean": [0.5] * 3, "std": [0.25] * 3}
    weights = sorted(Path(demo_file).parent.glob("*.safetensors"))
    models: list[dict[str, Any]] = [
        {"factory": network, "weights": str(path), "preprocessing": preprocessing} for path in weights
    ]
    small = {"arguments": {"num_classes": 15}, "pretrained": False, "preprocessing": preprocessing}
    models += [{"torchvision": name, **small} for name in ("resnet18", "mobilenet_v3_small")]
    return _demo(folder, causes=None, comparison={"models": models})


CASES: dict[str, Callable[[Path], Path]] = {
    "demo": _demo,
    "demo without causes": lambda folder: _demo(folder, causes=None),
    "cifar10": _cifar,
    "features only": _features,
    "three outputs": lambda folder: write_things(folder, n=1200, settings={"directions": {}}),
    "models": _models,
}
"""What writes the configuration of each case into a folder, and returns it."""


def forecast(config: Path, work: Path) -> dict[str, Any]:
    """What the command says."""
    command = [
        str(Path(sys.executable).with_name("barlow-report")),
        "check",
        str(config),
        "--run",
        str(work / "run"),
        "--json",
    ]
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    return dict(json.loads(answer))


def measure(config: Path, work: Path) -> dict[str, Any]:
    """What a run takes; in a process of its own, so that what is read or compiled once counts."""
    command = [sys.executable, "-m", "tests.benchmarks.forecast", "--measure", str(config), "--work", str(work)]
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return dict(json.loads(answer.splitlines()[-1]))


def _measure_here(config: Path, work: Path) -> dict[str, Any]:
    seconds: dict[str, float] = {}
    with _timing(seconds):
        start = time.perf_counter()
        pipeline.run(load_config(config), folder=work / "run", site=work / "site")
        total = time.perf_counter() - start
    n_bytes = {name: sum(map(_size, (work / name).rglob("*"))) for name in ("run", "site")}
    return {"seconds": seconds, "total": total, "bytes": n_bytes}


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


@contextmanager
def _timing(seconds: dict[str, float]) -> Iterator[None]:
    """Add up how long each stage, each lens and the site take."""

    def timed(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            start = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                seconds[name] = seconds.get(name, 0.0) + time.perf_counter() - start

        return wrapped

    from barlow_report import each_output

    with pytest.MonkeyPatch.context() as patch:
        for part, name in _STAGES.items():
            patch.setattr(pipeline, name, timed(part, getattr(pipeline, name)))
        for lens in registry.LENSES:
            patch.setattr(lens, "compute", timed(lens.key, lens.compute), raising=False)
        for module in (pipeline, each_output):
            patch.setattr(module, "write_site", timed("site", module.write_site))
        yield


def compared(case: str, said: dict[str, Any], took: dict[str, Any]) -> list[Compared]:
    """Each part of a case beside what came of it, the whole last."""
    parts = {part["key"]: part["seconds"] or 0.0 for part in said["parts"]}
    rows = [Compared(case, key, parts.get(key, 0.0), seconds) for key, seconds in took["seconds"].items()]
    rows = [row for row in rows if max(row.said, row.took) >= _WORTH_A_ROW]
    total = said["total"]
    return [
        *rows,
        Compared(case, "all, seconds", total["seconds"], took["total"]),
        Compared(case, "run folder, MB", total["bytes"] / 1e6, took["bytes"]["run"] / 1e6),
        Compared(case, "site, MB", total["site_bytes"] / 1e6, took["bytes"]["site"] / 1e6),
    ]


def table(rows: Sequence[Compared]) -> str:
    """The rows as a table of Markdown."""
    lines = ["| case | part | said | took | said / took |", "| --- | --- | --- | --- | --- |"]
    for row in rows:
        lines.append(f"| {row.case} | {row.part} | {row.said:.1f} | {row.took:.1f} | {row.ratio:.2f} |")
    return "\n".join(lines)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", nargs="+", choices=sorted(CASES), default=list(CASES))
    parser.add_argument("--work", type=Path, help="an empty folder; default: a temporary one")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure is not None:
        print(json.dumps(_measure_here(arguments.measure, arguments.work)))
        return
    with tempfile.TemporaryDirectory(prefix="barlow-report-") as temporary:
        for case in arguments.cases:
            work = (arguments.work or Path(temporary)) / case.replace(" ", "-")
            work.mkdir(parents=True)
            config = CASES[case](work)
            start = time.perf_counter()
            said = forecast(config, work)
            checking = time.perf_counter() - start
            print(table(compared(case, said, measure(config, work))))
            print(f"The command took {checking:.0f} s.\n", flush=True)


if __name__ == "__main__":
    main()
