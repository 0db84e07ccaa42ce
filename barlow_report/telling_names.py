"""Which names of files, functions and folders tell a model from others, and which are what everybody calls theirs."""

import re

__all__ = ["says_something"]

# fmt: off
_SAYS_NOTHING = frozenset({
    "a", "arch", "architecture", "archs", "best", "bin", "build", "checkpoint", "checkpoints", "ckpt", "ckpts",
    "classifier", "code", "create", "data", "dict", "ema", "epoch", "export", "exported", "factories", "factory",
    "file", "files", "final", "get", "init", "last", "latest", "load", "main", "make", "model", "models", "module",
    "modules", "my", "net", "nets", "network", "networks", "new", "nn", "out", "output", "outputs", "pytorch", "run",
    "runs", "safetensors", "save", "saved", "src", "state", "step", "the", "tmp", "torch", "train", "trained",
    "training", "utils", "weight", "weights", "zoo",
})
# fmt: on
_NUMBER = re.compile(r"v?\d+")
_BETWEEN = re.compile(r"[^A-Za-z0-9]+")


def says_something(text: str) -> bool:
    """Whether a name has a part beside numbers and words such as *make*, *model* and *best*."""
    parts = [part.lower() for part in _BETWEEN.split(text) if part]
    return any(part not in _SAYS_NOTHING and not _NUMBER.fullmatch(part) for part in parts)
