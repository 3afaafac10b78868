"""What tells the label that should not have to: single words, words that name it, that there is a text at all, and how
the data were acquired."""

from pathlib import Path

import numpy as np
import pandas as pd
from scipy.sparse import csr_array, hstack
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from lungfuse.compare.resampling import limits_of, times_drawn
from lungfuse.compare.scores import score_with_intervals
from lungfuse.ingest.groups import normalise
from lungfuse.parameters import Several, options
from lungfuse.settings.comparison import ComparisonSettings, ShortcutSettings
from lungfuse.settings.ingest import Section
from lungfuse.tables.audits import Shortcuts, Words
from lungfuse.tables.base import columns, read_table, write_table
from lungfuse.tables.ingest import Pairs, Values
from lungfuse.tasks.binary import Task as TwoClasses

TELLING = 10  # words of each section
LEAST_TEXTS = 5  # that have a word, for it to be among them
WORD = r"\w+"
LENGTHS = [0, 1, 2, 3, 5, 8, 12, 17, 23, 30, 38, 50, 70, 100, 150]  # words, in steps
STEPS = 10  # of a number that is audited


@options
class Files:
    """What is read.

    Parameters
    ----------
    pairs
        Table of pairs with folds.
    audited
        Values of the columns that no model may read, by report; they tell of how the data were acquired.
    """

    pairs: Path
    audited: Path | None = None


def main(
    *,
    sections: Several[Section],
    labels: Several[str],
    shortcuts: ShortcutSettings,
    comparison: ComparisonSettings,
    seed: int,
    files: Files,
    words_table: Path,
    shortcuts_table: Path,
) -> None:
    """Look for what little tells the label by itself.

    Parameters
    ----------
    sections
        The sections of the report to look into.
    labels
        Names of the two classes; texts that have them are counted.
    shortcuts
        Other words that may tell a label.
    comparison
        Confidence and number of resamples.
    seed
        Seed of the resampling.
    files
        What is read.
    words_table
        Output: the most telling words of each section, and those that were looked for.
    shortcuts_table
        Output: out-of-fold scores of models that read words, masked words, or no more than whether there is a text.
    """
    table = read_table(files.pairs, Pairs)
    named = [phrase for phrase in normalise(pd.Series([*labels, *shortcuts.words])).unique() if phrase]
    words, scores = [], []
    if table["site"].nunique() > 1:
        scores.append({"text": "", "reads": "the hospital"} | score(categories(table["site"]), table, comparison, seed))
    if files.audited:
        found = acquisition(read_table(files.audited, Values), table["report_id"])
        scores += [{"text": "", "reads": reads} | score(found[reads], table, comparison, seed) for reads in found]
    for section in sections:
        found = words_of(section, table, named, comparison, seed)
        words += found
        predictive = [record["word"] for record in found if record["kind"] == "telling"]
        scores += scores_of(section, table, named, predictive, comparison, seed)
    word_frame = pd.DataFrame(words, columns=columns(Words)).round(4)
    write_table(word_frame, words_table, Words)
    score_frame = pd.DataFrame(scores, columns=columns(Shortcuts)).round(4)
    write_table(score_frame, shortcuts_table, Shortcuts)
    print(word_frame.to_string(index=False), score_frame.to_string(index=False), sep="\n")


def words_of(
    section: Section, pairs: pd.DataFrame, named: list[str], settings: ComparisonSettings, seed: int
) -> list[dict]:
    """The records of `Words` for a section.

    The most telling words are chosen on one half of the groups and measured on the other, as they would else look more
    telling than they are; words that name a label are measured on all pairs.
    """
    texts, labels, groups = normalise(pairs[section]), pairs["label"].to_numpy(), pairs["group"].to_numpy()
    names, group_of_pair = np.unique(groups, return_inverse=True)
    chosen_on = (np.random.default_rng(seed).permutation(len(names)) < len(names) // 2)[group_of_pair]
    predictive = most_predictive(texts[chosen_on], labels[chosen_on])
    records = []
    for kind, words, used in [("telling", predictive, ~chosen_on), ("named", named, np.ones(len(pairs), bool))]:
        if not words:
            continue
        padded = " " + texts[used] + " "
        has = np.stack([padded.str.contains(f" {word} ", regex=False) for word in words], axis=1)
        values = presence(has, labels[used], groups[used], settings.confidence, settings.resamples, seed)
        for word, have, of_word in zip(words, has.T, values, strict=True):
            record = {"text": section, "word": word, "kind": kind, "n": int(used.sum()), "texts": int(have.sum())}
            records.append(record | dict(zip(columns(Words)[5:], of_word, strict=True)))
    return records


def most_predictive(texts: pd.Series, labels: np.ndarray) -> list[str]:
    """The words whose presence differs most between the classes, in that order."""
    vectorizer, counts = counted(texts)
    has = counts > 0
    often = np.asarray(has.sum(axis=0)).ravel()
    shares = [np.asarray(has[labels == label].mean(axis=0)).ravel() for label in (0, 1)]
    differs = np.where(often >= LEAST_TEXTS, np.abs(shares[1] - shares[0]), 0)
    order = np.argsort(-differs, kind="stable")[:TELLING]
    return [vectorizer.get_feature_names_out()[place] for place in order if differs[place] > 0]


def counted(texts: pd.Series) -> tuple[CountVectorizer, csr_array]:
    """How often each text has each word, (text, word), and the vectorizer that knows the words."""
    vectorizer = CountVectorizer(token_pattern=WORD)
    try:
        return vectorizer, csr_array(vectorizer.fit_transform(texts))
    except ValueError:  # no text has a word
        return vectorizer, csr_array((len(texts), 0))


def presence(
    has: np.ndarray, labels: np.ndarray, groups: np.ndarray, confidence: float, resamples: int, seed: int
) -> np.ndarray:
    """How the presence of words tells label 1 from 0, (word, 5).

    That is the share of the pairs of label 0 that have the word, that of label 1, and the AUROC with its limits under a
    bootstrap over groups. `has` is (pair, word), `labels` and `groups` are (pair,).
    """
    names, group_of_pair = np.unique(groups, return_inverse=True)
    ones = np.ones((len(has), 1))
    sums = []  # of each label: pairs that have each word, and last all pairs; (group, word + 1)
    for label in (0, 1):
        of_label = np.hstack([has, ones]) * (labels == label)[:, None]
        sums.append(np.stack([np.bincount(group_of_pair, column, len(names)) for column in of_label.T], axis=1))

    def shares(times: np.ndarray) -> np.ndarray:
        counts = np.stack([times @ of_label for of_label in sums])
        with np.errstate(invalid="ignore"):
            return counts[..., :-1] / counts[..., -1:]

    of_all = shares(np.ones((1, len(names))))[:, 0]
    batches = times_drawn(len(names), resamples, np.random.default_rng(seed))
    low, high = limits_of(np.concatenate([_auroc(shares(times)) for times in batches]), confidence)
    return np.stack([*of_all, _auroc(of_all), low, high], axis=1)


def _auroc(shares: np.ndarray) -> np.ndarray:
    return 0.5 + (shares[1] - shares[0]) / 2


def scores_of(
    section: Section,
    pairs: pd.DataFrame,
    named: list[str],
    predictive: list[str],
    settings: ComparisonSettings,
    seed: int,
) -> list[dict]:
    """The records of `Shortcuts` for a section."""
    texts = normalise(pairs[section])
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
    told = {f"acquisition: {name.replace('_', ' ')}": categories(in_steps(each)) for name, each in values.items()}
    found = {reads: counts for reads, counts in told.items() if counts.shape[1] > 1}
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


def score(counts: csr_array, pairs: pd.DataFrame, settings: ComparisonSettings, seed: int) -> dict[str, float]:
    """Out-of-fold accuracy and AUROC of a logistic regression on TF-IDF, a part of a row of `Shortcuts`.

    `counts` are those of words, (pair, word).
    """
    labels, fold, scores = pairs["label"].to_numpy(), pairs["fold"].to_numpy(), np.zeros(len(pairs))
    for number in np.unique(fold):
        learned, test = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
        model = make_pipeline(TfidfTransformer(sublinear_tf=True), LogisticRegression())
        scores[test] = model.fit(counts[learned], labels[learned]).predict_proba(counts[test])[:, 1]
    joined = pairs[["label", "group"]].assign(score=scores, prediction=(scores >= 0.5).astype(int), repeat=0)
    task = TwoClasses(["0", "1"])
    found = score_with_intervals(task, joined, settings.confidence, settings.resamples, seed)
    record = {"n": len(pairs)}
    for metric in ["accuracy", "auroc"]:
        record |= dict(zip([metric, f"{metric}_low", f"{metric}_high"], found[metric], strict=True))
    return record
