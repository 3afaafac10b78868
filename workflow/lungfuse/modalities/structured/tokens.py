"""Structured columns to tokens, one each.

Gorishniy et al., Revisiting Deep Learning Models for Tabular Data, 2021, https://arxiv.org/abs/2106.11959: a number is
its value times a vector plus another, a category a vector of its own. A missing value is a learned vector.
"""

import torch
from torch import Tensor, nn

from lungfuse.layers.blocks import Tokens


class ColumnTokens(nn.Module):
    """`numbers` (B, number) and `categories` (B, category) to a token each; missing ones are NaN and negative.

    Tokens of a case without any value are all masked.
    """

    def __init__(self, numbers: int, categories: list[int], width: int):
        super().__init__()
        bound = width**-0.5
        self.weight, self.bias = (nn.Parameter(torch.empty(numbers, width).uniform_(-bound, bound)) for _ in range(2))
        self.categories = nn.ParameterList(torch.empty(count, width).uniform_(-bound, bound) for count in categories)
        self.missing = nn.Parameter(torch.zeros(numbers + len(categories), width))

    def tokens(self, batch: dict[str, Tensor]) -> Tokens:
        """Tokens of a batch with their mask: (B, column, width), (B, column)."""
        numbers, categories = batch["numbers"], batch["categories"]
        values = [numbers.nan_to_num()[..., None] * self.weight + self.bias]
        coded = zip(self.categories, categories.clamp(min=0).T, strict=True)
        values += [vectors[codes][:, None] for vectors, codes in coded]
        known = torch.cat([~numbers.isnan(), categories >= 0], dim=1)
        tokens = torch.where(known[..., None], torch.cat(values, dim=1), self.missing)
        return Tokens(tokens, known.any(1, keepdim=True).expand_as(known))

    def neutral(self) -> Tensor:
        """The tokens of uninformative columns, (column, width): the mean of numbers, and that of all categories."""
        means = [vectors.mean(0, keepdim=True) for vectors in self.categories]
        return torch.cat([self.bias, *means])
