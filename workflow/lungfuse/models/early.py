"""Early fusion: the means of both token sequences, concatenated, small head."""

import torch
from torch import Tensor, nn

from lungfuse.models.blocks import head, masked_mean
from lungfuse.settings.training import FusionSettings


class Early(nn.Module):
    """Image tokens (B, I, image width) and text tokens (B, T, text width) with masks to logits (B, 2)."""

    def __init__(self, image_width: int, text_width: int, hidden: int, dropout: float):
        super().__init__()
        self.norm_image, self.norm_text = nn.LayerNorm(image_width), nn.LayerNorm(text_width)
        self.head = head(image_width + text_width, hidden, dropout)

    def forward(self, image: Tensor, image_mask: Tensor, text: Tensor, text_mask: Tensor) -> Tensor:
        pooled = [self.norm_image(masked_mean(image, image_mask)), self.norm_text(masked_mean(text, text_mask))]
        return self.head(torch.cat(pooled, dim=-1))


def build(image_width: int, text_width: int, settings: FusionSettings) -> Early:
    return Early(image_width, text_width, hidden=settings.hidden, dropout=settings.dropout)
