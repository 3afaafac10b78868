"""Layer-wise relevance propagation: Bach et al., PLOS ONE 10, 2015, https://doi.org/10.1371/journal.pone.0130140."""

import torch
from torch import Tensor

from lungfuse.relevance.lrp_rules import lrp_rules
from lungfuse.relevance.network import Case, ExplainedNetwork, Relevance

TITLE = "LRP"
CAPTION = (
    "Layer-wise relevance propagation: the logit handed back layer by layer to what made it (Bach et al., 2015), by "
    "the gamma rule in convolutions (Montavon et al., 2019) and with fixed weights of attention (Ali et al., 2022). "
    "The relevance of all parts adds up to the logit but for what the constants of the network, its biases, take."
)
MODALITIES, SIGNED, SUMS = ["image", "text", "structured"], True, "logit"


def explain(network: ExplainedNetwork, case: Case, target: Tensor) -> Relevance:
    """The relevance of each pixel, (B, y, x), word and column, by the rules of `lungfuse.relevance.lrp_rules`.

    It is input times gradient, of pixels from the level that encoders take for zero, and of words with their places.
    Where a network has no biases it sums to the logit.
    """
    entries = {name: _entries(network, name, each).requires_grad_() for name, each in case.entries.items()}
    with torch.enable_grad(), lrp_rules(network):
        logit = network.logit(network(case.at(entries)), target).sum()
        gradients = torch.autograd.grad(logit, list(entries.values()), materialize_grads=True)
    read = {name: _read(network, name, each.detach()) for name, each in entries.items()}
    return {name: (read[name] * each).sum(-1) for name, each in zip(entries, gradients, strict=True)}


def _entries(network: ExplainedNetwork, name: str, entry: Tensor) -> Tensor:
    """Entries to take the gradient of: images in colour, each of which has a zero of its own."""
    grey = network.is_image(name) and entry.ndim == 3
    return (entry[..., None].expand(-1, -1, -1, 3) if grey else entry).detach().clone()


def _read(network: ExplainedNetwork, name: str, entry: Tensor) -> Tensor:
    """Entries as the first layer reads them, their zero where it has it."""
    if network.is_image(name):
        return entry - 255 * network.encoders[name].mean.flatten()  # (B, y, x, 3)
    return entry if name in network.tokenizers else network.encoders[name].place(entry)
