"""Exchange of keys and values between transformer streams, one a modality: what the rebuilt thesis claimed.

In each block the queries of a stream read the keys and values of the others: those of the text read the image, and
those of the image the text.
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
    concat_tokens,
    head,
    means,
    mlp,
)

REQUIRED, OPTIONAL, MIN_INPUTS = [], "any", 2
FUSION = ["width", "heads", "blocks", "hidden", "dropout"]


class Stream(nn.Module):
    """One stream's half of a block: x + Attention(LN(x), LN(other)), then x + MLP(LN(x))."""

    def __init__(self, width: int, heads: int, dropout: float):
        super().__init__()
        self.norm_query, self.norm_context, self.norm_mlp = (nn.LayerNorm(width) for _ in range(3))
        self.attention = Attention(width, heads, dropout)
        self.mlp, self.dropout = mlp(width, 4 * width, dropout), Dropout(dropout)

    def forward(self, x: Tensor, other: Tensor, other_mask: Tensor) -> Tensor:
        x = x + self.dropout(self.attention(self.norm_query(x), self.norm_context(other), other_mask))
        return x + self.dropout(self.mlp(self.norm_mlp(x)))


class KVExchange(nn.Module):
    """The tokens of each modality to logits (B, outputs)."""

    def __init__(
        self, widths: dict[str, int], outputs: int, width: int, heads: int, blocks: int, hidden: int, dropout: float
    ):
        super().__init__()
        self.absent, self.project = MissingModalityToken(widths), Projections(widths, width)
        self.streams = nn.ModuleDict(
            {name: nn.ModuleList(Stream(width, heads, dropout) for _ in range(blocks)) for name in widths}
        )
        self.blocks = blocks
        self.head = head(len(widths) * width, outputs, hidden, dropout)

    def forward(self, inputs: Inputs) -> Tensor:
        inputs = self.project(self.absent(inputs))
        for block in range(self.blocks):
            inputs = {
                name: Tokens(streams[block](inputs[name].values, *self._others(name, inputs)), inputs[name].mask)
                for name, streams in self.streams.items()
            }
        return self.head(torch.cat([tokens.mean() for tokens in inputs.values()], dim=-1))

    def attended(self) -> Readings:
        """Each stream reads the others, in each block."""
        names = list(self.streams)
        block = [([name], [other for other in names if other != name]) for name in names]
        return [block] * self.blocks + means(names)

    @staticmethod
    def _others(name: str, inputs: Inputs) -> Tokens:
        return concat_tokens(tokens for other, tokens in inputs.items() if other != name)


build = KVExchange
