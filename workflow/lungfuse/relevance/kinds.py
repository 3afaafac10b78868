"""Trained models of every kind that can be explained, as networks."""

from functools import singledispatch

import torch
from sklearn.pipeline import Pipeline
from torch import Tensor, nn

from lungfuse.errors import UserError
from lungfuse.layers.blocks import Inputs, Readings, means
from lungfuse.modalities import encoded, load_modality
from lungfuse.models import load_model
from lungfuse.plan.model_checks import PROBE
from lungfuse.predict.estimator import EstimatorFold
from lungfuse.predict.fold_model import FoldModel, StoredFold
from lungfuse.predict.late import LateFusion
from lungfuse.predict.network import NetworkFold
from lungfuse.relevance.network import ExplainedNetwork
from lungfuse.tasks import Task

SURE = 1e-4  # the least score whose log odds are taken, as late fusions do


def stored_folds(fold: FoldModel) -> list[StoredFold]:
    """The models that read cases: the parts of a late fusion, or the model itself."""
    return list(fold.parts.values()) if isinstance(fold, LateFusion) else [fold]


@singledispatch
def explained(fold: FoldModel) -> ExplainedNetwork:
    """The model of a fold, which is loaded, as a network.

    Raises:
        UserError: it cannot be explained.
    """
    raise UserError(f"{fold.config.name}: cannot be explained; expected a network, a linear probe or a late fusion.")


def check_single(fold: StoredFold) -> None:
    """Raise UserError for a model that reads several images or texts of a case."""
    for name in encoded(fold.config.inputs):
        if len(load_modality(name).sources(fold.config.inputs[name])) > 1:
            raise UserError(
                f"{fold.folder}: reads several inputs of {name} of a case, which cannot be explained yet. Explain a "
                "model that reads one of them."
            )


@explained.register
def _(fold: NetworkFold) -> ExplainedNetwork:
    check_single(fold)
    module, pools = fold.module, list(fold.frozen_encoders) if fold.config.pooling == "mean" else []
    encoders = {
        name: each
        for name, each in (fold.frozen_encoders | dict(module.encoders.items())).items()
        if name in fold.config.inputs
    }
    if without := [name for name, each in encoders.items() if not getattr(each.spec, "grid", True)]:
        raise UserError(
            f"{fold.folder}: cannot be explained, for the tokens of {fold.config.encoders[without[0]]} have no place "
            "in the image. Explain a model with another encoder."
        )
    return ExplainedNetwork(encoders, dict(module.tokenizers.items()), module.model, module.task, pools)


@explained.register
def _(fold: EstimatorFold) -> ExplainedNetwork:
    if fold.config.architecture != PROBE:
        raise UserError(
            f"{fold.folder}: is a model of {fold.config.architecture}, which is no network, so no gradient passes "
            f"through it. Explain a network, a {PROBE}, or a late fusion of these."
        )
    check_single(fold)
    probe = Probe(fold.models, list(fold.encoders), fold.task)
    return ExplainedNetwork(fold.encoders, {}, probe, fold.task, fold.encoders, by_class=True)


@explained.register
def _(fold: LateFusion) -> ExplainedNetwork:
    parts = [explained(part) for part in fold.parts.values()]
    names = [name for part in parts for name in part.modalities]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise UserError(
            f"{fold.folder}: several of its parts read the {twice[0]}, so its contribution cannot be split by part. "
            "Explain the parts, or a late fusion of unimodal ones."
        )
    together = Together(parts, fold.task, load_model(fold.config.architecture), fold.fitted)
    encoders = {name: encoder for part in parts for name, encoder in part.encoders.items()}
    tokenizers = {name: tokenizer for part in parts for name, tokenizer in part.tokenizers.items()}
    pools = {name for part in parts for name in part.pools}
    return ExplainedNetwork(encoders, tokenizers, together, fold.task, pools, by_class=True)


class Probe(nn.Module):
    """The logistic regressions of a linear probe, a pipeline a label column, on the mean tokens of some modalities."""

    def __init__(self, pipelines: list[Pipeline], modalities: list[str], task: Task):
        super().__init__()
        self.modalities, self.one_score = modalities, task.one_score
        for pipeline in pipelines:
            if not isinstance(pipeline, Pipeline):
                raise UserError(f"{PROBE}: has seen one class alone of a label, so there is nothing to explain.")
        scalers, regressions = ([each[place] for each in pipelines] for place in (0, -1))
        rows = [torch.tensor(each.coef_ / scaler.scale_) for each, scaler in zip(regressions, scalers, strict=True)]
        self.linear = nn.Linear(rows[0].shape[1], sum(map(len, rows)))
        self.linear.weight.data = torch.cat(rows).float()
        means = torch.tensor(scalers[0].mean_).float()
        intercepts = torch.tensor([value for each in regressions for value in each.intercept_]).float()
        self.register_buffer("mean", means)
        self.linear.bias.data = intercepts - self.linear.weight.data @ means

    def forward(self, inputs: Inputs) -> Tensor:
        """Tokens of each modality to logits, (B, output); what a case lacks is at the mean."""
        found, start = [], 0
        for name in self.modalities:
            tokens = inputs[name]
            mean = self.mean[start : start + tokens.values.shape[-1]]
            found.append(torch.where(tokens.mask.any(1, keepdim=True), tokens.mean(), mean))
            start += len(mean)
        logits = self.linear(torch.cat(found, dim=-1))
        return both_classes(logits) if self.one_score else logits

    def attended(self) -> Readings:
        """The mean of each modality is read."""
        return means(self.modalities)


class Together(nn.Module):
    """A late fusion of networks, by what its architecture makes of their scores."""

    def __init__(self, parts: list[ExplainedNetwork], task: Task, architecture, fitted: dict):
        super().__init__()
        self.models, self.reads = nn.ModuleList(part.model for part in parts), [part.modalities for part in parts]
        self.task, self.architecture, self.fitted = task, architecture, fitted

    def forward(self, inputs: Inputs) -> Tensor:
        """Tokens of each modality to logits, (B, output): the log odds of fused scores, or their logarithms."""
        parts = [
            self.task.scores(model({name: inputs[name] for name in names}))
            for model, names in zip(self.models, self.reads, strict=True)
        ]
        scores = torch.stack(parts)  # (part, B, score column)
        if hasattr(self.architecture, "combine"):
            odds = torch.logit(scores.clamp(SURE, 1 - SURE))
            logits = torch.stack(self.architecture.combine(odds, self.fitted), 1)
        else:
            fused = self.architecture.fuse(scores, self.fitted, self.task)
            logits = fused.log() if self.task.excludes else torch.logit(fused)
        return both_classes(logits) if self.task.one_score else logits

    def attended(self) -> Readings:
        """What each part attends to, one after the other."""
        found = []
        for model, names in zip(self.models, self.reads, strict=True):
            found += model.attended() if hasattr(model, "attended") else means(names)
        return found


def both_classes(odds: Tensor) -> Tensor:
    """Log odds of the second of two classes as the logits of both, (B, 1) -> (B, 2)."""
    return torch.cat([torch.zeros_like(odds), odds], dim=1)
