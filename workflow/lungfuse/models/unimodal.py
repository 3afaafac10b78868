"""One modality: mean of its tokens, small head."""

from torch import Tensor, nn

from lungfuse.models.blocks import head, masked_mean


class Unimodal(nn.Module):
    """Tokens (B, T, width) and mask (B, T) of one modality to logits (B, 2)."""

    def __init__(self, width: int, hidden: int, dropout: float):
        super().__init__()
        self.head = head(width, hidden, dropout)

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        return self.head(masked_mean(tokens, mask))
