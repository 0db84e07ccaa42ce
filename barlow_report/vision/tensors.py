"""Tensors as files hold them: sparse, complex, quantised, without data; and whether they can be weights of a model."""

import hashlib

import torch
from torch import nn
from torch.nn.parameter import is_lazy

__all__ = ["dense", "hash_weights", "is_same", "misfit", "raw_bytes", "shape"]

_STRIDED = torch.strided


def shape(value: object) -> tuple[int, ...] | None:
    """The shape of a tensor; None for anything else, and for a parameter whose shape is not known yet."""
    return tuple(value.shape) if isinstance(value, torch.Tensor) and not is_lazy(value) else None


def misfit(value: torch.Tensor, expected: torch.Tensor) -> str | None:
    """Why `value` cannot be copied into a parameter or buffer of its shape without changing its numbers."""
    if value.is_meta:
        return "without data (of the device 'meta')"
    if value.is_quantized:
        return f"quantised ({_short(value)})"
    if _kind(value) != _kind(expected):
        return f"{_short(value)} instead of {_short(expected)}"
    return None


def dense(value: torch.Tensor) -> torch.Tensor:
    """The same numbers, each of them written out.

    Raises:
        RuntimeError: There is no memory for them.
    """
    if value.layout != _STRIDED:
        value = value.to_dense()
    return value.resolve_conj().resolve_neg()


def is_same(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Whether two tensors of one shape have the same numbers, of the same type."""
    if one is other:
        return True
    if one.dtype != other.dtype or one.is_meta or other.is_meta or one.is_quantized or other.is_quantized:
        return False
    return torch.equal(raw_bytes(one), raw_bytes(other))


def raw_bytes(value: torch.Tensor) -> torch.Tensor:
    """The numbers of a tensor as bytes, one after the other, on the processor."""
    return dense(value.detach()).cpu().contiguous().flatten().view(torch.uint8)


def hash_weights(model: nn.Module) -> str:
    """SHA-256 of a model's state dict: names, types, shapes and values, independent of order and device."""
    digest = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        digest.update(f"{name} {_described(value)}\n".encode())
        if isinstance(value, torch.Tensor):
            digest.update(raw_bytes(value).numpy().tobytes())
        else:
            digest.update(repr(value).encode())
    return digest.hexdigest()


def _described(value: object) -> str:
    return f"{value.dtype} {tuple(value.shape)}" if isinstance(value, torch.Tensor) else type(value).__name__


def _kind(value: torch.Tensor) -> str:
    if value.is_complex():
        return "complex"
    return "floating" if value.is_floating_point() else "integer"


def _short(value: torch.Tensor) -> str:
    return str(value.dtype).removeprefix("torch.")
