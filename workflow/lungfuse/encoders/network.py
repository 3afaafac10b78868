"""The encoders as modules, with their weights from the files that the stage `encoder` made."""

import sys
from pathlib import Path
from types import ModuleType

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from lungfuse.encoders import CONFIG, WEIGHTS, ImageSpec, TextSpec, check_made, encoder_spec, network_of, read_config
from lungfuse.errors import UserError
from lungfuse.layers.blocks import Dropout, Tokens

NOT_WEIGHTS = {  # by their first bytes
    b"PK\x03\x04": "it is a pickle of torch.save, which is not read because it may run code",
    b"\x80": "it is a pickle, which is not read because it may run code",
    b"version https://git-lfs": "it is a pointer of Git LFS; `git lfs pull` fetches the file",
}


class Encoder(nn.Module):
    """A network of the module `kind` of `lungfuse.encoders.networks`, with what is said of its input.

    `tokens` takes the tensors of its own modality in a batch.
    """

    def __init__(self, spec: ImageSpec | TextSpec, network: nn.Module, kind: ModuleType):
        super().__init__()
        self.spec, self.network = spec, network
        self.kind_name = kind.__name__  # a module cannot be copied with the encoder

    @property
    def kind(self) -> ModuleType:
        """The module of the kind of network."""
        return sys.modules[self.kind_name]

    def layers(self) -> list[nn.Module]:
        """The layers from input to output, for training the last ones alone."""
        return self.kind.layers(self.network)

    def tokens(self, batch: dict[str, Tensor]) -> Tokens:
        """The tokens of a batch, (B, T, width of the encoder), with their mask, (B, T)."""
        raise NotImplementedError


class ImageEncoder(Encoder):
    """Images to tokens: (B, y, x) of grey levels or (B, y, x, 3) of red, green and blue, in [0, 255]."""

    def __init__(self, spec: ImageSpec, network: nn.Module, kind: ModuleType):
        super().__init__(spec, network, kind)
        self.register_buffer("mean", torch.tensor(spec.mean).view(-1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(spec.std).view(-1, 1, 1), persistent=False)

    def forward(self, pixels: Tensor) -> Tensor:
        images = pixels.float()
        images = (images[:, None] if images.ndim == 3 else images.movedim(-1, 1)) / 255  # (B, 1 or 3, y, x)
        if self.spec.px and images.shape[-1] != self.spec.px:
            images = nn.functional.interpolate(images, size=self.spec.px, mode="bilinear", antialias=True)
        return self.kind.tokens(self.network, ((images - self.mean) / self.std).expand(-1, 3, -1, -1))

    def tokens(self, batch: dict[str, Tensor]) -> Tokens:
        """Tokens of the `pixels`; those of an image that is not `present`, (B,), are masked."""
        values = self(batch["pixels"])
        mask = torch.ones(values.shape[:2], dtype=torch.bool, device=values.device)
        return Tokens(values, mask & batch["present"][:, None] if "present" in batch else mask)


class TextEncoder(Encoder):
    """Token numbers and their mask to tokens: (B, T), (B, T) -> (B, T, width of the encoder).

    In place of the numbers the embeddings of the words serve as well, (B, T, width).
    """

    def __init__(self, spec: TextSpec, network: nn.Module, kind: ModuleType):
        super().__init__(spec, network, kind)
        for module in network.modules():
            for name, child in module.named_children():
                if isinstance(child, nn.Dropout):
                    setattr(module, name, Dropout(child.p))

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        if ids.shape[1] > self.spec.positions:
            raise UserError(
                f"encoders.max_tokens: found texts of {ids.shape[1]} tokens, expected at most {self.spec.positions}, "
                "for which the text encoder has positions. Set it in params.yaml."
            )
        first = torch.arange(mask.shape[1], device=mask.device) == 0
        absent = ~mask.any(1, keepdim=True)  # attention over nothing would not be finite
        return self.kind.tokens(self.network, ids, mask | (absent & first))

    def embed(self, ids: Tensor) -> Tensor:
        """The embeddings of words, (B, T) -> (B, T, width), before anything is said of their places."""
        return self.kind.embed(self.network, ids)

    def place(self, words: Tensor) -> Tensor:
        """Embeddings of words, (B, T, width), with those of their places added, of the same shape."""
        return self.kind.place(self.network, words)

    def tokens(self, batch: dict[str, Tensor]) -> Tokens:
        """Tokens of the `ids` with their `mask`; of an encoder that makes one of a text, whether there is a text."""
        values, mask = self(batch["ids"], batch["mask"]), batch["mask"]
        return Tokens(values, mask if values.shape[1] == mask.shape[1] else mask.any(1, keepdim=True))


def load_encoder(name: str, folder: Path) -> Encoder:
    """The encoder called `name` with the weights in `folder`, a folder that the stage `encoder` made.

    Raises:
        UserError: a file is missing, damaged or of another encoder.
    """
    check_made(name, folder / CONFIG, folder / WEIGHTS)
    encoder = build_encoder(name, folder / CONFIG)
    load_into(encoder.network, load_weights(folder / WEIGHTS), folder / WEIGHTS)
    return encoder


def build_encoder(name: str, path: Path) -> Encoder:
    """The encoder called `name` with random weights, shaped by its configuration file.

    Raises:
        UserError: the file is no configuration.
    """
    config, spec = read_config(name, path), encoder_spec(name, path)
    kind = network_of(name, config)
    try:
        network = kind.build(config)
    except UserError:
        raise
    except Exception as error:  # the library raises many kinds
        raise UserError(f"{path}: is no configuration of an encoder ({error}). Make the encoder anew.") from error
    return (ImageEncoder if isinstance(spec, ImageSpec) else TextEncoder)(spec, network, kind)


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
