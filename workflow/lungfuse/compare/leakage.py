"""What the flaws of the published protocol add to an accuracy: the same pairs and model, one flaw at a time.

Each is in a part of the thesis that this study rebuilds: splits by image row, which put a patient in training and test,
lateral views of test patients in the training of the fused model, and an epoch selected on the images of the result.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from scipy.sparse import csr_array
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer
from sklearn.linear_model import SGDClassifier

from lungfuse.ingest.groups import group
from lungfuse.settings.comparison import Intervals, LeakageSettings
from lungfuse.settings.ingest import Section
from lungfuse.statistics.bootstrap import mean_with_interval
from lungfuse.statistics.splits import stratified_folds


@dataclass(frozen=True)
class Flaw:
    """A flaw, as the step from a control that is without it.

    The folds of the control keep apart what `apart` says. Those of the flawed protocol are the same after units of the
    same number of pairs and classes have changed places: patients, pairs or other views. So sizes and classes of the
    folds are those of the control. `epoch` says that an epoch is chosen: by another fold, and with the flaw by the test
    fold.
    """

    name: str
    kind: Literal["flaw", "cumulative", "shared text"] = "flaw"
    apart: Literal["patient", "patient or text"] = "patient"
    exchanged: tuple[Literal["patient", "pair", "other view"], ...] = ()
    epoch: bool = False

    @property
    def other_views(self) -> bool:
        """Whether other views are learned from, with and without the flaw."""
        return "other view" in self.exchanged


FLAWS = [
    Flaw("the same patient on both sides", exchanged=("pair",)),
    Flaw("other views of the same patient in training", exchanged=("other view",)),
    Flaw("epoch chosen on the test part", epoch=True),
    Flaw("all flaws together", "cumulative", exchanged=("pair", "other view"), epoch=True),
    # A new patient's text may well be one that is known: what this adds is memory and signal in one.
    Flaw(
        "texts that other patients share, on both sides",
        "shared text",
        apart="patient or text",
        exchanged=("patient",),
    ),
]


@dataclass(frozen=True)
class Rows:
    """The pairs, and unscored other views of their reports, as arrays of shape (row,); `counts` is (row, word).

    `apart` numbers what stays on one side of a split, by the names that `Flaw.apart` has.
    """

    counts: csr_array
    labels: np.ndarray
    scored: np.ndarray
    apart: dict[str, np.ndarray]

    def used(self, other_views: bool) -> "Rows":
        """All rows, or the scored ones alone."""
        used = np.flatnonzero(self.scored | other_views)
        apart = {name: numbers[used] for name, numbers in self.apart.items()}
        return Rows(self.counts[used], self.labels[used], self.scored[used], apart)


def audit(
    rows: pd.DataFrame,
    section: Section,
    settings: LeakageSettings,
    intervals: Intervals,
    folds: int,
    seed: int,
) -> list[dict]:
    """The records of one section: how often the model is right with each flaw and without, over all draws of the folds.

    `rows` are pairs with their patients, and unscored other views of their reports. Draws of the folds are resampled,
    and with them what the control keeps apart.
    """
    every = Rows(
        counts_of_words(rows[section]),
        rows["label"].to_numpy(),
        rows["scored"].to_numpy(),
        {"patient": pd.factorize(rows["patient"])[0], "patient or text": group(rows["patient"], rows[section])},
    )
    records = []
    for flaw in FLAWS:
        used = every.used(flaw.other_views)
        record = {"text": section, "flaw": flaw.name, "kind": flaw.kind, "n": int(used.scored.sum())}
        note = refusal(flaw, used, folds)
        if not note:
            draws = [trial(flaw, used, folds, settings.epochs, seed + draw) for draw in range(settings.draws)]
            control, flawed = np.stack(draws, axis=1).astype(float)  # each (draw, scored row)
            groups = used.apart[flaw.apart][used.scored]
            for name, values in {"control": control, "accuracy": flawed, "added": flawed - control}.items():
                limits = mean_with_interval(values, groups, intervals.confidence, intervals.resamples, seed)
                record |= dict(zip([name, f"{name}_low", f"{name}_high"], limits, strict=True))
        records.append(record | {"note": note})
    return records


def counts_of_words(texts: pd.Series) -> csr_array:
    """How often each text has each word and pair of words, (row, word); no columns where no text has a word."""
    try:
        return CountVectorizer(ngram_range=(1, 2)).fit_transform(texts)
    except ValueError:  # an empty vocabulary
        return csr_array((len(texts), 0))


def refusal(flaw: Flaw, rows: Rows, folds: int) -> str:
    """Why a flaw cannot be tested on these rows; empty where it can."""
    if not rows.counts.shape[1]:
        return "no pair has a word in this section"
    if flaw.epoch and folds < 3:
        return "an epoch is chosen by a third fold, and there are two"
    pairs = np.bincount(rows.apart[flaw.apart][rows.scored])
    fold = int(np.ceil(pairs.sum() / folds))
    if pairs.max() > fold:
        what = "the same text" if flaw.apart == "patient or text" else "one patient"
        return f"{pairs.max()} pairs of {what} are more than a fold of {fold}: no folds keep them apart and are alike"
    if flaw.other_views and rows.scored.all():
        return "the reports of the pairs name no other view"
    if flaw.exchanged == ("pair",) and pairs.max() == 1:
        return "no patient has two pairs"
    return ""


def trial(flaw: Flaw, rows: Rows, folds: int, epochs: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Whether the model is right on each scored row under the control and with the flaw, out of fold; both bool."""
    control = stratified_folds(rows.labels, rows.apart[flaw.apart], folds, seed)
    flawed = exchange(flaw, control, rows, np.random.default_rng(seed))
    epoch = ("validation", "test") if flaw.epoch else ("last", "last")
    return tuple(
        correct(rows, fold, folds, epochs, chosen, seed) for fold, chosen in zip([control, flawed], epoch, strict=True)
    )


def exchange(flaw: Flaw, fold: np.ndarray, rows: Rows, rng: np.random.Generator) -> np.ndarray:
    """The folds after what the flaw lets stand on both sides has changed places; how many of each class stays."""
    fold = fold.copy()
    each = np.arange(len(fold))
    for kind in flaw.exchanged:
        moved = np.flatnonzero(~rows.scored) if kind == "other view" else np.flatnonzero(rows.scored)
        unit = rows.apart["patient"][moved] if kind == "patient" else each[moved]
        fold[moved] = _shuffled(fold[moved], unit, rows.labels[moved], rng)
    return fold


def _shuffled(fold: np.ndarray, unit: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Folds shuffled among units of the same number of rows of each label; all arrays have shape (row,)."""
    _, first, unit = np.unique(unit, return_index=True, return_inverse=True)
    size = np.zeros((len(first), labels.max() + 1), int)
    np.add.at(size, (unit, labels), 1)
    of_unit = fold[first]
    _, alike = np.unique(size, axis=0, return_inverse=True)
    for number in range(alike.max() + 1):
        places = np.flatnonzero(alike == number)
        of_unit[places] = rng.permutation(of_unit[places])
    return of_unit[unit]


def correct(
    rows: Rows,
    fold: np.ndarray,
    folds: int,
    epochs: int,
    epoch: Literal["last", "validation", "test"],
    seed: int,
) -> np.ndarray:
    """Whether the model is right on each scored row, out of fold; bool of shape (scored row,).

    The epoch is the last, or the best by the next fold, which is then not learned from, or by the test fold.
    """
    correct = np.zeros(len(fold), bool)
    for number in range(folds):
        test = np.flatnonzero((fold == number) & rows.scored)
        following = fold == (number + 1) % folds
        learned = np.flatnonzero((fold != number) & ~(following & (epoch != "last")))
        judges = {"last": test[:0], "validation": np.flatnonzero(following & rows.scored), "test": test}[epoch]
        seen = np.concatenate([test, judges])
        by_epoch = predictions_by_epoch(rows.counts, rows.labels, learned, seen, epochs, seed) == rows.labels[seen]
        chosen = by_epoch[:, len(test) :].mean(axis=1).argmax() if len(judges) else -1
        correct[test] = by_epoch[chosen, : len(test)]
    return correct[rows.scored]


def predictions_by_epoch(
    counts: csr_array, labels: np.ndarray, train: np.ndarray, test: np.ndarray, epochs: int, seed: int
) -> np.ndarray:
    """What a logistic regression on TF-IDF predicts after each epoch of stochastic gradient descent, (epoch, test)."""
    weigh = TfidfTransformer(sublinear_tf=True)
    learned, seen = weigh.fit_transform(counts[train]), weigh.transform(counts[test])
    model = SGDClassifier(loss="log_loss", random_state=seed)
    predictions = []
    for _ in range(epochs):
        model.partial_fit(learned, labels[train], classes=[0, 1])
        predictions.append(model.predict(seen))
    return np.stack(predictions)
