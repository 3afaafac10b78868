"""Scores of a row on some of the pairs: those of a site, those of a label, those that lack a modality."""

from pathlib import Path
from warnings import catch_warnings

import numpy as np
import pandas as pd
from scipy.stats import DegenerateDataWarning

from lungfuse.compare.scores import score_with_intervals
from lungfuse.settings.comparison import ComparisonSettings
from lungfuse.settings.rows import Row
from lungfuse.tables.base import columns, read_table
from lungfuse.tables.comparison import Missing, PerLabel
from lungfuse.tables.ingest import Structured
from lungfuse.tasks import OneAgainstRest, Task
from lungfuse.tasks.binary import Task as TwoClasses

OF_LABELS = ["auroc", "auprc", "sensitivity", "specificity"]


def scores_of_some(task: Task, joined: pd.DataFrame, settings: ComparisonSettings, seed: int) -> dict:
    """Number of pairs, accuracy, AUROC and errors of one row on some pairs.

    Positive pairs and errors are counted where there are two classes. What is not defined is NaN: the AUROC of one
    class, and the limits of one group.
    """
    repeats = joined["repeat"].nunique()
    record = {"n": len(joined) // repeats, "positives": pd.NA}
    record |= dict.fromkeys(["false_positives", "false_negatives"], float("nan"))
    record |= _rounded(_scored(task, joined, settings, seed), ["accuracy", "auroc"])
    if task.two_classes:
        errors = joined.loc[joined["label"] != joined["prediction"], "prediction"]
        record |= {"positives": joined["label"].sum() // repeats}
        record |= {"false_positives": (errors == 1).sum() / repeats, "false_negatives": (errors == 0).sum() / repeats}
    return record


def per_label(
    task: Task, names: list[str], models: list[Row], joined: list[pd.DataFrame], settings: ComparisonSettings, seed: int
) -> pd.DataFrame:
    """The table `PerLabel`: each label, or each class against the rest, of each row."""
    records = []
    for name, row, frame in zip(names, models, joined, strict=True):
        arrays = task.targets(frame), task.of("score", frame), task.of("prediction", frame)
        for each in task.one_against_rest(*arrays):
            known, repeats = alone(each, frame), frame["repeat"].nunique()
            record = row.named | {"row": name, "label": each.name, "n": len(known) // repeats}
            record |= {"positives": int(each.label.sum()) // repeats}
            found = _scored(TwoClasses(["rest", each.name]), known, settings, seed) if len(known) else {}
            records.append(record | _rounded(found, OF_LABELS))
    return pd.DataFrame(records, columns=columns(PerLabel))


def alone(each: OneAgainstRest, joined: pd.DataFrame) -> pd.DataFrame:
    """One label by itself as predictions of two classes, of the pairs where it is known."""
    known = joined.loc[each.known, ["pair_id", "group", "repeat"]]
    return known.assign(label=each.label, score=each.score, prediction=each.prediction)


def by_missing(
    task: Task,
    names: list[str],
    models: list[Row],
    joined: list[pd.DataFrame],
    lacking: list[dict[str, np.ndarray]],
    settings: ComparisonSettings,
    seed: int,
) -> pd.DataFrame:
    """The table `Missing`, from the pairs that lack what each row reads, see `lacking`.

    Rows of which every pair has everything are left out, as are those from which a modality is taken away.
    """
    records = []
    for name, row, frame, lacks in zip(names, models, joined, lacking, strict=True):
        without = {modality: pairs for modality, pairs in lacks.items() if pairs.any()}
        if not without or row.ablation:
            continue
        for missing, pairs in {"": ~np.any(list(without.values()), axis=0), **without}.items():
            some = frame[np.tile(pairs, frame["repeat"].nunique())]
            scores = scores_of_some(task, some, settings, seed) if len(some) else {"n": 0}
            records.append(row.named | {"row": name, "missing": missing} | scores)
    return pd.DataFrame(records, columns=columns(Missing))


def lacking(row: Row, pairs: pd.DataFrame, structured: pd.DataFrame | None) -> dict[str, np.ndarray]:
    """The pairs that lack each modality that a row reads, bool of (pair,); `structured` are the values of the pairs."""
    values = None if structured is None else structured[row.structured]
    return lacking_any(row.modalities, pairs, values, row.text or "text")


def lacking_any(
    modalities: list[str], pairs: pd.DataFrame, structured: pd.DataFrame | None, section: str = "text"
) -> dict[str, np.ndarray]:
    """The pairs that lack each of some modalities, bool of (pair,)."""
    empty = {}
    if "image" in modalities:
        empty["image"] = pairs["image_id"] == ""
    if "text" in modalities:
        empty["text"] = pairs[section].str.strip() == ""
    if "structured" in modalities:
        empty["structured"] = (structured.drop(columns="pair_id", errors="ignore") == "").all(axis=1)
    return {modality: missing.to_numpy() for modality, missing in empty.items()}


def read_structured(path: Path, pairs: pd.DataFrame) -> pd.DataFrame:
    """The values of the structured columns, in the order of the pairs."""
    return read_table(path, Structured).set_index("pair_id").loc[pairs["pair_id"]].reset_index()


def _scored(task: Task, joined: pd.DataFrame, settings: ComparisonSettings, seed: int) -> dict[str, tuple]:
    with catch_warnings(category=DegenerateDataWarning, action="ignore"):
        return score_with_intervals(task, joined, settings.confidence, settings.resamples, seed)


def _rounded(scores: dict[str, tuple], metrics: list[str]) -> dict[str, float]:
    """Values and limits of some metrics as columns."""
    nothing = (float("nan"),) * 3
    return {
        name: round(value, 4)
        for metric in metrics
        for name, value in zip([metric, f"{metric}_low", f"{metric}_high"], scores.get(metric, nothing), strict=True)
    }
