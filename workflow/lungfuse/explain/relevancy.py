"""Relevancy of attention: Chefer, Gur and Wolf, ICCV 2021, https://arxiv.org/abs/2103.15679.

Shapes: B cases, T tokens of a modality, N tokens of all.
"""

import torch
from torch import Tensor

from lungfuse.errors import UserError
from lungfuse.layers.blocks import Readings, Tokens, means
from lungfuse.relevance.attention import encoded, with_attention
from lungfuse.relevance.network import Case, ExplainedNetwork, Relevance

TITLE = "Relevancy"
CAPTION = (
    "What reaches the logit through the attention of encoders and fusion, each weight times its gradient where that "
    "speaks for the target (Chefer, Gur and Wolf, 2021). Where an encoder has no attention, its last features are the "
    "parts."
)
MODALITIES, SIGNED, SUMS = ["image", "text", "structured"], False, ""


def explain(network: ExplainedNetwork, case: Case, target: Tensor) -> Relevance:
    """Maps on the grid of the tokens of the image, (B, y, x), words, (B, T), and columns, (B, C).

    The means of tokens that a model takes at the end are attention of one query. Nothing is explained of a model whose
    attention is not known, see `lungfuse.models`.

    Raises:
        UserError: a model has other attention than it says.
    """
    with torch.enable_grad():
        streams = {name: encoded(network, case, name) for name in network.modalities}
        read = network.pooled({name: tokens for name, (tokens, _) in streams.items()})
        logits, weights = with_attention(lambda: network.model(read))
        logit = network.logit(logits, target).sum()
    places = _places(read)
    steps = _steps(network, weights, places)
    if not steps:
        return {}
    by_encoder = {name: self_attended(tokens, relevant(logit, own)) for name, (tokens, own) in streams.items()}
    of_read = {name: identity(read[name]) if name in network.pools else each for name, each in by_encoder.items()}
    reached = spread(together(list(of_read.values())), relevant(logit, weights), steps, places)
    found = {}
    for name, (tokens, _) in streams.items():
        each = reached[:, places[name]]
        if name in network.pools:
            each = each * Tokens(by_encoder[name], tokens.mask).mean()
        found[name] = network.by_token(case, name, each)
    return found


def relevant(logit: Tensor, weights: list[Tensor]) -> list[Tensor]:
    """Eq. 5: the mean over heads of weights, (B, heads, T, S), times their gradients, where positive: (B, T, S)."""
    if not weights:
        return []
    gradients = torch.autograd.grad(logit, weights, retain_graph=True, materialize_grads=True)
    both = zip(weights, gradients, strict=True)
    return [(each.detach() * gradient).clamp(min=0).mean(1) for each, gradient in both]


def identity(tokens: Tokens) -> Tensor:
    """Each token holds itself, (B, T, T)."""
    return torch.eye(tokens.mask.shape[1], device=tokens.mask.device).repeat(len(tokens.mask), 1, 1)


def self_attended(tokens: Tokens, attention: list[Tensor]) -> Tensor:
    """Eq. 6: what each token of an encoder holds of each, (B, T, T), after its layers of attention."""
    total = identity(tokens)
    for each in attention:
        total = total + each @ total
    return total


def together(relevances: list[Tensor]) -> Tensor:
    """What the tokens of each modality hold of their own, (B, T, T) each, as one table, (B, N, N)."""
    return torch.stack([torch.block_diag(*each) for each in zip(*relevances, strict=True)])


def spread(total: Tensor, attention: list[Tensor], steps: Readings, places: dict[str, Tensor]) -> Tensor:
    """What the means at the end hold of each token, (B, N), by that which all tokens hold of all, (B, N, N).

    Where tokens read their own kind, eq. 6 and 7: R += A R. All that a step reads is from before it.
    """
    reached, left = torch.zeros_like(total[:, 0]), iter(attention)
    for step in steps:
        before, total = total, total.clone()
        for queries, keys in step:
            each, read = next(left), _of(keys, places)
            if not queries:
                reached += (each @ before[:, read])[:, 0]
            elif queries == keys:
                total[:, read] += each @ before[:, read]
            else:
                asking = _of(queries, places)
                total[:, asking] += crossed(before, each, asking, read)
    return reached


def crossed(total: Tensor, attention: Tensor, asking: Tensor, read: Tensor) -> Tensor:
    """Eq. 10 and 11: what tokens at `asking` get of all, (B, T, N), by attention, (B, T, S), to those at `read`.

    Of the latter by R'ss^T A R'qq, where R' is normalised, and of all others by A R.
    """
    found = attention @ total[:, read]
    own, others = (normalised(total[:, at][:, :, at]) for at in [asking, read])
    found[:, :, read] = own.mT @ attention @ others
    return found


def normalised(own: Tensor) -> Tensor:
    """Eq. 8 and 9: what tokens got of each other so that it sums to one, and the identity."""
    one = torch.eye(own.shape[-1], device=own.device)
    got = own - one
    total = got.sum(-1, keepdim=True)
    return torch.where(total > 0, got / total, 0.0) + one


def _places(read: dict[str, Tokens]) -> dict[str, Tensor]:
    """Where the tokens of each modality are among all."""
    counts = [tokens.mask.shape[1] for tokens in read.values()]
    device = next(iter(read.values())).mask.device
    return dict(zip(read, torch.arange(sum(counts), device=device).split(counts), strict=True))


def _of(names: list[str], places: dict[str, Tensor]) -> Tensor:
    return torch.cat([places[name] for name in names])


def _steps(network: ExplainedNetwork, weights: list[Tensor], places: dict[str, Tensor]) -> Readings:
    """What attends to what in the model; nothing where it does not say so and has attention."""
    says = hasattr(network.model, "attended")
    steps = network.model.attended() if says else means(places)
    expected = [_shape(reading, places) for step in steps for reading in step]
    found = [tuple(each.shape[2:]) for each in weights]
    if found != expected and says:
        raise UserError(
            f"{type(network.model).__name__}: found attention of {found} queries and keys, expected {expected} by its "
            "`attended`. Fix that, see lungfuse.models."
        )
    return steps if found == expected else []


def _shape(reading: tuple[list[str], list[str]], places: dict[str, Tensor]) -> tuple[int, int]:
    queries, keys = (sum(len(places[name]) for name in names) for names in reading)
    return queries or 1, keys
