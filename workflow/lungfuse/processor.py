"""What the processor of this machine can do."""

from pathlib import Path


def cpu_has_bf16() -> bool:
    """Whether matrix products in bf16 are faster than in fp32 on this processor."""
    flags = Path("/proc/cpuinfo")
    return flags.exists() and bool({"avx512_bf16", "amx_bf16"} & set(flags.read_text().split()))
