"""How much each modality of a case decided: Shapley values over all of its modalities."""

import torch
from torch import Tensor

from lungfuse.explain.shapley import exact
from lungfuse.relevance.network import Case, ExplainedNetwork


@torch.no_grad()
def modality_values(network: ExplainedNetwork, case: Case, target: Tensor) -> Tensor:
    """What each modality adds to the logit of the target, (B, modality), an absent one being neutral.

    They add up to the change of the logit from the neutral case.
    """
    names = list(case.entries)
    given, neutral = network.encode(case), network.encode(case.at(network.neutral(case)))

    def lost(away: Tensor) -> Tensor:
        found = []
        for subset in away.tolist():
            mixed = {name: (neutral if gone else given)[name] for name, gone in zip(names, subset, strict=True)}
            found.append(network.logit(network.decide(mixed), target))
        return (found[0] - torch.stack(found)).double()  # the first subset lacks nothing

    return exact(lost, len(names))
