"""Scores of a model on some of the pairs, as those of a site, and which pairs lack a modality."""

from pathlib import Path
from warnings import catch_warnings

import numpy as np
import pandas as pd
from scipy.stats import DegenerateDataWarning

from lungfuse.compare.scores import as_columns, score_with_intervals
from lungfuse.modalities import load_modality
from lungfuse.modalities.image import image_ids, places_of
from lungfuse.modalities.text import text_of
from lungfuse.settings.comparison import Intervals
from lungfuse.settings.model import ModelConfig
from lungfuse.tables.base import read_table
from lungfuse.tables.ingest import Structured
from lungfuse.tasks import Task


def scores_of_some(task: Task, joined: pd.DataFrame, settings: Intervals, seed: int) -> dict:
    """Number of pairs, the scores of the headline and errors of one model on some pairs.

    Positive pairs and errors are counted where there are two classes. What is not defined is NaN: the AUROC of one
    class, and the limits of one group.
    """
    repeats = joined["repeat"].nunique()
    record = {"n": len(joined) // repeats, "positives": pd.NA}
    record |= dict.fromkeys(["false_positives", "false_negatives"], float("nan"))
    record |= as_columns(scored(task, joined, settings, seed), list(task.headline))
    if task.two_classes:
        errors = joined.loc[joined["label"] != joined["prediction"], "prediction"]
        record |= {"positives": joined["label"].sum() // repeats}
        record |= {"false_positives": (errors == 1).sum() / repeats, "false_negatives": (errors == 0).sum() / repeats}
    return record


def lacking(model: ModelConfig, pairs: pd.DataFrame, structured: pd.DataFrame | None) -> dict[str, np.ndarray]:
    """The pairs that lack each modality that a model reads, bool of (pair,), and where it reads several images or texts
    each of these, such as `image lateral`; `structured` are the values of the pairs."""
    found = {}
    for name, choice in model.inputs.items():
        if name == "structured":
            found |= lacking_any([name], pairs, structured[choice])
            continue
        sources = load_modality(name).sources(choice)
        for source in sources:
            read = {"image": image_ids, "text": text_of}[name](pairs, source)
            which = f"{name} {''.join(places_of(source)) or source}" if len(sources) > 1 else name
            found[which] = (read.str.strip() == "").to_numpy()
    return found


def lacking_any(modalities: list[str], pairs: pd.DataFrame, structured: pd.DataFrame | None) -> dict[str, np.ndarray]:
    """The pairs that lack each of some modalities, bool of (pair,)."""
    empty = {}
    if "image" in modalities:
        empty["image"] = pairs["image_id"] == ""
    if "text" in modalities:
        empty["text"] = pairs["text"].str.strip() == ""
    if "structured" in modalities:
        empty["structured"] = (structured.drop(columns="pair_id", errors="ignore") == "").all(axis=1)
    return {modality: missing.to_numpy() for modality, missing in empty.items()}


def read_structured(path: Path, pairs: pd.DataFrame) -> pd.DataFrame:
    """The values of the structured columns, in the order of the pairs."""
    return read_table(path, Structured).set_index("pair_id").loc[pairs["pair_id"]].reset_index()


def scored(task: Task, joined: pd.DataFrame, settings: Intervals, seed: int) -> dict[str, tuple]:
    """The metrics of a model on some pairs with their limits, which are NaN where nothing varies."""
    with catch_warnings(category=DegenerateDataWarning, action="ignore"):
        return score_with_intervals(task, joined, settings.confidence, settings.resamples, seed)
