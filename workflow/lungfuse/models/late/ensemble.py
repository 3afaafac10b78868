"""An ensemble over any models, fusions among them: greedy selection with replacement.

Caruana et al., Ensemble selection from libraries of models, ICML 2004, https://doi.org/10.1145/1015330.1015432; over
fusions: Imrie et al., AutoPrognosis-M, JBHI 2025, https://doi.org/10.1109/JBHI.2025.3530156. Model after model, some
more than once, that one is added with which the mean of the scores ranks the pairs best. The shortest selection that is
best is kept.
"""

import numpy as np

from lungfuse.statistics.within_folds import auroc_within_folds, concordance_within_folds
from lungfuse.tasks import Task

REQUIRED, OPTIONAL, MIN_INPUTS = [], "any", 1
PARTS = "any"
ROUNDS = 25
SURE = 1e-4  # the least score whose logarithm is taken


def fit(scores: np.ndarray, targets: np.ndarray, task: Task, weights: np.ndarray) -> dict:
    """Select by pairs that no part has learned from; scores are (part, pair, score column), weights (pair, score
    column). Returns the share of each part in the mean."""
    times, total, best = np.zeros(len(scores)), np.zeros(scores.shape[1:]), (-np.inf, -np.inf)
    for size in range(1, ROUNDS + 1):
        qualities = [quality((total + each) / size, targets, task, weights) for each in scores]
        added = max(range(len(scores)), key=lambda part: qualities[part])
        times[added] += 1
        total = total + scores[added]
        if qualities[added] > best:
            best, shares = qualities[added], times / size
    return {"shares": shares.tolist()}


def fuse(scores: np.ndarray, fitted: dict, task: Task) -> np.ndarray:
    """Scores of each part, (part, pair, score column), to one score, (pair, score column), all in [0, 1]."""
    return sum(share * each for share, each in zip(fitted["shares"], scores, strict=True))


def quality(scores: np.ndarray, targets: np.ndarray, task: Task, weights: np.ndarray) -> tuple[float, float]:
    """How good scores (pair, score column) are: the mean AUROC over labels with both classes, or the concordance with
    numbers, and, where that is equal, minus the log loss, in which a pair counts by its weight."""
    ranked = concordance_within_folds if task.numbers else auroc_within_folds
    aurocs, losses, counts = [], [], []
    labels = task.one_against_rest(targets, scores, task.decide(scores))
    for column, each in enumerate(labels):
        within = ranked(each.label, each.score, np.zeros(len(each.label), int), 1)
        aurocs += [within.value] if np.isfinite(within.value) else []
        score, weight = each.score.clip(SURE, 1 - SURE), weights[each.known, column]
        losses.append((weight * (each.label * np.log(score) + (1 - each.label) * np.log(1 - score))).sum())
        counts.append(weight.sum())
    return round(float(np.mean(aurocs)), 9) if aurocs else 0.0, float(sum(losses) / sum(counts))
