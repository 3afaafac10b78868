"""What is nearly the same: rows of bits at a small Hamming distance, and texts that share most of their words.

All pairs are compared, exactly, a block that fits the processor's cache at a time, and only near pairs are kept.
"""

import zlib
from collections.abc import Iterator

import numpy as np

ROWS, COLUMNS = 16, 4096  # of a block: what lies between fits the cache of a processor
BITS = 64
SHINGLE = 3  # words
PART = 4096  # texts at a time
CROWDED = 2e-4  # share of pairs that are near by chance, from which on fewer bits may differ
SAMPLE = 2000
NONE = np.zeros(0, int)
MULTIPLIERS = np.array([0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB], np.uint64)


def near_pairs(bits: np.ndarray, radius: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The pairs of rows of bool (row, 64) that differ in at most `radius` bits, a few rows at a time.

    Yields the numbers of the first and the second rows, the first always the smaller one.
    """
    packed = packed_bits(bits)
    for start in range(0, len(packed), ROWS):
        near = [_near_block(packed, start, other, radius) for other in range(start, len(packed), COLUMNS)]
        rows, columns = (np.concatenate(each) for each in zip(*near, strict=True))
        if len(rows):
            yield rows, columns


def _near_block(packed: np.ndarray, start: int, other: int, radius: int) -> tuple[np.ndarray, np.ndarray]:
    first, second = packed[start : start + ROWS, None], packed[None, other : other + COLUMNS]
    near = np.bitwise_count(first ^ second) <= radius
    if not near.any():
        return NONE, NONE
    rows, columns = np.nonzero(near)
    rows, columns = rows + start, columns + other
    return rows[rows < columns], columns[rows < columns]


def packed_bits(bits: np.ndarray) -> np.ndarray:
    """Rows of bool (row, 64) as numbers of 64 bits, (row,)."""
    return np.packbits(bits, axis=1).view(np.uint64).ravel()


def radius_for(bits: np.ndarray, radius: int) -> int:
    """The largest number of bits, at most `radius`, in which few pairs of a sample differ at most."""
    if len(bits) < SAMPLE:
        return radius
    packed = packed_bits(bits[np.random.default_rng(0).permutation(len(bits))[:SAMPLE]])
    distances = np.bincount(np.bitwise_count(packed[:, None] ^ packed).ravel(), minlength=BITS + 1)
    distances[0] -= SAMPLE  # each with itself
    within = np.cumsum(distances) <= CROWDED * SAMPLE**2
    return next((bound for bound in range(radius, 0, -1) if within[bound]), 1)


def shingles(texts: list[str]) -> list[np.ndarray]:
    """The different runs of three words of each normalised text, as sorted uint64 numbers; none of a shorter text."""
    known: dict[str, int] = {}
    found = []
    for text in texts:
        words = text.split()
        codes = np.fromiter((known.get(word) or _code(word, known) for word in words), np.uint64, len(words))
        if len(codes) < SHINGLE:
            found.append(np.zeros(0, np.uint64))
            continue
        runs = np.lib.stride_tricks.sliding_window_view(codes, SHINGLE)
        found.append(np.unique(_mixed((runs * MULTIPLIERS).sum(axis=1, dtype=np.uint64))))
    return found


def _code(word: str, known: dict[str, int]) -> int:
    return known.setdefault(word, zlib.crc32(word.encode()) + 1)


def _mixed(codes: np.ndarray) -> np.ndarray:
    """Numbers whose bits are as good as drawn (the finaliser of splitmix64)."""
    codes = (codes ^ (codes >> np.uint64(30))) * MULTIPLIERS[1]
    codes = (codes ^ (codes >> np.uint64(27))) * MULTIPLIERS[2]
    return codes ^ (codes >> np.uint64(31))


def simhash(runs: list[np.ndarray]) -> np.ndarray:
    """SimHash (Charikar, 2002) of sets of numbers whose bits are drawn: bool (set, 64), alike for sets that are."""
    found = np.zeros((len(runs), BITS), bool)
    for start in range(0, len(runs), PART):
        part = runs[start : start + PART]
        sizes = np.array([len(each) for each in part])
        if not sizes.sum():
            continue
        bits = np.unpackbits(np.concatenate(part).view(np.uint8).reshape(-1, 8), axis=1)
        total = np.zeros((len(part), BITS))
        total[sizes > 0] = np.add.reduceat(bits, (np.cumsum(sizes) - sizes)[sizes > 0], axis=0, dtype=np.int32)
        found[start : start + PART] = 2 * total > sizes[:, None]
    return found


def jaccard(first: np.ndarray, second: np.ndarray) -> float:
    """What two sets, sorted, share of all that either has."""
    shared = len(np.intersect1d(first, second, assume_unique=True))
    return shared / max(len(first) + len(second) - shared, 1)
