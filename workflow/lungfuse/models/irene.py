"""IRENE: bidirectional multimodal blocks, then self-attention over the joined sequence.

Zhou et al., A transformer-based representation-learning model with unified processing of multimodal input for clinical
diagnostics, Nature Biomedical Engineering 7, 2023, https://doi.org/10.1038/s41551-023-01045-x. Unlike the published
code, each stream has its own output projection, and padding is masked everywhere.
"""

import torch
from torch import Tensor, nn

from lungfuse.models.blocks import SelfAttentionBlock, head, masked_mean
from lungfuse.settings.training import FusionSettings

BIDIRECTIONAL_BLOCKS = 2  # as published


class BidirectionalBlock(nn.Module):
    """A self-attention block a stream that also reads the other: out = Wo (own + cross) / 2.

    Own and cross attention share the queries; the cross attention takes keys and values of the other stream.
    """

    def __init__(self, width: int, heads: int, dropout: float):
        super().__init__()
        self.image, self.text = (SelfAttentionBlock(width, heads, dropout) for _ in range(2))

    def forward(self, image: Tensor, image_mask: Tensor, text: Tensor, text_mask: Tensor) -> tuple[Tensor, Tensor]:
        i, t = self.image.norm_attention(image), self.text.norm_attention(text)
        of_image, of_text = self.image.attention, self.text.attention
        image_read = (of_image.read(i, i, image_mask) + of_image.read(i, t, text_mask, keys=of_text)) / 2
        text_read = (of_text.read(t, t, text_mask) + of_text.read(t, i, image_mask, keys=of_image)) / 2
        return self.image.finish(image, image_read), self.text.finish(text, text_read)


class Irene(nn.Module):
    """Image tokens (B, I, image width) and text tokens (B, T, text width) with masks to logits (B, 2)."""

    def __init__(
        self, image_width: int, text_width: int, width: int, heads: int, blocks: int, hidden: int, dropout: float
    ):
        super().__init__()
        self.project_image, self.project_text = nn.Linear(image_width, width), nn.Linear(text_width, width)
        self.bidirectional = nn.ModuleList(
            BidirectionalBlock(width, heads, dropout) for _ in range(BIDIRECTIONAL_BLOCKS)
        )
        self.joined = nn.ModuleList(SelfAttentionBlock(width, heads, dropout) for _ in range(blocks))
        self.norm, self.head = nn.LayerNorm(width), head(width, hidden, dropout)

    def forward(self, image: Tensor, image_mask: Tensor, text: Tensor, text_mask: Tensor) -> Tensor:
        image, text = self.project_image(image), self.project_text(text)
        for block in self.bidirectional:
            image, text = block(image, image_mask, text, text_mask)
        x, mask = torch.cat([image, text], dim=1), torch.cat([image_mask, text_mask], dim=1)  # (B, I + T, D)
        for block in self.joined:
            x = block(x, mask)
        return self.head(masked_mean(self.norm(x), mask))


def build(image_width: int, text_width: int, settings: FusionSettings) -> Irene:
    return Irene(image_width, text_width, **settings.model_dump())
