"""How well the presence of single words predicts the label: the most predictive words, and those that name it."""

from pathlib import Path

import numpy as np
import pandas as pd
import pandera.pandas as pa
from matplotlib.figure import Figure
from pandera.typing import Series
from scipy.sparse import csr_array
from sklearn.feature_extraction.text import CountVectorizer

from lungfuse.ingest.groups import normalise
from lungfuse.report.forest import LINE, forest
from lungfuse.report.style import BLACK, BLUE, ORANGE, grid
from lungfuse.settings.comparison import Intervals, ShortcutSettings
from lungfuse.settings.ingest import Section
from lungfuse.statistics.auroc import auroc_of_presence
from lungfuse.statistics.bootstrap import limits_of, times_drawn
from lungfuse.statistics.splits import half_of_groups
from lungfuse.tables.base import Table, columns, read_table
from lungfuse.tables.comparison import limits
from lungfuse.tables.ingest import Pairs

TITLE, SECTION, ORDER = "Predictive words", "Leakage", 3
CAPTION = (
    "How well the presence of single words predicts the class, a panel per section, with intervals by bootstrap "
    "over groups; the number of texts that have a word is in brackets. The most predictive words (blue) are chosen "
    "on one half of the groups of pairs and measured on the other, since words chosen and measured on the same "
    "texts look more predictive than they are. Words that name a class, and those that the settings list under "
    "shortcuts, are measured on all pairs (orange). Below one half a word speaks for the first class. A text that "
    "names its class needs no image."
)
WANTED = ["study.leakage.sections"]
READS = ["layout.split.pairs"]
SETTINGS = ["study.leakage.sections", "study.labels", "study.shortcuts", "intervals", "study.seed"]
OF_CASES = True
TELLING = 10  # words of each section
LEAST_TEXTS = 5  # that have a word, for it to be among them
WORD = r"\w+"


class Words(Table):
    """One row a section and word: how well its presence predicts the label.

    `telling` words are the most predictive of the section, chosen on one half of the groups and measured on the `n`
    pairs of the other; `named` ones name a label, or are listed in the settings. `texts` have the word, a share of the
    pairs of each label. `auroc` is that of its presence.
    """

    text: Series[str]
    word: Series[str]
    kind: Series[str] = pa.Field(isin=["telling", "named"])
    n: Series[int]
    texts: Series[int]
    share_negative: Series[float] = pa.Field(nullable=True)
    share_positive: Series[float] = pa.Field(nullable=True)
    auroc: Series[float] = pa.Field(nullable=True)
    auroc_low: Series[float] = pa.Field(nullable=True)
    auroc_high: Series[float] = pa.Field(nullable=True)


TABLE = Words


def compute(
    pairs: Path,
    sections: list[Section],
    labels: list[str],
    shortcuts: ShortcutSettings,
    intervals: Intervals,
    seed: int,
) -> pd.DataFrame:
    """The most predictive words of each section, and those that name a label."""
    table, named = read_table(pairs, Pairs), naming_words(labels, shortcuts)
    records = [record for section in sections for record in words_of(section, table, named, intervals, seed)]
    return pd.DataFrame(records, columns=columns(Words)).round(4)


def naming_words(labels: list[str], shortcuts: ShortcutSettings) -> list[str]:
    """The words and phrases that name a label, or are listed in the settings, normalised."""
    return [phrase for phrase in normalise(pd.Series([*labels, *shortcuts.words])).unique() if phrase]


def words_of(section: Section, pairs: pd.DataFrame, named: list[str], settings: Intervals, seed: int) -> list[dict]:
    """The records of `Words` for a section.

    The most predictive words are chosen on one half of the groups and measured on the other, or they would look more
    predictive than they are; words that name a label are measured on all pairs.
    """
    texts, labels, groups = normalise(pairs[section]), pairs["label"].to_numpy(), pairs["group"].to_numpy()
    chosen_on = half_of_groups(groups, seed)
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
    """How well the presence of words separates label 1 from 0, (word, 5).

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
    low, high = limits_of(np.concatenate([auroc_of_presence(*shares(times)) for times in batches]), confidence)
    return np.stack([*of_all, auroc_of_presence(*of_all), low, high], axis=1)


def draw(table: pd.DataFrame, above: str) -> Figure:
    """How well the presence of each word predicts the label, a panel per section."""
    sections = table.groupby("text", sort=False)
    figure, panels = grid(above, sections.ngroups, 2, LINE * sections.size().max() + 0.6, sharex=True)
    for panel, (section, words) in zip(panels, sections, strict=True):
        names = [f"{row.word} ({row.texts})" for row in words.itertuples()]
        forest(panel, names, limits(words, "auroc"), [BLUE if kind == "telling" else ORANGE for kind in words["kind"]])
        panel.axvline(0.5, color=BLACK, linewidth=0.8)
        panel.tick_params(labelbottom=True)
        panel.set_title(section)
    figure.supxlabel("AUROC of a word's presence", fontsize="medium")
    return figure
