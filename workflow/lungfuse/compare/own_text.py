"""What a split holds apart, and how a model of texts does where nobody else has the same text."""

import numpy as np
import pandas as pd

from lungfuse.compare.by_fold import groups_of
from lungfuse.compare.results import Results
from lungfuse.compare.scores import correct
from lungfuse.ingest.groups import normalise
from lungfuse.modalities.text import text_of
from lungfuse.tables.ingest import sections_of
from lungfuse.tasks import Task

OWN_TEXT = ["n_own_text", "positives_own_text", "accuracy_own_text"]
OWN_TEXT_IS = (
    "own text: accuracy on the pairs whose own text is in no training fold; in brackets how many they are{positives}."
)


def has_own_text(pairs: pd.DataFrame, section: str, folds: pd.DataFrame | None = None) -> pd.Series:
    """Whether the text of each pair is in no other fold, so that no model that is tested on it has learned from it.

    The folds are those of the pairs, or of several repeats, `folds` of shape (pair, repeat): in all of these, then.
    Texts are the same when they agree as `lungfuse.ingest.groups.group` compares them; an empty one is nobody's own.
    """
    texts = normalise(text_of(pairs, section))
    folds = pairs[["fold"]] if folds is None else folds
    return (folds.groupby(texts).transform("nunique") == 1).all(axis=1) & (texts != "")


def with_own_text(scored: pd.DataFrame, results: Results) -> pd.DataFrame:
    """The comparison table with the columns of `OWN_TEXT`.

    They are missing for a model that reads no text, or not its own.
    """
    pairs, found = results.pairs, []
    read = [model.text if model.changed != "text" else "" for model in results.models]
    own: dict[tuple[str, int], np.ndarray] = {}  # by section and number of trainings
    for section, frame in zip(read, results.joined, strict=True):
        which = (section, len(frame))
        if section and which not in own:
            own[which] = has_own_text(pairs, section, folds_of(frame)).to_numpy()
        nothing = (pd.NA, pd.NA, float("nan"))
        found.append(
            own_text_accuracy(results.task, own[which], frame) if section and not results.task.numbers else nothing
        )
    columns = pd.DataFrame(found, columns=OWN_TEXT, index=scored.index)
    return scored.join(columns.astype(dict.fromkeys(OWN_TEXT[:2], "Int64")))


def folds_of(joined: pd.DataFrame) -> pd.DataFrame:
    """The fold of each pair in each training of a model, (pair, training), from `join_predictions`."""
    return pd.DataFrame(joined["fold"].to_numpy().reshape(joined["repeat"].nunique(), -1).T)


def own_text_accuracy(task: Task, own: np.ndarray, joined: pd.DataFrame) -> tuple[int, int, float]:
    """Number of the pairs whose own text is in no training fold, of the positive ones, and the accuracy on them.

    `own`, of shape (pair,), marks these pairs; see `has_own_text`.

    The classes are seldom as many as among all pairs, since it is the healthy of whom all say the same. The accuracy
    is NaN without any, and the number of positive ones missing where there are not two classes.
    """
    targets = task.targets(joined)[: len(groups_of(joined))][own]
    positives = int(targets.sum()) if task.two_classes else pd.NA
    accuracy = float(np.nanmean(correct(task, joined)[:, own])) if own.any() else float("nan")
    return int(own.sum()), positives, round(accuracy, 4)


def folds_are_sites(pairs: pd.DataFrame) -> bool:
    """Whether each fold tests one site, from which its models have learned nothing."""
    return len(pairs[["fold", "site"]].drop_duplicates()) == pairs["fold"].nunique() == pairs["site"].nunique() > 1


def held_apart(pairs: pd.DataFrame, read: pd.Series) -> str:
    """In words, what is never in both training and test, and how many texts of the sections `read` do."""
    own = [
        section
        for section in sections_of(pairs)
        if (pairs["text"] != "").any() and (pairs[section] == pairs["text"]).all()
    ]
    apart = "".join(["Held apart: pairs of a patient", *(f", and pairs with the same {section}" for section in own)])
    apart += ", and sites, each of which is a fold" if folds_are_sites(pairs) else ""
    shared = {
        section: (~has_own_text(pairs, section) & (text_of(pairs, section) != "")).sum()
        for section in dict.fromkeys(read)
        if section and section not in own
    }
    words = " and ".join(f"{count} {section} texts" for section, count in shared.items() if count)
    return f"{apart}." + (f" Of {len(pairs)}, {words} also occur word for word in a training fold." if words else "")
