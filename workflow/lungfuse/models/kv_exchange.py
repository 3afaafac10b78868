"""Exchange of keys and values between two transformer streams: what the rebuilt thesis claimed.

In each block text queries read image keys and values and image queries read text keys and values.
"""

import torch
from torch import Tensor, nn

from lungfuse.models.blocks import Attention, Dropout, head, masked_mean, mlp
from lungfuse.settings.training import FusionSettings


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
    """Image tokens (B, I, image width) and text tokens (B, T, text width) with masks to logits (B, 2)."""

    def __init__(
        self, image_width: int, text_width: int, width: int, heads: int, blocks: int, hidden: int, dropout: float
    ):
        super().__init__()
        self.project_image, self.project_text = nn.Linear(image_width, width), nn.Linear(text_width, width)
        self.image_streams = nn.ModuleList(Stream(width, heads, dropout) for _ in range(blocks))
        self.text_streams = nn.ModuleList(Stream(width, heads, dropout) for _ in range(blocks))
        self.head = head(2 * width, hidden, dropout)

    def forward(self, image: Tensor, image_mask: Tensor, text: Tensor, text_mask: Tensor) -> Tensor:
        image, text = self.project_image(image), self.project_text(text)
        for image_stream, text_stream in zip(self.image_streams, self.text_streams, strict=True):
            image, text = image_stream(image, text, text_mask), text_stream(text, image, image_mask)
        return self.head(torch.cat([masked_mean(image, image_mask), masked_mean(text, text_mask)], dim=-1))


def build(image_width: int, text_width: int, settings: FusionSettings) -> KVExchange:
    return KVExchange(image_width, text_width, **settings.model_dump())
