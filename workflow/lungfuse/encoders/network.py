"""The networks of the encoders, and their weights from the files that the stage `encoder` made."""

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import AttentionInterface, BertConfig, BertModel, ViTConfig, ViTModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from lungfuse.encoders import CONFIG, ENCODERS, WEIGHTS, EncoderSpec
from lungfuse.encoders.efficientnet import EfficientNetLite0
from lungfuse.models.blocks import Dropout, attend

ATTENTION = "lungfuse"


class ImageEncoder(nn.Module):
    """uint8 images to tokens: (batch, height, width) -> (batch, token, width of the encoder)."""

    def __init__(self, spec: EncoderSpec, network: nn.Module):
        super().__init__()
        if spec.family == "efficientnet-lite":
            network.to(memory_format=torch.channels_last)  # twice as fast on a CPU
        self.spec, self.network = spec, network
        self.register_buffer("mean", torch.tensor(spec.mean).view(-1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(spec.std).view(-1, 1, 1), persistent=False)

    def forward(self, pixels: Tensor) -> Tensor:
        images = pixels.float()[:, None] / 255  # (batch, 1, height, width)
        if self.spec.px and images.shape[-1] != self.spec.px:
            images = nn.functional.interpolate(images, size=self.spec.px, mode="bilinear", antialias=True)
        images = ((images - self.mean) / self.std).expand(-1, 3, -1, -1)
        if self.spec.family == "vit":
            return self.network(pixel_values=images).last_hidden_state
        features = self.network(images.contiguous(memory_format=torch.channels_last))
        return features.flatten(2).transpose(1, 2)  # (batch, channel, y, x) -> (batch, y * x, channel)

    def tokens(self, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Tokens of the `pixels` of a batch with their mask, all true: (batch, token, width), (batch, token)."""
        tokens = self(batch["pixels"])
        return tokens, torch.ones(tokens.shape[:2], dtype=torch.bool, device=tokens.device)


class TextEncoder(nn.Module):
    """Token numbers and their mask to tokens: (batch, token) -> (batch, token, width of the encoder)."""

    def __init__(self, spec: EncoderSpec, network: nn.Module):
        super().__init__()
        for module in network.modules():
            for name, child in module.named_children():
                if isinstance(child, nn.Dropout):
                    setattr(module, name, Dropout(child.p))
        self.spec, self.network = spec, network

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        bias = torch.where(mask, 0.0, -torch.inf)[:, None, None]  # (batch, head, query, key)
        return self.network(input_ids=ids, attention_mask=bias).last_hidden_state

    def tokens(self, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Tokens of the `ids` of a batch with their `mask`: (batch, token, width), (batch, token)."""
        return self(batch["ids"], batch["mask"]), batch["mask"]


def load_encoder(name: str, folder: Path) -> ImageEncoder | TextEncoder:
    """The encoder called `name` with the weights in `folder`, a folder that the stage `encoder` made."""
    spec = ENCODERS[name]
    network = build_network(spec, folder / CONFIG)
    network.load_state_dict(load_file(folder / WEIGHTS))
    return (ImageEncoder if spec.modality == "image" else TextEncoder)(spec, network)


def build_network(spec: EncoderSpec, config: Path) -> nn.Module:
    """The network of a family with random weights, shaped by its configuration file."""
    if spec.family == "efficientnet-lite":
        return EfficientNetLite0()
    settings, network = (ViTConfig, ViTModel) if spec.family == "vit" else (BertConfig, BertModel)
    return network(settings.from_pretrained(config, attn_implementation=ATTENTION), add_pooling_layer=False)


def layers_of(encoder: ImageEncoder | TextEncoder) -> list[nn.Module]:
    """The layers of an encoder from its input to its output, for training the last ones alone."""
    network = encoder.network
    match encoder.spec.family:
        case "efficientnet-lite":
            return [network.stem, *network.blocks, network.head]
        case "vit":
            return [network.embeddings, *_transformer_layers(network), network.layernorm]
        case "bert":
            return [network.embeddings, *_transformer_layers(network)]


def _transformer_layers(network: nn.Module) -> list[nn.Module]:
    return list(network.encoder.layer if hasattr(network, "encoder") else network.layers)


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
