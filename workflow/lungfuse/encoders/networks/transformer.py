"""What the networks of the library transformers have in common."""

from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, PreTrainedConfig, PreTrainedModel, logging
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from lungfuse.encoders import Hub, HubSpec, ImageSpec, TextSpec
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
    logging.set_verbosity_error()  # heads that are left out are many; what is missing is reported below
    network, found = kind.from_pretrained(
        None, config=config, state_dict=weights, dtype=torch.float32, output_loading_info=True, **options
    )
    if missing := sorted(found["missing_keys"]):
        raise UserError(
            f"published weights: {len(missing)} that {kind.__name__} needs are missing, {missing[0]} first. Choose "
            "another encoder in params.yaml."
        )
    return network.state_dict()


def image_spec(source: Hub, config: dict[str, Any], width: int, layers: int, px: int) -> ImageSpec:
    """An encoder of the hub that takes images of `px` pixels; the stage `encoder` has added to the configuration how
    their colours are normalised."""
    normalised = {name: tuple(config[f"image_{name}"]) for name in ["mean", "std"]}
    return ImageSpec(source=source, width=width, layers=layers, px=px, **normalised)


def text_spec(source: Hub, width: int, layers: int, positions: int) -> TextSpec:
    """An encoder of the hub that takes texts of so many tokens."""
    most = min(HubSpec.max_tokens, positions)
    return TextSpec(source=source, width=width, layers=layers, max_tokens=most, positions=positions)


def bias_of(mask: Tensor) -> Tensor:
    """What is added to scores of attention, (B, 1, 1, T), so that padding is not read; `mask` is (B, T)."""
    return torch.where(mask, 0.0, -torch.inf)[:, None, None]


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
