"""What the flaws of the published protocol add to an accuracy: the same pairs and model, one flaw at a time.

Each stands in a part of the thesis this study rebuilds: splits by image row, with reports that say the same, and in the
fused model lateral views of the same patient, on both sides; an epoch chosen by the images it is then reported on.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.sparse import csr_array
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import StratifiedGroupKFold

from lungfuse.compare.scores import difference_with_interval, mean_with_interval
from lungfuse.ingest.filter import group
from lungfuse.settings import ComparisonSettings, LeakageSettings, Section
from lungfuse.tables import Leakage, Pairs, Views, read_table, write_table


@dataclass(frozen=True)
class Protocol:
    """How a model is tested: what never stands on both sides of a split, and what else is done."""

    flaw: str
    apart: str = "group or text"
    lateral_views: bool = False
    epoch_by_test: bool = False


PROTOCOLS = [
    Protocol("none"),
    Protocol("the same text on both sides", apart="report"),
    Protocol("the same report on both sides", apart="row"),
    Protocol("lateral views of the same patient in training", apart="row", lateral_views=True),
    Protocol("epoch chosen on the test part", epoch_by_test=True),
    Protocol("all of these", apart="row", lateral_views=True, epoch_by_test=True),
]


def main(
    *,
    leakage: LeakageSettings,
    comparison: ComparisonSettings,
    folds: int,
    seed: int,
    pairs: Path,
    views: Path,
    leakage_table: Path,
) -> None:
    """Test a text model under each flaw, and on each section of the report.

    Parameters
    ----------
    leakage
        The sections, how often a split is drawn anew, and the epochs of the model.
    comparison
        Confidence and number of resamples.
    folds
        Number of folds.
    seed
        Seed of the splits, the model and the resampling.
    pairs
        Table of pairs.
    views
        Table of the images that reports name.
    leakage_table
        Output: a row a section and flaw.
    """
    table = read_table(pairs, Pairs)
    images = read_table(views, Views)
    others = images[images["report_id"].isin(table["report_id"]) & ~images["image_id"].isin(table["image_id"])]
    rows = pd.concat(
        [table.assign(scored=True), others.merge(one_a_report(table), on="report_id").assign(scored=False)]
    )
    records = []
    for section in leakage.sections:
        records += audit(rows, section, leakage, comparison, folds, seed)
    frame = pd.DataFrame(records).round(4)
    write_table(frame, leakage_table, Leakage)
    print(frame.to_string(index=False))


def one_a_report(pairs: pd.DataFrame) -> pd.DataFrame:
    """The reports of pairs, each once."""
    return pairs.drop(columns="image_id").drop_duplicates("report_id")


def audit(
    rows: pd.DataFrame,
    section: Section,
    settings: LeakageSettings,
    comparison: ComparisonSettings,
    folds: int,
    seed: int,
) -> list[dict]:
    """The records of one section: how often the model is right under each protocol, over all draws of the splits.

    `rows` are pairs, and unscored other views of their reports.
    """
    scored = rows["scored"].to_numpy()
    groups = group(rows["group"].astype(str), rows[section])
    counts = CountVectorizer(ngram_range=(1, 2)).fit_transform(rows[section])
    apart = {"group or text": groups, "report": pd.factorize(rows["report_id"])[0], "row": np.arange(len(rows))}
    resampling = {"confidence": comparison.confidence, "resamples": comparison.resamples, "seed": seed}
    records, honest = [], None
    for protocol in PROTOCOLS:
        used = np.flatnonzero(scored | protocol.lateral_views)
        data = counts[used], rows["label"].to_numpy()[used], scored[used], apart[protocol.apart][used]
        draws = [
            right(*data, protocol.epoch_by_test, folds, settings.epochs, seed + draw) for draw in range(settings.draws)
        ]
        often = np.mean(draws, axis=0)
        honest = often if honest is None else honest
        value = mean_with_interval(often, groups[scored], **resampling)
        added = difference_with_interval(often, honest, groups[scored], **resampling)
        record = {"text": section, "flaw": protocol.flaw, "n": int(scored.sum())}
        record |= dict(zip(["accuracy", "accuracy_low", "accuracy_high"], value, strict=True))
        records.append(record | dict(zip(["added", "added_low", "added_high"], added, strict=True)))
    return records


def right(
    counts: csr_array,
    labels: np.ndarray,
    scored: np.ndarray,
    apart: np.ndarray,
    epoch_by_test: bool,
    folds: int,
    epochs: int,
    seed: int,
) -> np.ndarray:
    """Whether the model is right on each scored row, out of fold; bool of shape (scored row,).

    `counts` are those of words, (row, word); rows of the same number in `apart` stay on one side of each split.
    """
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    correct = np.zeros(len(labels), bool)
    for train, test in splitter.split(counts, labels, apart):
        test = test[scored[test]]
        by_epoch = predictions_by_epoch(counts, labels, train, test, epochs, seed) == labels[test]
        chosen = by_epoch.mean(axis=1).argmax() if epoch_by_test else -1
        correct[test] = by_epoch[chosen]
    return correct[scored]


def predictions_by_epoch(
    counts: csr_array, labels: np.ndarray, train: np.ndarray, test: np.ndarray, epochs: int, seed: int
) -> np.ndarray:
    """What a logistic regression on TF-IDF predicts after each epoch of stochastic gradient descent, (epoch, test)."""
    weigh = TfidfTransformer(sublinear_tf=True)
    # words of a single training text tell nothing
    known = np.asarray((counts[train] > 0).sum(axis=0)).ravel() >= 2
    learned, seen = weigh.fit_transform(counts[train][:, known]), weigh.transform(counts[test][:, known])
    model = SGDClassifier(loss="log_loss", random_state=seed)
    predictions = []
    for _ in range(epochs):
        model.partial_fit(learned, labels[train], classes=[0, 1])
        predictions.append(model.predict(seen))
    return np.stack(predictions)
