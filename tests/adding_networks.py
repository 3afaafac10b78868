"""Networks whose logit is the sum of what they read, so that the relevance of each part is known."""

import sys

import torch
from torch import Tensor, nn

from lungfuse.encoders import ImageSpec, Random
from lungfuse.encoders.network import ImageEncoder
from lungfuse.layers.blocks import Inputs
from lungfuse.modalities.structured.tokens import ColumnTokens
from lungfuse.relevance.network import Case, ExplainedNetwork
from lungfuse.tasks import load_task


class Adding(nn.Module):
    """Tokens, (B, T, 1), to the logits of two classes, (B, 2): their sum speaks for the second."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, inputs: Inputs) -> Tensor:
        total = sum(tokens.values.sum((1, 2)) for tokens in inputs.values()) * self.scale
        return torch.stack([torch.zeros_like(total), total], dim=1)


def tokens(network: nn.Module, images: Tensor) -> Tensor:
    """A token a pixel."""
    return images.mean(1).flatten(1)[..., None]


def of_columns(values: Tensor) -> tuple[ExplainedNetwork, Case]:
    """A network that adds columns, and cases of it, (B, C)."""
    columns = ColumnTokens(values.shape[1], [], 1)
    nn.init.ones_(columns.weight)
    nn.init.zeros_(columns.bias)
    network = ExplainedNetwork({}, {"structured": columns}, Adding(), load_task("binary", ["normal", "lung"]))
    there = torch.ones(values.shape, dtype=torch.bool)
    return network, Case({"structured": values[..., None]}, {"structured": there})


def of_images(pixels: Tensor) -> tuple[ExplainedNetwork, Case]:
    """A network that adds pixels, and images, (B, y, x); black says nothing."""
    spec = ImageSpec(source=Random(seed=0), width=1, layers=0, mean=0.0, std=1.0)
    encoders = {"image": ImageEncoder(spec, nn.Identity(), sys.modules[__name__])}
    network = ExplainedNetwork(encoders, {}, Adding(), load_task("binary", ["normal", "lung"]))
    return network, Case({"image": pixels}, {"image": torch.ones(len(pixels), dtype=torch.bool)})
