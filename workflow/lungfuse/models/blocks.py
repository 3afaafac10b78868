"""What the models are made of. Shapes: B batch, T tokens of a sequence, D width; masks are true at real tokens."""

import torch
from torch import Tensor, nn
from torch.nn import functional


def masked_mean(tokens: Tensor, mask: Tensor) -> Tensor:
    """Mean of the real tokens: (B, T, D), (B, T) -> (B, D)."""
    weights = mask.unsqueeze(-1).to(tokens.dtype)
    return (tokens * weights).sum(1) / weights.sum(1).clamp(min=1)


class Attention(nn.Module):
    """Multi-head attention: queries of one sequence read keys and values of another (Vaswani et al., 2017).

    `weights` holds the attention of the last call without gradient, (B, heads, T of queries, T of keys), when
    `keep_weights` is set.
    """

    def __init__(self, width: int, heads: int, dropout: float):
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.query, self.key, self.value, self.out = (nn.Linear(width, width) for _ in range(4))
        self.keep_weights, self.weights = False, None

    def forward(self, x: Tensor, context: Tensor, mask: Tensor) -> Tensor:
        """(B, T, D), (B, S, D), (B, S) -> (B, T, D); masked tokens of `context` are never read."""
        return self.out(self.read(x, context, mask))

    def read(self, x: Tensor, context: Tensor, mask: Tensor, keys: "Attention | None" = None) -> Tensor:
        """The attention without its output projection.

        `mask` is (B, S): true at real tokens, or a number to add to the scores. Keys and values are projected as in
        `keys`, another attention, when that is given.
        """
        keys = keys or self
        q, k, v = self._split(self.query(x)), self._split(keys.key(context)), self._split(keys.value(context))
        bias = mask[:, None, None]
        if self.keep_weights:
            scores = q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5
            scores = scores.masked_fill(~bias, -torch.inf) if mask.dtype == torch.bool else scores + bias
            self.weights = scores.softmax(-1).detach()
        bias = bias if mask.dtype == torch.bool else bias.to(q.dtype)
        dropout = self.dropout if self.training else 0.0
        y = functional.scaled_dot_product_attention(q, k, v, attn_mask=bias, dropout_p=dropout)
        return y.transpose(1, 2).flatten(2)  # (B, heads, T, D / heads) -> (B, T, D)

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)  # (B, T, D) -> (B, heads, T, D / heads)


def mlp(width: int, hidden: int, dropout: float) -> nn.Sequential:
    """Two layers with a GELU between."""
    return nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Dropout(dropout), nn.Linear(hidden, width))


def head(width: int, hidden: int, dropout: float) -> nn.Sequential:
    """A small classifier: (B, width) -> (B, 2)."""
    return nn.Sequential(
        nn.LayerNorm(width),
        nn.Dropout(dropout),
        nn.Linear(width, hidden),
        nn.GELU(),
        nn.Dropout(dropout),
        nn.Linear(hidden, 2),
    )


class SelfAttentionBlock(nn.Module):
    """A pre-norm transformer layer: x + Attention(LN(x)), then x + MLP(LN(x))."""

    def __init__(self, width: int, heads: int, dropout: float):
        super().__init__()
        self.norm_attention, self.norm_mlp = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = Attention(width, heads, dropout)
        self.mlp, self.dropout = mlp(width, 4 * width, dropout), nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        y = self.norm_attention(x)
        return self.finish(x, self.attention.read(y, y, mask))

    def finish(self, x: Tensor, read: Tensor) -> Tensor:
        """What follows the reading: output projection, residual and MLP, (B, T, D), (B, T, D) -> (B, T, D)."""
        x = x + self.dropout(self.attention.out(read))
        return x + self.dropout(self.mlp(self.norm_mlp(x)))
