"""A folder as readers of the manual have it: small images and models under the names that its snippets use.

Dogs are red squares and cats blue ones; dogs with a green mark are taken for cats. See `tests.pipeline.toy`.
"""

import json
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

from tests.pipeline.toy import NETWORK, write_image

__all__ = ["write_reader"]

N_PER_CLASS = 48

_MODELS = (
    NETWORK
    + '''

class Normalised(Colours):
    """The same for images that were normalised as torchvision's models want them."""

    def forward(self, x):
        mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
        return super().forward(x * std[:, None, None] + mean[:, None, None])


def make_model():
    return Normalised()


def make_robust_model():
    return Colours()


def make_detector():
    model = Colours()
    model.head = nn.Linear(4, 1)
    with torch.no_grad():
        model.head.weight.copy_(torch.tensor([[40.0, -200.0, -40.0, 0.0]]))
        model.head.bias.fill_(12.0)
    return model


def make_tagger():
    model = Colours()
    model.head = nn.Linear(4, 3)
    with torch.no_grad():
        model.head.weight.copy_(torch.tensor([[9.0, -40.0, -9.0, 0], [-9.0, 40.0, 9.0, 0], [0.0, 20.0, 0.0, 0]]))
        model.head.bias.copy_(torch.tensor([1.0, -1.0, -2.0]))
    return model


class Words:
    def encode_image(self, images):
        return images.mean(dim=(2, 3))

    def encode_text(self, tokens):
        return tokens.float()


def make_clip():
    colours = {"ball": [1, 0, 0], "sky": [0, 0, 1], "grass": [0, 1, 0]}

    def preprocess(image):
        pixels = torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8).float()
        return pixels.reshape(*image.size[::-1], 3).permute(2, 0, 1)

    def tokenize(texts):
        known = [[rgb for word, rgb in colours.items() if word in text] for text in texts]
        return torch.tensor([rgbs[0] if rgbs else [0.5, 0.5, 0.5] for rgbs in known])

    return Words(), preprocess, tokenize
'''
)
_BANDS = """
from torch import nn


def build(n_channels, n_classes=2):
    convolution = nn.Conv2d(n_channels, 6, 3)
    return nn.Sequential(convolution, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, n_classes))
"""
_WEIGHTS = {"model": "make_model", "robust": "make_robust_model", "detector": "make_detector", "tagger": "make_tagger"}
_SYNSETS = {"dog": "n02106662", "cat": "n02123045"}  # German shepherd and tabby


def write_reader(folder: Path) -> None:
    """Write everything into a folder."""
    _write_models(folder)
    table = _write_images(folder)
    _write_tables(folder, table)
    _write_lists(folder, table)
    _write_bands(folder)


def _write_bands(folder: Path) -> None:
    """Fields in TIFFs of 13 bands, and models of all of them and of three."""
    import tifffile
    from safetensors.torch import save_file

    rng = np.random.default_rng(0)
    for kind, index in product(("maize", "wheat"), range(N_PER_CLASS // 2)):
        (folder / "fields" / kind).mkdir(parents=True, exist_ok=True)
        values = rng.integers(0, 5000 if kind == "wheat" else 4000, (16, 16, 13), dtype=np.uint16)
        path = folder / "fields" / kind / f"{index:02}.tif"
        tifffile.imwrite(path, values, photometric="minisblack", planarconfig="contig", metadata=None)
    (folder / "my_bands.py").write_text(_BANDS)
    made: dict[str, object] = {}
    exec(_BANDS, made)  # noqa: S102 - written above
    for name, n_channels in (("inspected", 13), ("runs/robust/model", 3)):
        path = folder / f"{name}.safetensors"
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file(made["build"](n_channels).state_dict(), path)  # type: ignore[operator]


def _write_models(folder: Path) -> None:
    from safetensors.torch import save_file

    (folder / "my_package").mkdir()
    (folder / "my_package" / "__init__.py").write_text("")
    (folder / "my_package" / "models.py").write_text(_MODELS)
    made: dict[str, object] = {}
    exec(_MODELS, made)  # noqa: S102 - written above
    for name, factory in _WEIGHTS.items():
        save_file(made[factory]().state_dict(), folder / f"{name}.safetensors")  # type: ignore[operator]


def _write_images(folder: Path) -> pd.DataFrame:
    """Return the images below images/test, with what is known of them."""
    rows = []
    for seed, (name, index) in enumerate(product(("cat", "dog"), range(N_PER_CLASS))):
        marked, colour = name == "dog" and index % 3 == 0, "red" if name == "dog" else "blue"
        places = {
            "images/test": f"{name}/{index:02}.png",
            "parts": f"{'defect' if name == 'dog' else 'whole'}/{index:02}.png",  # for the detector
            "imagenet": f"{_SYNSETS[name]}/ILSVRC2012_val_{seed + 1:08}.JPEG",
        }
        for place, path in places.items():
            write_image(folder / place / path, colour=colour, marked=marked, seed=seed)
        for place, offset in (("images/train", 1000), ("new-images", 2000)):
            write_image(folder / place / name / f"{index:02}.png", colour=colour, marked=marked, seed=offset + seed)
        rows.append((f"test/{name}/{index:02}.png", places["imagenet"], name, marked))
    (folder / "test").symlink_to("images/test")  # a table may be beside the images, or above them
    return pd.DataFrame(rows, columns=["path", "imagenet", "label", "marked"])


def _write_tables(folder: Path, known: pd.DataFrame) -> None:
    marked, rng = known["marked"], np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "path": known["path"],
            "label": known["label"],
            "prediction": known["label"].mask(marked, "cat"),
            "confidence": 0.9,
            "hospital": np.resize(["north", "south"], len(known)),
            "camera": np.resize(["old", "old", "new"], len(known)),
            "has_handle": (~marked).astype(int),
            "dog": (known["label"] == "dog").astype(int),
            "cat": (known["label"] == "cat").astype(int),
            "rabbit": marked.astype(int),
        }
    )
    table.to_csv(folder / "table.csv", index=False)
    table[["path", "label", "prediction", "confidence"]].to_csv(folder / "predictions.csv", index=False)
    synsets = {"label": known["label"].map(_SYNSETS), "prediction": table["prediction"].map(_SYNSETS)}
    table.assign(path=known["imagenet"], **synsets).to_csv(folder / "imagenet.csv", index=False)
    table[["path"]].assign(ours=table["label"], theirs="cat").to_csv(folder / "models.csv", index=False)
    np.save(folder / "embeddings.npy", rng.normal(size=(len(known), 8)).astype(np.float32))


def _write_lists(folder: Path, known: pd.DataFrame) -> None:
    """What people and publications say of images and classes."""
    (folder / "superclasses.yaml").write_text("animals: [cat, dog]\n")
    (folder / "words.txt").write_text("\n".join(["grass", "ball", "sky", *(f"thing {i}" for i in range(8))]))
    failures = known[known["marked"]]
    categories = {path: "non-prototypical" if i % 2 else "other" for i, path in enumerate(failures["path"])}
    (folder / "mistakes.json").write_text(json.dumps(categories))
    failures[["path"]].assign(type="fine-grained").to_csv(folder / "study.csv", index=False)
    names = [Path(path).stem for path in known["imagenet"]]
    correct = {f"{name}.JPEG": {"correct": [_SYNSETS[y]]} for name, y in zip(names, known["label"], strict=True)}
    (folder / "human_accuracy_v3.0.0.json").write_text(json.dumps({"initial_annots": correct}))
    (folder / "real.json").write_text(json.dumps([[235, 281] for _ in names]))
