"""Which cases are explained, and for which class or label."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from lungfuse.tasks import Task

MOST_CLASSES = 4  # that are shown, the most frequent ones
PLACES = {"surest right": 0.0, "median": 0.5, "surest wrong": 1.0}  # among the cases of a class, by its score


@dataclass(frozen=True)
class Shown:
    """A case that is shown: its position, the class or label that is explained, and what is said of it."""

    position: int
    target: int
    title: str


def shown_cases(scored: pd.DataFrame, task: Task) -> list[Shown]:
    """Of each class or label the case of it that is most surely right, the median one, and the most surely wrong."""
    scores = class_scores(task.of("score", scored), task)
    of_class = task.strata(task.targets(scored))[:, : scores.shape[1]] == 1
    explained = likeliest(task.of("score", scored), task)
    counts, found = of_class.sum(axis=0), []
    for number in sorted(np.argsort(-counts, kind="stable")[:MOST_CLASSES]):
        order = np.flatnonzero(of_class[:, number])
        order = order[np.argsort(-scores[order, number], kind="stable")]
        for name, place in PLACES.items() if len(order) else ():
            position = int(order[round(place * (len(order) - 1))])
            one_of_all = task.excludes or task.one_score
            target = int(explained[position]) if one_of_all else int(number)
            label, of_target = task.labels[number], task.labels[target]
            decided = f"p({of_target}) = {scores[position, target]:.2f}, explained for {of_target}"
            found.append(Shown(position, target, f"{label}, {name}: {decided}"))
    return found


def likeliest(scores: np.ndarray, task: Task) -> np.ndarray:
    """The class that is decided for, or the label with the highest score, (case,), by scores (case, score column)."""
    return task.decide(scores)[:, 0] if task.one_score else scores.argmax(axis=1)


def class_scores(scores: np.ndarray, task: Task) -> np.ndarray:
    """The score of each class or label, (case, class): of two classes there is one score, of the second."""
    return np.hstack([1 - scores, scores]) if task.one_score else scores


def measured_cases(scored: pd.DataFrame, count: int, seed: int) -> set[int]:
    """The positions of cases that are drawn for measuring, one of each group, so that they are independent."""
    order = np.random.default_rng(seed).permutation(len(scored))
    first = scored.iloc[order].drop_duplicates("group").index[:count]
    return set(map(int, first))
