"""Integrated gradients: Sundararajan et al., ICML 2017, https://arxiv.org/abs/1703.01365."""

import torch
from captum.attr import IntegratedGradients
from torch import Tensor

from lungfuse.relevance.network import Case, ExplainedNetwork, Relevance

TITLE = "Integrated gradients"
CAPTION = (
    "Gradients of the logit along the line from the neutral case (grey image, words left out, mean columns) to this "
    "one (Sundararajan et al., 2017). The relevance of all parts adds up to the change of the logit."
)
MODALITIES, SIGNED, SUMS = ["image", "text", "structured"], True, "change"
STEPS = 64


def explain(network: ExplainedNetwork, case: Case, target: Tensor) -> Relevance:
    """The relevance of each pixel, word and column."""
    names = list(case.entries)

    def logit(*entries: Tensor) -> Tensor:
        moved = case.at(dict(zip(names, entries, strict=True)))
        return network.logit(network(moved), target.repeat(len(moved) // len(case)))

    neutral = network.neutral(case)
    given, baselines = (tuple(each[name] for name in names) for each in [case.entries, neutral])
    with torch.enable_grad():
        found = IntegratedGradients(logit).attribute(
            given, baselines, n_steps=STEPS, internal_batch_size=max(len(case), 16)
        )
    return {name: network.by_part(name, each) for name, each in zip(names, found, strict=True)}
