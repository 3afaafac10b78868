"""Joint self-attention over all token sequences, each modality given the same share of every query's attention.

This is what the code of the rebuilt thesis ran in place of its claimed exchange of keys and values, with its faults
fixed: the image mask is true everywhere, and a query's weights sum to one after the re-balancing. Multiplying softmax
weights by c and normalising them again is the same as adding log c to the scores.
"""

import torch
from torch import Tensor, nn

from lungfuse.layers.blocks import (
    Attention,
    Dropout,
    Inputs,
    MissingModalityToken,
    Projections,
    Readings,
    Tokens,
    head,
    means,
    mlp,
)

REQUIRED, OPTIONAL, MIN_INPUTS = [], "any", 2
FUSION = ["width", "heads", "hidden", "dropout"]


class Joint(nn.Module):
    """The tokens of each modality to logits (B, outputs)."""

    def __init__(self, widths: dict[str, int], outputs: int, width: int, heads: int, hidden: int, dropout: float):
        super().__init__()
        self.absent, self.project = MissingModalityToken(widths), Projections(widths, width)
        self.modality = nn.Parameter(torch.zeros(len(widths), width))
        self.norm_attention, self.norm_mlp = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = Attention(width, heads, dropout)
        self.mlp, self.dropout = mlp(width, 4 * width, dropout), Dropout(dropout)
        self.head = head(len(widths) * width, outputs, hidden, dropout)

    def forward(self, inputs: Inputs) -> Tensor:
        streams = list(self.project(self.absent(inputs)).values())
        masks = [stream.mask for stream in streams]
        x = torch.cat([stream.values + mark for stream, mark in zip(streams, self.modality, strict=True)], dim=1)
        bias = torch.cat([_log_share(mask) for mask in masks], dim=1)
        y = self.norm_attention(x)
        x = x + self.dropout(self.attention(y, y, bias))  # (B, tokens of all modalities, D)
        x = x + self.dropout(self.mlp(self.norm_mlp(x)))
        parts = x.split([mask.shape[1] for mask in masks], dim=1)
        return self.head(torch.cat([Tokens(*part).mean() for part in zip(parts, masks, strict=True)], dim=-1))

    def attended(self) -> Readings:
        """All tokens read all."""
        names = list(self.project)
        return [[(names, names)], *means(names)]


def _log_share(mask: Tensor) -> Tensor:
    """log(1 / L) at the L real tokens of each row, minus infinity at padding: (B, T) -> (B, T)."""
    return torch.where(mask, -mask.sum(1, keepdim=True).clamp(min=1).log(), -torch.inf)


build = Joint
