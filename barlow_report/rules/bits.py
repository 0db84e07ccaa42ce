"""Sets of images as bits, and how many images two sets share: the inner loop of every test by shuffles.

A set of n images is a row of 64-bit words, image i in bit i % 64 of word i // 64. Counting failures is an AND and
a population count; compared with a matrix product it takes a third of the time and a thirty-second of the memory.
"""

import numpy as np
import numpy.typing as npt

from barlow_report.rules.compilation import compile_inline, compile_kernel

__all__ = ["Bits", "best_scores", "count_shared", "pack", "unpack"]

Bits = npt.NDArray[np.uint64]
Booleans = npt.NDArray[np.bool_]
Singles = npt.NDArray[np.float32]

_ONES = np.uint64(0x5555555555555555)
_PAIRS = np.uint64(0x3333333333333333)
_NIBBLES = np.uint64(0x0F0F0F0F0F0F0F0F)
_BYTES = np.uint64(0x0101010101010101)
_1, _2, _4, _56 = np.uint64(1), np.uint64(2), np.uint64(4), np.uint64(56)


def pack(sets: Booleans) -> Bits:
    """Turn (n_sets, n_images) bool into (n_sets, n_words)."""
    n_sets, n_images = sets.shape
    words = np.zeros((n_sets, -(-n_images // 64) * 8), dtype=np.uint8)
    words[:, : -(-n_images // 8)] = np.packbits(sets, axis=1, bitorder="little")
    return words.view(np.dtype("<u8")).astype(np.uint64, copy=False)


def unpack(row: Bits, *, n_images: int) -> Booleans:
    """Turn (n_words,) into (n_images,) bool."""
    octets = row.astype(np.dtype("<u8"), copy=False).view(np.uint8)
    return np.unpackbits(octets, count=n_images, bitorder="little").astype(np.bool_)


def count_shared(sets: Bits, others: Bits) -> npt.NDArray[np.int64]:
    """Count the images in each pair of sets: (n_others, n_sets) for sets (n_sets, n_words) and (n_others, n_words)."""
    counts = np.empty((len(others), len(sets)), dtype=np.int64)
    _count_shared(sets, others, counts)
    return counts


def best_scores(sets: Bits, others: Bits, expected: Singles, factors: Singles) -> Singles:
    """Return the highest score of any set with each other set, (n_others,): (shared − expected)² · factor."""
    best = np.empty(len(others), dtype=np.float32)
    _best_scores(sets, others, expected, factors, best)
    return best


@compile_inline
def _shared(first: Bits, second: Bits) -> int:
    total = np.uint64(0)
    for i in range(len(first)):
        x = first[i] & second[i]
        # the population count, which compilers know by this form
        x = x - ((x >> _1) & _ONES)
        x = (x & _PAIRS) + ((x >> _2) & _PAIRS)
        x = (x + (x >> _4)) & _NIBBLES
        total += (x * _BYTES) >> _56
    return int(total)


@compile_kernel
def _count_shared(sets: Bits, others: Bits, counts: npt.NDArray[np.int64]) -> None:
    for b in range(len(others)):
        for c in range(len(sets)):
            counts[b, c] = _shared(sets[c], others[b])


@compile_kernel
def _best_scores(sets: Bits, others: Bits, expected: Singles, factors: Singles, best: Singles) -> None:
    for b in range(len(others)):
        highest = np.float32(0)
        for c in range(len(sets)):
            distance = np.float32(_shared(sets[c], others[b])) - expected[c]
            score = distance * distance * factors[c]
            highest = max(highest, score)
        best[b] = highest
