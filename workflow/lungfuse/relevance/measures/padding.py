"""Padding says nothing: neither is it relevant, nor does the network read it."""

import torch
from torch import Tensor

from lungfuse.relevance.given import Given, Measured, where

TITLE = "Nothing at padding"
CAPTION = (
    "Of the absolute relevance of a text the share that is not at padding; and of what the logit moves when padding is "
    "overwritten by words, or words are left out, the share of the latter."
)
LIMIT = "All of it, but one hundredth"
MARGIN, MODALITIES, NEEDS = 0.01, ["text"], []


def measure(given: Given) -> list[Measured]:
    """The shares in [0, 1]; of texts without padding there is none."""
    found = []
    for name in given.explained(MODALITIES):
        padding = ~given.case.there[name]
        known, relevance = padding.any(1), given.relevance[name].abs()
        value = {"relevance": _rest(torch.where(padding, relevance, 0).sum(1), relevance.sum(1))}
        if given.has("network"):
            value["network"] = _read(given, name)
        whole = {"all of it": where(known, torch.ones(len(known), device=known.device))}
        found += [Measured(name, where(known, each), whole, variant) for variant, each in value.items()]
    return found


def _rest(part: Tensor, whole: Tensor) -> Tensor:
    """The share of a whole that is not of a part, 1 where there is nothing, (B,)."""
    return 1 - part / whole.clamp(min=torch.finfo(whole.dtype).tiny)


@torch.no_grad()
def _read(given: Given, name: str) -> Tensor:
    """What words move of the logit, as a share of what they and padding do, (B,)."""
    network, entry, there = given.network, given.case.entries[name], given.case.there[name]
    length = there.sum(1, keepdim=True).clamp(min=1)
    places = torch.arange(entry.shape[1], device=entry.device) % length  # (B, T)
    words = entry.gather(1, places[..., None].expand_as(entry))
    changes = torch.stack(
        [entry, torch.where(there[..., None], entry, words), network.neutral(given.case)[name]]
    )  # (3, B, T, D)
    logits = network.changed(given.case, network.encode(given.case), name, changes).flatten(0, 1)
    logits = network.logit(logits, given.target.repeat(3)).unflatten(0, (3, -1))
    by_padding, by_words = (logits[1:] - logits[0]).abs()
    return _rest(by_padding, by_padding + by_words)
