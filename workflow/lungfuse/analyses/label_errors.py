"""Pairs whose label several models doubt: a list to look at."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pandera.pandas as pa
from pandera.typing import Series

from lungfuse.compare.results import Results
from lungfuse.compare.shown import own_models
from lungfuse.tables.base import Table, columns
from lungfuse.tasks import Task

TITLE, SECTION, ORDER = "Labels to look at", "Errors", 3
CAPTION = (
    "Pairs whose label most models doubt, out of fold: at most 50, those first on which most models agree. They are "
    "suggestions, not errors: a rare or difficult case looks the same, and models that use the same inputs err alike. "
    "A model doubts a label (confident learning, Northcutt et al. 2021) if its probability of the label, the self- "
    "confidence, is below the mean self-confidence of the pairs of that class, and its probability of another class "
    "reaches the mean of that class; the most probable such class is suggested. Look at image and report before "
    "changing a label, and change none because of its test score."
)
WANTED = ["classes", "reads_inputs"]
READS = ["predicted"]
SETTINGS = []
OF_PAIRS = True
MOST = 50
FEWEST_MODELS = 2  # that doubt a label


class LabelErrors(Table):
    """One row a pair and label that at least two models, and more than half of all, doubt.

    `suggested` is what most of the models that doubt it say instead, of which `agree` do, of `models` in all;
    `self_confidence` is the mean over all of them of their probability of the label that is given.
    """

    pair_id: Series[str]
    label: Series[str]
    suggested: Series[str]
    self_confidence: Series[float] = pa.Field(ge=0, le=1)
    agree: Series[int]
    models: Series[int]


TABLE = LabelErrors


@dataclass(frozen=True)
class Doubted:
    """Classes that exclude each other by their names, the one of each pair, (pair,), NaN where it is not known, and the
    probabilities of each model, (model, pair, class)."""

    names: list[str]
    classes: np.ndarray
    probabilities: np.ndarray


def compute(results: Results) -> pd.DataFrame:
    """The table `LabelErrors` from the predictions of the models that read something."""
    task, shown = results.task, own_models(results)
    first = results.joined[shown[0]]
    pairs = first.groupby("pair_id", sort=False).head(1)
    found = np.stack([mean_probabilities(task, results.joined[n]) for n in shown])
    records = [record for each in _questions(task, task.targets(pairs), found) for record in doubted(each)]
    table = pd.DataFrame(records, columns=["pair", *columns(LabelErrors)[1:]])
    table = table.sort_values(["agree", "self_confidence"], ascending=[False, True], kind="stable").head(MOST)
    return table.assign(pair_id=pairs["pair_id"].to_numpy()[table["pair"].astype(int)]).round({"self_confidence": 4})


def mean_probabilities(task: Task, joined: pd.DataFrame) -> np.ndarray:
    """The mean probabilities of each pair over the trainings, (pair, score column), in the order of the first one."""
    return joined.groupby("pair_id", sort=False)[task.columns("probability")].mean().to_numpy()


def _questions(task: Task, targets: np.ndarray, probabilities: np.ndarray) -> list[Doubted]:
    """The classes, or of several labels each with having it not; `probabilities` are (model, pair, score column)."""
    if task.excludes:
        return [Doubted(task.labels, targets[:, 0], probabilities)]
    names = [(task.labels[0], task.labels[1])] if task.two_classes else [(f"no {name}", name) for name in task.labels]
    return [
        Doubted(list(both), targets[:, n], np.stack([1 - probabilities[..., n], probabilities[..., n]], axis=-1))
        for n, both in enumerate(names)
    ]


def doubted(each: Doubted) -> list[dict]:
    """The pairs that at least `FEWEST_MODELS` models, and more than half of all, doubt."""
    known = np.flatnonzero(np.isfinite(each.classes))
    classes, probabilities = each.classes[known].astype(int), each.probabilities[:, known]
    votes = np.stack([suggestions(classes, of_model) for of_model in probabilities])
    given = probabilities[:, np.arange(len(known)), classes].mean(axis=0)
    records = []
    for place in np.flatnonzero((votes >= 0).sum(axis=0) > len(votes) / 2):
        counts = np.bincount(votes[votes[:, place] >= 0, place])
        if counts.max() >= FEWEST_MODELS:
            record = {"pair": known[place], "label": each.names[classes[place]], "self_confidence": given[place]}
            record |= {"suggested": each.names[counts.argmax()], "agree": int(counts.max()), "models": len(votes)}
            records.append(record)
    return records


def suggestions(classes: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """The class that a model suggests in place of that of each pair, (pair,), -1 where it does not doubt it.

    `classes` has shape (pair,), `probabilities` (pair, class). Northcutt et al., Confident Learning: Estimating
    Uncertainty in Dataset Labels, 2021, https://arxiv.org/abs/1911.00068.
    """
    present = np.bincount(classes, minlength=probabilities.shape[1]) > 0
    means = [
        probabilities[classes == n, n].mean() if there else np.inf for n, there in enumerate(present)
    ]  # of a class without pairs none can be suggested
    own = probabilities[np.arange(len(classes)), classes]
    others = np.where(probabilities >= np.array(means), probabilities, -1.0)
    others[np.arange(len(classes)), classes] = -1.0
    doubts = (own < np.array(means)[classes]) & (others.max(axis=1) > own)
    return np.where(doubts, others.argmax(axis=1), -1)
