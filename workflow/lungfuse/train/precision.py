"""The precision that torch computes in: bf16 or fp32."""

import torch

from lungfuse.processor import cpu_has_bf16
from lungfuse.settings.base import Precision


def uses_bf16(precision: Precision) -> bool:
    """Whether to compute in bf16: where it is asked for, or where `auto` finds hardware for it."""
    fast = torch.cuda.is_bf16_supported() if torch.cuda.is_available() else cpu_has_bf16()
    return precision == "bf16" or (precision == "auto" and fast)


def autocast(device: str, precision: Precision) -> torch.autocast:
    """The context in which a network computes without Lightning."""
    return torch.autocast(device, torch.bfloat16, enabled=uses_bf16(precision))
