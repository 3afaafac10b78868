"""Pairs on which the best fused model and unimodal models disagree."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lungfuse.compare.results import Results
from lungfuse.modalities import in_order
from lungfuse.models import kind_of
from lungfuse.report.pictures import PairImages, draw_pairs, read_images
from lungfuse.report.style import sheet
from lungfuse.settings.model import SHORTHANDS
from lungfuse.tables.base import read_table
from lungfuse.tables.comparison import Comparison
from lungfuse.tasks import Task

TITLE, SECTION, ORDER = "Disagreements", "Disagreements and explanations", 1
CAPTION = (
    "Pairs on which the best fused model and its unimodal models disagree: of each kind those whose scores differ "
    "most, with the score of each model: with several classes that of the correct one, with several labels that of "
    "the label named. Each pair was scored by models that held it out."
)
WANTED = ["classes", "has_images", "fuses_unimodal_models"]
READS = ["predicted", "comparison_table", "layout.image_array", "masks_shown"]
SETTINGS = []
OF_CASES = True
MOST_NAMED = 3  # scores of models in a title
DISAGREEMENTS = 2  # of each kind


def draw(
    results: Results,
    comparison_table: Path,
    array: Path,
    index: Path,
    task: Task,
    above: str,
    masks_shown: Sequence[Path] = (),
) -> Figure:
    """Pairs on which the best fused model, by the table `Comparison`, and a unimodal one disagree."""
    shown = read_images(results.pairs, array, index, masks_shown)
    found = best_fused(read_table(comparison_table, Comparison), task)
    if not found:
        return in_words(above, "No fused model has a unimodal model of each of its inputs.")
    scores = {kind: mean_scores(task, results.joined[row]) for kind, row in found.items()}
    names = {kind: results.names[row] for kind, row in found.items()}
    return draw_disagreements(shown, names, scores, task, above)


def mean_scores(task: Task, joined: pd.DataFrame) -> np.ndarray:
    """The scores of each pair, (pair, score column), the mean over trainings."""
    return joined.groupby("pair_id", sort=False)[task.columns("score")].mean().to_numpy()


def best_fused(comparison: pd.DataFrame, task: Task) -> dict[str, int]:
    """Positions of the best model of several inputs as `fused`, and by modality of the unimodal models that read the
    same; empty where the table `Comparison` has no such rows."""
    found = {}
    for position, row in comparison.sort_values(task.primary, kind="stable").iterrows():
        inputs = {modality: column for column, modality in SHORTHANDS.items() if row[column]}
        alone = {modality: _alone(comparison, column, row[column]) for modality, column in inputs.items()}
        if len(inputs) > 1 and ":" not in row["model"] and all(part.any() for part in alone.values()):
            found = {"fused": position} | {modality: alone[modality].argmax() for modality in in_order(alone)}
    return found


def _alone(comparison: pd.DataFrame, column: str, choice: str) -> pd.Series:
    """Which rows are unimodal models that read a choice of one modality."""
    return (comparison["model"].map(_is_unimodal)) & (comparison[column] == choice)


def _is_unimodal(model: str) -> bool:
    return ":" not in model and kind_of(model) == "unimodal"


def disagreements(task: Task, scores: dict[str, np.ndarray], targets: np.ndarray) -> list[tuple[int, int, bool, str]]:
    """Pairs on which a fused and a unimodal model disagree: position, label column, whether the fused one is right, the
    other.

    `scores` are those of fused and of each modality, (pair, score column), `targets` (pair, label column). Of each kind
    those are taken on which the scores differ most.
    """
    found = []
    known = ~np.isnan(targets)
    right = {kind: task.decide(score) == targets for kind, score in scores.items()}
    shown = {kind: shown_scores(task, score, targets) for kind, score in scores.items()}
    for fused_right in (True, False):
        for modality in [kind for kind in scores if kind != "fused"]:
            kind = known & (right["fused"] == fused_right) & (right[modality] != fused_right)
            distance = np.where(kind, np.abs(shown["fused"] - shown[modality]), -1)
            widest = np.argsort(-distance, axis=None, kind="stable")[:DISAGREEMENTS]
            places = [np.unravel_index(place, kind.shape) for place in widest]
            found += [(int(pair), int(label), fused_right, modality) for pair, label in places if kind[pair, label]]
    return found


def shown_scores(task: Task, scores: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """The score of each label, (pair, label column); of classes that exclude each other, that of the pair's own."""
    if not task.excludes:
        return scores
    return np.take_along_axis(scores, targets.astype(int), axis=1)


def draw_disagreements(
    shown: PairImages, names: dict[str, str], scores: dict[str, np.ndarray], task: Task, above: str
) -> Figure:
    """Pairs on which the best fused model and a unimodal one disagree, with the scores of both, or of all three.

    `names` and `scores` are those of fused and of each modality.
    """
    targets = task.targets(shown.pairs)
    found = disagreements(task, scores, targets)
    if not found:
        *first, last = names.values()
        return in_words(above, f"{', '.join(first)} and {last} agree on every pair.")
    verdict = {True: "right", False: "wrong"}
    values = {kind: shown_scores(task, score, targets) for kind, score in scores.items()}
    titles = []
    for n, label, right, modality in found:
        if targets.shape[1] > 1:
            truth = f"{'' if targets[n, label] else 'no '}{task.labels[label]}"
        else:
            truth = task.labels[int(targets[n, 0])]
        named = names if len(names) <= MOST_NAMED else ["fused", modality]
        said = ", ".join(f"{names[kind]} {values[kind][n, label]:.2f}" for kind in named)
        titles.append(f"{truth}: {names['fused']} {verdict[right]}, {names[modality]} {verdict[not right]} ({said})")
    positions = [position for position, *_ in found]
    return draw_pairs(shown, positions, titles, list(shown.pairs["text"].iloc[positions]), above)


def in_words(above: str, text: str) -> Figure:
    """A sentence in place of a figure."""
    figure, ((panel,),) = sheet(above, 1, 1, 0.4)
    panel.set_axis_off()
    panel.text(0, 0.5, text, va="center")
    return figure
