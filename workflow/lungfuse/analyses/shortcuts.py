"""Shortcuts that predict the label: a site, how the data were acquired, that there is a text, words that name it."""

from pathlib import Path

import numpy as np
import pandas as pd
import pandera.pandas as pa
from matplotlib.figure import Figure
from pandera.typing import Series
from scipy.sparse import csr_array, hstack
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from lungfuse.analyses.words import counted, most_predictive, naming_words
from lungfuse.compare.scores import as_columns, score_with_intervals
from lungfuse.ingest.groups import normalise
from lungfuse.ingest.parts import folds_of, tested
from lungfuse.report.forest import LINE, forest
from lungfuse.report.style import BLUE, GREY, sheet
from lungfuse.settings.comparison import Intervals, ShortcutSettings
from lungfuse.settings.ingest import Section
from lungfuse.statistics.splits import half_of_groups
from lungfuse.tables.base import Table, columns, read_table
from lungfuse.tables.comparison import limits, with_limits
from lungfuse.tables.ingest import Pairs, Values
from lungfuse.tasks.binary import Task as TwoClasses

TITLE, SECTION, ORDER = "Shortcuts", "Leakage", 2
CAPTION = (
    "Simple shortcuts that predict the class: out-of-fold AUROC, with intervals by bootstrap over groups, of "
    "logistic regressions on nothing but the site, how the data were acquired (device, date of the study; no model "
    "reads them), whether a report has a section, how many words it has, or its words. A masked word is taken out "
    "of every text: first those that name a class or that the settings list under shortcuts, then also the most "
    "predictive ones. Anything far above one half without any word is a shortcut that a model of images or texts "
    "may take."
)
WANTED = ["study.leakage.sections"]
READS = ["layout.split.pairs", "audited"]
SETTINGS = ["study.leakage.sections", "study.labels", "study.shortcuts", "intervals", "study.seed"]
OF_CASES = True
LENGTHS = [0, 1, 2, 3, 5, 8, 12, 17, 23, 30, 38, 50, 70, 100, 150]  # words, in steps
STEPS = 10  # of a number that is audited


class Shortcuts(Table):
    """One row a section, or none, and what little of it a logistic regression reads; scores are out of fold."""

    text: Series[str]
    reads: Series[str]
    n: Series[int]
    accuracy: Series[float]
    accuracy_low: Series[float] = pa.Field(nullable=True)
    accuracy_high: Series[float] = pa.Field(nullable=True)
    auroc: Series[float] = pa.Field(nullable=True)
    auroc_low: Series[float] = pa.Field(nullable=True)
    auroc_high: Series[float] = pa.Field(nullable=True)


TABLE = Shortcuts


def compute(
    pairs: Path,
    sections: list[Section],
    labels: list[str],
    shortcuts: ShortcutSettings,
    intervals: Intervals,
    seed: int,
    audited: Path | None = None,
) -> pd.DataFrame:
    """Out-of-fold scores of models that read words, masked words, or no more than whether there is a text.

    `audited` are the values of the columns that no model may read, by report: how the data were acquired.
    """
    table, named, scores = read_table(pairs, Pairs), naming_words(labels, shortcuts), []
    if table["site"].nunique() > 1:
        scores.append({"text": "", "reads": "the hospital"} | score(categories(table["site"]), table, intervals, seed))
    if audited:
        found = acquisition(read_table(audited, Values), table["report_id"])
        scores += [{"text": "", "reads": reads} | score(found[reads], table, intervals, seed) for reads in found]
    for section in sections:
        scores += scores_of(section, table, named, intervals, seed)
    return pd.DataFrame(scores, columns=columns(Shortcuts)).round(4)


def scores_of(section: Section, pairs: pd.DataFrame, named: list[str], settings: Intervals, seed: int) -> list[dict]:
    """The records of `Shortcuts` for a section."""
    texts, chosen_on = normalise(pairs[section]), half_of_groups(pairs["group"].to_numpy(), seed)
    predictive = most_predictive(texts[chosen_on], pairs["label"].to_numpy()[chosen_on])
    length = pd.cut(texts.str.split().str.len(), [-1, *LENGTHS, np.inf])
    read = {
        "whether there is a text": categories(texts != ""),
        "number of words": categories(length),
        "words": counted(texts)[1],
        "words, those that name a label masked": counted(masked(texts, named))[1],
        "words, the most telling masked too": counted(masked(texts, [*named, *predictive]))[1],
    }
    return [
        {"text": section, "reads": reads} | score(counts, pairs, settings, seed)
        for reads, counts in read.items()
        if counts.shape[1] > 1
    ]


def categories(values: pd.Series) -> csr_array:
    """Which of the categories that occur each value is, (row, category)."""
    numbers, names = pd.factorize(values)
    return csr_array((np.ones(len(values)), (np.arange(len(values)), numbers)), shape=(len(values), len(names)))


def acquisition(audited: pd.DataFrame, report_ids: pd.Series) -> dict[str, csr_array]:
    """What each audited column that has values says of each pair, (pair, category), and what all of them say."""
    values = audited.set_index("report_id").reindex(report_ids, fill_value="")
    tags = {f"acquisition: {name.replace('_', ' ')}": categories(in_steps(each)) for name, each in values.items()}
    found = {reads: counts for reads, counts in tags.items() if counts.shape[1] > 1}
    return found | ({"acquisition: all of these": csr_array(hstack([*found.values()]))} if len(found) > 1 else {})


def in_steps(values: pd.Series) -> pd.Series:
    """Texts as they are, or numbers in steps that hold as many pairs each, where they are many."""
    numbers = pd.to_numeric(values.mask(values == ""), errors="coerce")
    if numbers.nunique() <= 2 * STEPS:
        return values
    return pd.qcut(numbers, STEPS, duplicates="drop").astype(str).mask(values == "", "")


def masked(texts: pd.Series, words: list[str]) -> pd.Series:
    """Normalised texts without these words and phrases."""
    padded = " " + texts.str.replace(" ", "  ") + " "
    for word in sorted(words, key=len, reverse=True):
        padded = padded.str.replace(f" {word.replace(' ', '  ')} ", " ", regex=False)
    return normalise(padded)


def score(counts: csr_array, pairs: pd.DataFrame, settings: Intervals, seed: int) -> dict[str, float]:
    """Out-of-fold accuracy and AUROC of a logistic regression on TF-IDF, a part of a row of `Shortcuts`.

    `counts` are those of words, (pair, word).
    """
    labels, fold, scores = pairs["label"].to_numpy(), pairs["fold"].to_numpy(), np.zeros(len(pairs))
    for number in folds_of(pairs):
        learned, test = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
        model = make_pipeline(TfidfTransformer(sublinear_tf=True), LogisticRegression())
        scores[test] = model.fit(counts[learned], labels[learned]).predict_proba(counts[test])[:, 1]
    joined = pairs[["label", "group", "fold"]].assign(score=scores, prediction=(scores >= 0.5).astype(int), repeat=0)
    joined = tested(joined)
    task = TwoClasses(["0", "1"])
    found = score_with_intervals(task, joined, settings.confidence, settings.resamples, seed)
    return {"n": len(joined)} | as_columns(found, ["accuracy", "auroc"])


def draw(table: pd.DataFrame, above: str) -> Figure:
    """AUROC of each model that reads little."""
    figure, ((axes,),) = sheet(above, 1, 1, LINE * len(table) + 0.6)
    names = [": ".join(filter(None, [row.text, row.reads])) for row in table.itertuples()]
    auroc = limits(table, "auroc")
    forest(axes, names, auroc, [BLUE] * len(table), with_limits(auroc))
    axes.axvline(0.5, color=GREY, linewidth=0.8, linestyle=":")
    axes.set_xlabel("AUROC, out of fold")
    return figure
