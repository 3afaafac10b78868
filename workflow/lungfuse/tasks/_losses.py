"""The loss of classes that exclude each other."""

from torch import Tensor
from torch.nn.functional import cross_entropy


def weighted_cross_entropy(logits: Tensor, classes: Tensor, weights: Tensor, label_smoothing: float) -> Tensor:
    """The mean over pairs, each weighed by the class that it is of: (B, class) and (B,), weights (class,).

    PyTorch's own weights weigh each smoothed part of a target by its class: the sliver that every pair has of a rare
    class would then count as much as the class it is of.
    """
    of_pair = weights[classes]
    losses = cross_entropy(logits, classes, reduction="none", label_smoothing=label_smoothing)
    return (losses * of_pair).sum() / of_pair.sum()
