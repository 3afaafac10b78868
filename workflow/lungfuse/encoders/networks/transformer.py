"""What the networks of the library transformers have in common."""

from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, PreTrainedConfig, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from lungfuse.errors import UserError
from lungfuse.layers.blocks import Dropout, attend, watching

ATTENTION = "lungfuse"


def configured(kind: type[PreTrainedConfig], config: dict[str, Any]) -> PreTrainedConfig:
    """The content of a configuration file as the library takes it, with our attention."""
    return kind(**config, attn_implementation=ATTENTION)


def layers(network: nn.Module) -> list[nn.Module]:
    """The blocks of attention."""
    return list(network.encoder.layer if hasattr(network, "encoder") else network.layers)


def published(
    kind: type[PreTrainedModel], config: PreTrainedConfig, weights: dict[str, Tensor], **options
) -> dict[str, Tensor]:
    """Published weights under the names of a network without heads, as the library renames them.

    Raises:
        UserError: some are missing.
    """
    network, found = kind.from_pretrained(
        None, config=config, state_dict=weights, dtype=torch.float32, output_loading_info=True, **options
    )
    if missing := sorted(found["missing_keys"]):
        raise UserError(
            f"published weights: {len(missing)} that {kind.__name__} needs are missing, {missing[0]} first. Choose "
            "another encoder in params.yaml."
        )
    return network.state_dict()


def normalisation(config: dict[str, Any]) -> dict[str, tuple[float, ...]]:
    """Mean and std of red, green and blue, intensities in [0, 1], which the stage `encoder` adds to a configuration."""
    return {name: tuple(config[f"image_{name}"]) for name in ["mean", "std"]}


def _attention(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None, dropout: float = 0.0, **others
) -> tuple[Tensor, None]:
    """Attention as transformers calls it: our own on a CPU or where it is watched, else PyTorch's on a GPU."""
    if query.is_cuda and watching.get() is None:
        bias = bias if bias is None else bias.to(query.dtype)
        return sdpa_attention_forward(module, query, key, value, bias, dropout, **others)
    y = attend(query, key, value, bias, Dropout(dropout))
    return y.transpose(1, 2), None


AttentionInterface.register(ATTENTION, _attention)
