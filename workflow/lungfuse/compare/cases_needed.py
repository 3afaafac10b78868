"""How many cases a verdict would take."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import ndtri

from lungfuse.compare.by_fold import groups_of, one_against_rest
from lungfuse.compare.verdicts import Fusion, Scored
from lungfuse.statistics.gains import SmallestGain
from lungfuse.statistics.power import POWER, Seen, design_effect, variance_of_difference
from lungfuse.tasks import Task

DIFFERENCE = 0.02  # that the cases needed are counted for
FEWEST = 10  # groups of a class below which nothing is said of its errors


@dataclass(frozen=True)
class Needed:
    """How many cases, and groups of them, it takes."""

    cases: int
    groups: int


def cases_needed(scored: Scored, fusion: Fusion, gained: SmallestGain, classes: np.ndarray) -> Needed | None:
    """How many cases such as these show a gain of two points over the best part, at the level of the family.

    The variance that shrinks with the groups is the largest of three: the observed one; that of AUROCs which are two
    points apart, as correlated as these (Hanley and McNeil), for what is observed near 1 or between models that agree
    is not the variance of such a gain; and that of two points where no more cases than these are ranked otherwise.
    `classes` is the number of groups without and with each label, see `groups_of_classes`. None where a class has too
    few, or where the models' trainings differ so much that no number is enough.
    """
    gain, part = fusion.gains[gained.part], scored.trainings[fusion.parts[gained.part]]
    critical = critical_of(fusion, gained)
    if classes.min() < FEWEST or not gained.error > 0 or not np.isfinite(critical):
        return None
    sizes = np.bincount(scored.groups)
    effect, apart = design_effect(sizes), 0.0
    if scored.metric == "auroc":
        lesser = np.mean([each.by_label for each in part], axis=0)
        correlation = correlated(scored, fusion, fusion.parts[gained.part])
        apart = effect * variance_of_difference(lesser, DIFFERENCE, classes * sizes.mean(), correlation)
    otherwise = effect * (DIFFERENCE - DIFFERENCE**2) / len(scored.groups)
    of_cases = max(gained.error**2 - gain.of_training, apart, otherwise)
    left = (DIFFERENCE / (critical + ndtri(POWER))) ** 2 - gain.of_training
    if left <= 0:
        return None
    times = of_cases / left
    return Needed(int(np.ceil(times * len(scored.groups))), int(np.ceil(times * len(sizes))))


def critical_of(fusion: Fusion, gained: SmallestGain) -> float:
    """How many standard errors below a gain the interval of a fusion begins; NaN without errors."""
    below = [(each.value - gained.low) / each.error for each in fusion.gains if each.error > 0]
    return min(below, default=float("nan"))


def correlated(scored: Scored, fusion: Fusion, part: int) -> float:
    """How the scores of a fusion and a part go together over the groups, in [0, 1]."""
    both = [fusion.trainings, scored.trainings[part]]
    a, b = (np.bincount(scored.groups, np.mean([each.moved for each in model], axis=0)) for model in both)
    size = np.sqrt(np.square(a).sum() * np.square(b).sum())
    return float(np.clip(a @ b / size, 0, 1)) if size > 0 else 0.0


def groups_of_classes(task: Task, joined: pd.DataFrame, used: np.ndarray | None = None) -> np.ndarray:
    """How many groups have cases without and with each label, (label, 2), or with each class and the others.

    `joined` is of any model, see `join_predictions`; `used` are the pairs that count.
    """
    groups = groups_of(joined)
    task, first = task.in_classes(joined[: len(groups)])
    columns = one_against_rest(task, task.targets(first), task.of("score", first), task.rankings)
    counts = used if used is not None else np.ones(len(groups), bool)
    return np.array([[len(set(groups[counts & (label == value)])) for value in (0, 1)] for label, *_ in columns])


def seen_of(scored: Scored, fusion: Fusion, gained: SmallestGain) -> Seen:
    """What a study has shown of the gain of a fusion, to say what it would with more groups."""
    gain = fusion.gains[gained.part]
    of_cases = max(gained.error**2 - gain.of_training, 0.0)
    return Seen(gained.value, of_cases, gain.of_training, *_reaches(gained), scored.degrees)


def _reaches(gained: SmallestGain) -> tuple[float, float]:
    if gained.error == 0:
        return 0.0, 0.0
    return (gained.value - gained.low) / gained.error, (gained.high - gained.value) / gained.error
