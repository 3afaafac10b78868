"""Calibrated probabilities: those of validation pairs, and those of places where a class is more or less frequent."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from scipy.special import expit, logit, softmax

from lungfuse.calibration import LIMIT, log_odds
from lungfuse.errors import UserError
from lungfuse.measures import OneAgainstRest
from lungfuse.settings.comparison import DecisionSettings
from lungfuse.tasks import Task


def calibrated_labels(
    task: Task, joined: pd.DataFrame, probabilities: np.ndarray | None = None
) -> list[OneAgainstRest]:
    """Each label, or each class against the rest, with probabilities in place of scores.

    `probabilities`, (row, score column), are those of `joined`, unless others are given; predictions are by score.
    """
    found = task.of("probability", joined) if probabilities is None else probabilities
    return task.one_against_rest(task.targets(joined), found, task.of("prediction", joined))


def validation_probabilities(task: Task, validated: pd.DataFrame) -> np.ndarray:
    """The probabilities of validation pairs, (row, score column), from `ValidationPredictions`.

    The scores of each training are calibrated on these pairs themselves, as those of its test pairs are.
    """
    scores, targets = task.of("score", validated), task.targets(validated)
    found = np.empty_like(scores)
    for rows in validated.groupby(["repeat", "fold"]).indices.values():
        found[rows] = task.probabilities(scores[rows], task.calibrate(scores[rows], targets[rows]))
    return found


def trainings_of(joined: pd.DataFrame, validated: pd.DataFrame) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The rows of the test pairs of each training, and those of the pairs that it was validated on.

    Raises:
        UserError: a training has no validation pairs.
    """
    known = validated.groupby(["repeat", "fold"]).indices
    for training, rows in joined.groupby(["repeat", "fold"]).indices.items():
        if training not in known:
            repeat, fold = training
            raise UserError(
                f"validated predictions: found none of repeat {repeat}, fold {fold}, expected those of every fold that "
                "has test predictions. Make the predictions of the model again."
            )
        yield rows, known[training]


def threshold_of(decision: DecisionSettings) -> float:
    """The probability from which on a pair is called positive, where expected costs are least."""
    return 1 / (1 + decision.cost_ratio)


def prevalence_by_label(task: Task, decision: DecisionSettings) -> dict[str, float]:
    """The stated share of each label, or class, by its name; of two classes that of the second."""
    stated = decision.prevalence
    if stated is None:
        return {}
    return stated if isinstance(stated, dict) else {task.labels[-1]: stated}


def at_prevalence(
    task: Task, joined: pd.DataFrame, validated: pd.DataFrame, prevalence: dict[str, float]
) -> np.ndarray:
    """The probabilities of test pairs where labels have a stated share, (row, score column).

    Odds are multiplied by those of the stated share over those of the pairs that the training was calibrated on, as if
    pairs of a class looked the same there (Elkan, The Foundations of Cost-Sensitive Learning, 2001).
    """
    found = task.of("probability", joined).copy()
    known = task.one_against_rest(
        task.targets(validated), task.of("score", validated), task.decide(task.of("score", validated))
    )
    for test, validation in trainings_of(joined, validated):
        shares = np.array([_share(each, validation) for each in known])
        stated = np.array([prevalence.get(each.name, share) for each, share in zip(known, shares, strict=True)])
        if task.excludes:
            logs = np.log(np.clip(found[test], LIMIT, 1))
            found[test] = softmax(logs + np.log(stated) - np.log(shares), axis=1)
        else:
            found[test] = expit(log_odds(found[test]) + logit(stated) - logit(shares))
    return found


def _share(each: OneAgainstRest, rows: np.ndarray) -> float:
    """The share of a label among some rows, between 0 and 1 as if one more had it and one more had not."""
    labels = np.full(len(each.known), np.nan)
    labels[each.known] = each.label
    of_rows = labels[rows][~np.isnan(labels[rows])]
    return (of_rows.sum() + 1) / (len(of_rows) + 2)
