"""100 models on 2,000 images: how often an image is decoded, how much memory it takes, and what a kill costs.

    python -m tests.benchmarks.many_models [--n-images 2000] [--n-seeds 10] [--decoded-gb 2]

The models are ten small networks of ten seeds each, with random weights, in two geometries; ten of them are of 25 MB.
Each figure is of a process of its own, which finds the pass over the images and the rules done. Its peak is compared
with that of a process that asks the largest model alone. The third process is killed when a third of the models has
answered, and the fourth goes on.
"""

import argparse
import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from PIL import Image

from tests.benchmarks.many_networks import KINDS

__all__ = ["Task", "Told", "ask", "kill_when", "write_task"]

ROOT = Path(__file__).resolve().parents[2]
NETWORKS = Path(__file__).with_name("many_networks.py")

CODE = """
import json, sys
from collections import Counter
from pathlib import Path
from barlow_report import pipeline
from barlow_report.config import load_config
from barlow_report.stages.model_groups import ModelGroups
from barlow_report.vision.sources.folder import FolderSource

reads, read, ask = Counter(), FolderSource.read, ModelGroups.ask
def counted(self, path):
    reads[path] += 1
    return read(self, path)
def asked(self, models):
    FolderSource.read = counted
    try:
        return ask(self, models)
    finally:
        FolderSource.read = read  # thumbnails of common errors are another matter
ModelGroups.ask = asked
config, until = Path(sys.argv[1]), sys.argv[2]
run = pipeline.compute(load_config(config), folder=config.parent / "run", until=until)
names = [] if until == "explain" else run.read_table("models")["name"].tolist()
status = dict(line.split(":", 1) for line in open("/proc/self/status"))  # ru_maxrss would count the parent as well
print(json.dumps({"reads": list(reads.values()), "peak": int(status["VmHWM"].split()[0]) / 1024, "models": names}))
"""


@dataclass(frozen=True, kw_only=True)
class Task:
    """Images that were analysed already, and configurations that ask all models about them, or one."""

    all_models: Path
    one_model: Path
    n_images: int
    n_models: int

    @property
    def answers(self) -> Path:
        """The folder of the answers."""
        return self.all_models.parent / "run" / "pass_comparison"

    def finished(self) -> dict[str, int]:
        """When each model that has answered did so."""
        return {file.name: file.stat().st_mtime_ns for file in self.answers.glob("*.npz") if "shard" not in file.name}


@dataclass(frozen=True, kw_only=True)
class Told:
    """What a process said: how often it decoded each image that it did, its peak in MB, its models, its seconds."""

    reads: list[int]
    peak: float
    models: list[str]
    seconds: float


def write_task(folder: Path, *, n_images: int = 2000, n_seeds: int = 10, decoded_gb: float = 2.0) -> Task:
    """Draw images of noise, and analyse them with the first model."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    for index in range(n_images):
        path = folder / "images" / f"class {index % 10}" / f"{index:05d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        shade = rng.integers(0, 256, (4, 4, 3)).repeat(10, axis=0).repeat(10, axis=1)
        pixels = (shade + rng.normal(0, 20, (40, 40, 3))).clip(0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(path)
    models = [
        {
            "factory": f"{NETWORKS}:make",
            "arguments": {"kind": kind, "seed": seed},
            "name": f"{kind} {seed}",
            "family": kind,
            "preprocessing": {"resize": 36 if seed % 2 else 32, "crop": 32},
        }
        for kind in KINDS
        for seed in range(n_seeds)
    ]
    base = {
        "name": "many",
        "device": "cpu",
        "data": {"folder": "images"},
        "inspected_model": {key: models[0][key] for key in ("factory", "arguments", "preprocessing")},
        "rules": {"max_depth": 1, "n_permutations": 0},
    }
    paths = []
    for name, chosen in (("all", models), ("one", [m for m in models if m["family"] == "wide"][:1])):
        comparison: dict[str, Any] = {"models": chosen, "n_proposing": 0, "decoded_gb": decoded_gb}
        path = folder / f"{name}.yaml"
        path.write_text(yaml.safe_dump({**base, "comparison": comparison}))
        paths.append(path)
    ask(paths[0], until="explain")
    return Task(all_models=paths[0], one_model=paths[1], n_images=n_images, n_models=len(models))


def ask(config: Path, *, until: str = "comparison") -> Told:
    """Run a process to its end and return what it said."""
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(config), until], capture_output=True, text=True, check=False, cwd=ROOT
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    return Told(**json.loads(done.stdout.splitlines()[-1]), seconds=time.perf_counter() - start)


def kill_when(task: Task, *, n_finished: int) -> dict[str, int]:
    """Kill a process that asks all models when some have answered; return these, see `Task.finished`."""
    process = subprocess.Popen(
        [sys.executable, "-c", CODE, str(task.all_models), "comparison"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=ROOT,
    )
    while len(task.finished()) < n_finished:
        if process.poll() is not None:
            raise RuntimeError("the process ended before it could be killed")
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    return task.finished()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n-images", type=int, default=2000)
    parser.add_argument("--n-seeds", type=int, default=10)
    parser.add_argument("--decoded-gb", type=float, default=2.0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        task = write_task(
            Path(name), n_images=arguments.n_images, n_seeds=arguments.n_seeds, decoded_gb=arguments.decoded_gb
        )
        for line in _lines(task):
            print(line, flush=True)


def _lines(task: Task) -> Iterator[str]:
    one = ask(task.one_model)
    yield f"largest model alone: {one.seconds:.0f} s, peak {one.peak:.0f} MB"
    for file in task.answers.glob("*"):
        file.unlink()
    whole = ask(task.all_models)
    yield (
        f"{task.n_models} models: {whole.seconds:.0f} s, peak {whole.peak:.0f} MB; {len(whole.reads)} images decoded, "
        f"each {min(whole.reads)} to {max(whole.reads)} times; {len(whole.models)} models in the table"
    )
    for file in task.answers.glob("*"):
        file.unlink()
    kept = kill_when(task, n_finished=task.n_models // 3)
    rest = ask(task.all_models)
    now = task.finished()
    n_again = sum(now[name] != when for name, when in kept.items())
    yield (
        f"killed after {len(kept)} models and begun again: {rest.seconds:.0f} s, {n_again} models asked again, "
        f"{len(rest.models)} models in the table; images decoded {min(rest.reads)} to {max(rest.reads)} times"
    )


if __name__ == "__main__":
    main()
