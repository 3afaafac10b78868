"""Every image of a study looked at once: a thumbnail, a digest of its pixels, and its darkest and brightest one.

The array is read in parts, so that memory grows by the thumbnails alone, a kilobyte an image.
"""

import hashlib
import mmap
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from PIL import Image
from scipy.fft import dctn

SIDE = 32  # pixels of a thumbnail
PART = 256  # images at a time
HASH_SIDE = 8  # low frequencies of a perceptual hash, 8 x 8
FEW = 50  # images, too few for a mean to compare with
COMMON = 32  # directions in which images of a kind differ most: position, size, padding
EACH = 20  # images for each of these
SAMPLE = 2000
POWERS = 6
BLANK = 4  # of 255, between the darkest and the brightest value


@dataclass(frozen=True)
class Pictures:
    """What is known of the images of cases; arrays have an entry an image.

    `case` is the number of its case, `thumbnails` uint8 (image, SIDE, SIDE), `digest` the same number for the same
    pixels, `least` and `most` its darkest and brightest value.
    """

    case: np.ndarray
    thumbnails: np.ndarray
    digest: np.ndarray
    least: np.ndarray
    most: np.ndarray

    def __len__(self) -> int:
        return len(self.case)

    @property
    def blank(self) -> np.ndarray:
        """Whether all pixels of each image are the same, or nearly, (image,)."""
        return self.most.astype(int) - self.least < BLANK

    @cached_property
    def mean(self) -> np.ndarray:
        """The mean of the standardised thumbnails, (SIDE * SIDE,)."""
        total = np.zeros(SIDE * SIDE)
        for part in _parts(len(self), 4096):
            total += standardised(self.thumbnails[part]).sum(axis=0)
        return total / max(len(self), 1)

    @cached_property
    def common(self) -> np.ndarray:
        """The directions in which most images differ from the mean, (SIDE * SIDE, direction)."""
        number = min(COMMON, len(self) // EACH) if len(self) >= FEW else 0
        if not number:
            return np.zeros((SIDE * SIDE, 0), np.float32)
        chosen = np.random.default_rng(0).permutation(len(self))[:SAMPLE]
        vectors = standardised(self.thumbnails[chosen]) - self.mean.astype(np.float32)
        found = np.random.default_rng(0).standard_normal((SIDE * SIDE, number + 8)).astype(np.float32)
        for _ in range(POWERS):  # of subspace iteration (Halko et al., 2011)
            found = np.linalg.qr(vectors.T @ (vectors @ found))[0]
        return np.linalg.svd(vectors @ found, full_matrices=False)[2][:number].dot(found.T).T

    def apart(self, rows: np.ndarray) -> np.ndarray:
        """Images as vectors of length 1, float32 (image, SIDE * SIDE), of what distinguishes each from its kind.

        That is the thumbnail less the mean, and less the directions in which most differ from it. So chest X-rays of
        two patients, which are alike, are not near, and a copy of one that was saved anew or made brighter is.
        """
        vectors = standardised(self.thumbnails[rows])
        if len(self) >= FEW:
            vectors = vectors - self.mean.astype(np.float32)
            vectors = vectors - (vectors @ self.common) @ self.common.T
        return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-6)

    @cached_property
    def bits(self) -> np.ndarray:
        """A perceptual hash, bool (image, 64): low frequencies of the thumbnail, each against its median over images.

        Against the median of the image itself, as it is common, all chest X-rays would be alike.
        """
        found = np.empty((len(self), HASH_SIDE * HASH_SIDE), np.float32)
        for part in _parts(len(self), 4096):
            square = standardised(self.thumbnails[part]).reshape(-1, SIDE, SIDE)
            found[part] = dctn(square, axes=(1, 2))[:, :HASH_SIDE, :HASH_SIDE].reshape(len(square), -1)
        return found > (np.median(found, axis=0) if len(found) else 0)

    @cached_property
    def likeness(self) -> np.ndarray:
        """The correlation of each thumbnail with the mean of all, (image,)."""
        mean = self.mean / max(np.linalg.norm(self.mean), 1e-6)
        found = np.empty(len(self))
        for part in _parts(len(self), 4096):
            vectors = standardised(self.thumbnails[part])
            found[part] = vectors @ mean / np.maximum(np.linalg.norm(vectors, axis=1), 1e-6)
        return found


def look_at(array: np.ndarray, rows: np.ndarray, cases: np.ndarray, done: Callable[[int], object]) -> Pictures:
    """Look at some rows of an image array, of these cases; `done` is called with how many more are finished."""
    order = np.argsort(rows, kind="stable")  # as they lie on the disk
    rows, cases = rows[order], cases[order]
    thumbnails = np.empty((len(rows), SIDE, SIDE), np.uint8)
    digest = np.empty(len(rows), np.uint64)
    least, most = np.empty(len(rows), np.uint8), np.empty(len(rows), np.uint8)

    def look(part: slice) -> int:
        for place in range(part.start, part.stop):
            pixels = np.ascontiguousarray(array[rows[place]])
            thumbnails[place] = thumbnail(pixels)
            digest[place] = int.from_bytes(hashlib.blake2b(pixels.data, digest_size=8).digest())
            least[place], most[place] = pixels.min(), pixels.max()
        if isinstance(array.base, mmap.mmap):
            array.base.madvise(mmap.MADV_DONTNEED)  # else all of the file that was read counts as memory
        return part.stop - part.start

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for number in pool.map(look, _parts(len(rows), PART)):
            done(number)
    return Pictures(cases, thumbnails, digest, least, most)


def thumbnail(pixels: np.ndarray) -> np.ndarray:
    """An image of (height, width), or with colours, as grey of (SIDE, SIDE): means of its pixels."""
    image = Image.fromarray(pixels)
    grey = image if image.mode == "L" else image.convert("L")
    return np.asarray(grey.resize((SIDE, SIDE), Image.Resampling.BOX))


def standardised(thumbnails: np.ndarray) -> np.ndarray:
    """Thumbnails as float32 vectors of mean 0 and spread 1, (image, SIDE * SIDE)."""
    vectors = thumbnails.reshape(-1, SIDE * SIDE).astype(np.float32)
    vectors -= vectors.mean(axis=1, keepdims=True)
    return vectors / np.maximum(vectors.std(axis=1, keepdims=True), 1e-3)


def _parts(count: int, size: int) -> Iterator[slice]:
    return (slice(start, min(start + size, count)) for start in range(0, count, size))
