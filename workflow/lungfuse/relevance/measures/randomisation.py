"""Cascading randomisation of weights: Adebayo et al., NeurIPS 2018, https://arxiv.org/abs/1810.03292.

It is compared with unrelated maps, as by Arun et al., 2021, https://doi.org/10.1148/ryai.2021200267.
"""

from collections.abc import Iterator
from copy import deepcopy

import torch
from torch import Tensor, nn
from torchmetrics.functional.image import structural_similarity_index_measure

from lungfuse.relevance.given import ALL, Given, Measured, where
from lungfuse.relevance.network import ExplainedNetwork, Relevance
from lungfuse.relevance.similarity import pairwise, rank_correlation, rank_correlations, unrelated

TITLE = "Randomised weights"
CAPTION = (
    "How far the relevance changes, as 1 - similarity, when the weights of the model are shuffled, then those of the "
    "upper half of its encoders, then all (Adebayo et al., 2018). Similarity is Spearman's rank correlation "
    "and, of images, SSIM."
)
LIMIT = "With all weights shuffled, as far as the relevance for cases of two patients differs, but one tenth"
MARGIN, MODALITIES, NEEDS = 0.1, ["image", "text", "structured"], ["network", "method"]
NETWORKS = 2  # with all weights shuffled, over which a change is the mean: one may keep a sign by chance
WINDOW = 7


def measure(given: Given) -> list[Measured]:
    """The change of each case after each stage, "all" the last; each is paired with all others of the batch."""
    names, changes = given.explained(MODALITIES), {}
    for seed in range(NETWORKS):
        for stage, network in cascade(given.network, seed, only_all=seed > 0):
            for key, each in _changes(given, names, given.method(network)).items():
                changes.setdefault((*key, stage), []).append(each)
    controls, found = {key: unrelated(1 - each, given.groups) for key, each in _alike(given, names).items()}, []
    for (name, kind, stage), each in changes.items():
        control = controls[name, kind]
        value = where(control.isfinite(), torch.stack(each).mean(0))
        found.append(Measured(name, value, {"other cases": control}, f"{stage}, {kind}"))
    return found


def _changes(given: Given, names: list[str], after: Relevance) -> dict[tuple[str, str], Tensor]:
    """How far relevance is from that after a change, (B,), by modality and kind of similarity."""
    found = {}
    for name in names:
        before, real = given.relevance[name], given.real(name)
        found[name, "rank correlation"] = 1 - rank_correlation(before, after[name], real)
        if before.ndim == 3:
            found[name, "SSIM"] = where(real.any(1), 1 - similarity(before, after[name]))
    return found


def _alike(given: Given, names: list[str]) -> dict[tuple[str, str], Tensor]:
    """How alike the relevance of each case is to that of each other, (B, B), by modality and kind of similarity."""
    found = {}
    for name in names:
        relevance = given.relevance[name]
        found[name, "rank correlation"] = rank_correlations(relevance, relevance, given.real(name))
        if relevance.ndim == 3:
            there = given.case.there[name]
            found[name, "SSIM"] = where(there & there[:, None], pairwise(similarity, relevance))
    return found


def similarity(a: Tensor, b: Tensor) -> Tensor:
    """The SSIM of maps, (B, y, x), (B,).

    Each is divided by twice its largest absolute value, and nothing lies at 0.5: of opposite maps around 0 the means
    and the rest would both be opposite, and the SSIM, their product, high.
    """
    largest = [each.abs().amax((1, 2), keepdim=True).clamp(min=1e-12) for each in [a, b]]
    a, b = (0.5 + (each / (2 * most))[:, None] for each, most in zip([a, b], largest, strict=True))
    window = min(WINDOW, (min(a.shape[2:]) - 1) // 2 * 2 + 1)  # odd, and no larger than a map
    found = structural_similarity_index_measure(
        a, b, gaussian_kernel=False, kernel_size=window, data_range=1.0, reduction="none"
    )
    return found.reshape(-1)


def cascade(network: ExplainedNetwork, seed: int, only_all: bool = False) -> Iterator[tuple[str, ExplainedNetwork]]:
    """A copy of a network, again after each stage at which more of its weights are shuffled, from the output on."""
    copy, rng = deepcopy(network), torch.Generator().manual_seed(seed)
    for name, modules in [] if only_all else stages(copy):
        shuffle([parameter for module in modules for parameter in module.parameters()], rng)
        yield name, copy
    shuffle([*copy.parameters()], rng)
    yield ALL, copy


def stages(network: ExplainedNetwork) -> list[tuple[str, list[nn.Module]]]:
    """The model, then the half of the layers of each encoder that is nearer to it; all is a stage of its own."""
    halves = [encoder.layers()[len(encoder.layers()) // 2 :] for encoder in network.encoders.values()]
    return [("model", [network.model]), ("half of the encoders", [layer for half in halves for layer in half])]


@torch.no_grad()
def shuffle(parameters: list[nn.Parameter], rng: torch.Generator) -> None:
    """Change the places of the weights in each tensor: what was learned is gone, and their size is the same."""
    for each in parameters:
        places = torch.randperm(each.numel(), generator=rng).to(each.device)
        each.copy_(each.flatten()[places].view_as(each))
