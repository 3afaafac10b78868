"""What the networks of the library transformers have in common."""

from typing import Any

from torch import Tensor, nn
from transformers import AttentionInterface, PreTrainedConfig
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from lungfuse.models.blocks import Dropout, attend

ATTENTION = "lungfuse"
UNUSED = ("pooler.", "cls.", "classifier.", "embeddings.position_ids")


def configured(kind: type[PreTrainedConfig], config: dict[str, Any]) -> PreTrainedConfig:
    """The content of a configuration file as the library takes it, with our attention."""
    return kind(**config, attn_implementation=ATTENTION)


def layers(network: nn.Module) -> list[nn.Module]:
    """The blocks of attention."""
    return list(network.encoder.layer if hasattr(network, "encoder") else network.layers)


def body(weights: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Published weights without the prefix of the network, and without the heads on it."""
    weights = {key.removeprefix(f"{prefix}."): value for key, value in weights.items()}
    return {key: value for key, value in weights.items() if not key.startswith(UNUSED)}


def _attention(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None, dropout: float = 0.0, **others
) -> tuple[Tensor, None]:
    """Attention as transformers calls it: our own on a CPU, PyTorch's on a GPU."""
    if query.is_cuda:
        bias = bias if bias is None else bias.to(query.dtype)
        return sdpa_attention_forward(module, query, key, value, bias, dropout, **others)
    y, _ = attend(query, key, value, bias, Dropout(dropout))
    return y.transpose(1, 2), None


AttentionInterface.register(ATTENTION, _attention)
