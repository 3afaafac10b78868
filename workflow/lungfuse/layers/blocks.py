"""What the models are made of. Shapes: B batch, T tokens of a sequence, D width; masks are true at real tokens."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

import torch
from torch import Tensor, nn


class Tokens(NamedTuple):
    """The tokens of a modality: `values` (B, T, D) and `mask` (B, T), true at real tokens."""

    values: Tensor
    mask: Tensor

    def mean(self) -> Tensor:
        """Mean of the real tokens, (B, D)."""
        return masked_mean(*self)


Inputs = dict[str, Tokens]
"""The tokens of each modality by its name, always in the order of the modalities."""


class MissingModalityToken(nn.Module):
    """A learned token for each modality, in place of the tokens of a case that lacks it.

    Its tokens are all masked then, and at least one long.
    """

    def __init__(self, widths: dict[str, int]):
        super().__init__()
        self.tokens = nn.ParameterDict({name: torch.zeros(width) for name, width in widths.items()})

    def forward(self, inputs: Inputs) -> Inputs:
        return {name: self._fill(self.tokens[name], *inputs[name]) for name in self.tokens}

    @staticmethod
    def _fill(token: Tensor, values: Tensor, mask: Tensor) -> Tokens:
        absent = ~mask.any(1)  # (B,)
        if not absent.any():
            return Tokens(values, mask)
        first = torch.zeros_like(mask)
        first[:, 0] = absent
        return Tokens(torch.where(first[..., None], token.to(values.dtype), values), mask | first)


def concat_tokens(streams: Iterable[Tokens]) -> Tokens:
    """The sequences one after the other."""
    values, masks = zip(*streams, strict=True)
    return Tokens(values[0], masks[0]) if len(values) == 1 else Tokens(torch.cat(values, 1), torch.cat(masks, 1))


class PlaceMarks(nn.Module):
    """The tokens of several inputs of a modality as one sequence, those of each with a learned vector of its place."""

    def __init__(self, places: int, width: int):
        super().__init__()
        self.marks = nn.ParameterList(torch.zeros(width) for _ in range(places))

    def forward(self, streams: Sequence[Tokens]) -> Tokens:
        marked = zip(streams, self.marks, strict=True)
        return concat_tokens(
            Tokens(tokens.values + mark.to(tokens.values.dtype), tokens.mask) for tokens, mark in marked
        )


class Projections(nn.ModuleDict):
    """A linear map of the tokens of each modality to one width."""

    def __init__(self, widths: dict[str, int], width: int):
        super().__init__({name: nn.Linear(own, width) for name, own in widths.items()})

    def forward(self, inputs: Inputs) -> Inputs:
        return {name: Tokens(projection(inputs[name].values), inputs[name].mask) for name, projection in self.items()}


def masked_mean(tokens: Tensor, mask: Tensor) -> Tensor:
    """Mean of the real tokens: (B, T, D), (B, T) -> (B, D)."""
    weights = mask.unsqueeze(-1).to(tokens.dtype)
    if watch := watching.get():
        shares = (weights / weights.sum(1, keepdim=True).clamp(min=1)).mT  # (B, 1, T)
        return (watch(shares[:, None])[:, 0] @ tokens)[:, 0]
    return (tokens * weights).sum(1) / weights.sum(1).clamp(min=1)


class Dropout(nn.Dropout):
    """Dropout whose random numbers cost a fifth of PyTorch's on a CPU: four values share 64 random bits.

    The share that is dropped is `p` to the nearest 1 / 65536.
    """

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0 or x.device.type != "cpu":
            return super().forward(x)
        bits = torch.empty(x.numel() // 4 + 1, dtype=torch.int64).random_(-(2**63), None)
        numbers = bits.view(torch.int16)[: x.numel()].view(x.shape)
        kept = torch.ge(numbers, round(self.p * 2**16) - 2**15, out=torch.empty_like(numbers, dtype=x.dtype))
        return x * kept.div_(1 - self.p)


Watch = Callable[[Tensor], Tensor]
watching: ContextVar[Watch | None] = ContextVar("watching", default=None)


@contextmanager
def watched_attention(watch: Watch) -> Iterator[None]:
    """Attention reads by what `watch` makes of its weights, (B, heads, T, S), in the order in which it is computed.

    A mean of tokens is attention too: one head and one query, (B, 1, 1, S), that reads all real tokens the same.
    """
    before = watching.set(watch)
    try:
        yield
    finally:
        watching.reset(before)


def attend(q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None, dropout: nn.Module) -> Tensor:
    """softmax(q k' / sqrt(D) + bias) v, of (B, heads, T, D) and (B, heads, S, D).

    On a CPU this is faster than PyTorch's function, both with dropout and, in training, without.
    """
    with torch.autocast(q.device.type, enabled=False):  # or the softmax would be kept in fp32
        scores = q / q.shape[-1] ** 0.5 @ k.transpose(-1, -2)
        weights = (scores if bias is None else scores + bias.to(q.dtype)).softmax(-1)
        watch = watching.get()
        weights = weights if watch is None else watch(weights)
        return dropout(weights) @ v


Readings = list[list[tuple[list[str], list[str]]]]
"""What attends to what in a model: the names of the modalities whose tokens are queries, none of a mean, and of those
whose tokens are keys. They are grouped in steps, whose attention reads the tokens that the step before it left."""


def means(names: Iterable[str]) -> Readings:
    """The step in which the mean of each modality is read."""
    return [[([], [name]) for name in names]]


class Attention(nn.Module):
    """Multi-head attention: queries of one sequence read keys and values of another (Vaswani et al., 2017)."""

    def __init__(self, width: int, heads: int, dropout: float):
        super().__init__()
        self.heads, self.dropout = heads, Dropout(dropout)
        self.query, self.key, self.value, self.out = (nn.Linear(width, width) for _ in range(4))

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
        bias = torch.where(mask, 0.0, -torch.inf) if mask.dtype == torch.bool else mask
        y = attend(q, k, v, bias[:, None, None], self.dropout)
        return y.transpose(1, 2).flatten(2)  # (B, heads, T, D / heads) -> (B, T, D)

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)  # (B, T, D) -> (B, heads, T, D / heads)


def folded(convolution: nn.Conv2d, norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """Kernels and biases of a convolution without bias and the batch normalisation after it, as one convolution."""
    scale = norm.weight * (norm.running_var + norm.eps).rsqrt()
    return convolution.weight * scale[:, None, None, None], norm.bias - norm.running_mean * scale


def mlp(width: int, hidden: int, dropout: float) -> nn.Sequential:
    """Two layers with a GELU between."""
    return nn.Sequential(nn.Linear(width, hidden), nn.GELU(), Dropout(dropout), nn.Linear(hidden, width))


def head(width: int, outputs: int, hidden: int, dropout: float) -> nn.Sequential:
    """A small classifier: (B, width) -> (B, outputs)."""
    return nn.Sequential(
        nn.LayerNorm(width),
        Dropout(dropout),
        nn.Linear(width, hidden),
        nn.GELU(),
        Dropout(dropout),
        nn.Linear(hidden, outputs),
    )


class SelfAttentionBlock(nn.Module):
    """A pre-norm transformer layer: x + Attention(LN(x)), then x + MLP(LN(x))."""

    def __init__(self, width: int, heads: int, dropout: float):
        super().__init__()
        self.norm_attention, self.norm_mlp = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = Attention(width, heads, dropout)
        self.mlp, self.dropout = mlp(width, 4 * width, dropout), Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        y = self.norm_attention(x)
        return self.finish(x, self.attention.read(y, y, mask))

    def finish(self, x: Tensor, read: Tensor) -> Tensor:
        """What follows the reading: output projection, residual and MLP, (B, T, D), (B, T, D) -> (B, T, D)."""
        x = x + self.dropout(self.attention.out(read))
        return x + self.dropout(self.mlp(self.norm_mlp(x)))


class Unimodal(nn.Module):
    """One modality: mean of its tokens, small head; its tokens to logits (B, outputs)."""

    def __init__(self, widths: dict[str, int], outputs: int, hidden: int, dropout: float):
        super().__init__()
        (self.name, width), *_ = widths.items()
        self.absent, self.head = MissingModalityToken(widths), head(width, outputs, hidden, dropout)

    def forward(self, inputs: Inputs) -> Tensor:
        return self.head(self.absent(inputs)[self.name].mean())
