"""Joint self-attention over both token sequences, each modality given half of every query's attention.

This is what the code of the rebuilt thesis ran in place of its claimed exchange of keys and values, with its faults
mended: the image mask is true everywhere, and a query's weights sum to one after the re-balancing. Multiplying softmax
weights by c and normalising them again is the same as adding log c to the scores.
"""

import torch
from torch import Tensor, nn

from lungfuse.models.blocks import Attention, Dropout, head, masked_mean, mlp
from lungfuse.settings.training import FusionSettings


class Joint(nn.Module):
    """Image tokens (B, I, image width) and text tokens (B, T, text width) with masks to logits (B, 2)."""

    def __init__(self, image_width: int, text_width: int, width: int, heads: int, hidden: int, dropout: float):
        super().__init__()
        self.project_image, self.project_text = nn.Linear(image_width, width), nn.Linear(text_width, width)
        self.modality = nn.Parameter(torch.zeros(2, width))
        self.norm_attention, self.norm_mlp = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = Attention(width, heads, dropout)
        self.mlp, self.dropout = mlp(width, 4 * width, dropout), Dropout(dropout)
        self.head = head(2 * width, hidden, dropout)

    def forward(self, image: Tensor, image_mask: Tensor, text: Tensor, text_mask: Tensor) -> Tensor:
        image, text = self.project_image(image) + self.modality[0], self.project_text(text) + self.modality[1]
        x = torch.cat([image, text], dim=1)  # (B, I + T, D)
        bias = torch.cat([_log_share(image_mask), _log_share(text_mask)], dim=1)
        y = self.norm_attention(x)
        x = x + self.dropout(self.attention(y, y, bias))
        x = x + self.dropout(self.mlp(self.norm_mlp(x)))
        image, text = x.split([image.shape[1], text.shape[1]], dim=1)
        return self.head(torch.cat([masked_mean(image, image_mask), masked_mean(text, text_mask)], dim=-1))


def _log_share(mask: Tensor) -> Tensor:
    """log(1 / L) at the L real tokens of each row, minus infinity at padding: (B, T) -> (B, T)."""
    return torch.where(mask, -mask.sum(1, keepdim=True).clamp(min=1).log(), -torch.inf)


def build(image_width: int, text_width: int, settings: FusionSettings) -> Joint:
    return Joint(image_width, text_width, **settings.model_dump(exclude={"blocks"}))
