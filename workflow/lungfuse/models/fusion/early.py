"""Early fusion: the means of the token sequences, concatenated, small head."""

import torch
from torch import Tensor, nn

from lungfuse.layers.blocks import Inputs, MissingModalityToken, head

REQUIRED, OPTIONAL, MIN_INPUTS = [], "any", 2
FUSION = ["hidden", "dropout"]


class Early(nn.Module):
    """The tokens of each modality to logits (B, outputs)."""

    def __init__(self, widths: dict[str, int], outputs: int, hidden: int, dropout: float):
        super().__init__()
        self.absent = MissingModalityToken(widths)
        self.norms = nn.ModuleDict({name: nn.LayerNorm(width) for name, width in widths.items()})
        self.head = head(sum(widths.values()), outputs, hidden, dropout)

    def forward(self, inputs: Inputs) -> Tensor:
        inputs = self.absent(inputs)
        return self.head(torch.cat([norm(inputs[name].mean()) for name, norm in self.norms.items()], dim=-1))


build = Early
