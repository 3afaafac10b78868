"""The networks of the encoders, and their weights from the files that the stage `encoder` made."""

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import AttentionInterface, BertConfig, BertModel, ViTConfig, ViTModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from lungfuse.encoders import CONFIG, ENCODERS, WEIGHTS, EncoderSpec
from lungfuse.encoders.efficientnet import EfficientNetLite0
from lungfuse.errors import UserError
from lungfuse.models.blocks import Dropout, attend

ATTENTION = "lungfuse"
NOT_WEIGHTS = {  # by their first bytes
    b"PK\x03\x04": "it is a pickle of torch.save, which is not read because it may run code",
    b"\x80": "it is a pickle, which is not read because it may run code",
    b"version https://git-lfs": "it is a pointer of Git LFS; `git lfs pull` fetches the file",
}


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
    """The encoder called `name` with the weights in `folder`, a folder that the stage `encoder` made.

    Raises:
        UserError: a file is missing, damaged or of another encoder.
    """
    spec = ENCODERS[name]
    for file in [CONFIG, WEIGHTS]:
        if not (folder / file).is_file():
            raise UserError(
                f"{folder / file}: not found. Expected the encoder {name}: make it with `python -m lungfuse encoder "
                f"--name {name}`, run in the root folder of the project, or say --encoder-root."
            )
    network = build_network(spec, folder / CONFIG)
    load_into(network, load_weights(folder / WEIGHTS), folder / WEIGHTS)
    return (ImageEncoder if spec.modality == "image" else TextEncoder)(spec, network)


def load_weights(path: Path) -> dict[str, Tensor]:
    """The weights in a safetensors file, by name.

    Raises:
        UserError: the file is missing, is no whole safetensors file, or holds a value that is not finite.
    """
    try:
        weights = load_file(path)
    except FileNotFoundError:
        raise UserError(f"{path}: not found. Expected weights: copy them there, or train again.") from None
    except (OSError, SafetensorError) as error:
        begins = path.read_bytes()[:32] if path.is_file() else b""
        kind = next((kind for start, kind in NOT_WEIGHTS.items() if begins.startswith(start)), str(error))
        raise UserError(
            f"{path}: expected whole weights in the format safetensors, but {kind}. Copy the file anew, or train again."
        ) from error
    for name, value in weights.items():
        if not value.isfinite().all():
            raise UserError(
                f"{path}: {name} holds values that are not finite (NaN or infinity): the training went astray, or the "
                "file is damaged. Copy it anew, or train again."
            )
    return weights


def load_into(network: nn.Module, weights: dict[str, Tensor], path: Path, may_lack: tuple[str, ...] = ()) -> None:
    """Give a network its weights, which come from the file `path`; names that begin with `may_lack` may be absent.

    Raises:
        UserError: they are those of another network.
    """
    expected = network.state_dict()
    absent = [name for name in expected if name not in weights and not name.startswith(may_lack)]
    unknown = [name for name in weights if name not in expected]
    if absent or unknown:
        raise UserError(
            f"{path}: lacks {len(absent)} and has {len(unknown)} unknown of the weights of the network that its "
            f"settings describe, {(absent + unknown)[0]} first. Copy settings and weights anew, or train again."
        )
    for name, value in weights.items():
        if value.shape != expected[name].shape:
            raise UserError(
                f"{path}: {name} has the shape {tuple(value.shape)}, expected {tuple(expected[name].shape)} by its "
                "settings. Copy settings and weights anew, or train again."
            )
    network.load_state_dict(weights, strict=False)


def build_network(spec: EncoderSpec, config: Path) -> nn.Module:
    """The network of a family with random weights, shaped by its configuration file.

    Raises:
        UserError: the file is no configuration.
    """
    if spec.family == "efficientnet-lite":
        return EfficientNetLite0()
    settings, network = (ViTConfig, ViTModel) if spec.family == "vit" else (BertConfig, BertModel)
    try:
        shape = settings.from_pretrained(config, attn_implementation=ATTENTION)
    except (OSError, ValueError, TypeError) as error:
        raise UserError(f"{config}: is no configuration of an encoder ({error}). Make the encoder anew.") from error
    return network(shape, add_pooling_layer=False)


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
