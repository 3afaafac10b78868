"""Pairs drawn at random, with their images and what their reports say."""

from collections.abc import Sequence
from pathlib import Path
from textwrap import wrap

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lungfuse.report.data import of_classes
from lungfuse.report.pictures import PairImages, draw_pairs, read_images
from lungfuse.report.style import grid
from lungfuse.tables.base import read_table
from lungfuse.tables.ingest import Pairs
from lungfuse.tasks import Task

TITLE, SECTION, ORDER = "Examples", "Data", 4
CAPTION = (
    "Pairs drawn at random from each class or label, with the outline of what the study segments, where it does, and "
    "what the report says."
)
WANTED = ["has_images"]
READS = ["layout.split.pairs", "layout.image_array", "masks_shown"]
SETTINGS = ["study.seed"]
OF_CASES = True
EXAMPLES = 8  # shared by the classes or labels
IN_LINE = 4
NARROW = 20  # letters of a title over one of several images


def draw(
    pairs: Path, array: Path, index: Path, task: Task, seed: int, above: str, masks_shown: Sequence[Path] = ()
) -> Figure:
    """Some pairs of each class or label."""
    task, table = task.in_classes(read_table(pairs, Pairs))
    shown = read_images(table, array, index, masks_shown)
    return draw_examples(shown, examples(task, table, seed), task, above)


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
