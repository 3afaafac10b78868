"""Pictures of pairs: examples of both classes, pairs on which models disagree, and masks over their images."""

from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lungfuse.compare.scores import join_predictions
from lungfuse.files import read_array
from lungfuse.modalities import in_order
from lungfuse.modalities.image.variants import image_rows
from lungfuse.models import kind_of
from lungfuse.parameters import Heading, Question, Several, options
from lungfuse.report.data import of_classes
from lungfuse.report.style import ORANGE, grid, heading, save, sheet
from lungfuse.settings.rows import SHORTHANDS
from lungfuse.tables.base import read_table
from lungfuse.tables.comparison import Comparison
from lungfuse.tables.ingest import ImageIndex, Pairs
from lungfuse.tables.segmentation import MaskQuality
from lungfuse.tables.training import Predictions
from lungfuse.tasks import Task, load_task

EXAMPLES = 8  # shared by the classes or labels
IN_LINE = 4
MOST_TOLD = 3  # scores of models in a title
DISAGREEMENTS = 2  # of each kind
SHOWN = 4  # masks in a line
WRAP, LINES_OF_TEXT = 84, 5
NARROW = 20  # letters of a title over one of several images


@options
class Files:
    """What is drawn.

    Parameters
    ----------
    pairs
        Table of pairs.
    array
        The image array.
    index
        Index of the image array.
    masks
        Masks of the images, one file a segmenter; the first are shown on examples.
    qualities
        Quality of the masks: <segmenter>.csv, in the order of `masks`.
    comparison_table
        Models and their scores.
    predictions
        Out-of-fold predictions, one file a row of the comparison, in the same order.
    """

    pairs: Path
    array: Path
    index: Path
    masks: Several[Path] = ()
    qualities: Several[Path] = ()
    comparison_table: Path
    predictions: Several[Path]


def main(
    *,
    study: Heading,
    question: Question,
    seed: int,
    files: Files,
    figures: Path,
) -> None:
    """Draw examples of the pairs and their masks as SVG, and what fused and unimodal models make of a few of them.

    Parameters
    ----------
    study
        What stands above.
    question
        What the study asks of a pair.
    seed
        Seed of the choice of examples.
    files
        What is drawn.
    figures
        Output: folder of the figures.
    """
    above = heading(study.title, study.notice)
    asked = load_task(question.task, question.labels)
    table, places = read_table(files.pairs, Pairs), read_table(files.index, ImageIndex)
    images, *masks = (read_array(path, len(places)) for path in [files.array, *files.masks])
    shown = PairImages(table, images, masks[0] if masks else None, rows_or_none(table, places))
    drawn = {"examples": draw_examples(shown, examples(asked, table, seed), asked, above)}
    if found := best_fused(read_table(files.comparison_table, Comparison), asked):
        scores = {kind: mean_scores(asked, table, files.predictions[row]) for kind, row in found.items()}
        names = {kind: files.predictions[row].stem for kind, row in found.items()}
        drawn["disagreements"] = draw_disagreements(shown, names, scores, asked, above)
    for mask, path in zip(masks, files.qualities, strict=True):
        quality = read_table(path, MaskQuality).merge(places, on="image_id", validate="1:1")
        drawn[f"masks_{path.stem}"] = draw_masks(images, mask, by_plausibility(quality), above)
    for name, figure in drawn.items():
        save(figure, figures / f"{name}.svg")


def rows_or_none(pairs: pd.DataFrame, index: pd.DataFrame) -> np.ndarray:
    """The row of each pair's image in the image array, -1 where a pair has none."""
    rows = np.full(len(pairs), -1)
    has = (pairs["image_id"] != "").to_numpy()
    rows[has] = image_rows(pairs[has], index)
    return rows


def mean_scores(task: Task, pairs: pd.DataFrame, predictions: Path) -> np.ndarray:
    """The scores of each pair, (pair, score column), the mean over trainings."""
    joined = join_predictions(task, pairs, read_table(predictions, Predictions), predictions)
    return joined.groupby("pair_id", sort=False)[task.columns("score")].mean().to_numpy()


@dataclass(frozen=True)
class PairImages:
    """Pairs with their images: arrays of images, (image, height, width) grey or (image, height, width, 3) in colour,
    and of masks, and the row of each pair in them, -1 where it has no image."""

    pairs: pd.DataFrame
    images: np.ndarray
    masks: np.ndarray | None
    rows: np.ndarray

    def draw(self, panel: Axes, position: int) -> None:
        """Draw the image of a pair with the outline of its mask."""
        row = self.rows[position]
        if row < 0:
            panel.set_axis_off()
            panel.text(0.5, 0.5, "no image", ha="center", va="center", fontsize="small", transform=panel.transAxes)
            return
        draw_image(panel, self.images[row], None if self.masks is None else self.masks[row])


def draw_image(panel: Axes, pixels: np.ndarray, mask: np.ndarray | None) -> None:
    """An image of grey levels (height, width) or in colour (height, width, 3) with the outline of a mask."""
    panel.set_axis_off()
    panel.imshow(pixels, cmap="gray", vmin=0, vmax=255)
    if mask is not None and mask.any():
        panel.contour(mask, levels=[0.5], colors=ORANGE, linewidths=1)


def examples(task: Task, pairs: pd.DataFrame, seed: int) -> list[int]:
    """Positions of pairs with an image drawn at random, those of each class or label together."""
    rng = np.random.default_rng(seed)
    each, chosen = max(1, EXAMPLES // len(task.labels)), []
    for of_label in of_classes(task, pairs).T:
        found = np.setdiff1d(np.flatnonzero(of_label & (pairs["image_id"] != "")), chosen)
        chosen += [int(n) for n in sorted(rng.permutation(found)[:each])]
    return chosen


def in_words(task: Task, pairs: pd.DataFrame) -> list[str]:
    """The class of each pair, or its labels."""
    named = [[task.labels[n] for n in np.flatnonzero(row)] for row in of_classes(task, pairs)]
    return [", ".join(names) or "no label" for names in named]


def draw_examples(shown: PairImages, positions: list[int], task: Task, above: str) -> Figure:
    """Pairs with what their report says; images alone where there are no reports."""
    pairs = shown.pairs.iloc[positions]
    titles = in_words(task, pairs)
    if (pairs["text"] != "").any():
        return draw_pairs(shown, positions, titles, list(pairs["text"]), above)
    figure, panels = grid(above, len(positions), IN_LINE, 1.7)
    for panel, position, title in zip(panels, positions, titles, strict=True):
        shown.draw(panel, position)
        panel.set_title("\n".join(wrap(title, NARROW)))
    return figure


def draw_pairs(shown: PairImages, positions: list[int], titles: list[str], texts: list[str], above: str) -> Figure:
    """A line a pair: its image, and beside it a title and its text."""
    figure, panels = sheet(above, len(positions), 2, 1.05, width_ratios=[1, 4.8])
    for (left, right), position, title, text in zip(panels, positions, titles, texts, strict=True):
        shown.draw(left, position)
        right.set_axis_off()
        right.set_title(title, fontsize="small", fontweight="bold", y=0.92, va="top")
        lines = wrap(text, WRAP, max_lines=LINES_OF_TEXT, placeholder=" ...")
        right.text(0, 0.78, "\n".join(lines), va="top", fontsize="small", transform=right.transAxes)
    return figure


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
        figure, ((panel,),) = sheet(above, 1, 1, 0.4)
        panel.set_axis_off()
        *first, last = names.values()
        panel.text(0, 0.5, f"{', '.join(first)} and {last} agree on every pair.", va="center")
        return figure
    verdict = {True: "right", False: "wrong"}
    values = {kind: shown_scores(task, score, targets) for kind, score in scores.items()}
    titles = []
    for n, label, right, modality in found:
        truth = task.labels[int(targets[n, 0])]
        if targets.shape[1] > 1:
            truth = f"{'' if targets[n, label] else 'no '}{task.labels[label]}"
        told = names if len(names) <= MOST_TOLD else ["fused", modality]
        said = ", ".join(f"{names[kind]} {values[kind][n, label]:.2f}" for kind in told)
        titles.append(f"{truth}: {names['fused']} {verdict[right]}, {names[modality]} {verdict[not right]} ({said})")
    positions = [position for position, *_ in found]
    return draw_pairs(shown, positions, titles, list(shown.pairs["text"].iloc[positions]), above)


def by_plausibility(quality: pd.DataFrame) -> pd.DataFrame:
    """The masks from the most to the least usual: suspicious ones last, then by distance from the median in area,
    asymmetry and components, each in units of its spread."""
    measures = quality[["area", "asymmetry", "components"]].astype(float)
    spread = (measures - measures.median()).abs()
    distance = (spread / spread.mean().replace(0, 1)).sum(axis=1)
    order = pd.DataFrame({"suspicious": quality["suspicious"] != "", "distance": distance})
    return quality.loc[order.sort_values(["suspicious", "distance"], kind="stable").index]


def draw_masks(images: np.ndarray, masks: np.ndarray, ordered: pd.DataFrame, above: str) -> Figure:
    """A line each of the most usual, median and least usual masks of `ordered`."""
    middle = max(0, (len(ordered) - SHOWN) // 2)
    lines = {"most usual": ordered[:SHOWN], "median": ordered[middle : middle + SHOWN], "least usual": ordered[-SHOWN:]}
    figure, axes = sheet(above, len(lines), SHOWN, 1.75)
    for panels, (name, chosen) in zip(axes, lines.items(), strict=True):
        for panel in panels:
            panel.set_axis_off()
        for panel, (_, mask) in zip(panels, chosen.iterrows(), strict=False):
            draw_image(panel, images[mask["row"]], masks[mask["row"]])
            panel.set_title(f"area {mask['area']:.0%}", fontsize="small")
        panels[0].set_title(f"{name}, {panels[0].get_title(loc='left')}", fontsize="small")
    return figure
