"""Keras on TensorFlow with one seed, a number of threads and the precision that the hardware is fast in."""

from contextlib import suppress
from pathlib import Path

import keras
import pandas as pd
import tensorflow

from lungfuse.files import atomic_write
from lungfuse.processor import cpu_has_bf16
from lungfuse.settings.base import Precision

KEPT_NAMES = {"fold", "epoch", "learning_rate", "seconds"}


def seed_and_limit_threads(seed: int, threads: int) -> None:
    """Seed every library and compute the same on every run; before TensorFlow is used."""
    _set_threads(threads)
    tensorflow.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(seed)


def limit_threads(threads: int) -> None:
    """Use no more threads than these to segment, unless TensorFlow is in use already."""
    with suppress(RuntimeError):
        _set_threads(threads)


def _set_threads(threads: int) -> None:
    tensorflow.config.threading.set_intra_op_parallelism_threads(threads)
    tensorflow.config.threading.set_inter_op_parallelism_threads(1)


def dtype_of(precision: Precision) -> str:
    """The Keras dtype policy: bf16 where it is asked for, or where `auto` finds hardware for it."""
    fast = bool(tensorflow.config.list_physical_devices("GPU")) or cpu_has_bf16()
    return "mixed_bfloat16" if precision == "bf16" or (precision == "auto" and fast) else "float32"


def write_history(records: pd.DataFrame, path: Path) -> None:
    """The records of the epochs in a file, under the names that trainings with Lightning give them too."""

    def name(key: str) -> str:
        if key in KEPT_NAMES:
            return key
        return f"validation_{key.removeprefix('val_')}" if key.startswith("val_") else f"train_{key}"

    with atomic_write(path) as stream:
        records.rename(columns=name).to_csv(stream, index=False, lineterminator="\n")
