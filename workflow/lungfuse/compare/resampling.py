"""How often each of many things is drawn by a bootstrap, in batches that memory holds."""

from collections.abc import Iterator

import numpy as np

from lungfuse.compare.scores import batch_of


def times_drawn(count: int, resamples: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """How often each of `count` things is drawn, batch by batch of shape (resample, thing)."""
    batch = batch_of(count)
    for start in range(0, resamples, batch):
        yield rng.multinomial(count, np.full(count, 1 / count), min(batch, resamples - start))


def limits_of(values: np.ndarray, confidence: float) -> np.ndarray:
    """The limits of the percentile interval, (2, ...), of values of shape (resample, ...); NaN is left out."""
    return np.nanquantile(values, [(1 - confidence) / 2, (1 + confidence) / 2], axis=0)
