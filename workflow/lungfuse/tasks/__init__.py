"""Tasks: what a study asks of a pair. One module each, found by the name in a study's `task`.

Arrays have the same axes in all of them: targets (pair, label column), NaN where a label is not known; scores (pair,
score column) in [0, 1]; predictions like targets. `labels` are the names of classes or labels, or of a number its name
and the ends of its range.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, FiniteFloat

from lungfuse import registry
from lungfuse.measures import METRICS, OneAgainstRest

if TYPE_CHECKING:
    from torch import Tensor

Kind = Literal["label", "score", "prediction", "probability"]
TARGETS = ("classes", "grades", "numbers")  # what a task asks for
CLASS_SCORES = ("auroc", "accuracy", "balanced_accuracy")  # by which models that predict classes may be compared


class Calibration(BaseModel):
    """A line on the log odds of each score, or on the logarithms of the scores of classes that exclude each other.

    `slope` is the inverse temperature; `intercept` restores the share of positives where training weighed the classes.
    Both have one entry a score column.
    """

    model_config = ConfigDict(extra="forbid")

    slope: list[FiniteFloat]
    intercept: list[FiniteFloat]


@dataclass(frozen=True)
class TaskSpec:
    """What a task declares in capitals beside its class.

    A study names at least `min_labels` and at most `max_labels`, or any number; `exclusive` ones where a pair has one.
    `asks_for` is one of `TARGETS`; models are compared by one of the scores `compared_by`.
    """

    min_labels: int
    max_labels: int | None
    exclusive: bool
    asks_for: str = "classes"
    compared_by: tuple[str, ...] = CLASS_SCORES

    @property
    def two_classes(self) -> bool:
        """Whether a pair is of one class or the other."""
        return self.exclusive and self.max_labels == 2

    @property
    def classes(self) -> bool:
        """Whether pairs are of classes or have labels, which can be counted and decided for, and are no numbers."""
        return self.asks_for != "numbers"


class Task(ABC):
    """A task with the names of its classes or labels.

    `primary` is the metric by which models are compared, `measured` are those of `measures`, `headline`
    those that come first, `shown` those of a model card, and `means` says in words what they are means over.
    `excludes` says whether the scores of a pair are of classes that exclude each other, and sum to 1; `numbers` whether
    targets are numbers and no classes.
    """

    primary: str = "auroc"
    measured: tuple[str, ...] = tuple(METRICS)
    headline: tuple[str, str] = ("accuracy", "auroc")
    shown: tuple[str, ...]
    means: str = ""
    numbers: bool = False
    excludes: bool

    def __init__(self, labels: list[str]):
        self.labels = list(labels)

    @abstractmethod
    def columns(self, kind: Kind) -> list[str]:
        """The columns of a table that hold labels, scores, predictions or probabilities."""

    @property
    def ranked(self) -> list[str]:
        """What the questions of `rankings` are called."""
        return self.labels[1:] if self.two_classes else self.labels

    @property
    def one_score(self) -> bool:
        """Whether one score says how far a pair is from one of two ends: classes, or those of a range of numbers."""
        return len(self.columns("score")) == 1

    @property
    def two_classes(self) -> bool:
        """Whether pairs are positive or negative, so that one score is enough."""
        return self.one_score

    @property
    @abstractmethod
    def outputs(self) -> int:
        """How many logits a network gives a pair."""

    @abstractmethod
    def weights(self, targets: np.ndarray) -> np.ndarray:
        """Weights in the loss with which both classes of a label, or all classes, count the same; (class or label,)."""

    def pair_weights(self, targets: np.ndarray) -> np.ndarray:
        """What each pair counts by `weights` for each score, (pair, score column): by the class that it is of."""
        return np.repeat(self.weights(targets)[targets.astype(int)], len(self.columns("score")), axis=1)

    @abstractmethod
    def loss(self, logits: "Tensor", targets: "Tensor", weights: "Tensor", label_smoothing: float) -> "Tensor":
        """The mean loss of logits (B, output) over known labels (B, label column).

        `weights` is what `weights` gives, or ones.
        """

    @abstractmethod
    def scores(self, logits: "Tensor") -> "Tensor":
        """Logits to scores in [0, 1]: (B, output) to (B, score column)."""

    def class_logits(self, logits: "Tensor") -> "Tensor":
        """Logits (B, output) as one a class or label, for what asks about one of them."""
        return logits

    @abstractmethod
    def decide(self, scores: np.ndarray) -> np.ndarray:
        """Scores to predictions: (pair, score column) to (pair, label column), int."""

    @abstractmethod
    def one_against_rest(
        self, targets: np.ndarray, scores: np.ndarray, predictions: np.ndarray
    ) -> list[OneAgainstRest]:
        """Each label by itself."""

    def rankings(self, targets: np.ndarray, scores: np.ndarray, predictions: np.ndarray) -> list[OneAgainstRest]:
        """The questions of two answers whose mean AUROC is that of the task: each label by itself."""
        return self.one_against_rest(targets, scores, predictions)

    @abstractmethod
    def correct(self, targets: np.ndarray, predictions: np.ndarray) -> np.ndarray:
        """How right the prediction of each pair is, (pair,), in [0, 1]."""

    @abstractmethod
    def strata(self, targets: np.ndarray) -> np.ndarray:
        """What folds have the same share of: 0 or 1, (pair, stratum)."""

    @abstractmethod
    def measures(
        self, targets: np.ndarray, scores: np.ndarray, predictions: np.ndarray, weights: np.ndarray
    ) -> np.ndarray:
        """The metrics called `measured`, (metric, resample), of weights (resample, pair)."""

    @property
    def scored(self) -> list[str]:
        """The metrics of a comparison: those that are measured, and the primary one."""
        return list(dict.fromkeys([*self.measured, self.primary]))

    def validated(self, targets: np.ndarray, scores: np.ndarray) -> dict[str, float]:
        """The metrics `scored` of scores (pair, score column); NaN where one is not defined."""
        found = self.measures(targets, scores, self.decide(scores), np.ones((1, len(targets))))[:, 0]
        return dict(zip(self.measured, map(float, found), strict=True))

    @abstractmethod
    def calibrate(self, scores: np.ndarray, targets: np.ndarray) -> Calibration:
        """How scores become probabilities, by pairs that the model has not learned from."""

    @abstractmethod
    def probabilities(self, scores: np.ndarray, calibration: Calibration) -> np.ndarray:
        """Calibrated scores, of the same shape."""

    def shares(self, targets: np.ndarray) -> np.ndarray:
        """Targets as estimators learn them: whole numbers are classes, a share counts as both 1 and 0."""
        return targets

    def in_classes(self, frame: pd.DataFrame) -> tuple["Task", pd.DataFrame]:
        """A table with label columns as one of classes, for what counts these, and the task of which they are."""
        return self, frame

    def targets(self, frame: pd.DataFrame) -> np.ndarray:
        """The labels of a table, (pair, label column), NaN where one is not known."""
        return frame[self.columns("label")].to_numpy(dtype=float, na_value=np.nan)

    def of(self, kind: Kind, frame: pd.DataFrame) -> np.ndarray:
        """The columns of one kind of a table as an array, (pair, column)."""
        return frame[self.columns(kind)].to_numpy(dtype=float, na_value=np.nan)


def task_names() -> list[str]:
    """The names of all tasks."""
    return list(registry.names(__name__))


def task_spec(name: str) -> TaskSpec:
    """What the task called `name` declares, without importing it."""
    found = registry.declared(__name__, name)
    compared_by = tuple(found.get("COMPARED_BY", CLASS_SCORES))
    asks_for = found.get("ASKS_FOR", "classes")
    return TaskSpec(found["MIN_LABELS"], found["MAX_LABELS"], found["EXCLUSIVE"], asks_for, compared_by)


def task_module(name: str) -> str:
    """The module of the task called `name`."""
    return registry.module_of(__name__, name)


def load_task(name: str, labels: list[str]) -> Task:
    """The task called `name` with these labels.

    Raises:
        UserError: there is none, or it cannot be imported.
    """
    return registry.load(__name__, name).Task(labels)


def weighted_cross_entropy(logits: "Tensor", classes: "Tensor", weights: "Tensor", label_smoothing: float) -> "Tensor":
    """The mean over pairs, each weighed by the class that it is of: (B, class) and (B,), weights (class,).

    PyTorch's own weights weigh each smoothed part of a target by its class: the sliver that every pair has of a rare
    class would then count as much as the class it is of.
    """
    from torch.nn.functional import cross_entropy

    of_pair = weights[classes]
    losses = cross_entropy(logits, classes, reduction="none", label_smoothing=label_smoothing)
    return (losses * of_pair).sum() / of_pair.sum()
