"""What the processor of this machine can do, and how its memory is used."""

import ctypes
from pathlib import Path

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # parameters of glibc's mallopt


def cpu_has_bf16() -> bool:
    """Whether matrix products in bf16 are faster than in fp32 on this processor."""
    flags = Path("/proc/cpuinfo")
    return flags.exists() and bool({"avx512_bf16", "amx_bf16"} & set(flags.read_text().split()))


def keep_freed_memory() -> None:
    """Let this process keep the memory that it frees, for the next batch needs as much again.

    Else glibc returns each large tensor to the system, which makes its pages anew (benchmarks/freed_memory.py). Other C
    libraries are left as they are.
    """
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(M_MMAP_MAX, 0)
        libc.mallopt(M_TRIM_THRESHOLD, -1)
