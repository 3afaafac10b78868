"""Whether a fusion beats the best of its parts, for each set of inputs that models of a study fuse."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lungfuse.compare.by_fold import by_fold, chosen, groups_of, mean_of_labels, validated_by_fold
from lungfuse.models.contrasts import fused_inputs
from lungfuse.models.naming import sources_of
from lungfuse.models.times import times_of, verdict_refused
from lungfuse.settings.model import ModelConfig
from lungfuse.statistics.gains import (
    MIN_GROUPS,
    Gain,
    SmallestGain,
    degrees_of_freedom,
    effective_groups,
    exceeds,
    gain,
    smallest_gains,
    word,
)
from lungfuse.statistics.within_folds import WithinFolds, mean_value
from lungfuse.tasks import Task


@dataclass(frozen=True)
class Scored:
    """The models of a study, scored within folds, training by training.

    `trainings` are (model, training), `validated` the AUROC on validation pairs of each model, (training, label, fold),
    `groups` the group of each pair as an integer from 0, (pair,), and `metric` is auroc, or accuracy or
    balanced_accuracy at decisions by the calibrated probability, or concordance or r2 of numbers.
    """

    names: list[str]
    models: list[ModelConfig]
    trainings: list[list[WithinFolds]]
    validated: list[np.ndarray]
    groups: np.ndarray
    metric: str = "auroc"

    def validated_by(self, model: int) -> float:
        """The AUROC of a model on the validation pairs of all its trainings; 0 where none have both classes."""
        found = self.validated[model][np.isfinite(self.validated[model])]
        return float(found.mean()) if len(found) else 0.0

    @property
    def effective_groups(self) -> float:
        return effective_groups(self.groups)

    def chance(self, model: int) -> list[WithinFolds]:
        """What a model has to beat to know anything: the majority, where the study has it, or else one half, or an R2
        of 0."""
        majority = [n for n, each in enumerate(self.models) if each.architecture == "majority"]
        nothing = 0.0 if self.metric == "r2" else 0.5
        return self.trainings[majority[0]] if majority else [each.at(nothing) for each in self.trainings[model]]

    def gain(self, a: Sequence[WithinFolds], b: Sequence[WithinFolds]) -> Gain:
        return gain(a, b, self.groups)

    @property
    def degrees(self) -> float:
        """Degrees of freedom of the standard errors of gains."""
        return degrees_of_freedom(self.groups)


def scored(
    task: Task, names: list[str], models: list[ModelConfig], joined: Sequence[pd.DataFrame],
    validated: Sequence[pd.DataFrame], metric: str = "auroc",
) -> Scored:  # fmt: skip
    """From the predictions of each model, see `join_predictions`, and its `ValidationPredictions`."""
    trainings = [by_fold(task, each, metric) for each in joined]
    folds = trainings[0][0].of_fold.shape[1]
    on_validation = [validated_by_fold(task, each, folds) for each in validated]
    groups = np.unique(groups_of(joined[0]), return_inverse=True)[1]
    return Scored(names, models, trainings, on_validation, groups, metric)


@dataclass(frozen=True)
class Fusion:
    """The models that fuse the same inputs, as one: in each fold the one that is best on its validation pairs.

    `inputs` are those of `reads`, one of the models. `models` are their positions, `best` which of them is taken in
    each fold, (training, fold), `parts` the positions of all models of a true subset of the inputs, and `gains` what
    the fusion gains over each of them.
    """

    inputs: set[str]
    reads: ModelConfig
    models: list[int]
    best: np.ndarray
    trainings: list[WithinFolds]
    parts: list[int]
    gains: list[Gain]

    @property
    def picked(self) -> np.ndarray:
        """How often each of the models is taken, (model,)."""
        return np.bincount(self.best.ravel(), minlength=len(self.models))

    @property
    def value(self) -> float:
        return mean_value(self.trainings)


def fusions(found: Scored) -> list[Fusion]:
    """Those of a study that have parts, in the order of the models."""
    return [each for inputs in fused_inputs(found.models) if (each := fusion_of(found, inputs)).parts]


def with_verdicts(found: Scored, known_times: dict[str, str]) -> list[Fusion]:
    """Those whose inputs can be had when the image is read, see `lungfuse.models.times`."""
    return [each for each in fusions(found) if not verdict_refused(times_of(each.reads, known_times))]


def fusion_of(found: Scored, inputs: set[str]) -> Fusion:
    """The fusion of a set of inputs."""
    return as_one(found, reading(found, inputs))


def reading(found: Scored, inputs: set[str]) -> list[int]:
    """The positions of the models that read exactly these inputs, as they are."""
    return [n for n, model in enumerate(found.models) if sources_of(model) == inputs and not model.ablation]


def best_of(found: Scored, models: list[int]) -> tuple[list[WithinFolds], np.ndarray]:
    """Models that read the same inputs, by their positions, as one, see `chosen`."""
    validated = [mean_of_labels(found.validated[n]) for n in models]
    return chosen([found.trainings[n] for n in models], validated)


def as_one(found: Scored, models: list[int]) -> Fusion:
    """The fusion that some models of the same inputs are, by their positions, as if no other read these."""
    reads = found.models[models[0]]
    inputs = sources_of(reads)
    trainings, best = best_of(found, models)
    parts = [n for n, model in enumerate(found.models) if is_part(model, inputs)]
    gains = [found.gain(trainings, found.trainings[n]) for n in parts]
    return Fusion(inputs, reads, models, best, trainings, parts, gains)


def is_part(model: ModelConfig, inputs: set[str]) -> bool:
    """Whether a model reads some of these inputs and nothing else."""
    return bool(sources_of(model)) and sources_of(model) < inputs and not model.ablation


def judge(found: Scored, judged: Sequence[Fusion], confidence: float, seed: int) -> list[SmallestGain]:
    """The smallest gain of each fusion, as one family."""
    return smallest_gains([fusion.gains for fusion in judged], found.degrees, confidence, seed)


def verdict_of(scored: Scored, gained: SmallestGain, margin: float) -> dict[str, object]:
    """The columns of `Verdict` that say what is shown; too few groups have no interval and no p."""
    nothing, found = float("nan"), {"gain": gained.value, "margin": margin}
    if scored.effective_groups < MIN_GROUPS:
        return found | {"word": word(nothing, nothing, margin)}
    return found | {
        "gain_low": gained.low,
        "gain_high": gained.high,
        "word": word(gained.low, gained.high, margin),
        "p_margin": exceeds(gained, margin, scored.degrees),
        "p": gained.p,
        "p_corrected": gained.p_corrected,
    }
