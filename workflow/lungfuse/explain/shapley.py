"""Shapley values of columns: Lundberg and Lee, NeurIPS 2017, https://arxiv.org/abs/1705.07874."""

import torch
from torch import Tensor

from lungfuse.relevance.network import Case, ExplainedNetwork, Relevance
from lungfuse.relevance.shapley_values import shapley_values

TITLE = "Shapley values"
CAPTION = (
    "What each column adds to the logit, the mean over all orders in which columns may become known (Lundberg and Lee, "
    "2017), exact up to ten columns; an unknown column has its mean. They add up to the change of the logit by all of "
    "them."
)
MODALITIES, SIGNED, SUMS = ["structured"], True, ""


@torch.no_grad()
def explain(network: ExplainedNetwork, case: Case, target: Tensor) -> Relevance:
    """The Shapley value of each column."""
    count = case.entries["structured"].shape[1]

    def lost_without(unknown: Tensor) -> Tensor:
        return network.losses(case, target, "structured", unknown).double()

    return {"structured": shapley_values(lost_without, count)}
