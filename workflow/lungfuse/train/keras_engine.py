"""Keras on TensorFlow with one seed, a number of threads and the precision that the hardware is fast in."""

import keras
import tensorflow

from lungfuse.hardware import cpu_has_bf16
from lungfuse.settings import Precision


def prepare(seed: int, threads: int) -> None:
    """Seed every library and compute the same on every run; before TensorFlow is used."""
    tensorflow.config.threading.set_intra_op_parallelism_threads(threads)
    tensorflow.config.threading.set_inter_op_parallelism_threads(1)
    tensorflow.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(seed)


def dtype_of(precision: Precision) -> str:
    """The Keras dtype policy: bf16 where it is asked for, or where `auto` finds hardware for it."""
    fast = bool(tensorflow.config.list_physical_devices("GPU")) or cpu_has_bf16()
    return "mixed_bfloat16" if precision == "bf16" or (precision == "auto" and fast) else "float32"
