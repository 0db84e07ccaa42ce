"""The whole job, side by side: the published procedure as a plain script, and `barlow-report run` with its site.

    python -m tests.benchmarks.published_procedure [--cifar10 FOLDER] [--repeats 1]

The script does what the paper and its notebooks describe, written anew from the description: for each of the 20
groups of the CIFAR-10 test images (by label, by prediction) the features are extracted again, scikit-learn's estimator
gives the mutual information of every feature with failure, a tree of depth 1 is fitted to the best 50, and for its
feature matplotlib draws the six most activating images, their heatmaps, and the images after a feature attack of 1,000
steps of length 1. Each side is a process of its own, timed from start to end; the sides run in turn. On a machine
that is busy with other things the times on the clock say little: the seconds of processors are printed too, and with
OMP_NUM_THREADS=1 they are those of the work alone, without those that threads spend waiting for each other.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import torch
import yaml
from sklearn.feature_selection import mutual_info_classif
from sklearn.tree import DecisionTreeClassifier
from torch.utils.data import DataLoader, Subset
from torchvision.datasets import ImageFolder
from torchvision.transforms import ToTensor

ROOT = Path(__file__).resolve().parents[2]
CIFAR10 = ROOT.parent / "shared" / "data" / "cifar10"
N_SELECTED = 50
N_SHOWN = 6
N_STEPS = 1000


def main() -> None:
    """Print the times and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cifar10", type=Path, default=CIFAR10)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--reference", type=Path, default=None, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.reference is not None:
        _published(arguments.cifar10, arguments.reference)
        return
    print(f"{torch.get_num_threads()} threads; load {os.getloadavg()[0]:.1f}")
    for _ in range(arguments.repeats):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            module = [sys.executable, "-m", "tests.benchmarks.published_procedure"]
            reference = _run([*module, "--cifar10", str(arguments.cifar10), "--reference", str(folder / "rows")])
            print(f"published procedure: {_describe(reference)}", flush=True)
            for precision in ("float32", "bfloat16"):
                config = _config(arguments.cifar10, folder, precision)
                ours = _run(_command(config, folder / precision))
                ratios = [theirs / mine for theirs, mine in zip(reference, ours, strict=True)]
                print(
                    f"barlow-report run, features in {precision}: {_describe(ours)}; {ratios[0]:.1f} times faster on "
                    f"the clock, {ratios[1]:.1f} times less work",
                    flush=True,
                )


def _config(cifar10: Path, folder: Path, precision: str) -> Path:
    os.environ["CIFAR10"] = str(cifar10.resolve())
    settings = yaml.safe_load((ROOT / "configs" / "cifar10.yaml").read_text(encoding="utf-8"))
    settings["extraction"] = {**settings.get("extraction", {}), "precision": precision}
    path = folder / f"{precision}.yaml"
    path.write_text(yaml.safe_dump(settings))
    return path


def _command(config: Path, folder: Path) -> list[str]:
    run = ["-c", "from barlow_report.cli import main; main()", "run", str(config)]
    return [sys.executable, *run, "--run", str(folder / "run"), "--site", str(folder / "site")]


def _run(command: list[str]) -> tuple[float, float]:
    """Run a process; its seconds on the clock and of processors."""
    start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, cwd=ROOT, stdout=None if "--reference" in command else subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    worked = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - start, worked


def _describe(seconds: tuple[float, float]) -> str:
    return f"{seconds[0]:.1f} s on the clock, {seconds[1]:.1f} s of processors, load {os.getloadavg()[0]:.1f}"


class _Phases:
    """Adds up the seconds of each phase."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start


def _published(cifar10: Path, output: Path) -> None:
    mpl.use("agg")
    output.mkdir()
    phase = _Phases()
    images = ImageFolder(str(cifar10 / "images"), ToTensor())
    labels = np.array(images.targets)
    standard, robust = _load(cifar10, "standard"), _load(cifar10, "robust")
    with phase("predictions"):
        predictions = np.concatenate([standard(batch)[0].argmax(1).numpy() for batch in _batches(images)])
    for grouping, keys in (("label", labels), ("prediction", predictions)):
        for class_id in range(10):
            members = np.flatnonzero(keys == class_id)
            failure = labels[members] != predictions[members]
            with phase("features"):
                group = Subset(images, members.tolist())
                features = np.concatenate([robust(batch)[1].numpy() for batch in _batches(group)])
            with phase("mutual information"):
                information = mutual_info_classif(features, failure, random_state=0)
            with phase("tree"):
                selected = np.argsort(-information, kind="stable")[:N_SELECTED]
                feature = int(selected[_root_feature(features[:, selected], failure)])
            top = members[np.argsort(-features[:, feature], kind="stable")[:N_SHOWN]]
            shown = torch.stack([images[int(i)][0] for i in top])
            with phase("attack"):
                attacked = _attack(robust, shown, feature)
            with phase("figures"):
                maps = robust(shown)[2][:, feature]
                _draw(output / f"{grouping}-{class_id}.png", shown, maps, attacked)
    print("  " + ", ".join(f"{name} {seconds:.1f} s" for name, seconds in phase.seconds.items()))


def _load(cifar10: Path, name: str) -> Any:
    sys.path.insert(0, str(cifar10))
    import cifar_net  # type: ignore[import-not-found]

    network = getattr(cifar_net, name)()
    network.load_state_dict(torch.load(cifar10 / f"{name}.pt", weights_only=True))
    network.eval().requires_grad_(requires_grad=False)

    def run(batch: torch.Tensor, *, with_gradients: bool = False) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        with torch.set_grad_enabled(with_gradients):
            maps = network.layers(network.stem((batch - network.mean) / network.std))
            features = network.pool(maps).flatten(1)
            return network.fc(features), features, maps

    return run


def _batches(images: Any) -> Iterator[torch.Tensor]:
    for batch, _ in DataLoader(images, batch_size=128, num_workers=2):
        yield batch


def _root_feature(features: np.ndarray, failure: np.ndarray) -> int:
    weights = {0: 1.0, 1: (~failure).sum() / failure.sum()}
    tree = DecisionTreeClassifier(criterion="entropy", max_depth=1, class_weight=weights, random_state=0)
    return int(tree.fit(features, failure).tree_.feature[0])


def _attack(network: Any, images: torch.Tensor, feature: int) -> torch.Tensor:
    for _ in range(N_STEPS):
        images = images.detach().requires_grad_()
        activation = network(images, with_gradients=True)[1][:, feature].sum()
        (gradient,) = torch.autograd.grad(activation, images)
        length = gradient.flatten(1).norm(dim=1).clamp_min(1e-12).view(-1, 1, 1, 1)
        images = (images + gradient / length).clamp(0, 1)
    return images.detach()


def _draw(path: Path, images: torch.Tensor, maps: torch.Tensor, attacked: torch.Tensor) -> None:
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(3, len(images), figsize=(2 * len(images), 6))
    for column, (image, channel, changed) in enumerate(zip(images, maps, attacked, strict=True)):
        pixels = image.permute(1, 2, 0).numpy()
        axes[0, column].imshow(pixels)
        axes[1, column].imshow(pixels)
        axes[1, column].imshow(channel.numpy(), alpha=0.5, cmap="jet", extent=(0, 32, 32, 0), interpolation="bilinear")
        axes[2, column].imshow(changed.permute(1, 2, 0).numpy())
    for axis in axes.flat:
        axis.axis("off")
    figure.savefig(path, bbox_inches="tight")
    plt.close(figure)


if __name__ == "__main__":
    main()
