"""Sets of classes for new cases, by the out-of-fold predictions of a study: cross-conformal prediction.

Vovk, Cross-conformal predictors, 2015, https://arxiv.org/abs/1208.0806; with classes, Romano, Sesia and Candes,
Classification with valid and adaptive coverage, 2020, https://arxiv.org/abs/2006.02544 (CV+). A class is in the set of
a case unless fewer than one in ten of the study's cases of that class had so low a probability of it, each by the model
of the fold that had not learned from it, compared with that same model's probability for the new case. Class by class,
so that rare classes are covered too. The promise is at least 80 % for new cases like those of the study, and in
practice about 90 %; patients with several cases, and sites, make less of it.
"""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from lungfuse.analyses.conformal import Question
from lungfuse.tasks import Task

COVERAGE = 0.9


@dataclass(frozen=True)
class OutOfFold:
    """The out-of-fold predictions of a model, and the number of the fold model that made each, (row,)."""

    task: Task
    table: pd.DataFrame
    made_by: np.ndarray
    found: dict[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)

    def of(self, question: Question) -> tuple[np.ndarray, np.ndarray]:
        """The class of each row, (row,), NaN where it is not known, and its probabilities, (row, class)."""
        if question.label not in self.found:
            of_table = self.task.targets(self.table), self.task.of("probability", self.table)
            self.found[question.label] = question.of(*of_table)
        return self.found[question.label]


def class_ranks(known: OutOfFold, question: Question, by_fold: np.ndarray) -> np.ndarray:
    """For each class the share of its cases, (class,), that had at most the probability of it that a new case has.

    `by_fold` are the probabilities of the new case, (fold model, score column).
    """
    classes, own = known.of(question)
    _, new = question.of(np.zeros_like(by_fold), by_fold)
    return np.array([_rank(known.made_by[classes == n], own[classes == n, n], new[:, n]) for n in range(own.shape[1])])


def _rank(made_by: np.ndarray, own: np.ndarray, new: np.ndarray) -> float:
    """As if the new case were one of them."""
    return (1 + int((own <= new[made_by]).sum())) / (len(own) + 1)


def cases_near(known: OutOfFold, question: Question, number: int, probability: float) -> dict[str, float]:
    """Of the study's cases with about this probability of a class, how many there were and the share that was of it.

    The window is widened until it holds 30 cases, to at most .15 on either side.
    """
    classes, own = known.of(question)
    there = np.isfinite(classes)
    for half in (0.05, 0.1, 0.15):
        near = there & (np.abs(own[:, number] - probability) <= half)
        if near.sum() >= 30:
            break
    count = int(near.sum())
    share = float((classes[near] == number).mean()) if count else None
    return {
        "low": round(max(0.0, probability - half), 4),
        "high": round(min(1.0, probability + half), 4),
        "cases": count,
        "share": share,
    }
