"""Pictures of pairs: examples of both classes, pairs on which models disagree, and masks over their images."""

from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lungfuse.compare.compare import join_predictions
from lungfuse.files import read_array
from lungfuse.modalities.image.arms import image_rows
from lungfuse.parameters import Several
from lungfuse.report.style import ORANGE, grid, heading, save, sheet
from lungfuse.tables.base import read_table
from lungfuse.tables.comparison import Comparison
from lungfuse.tables.ingest import ImageIndex, Pairs
from lungfuse.tables.segmentation import MaskQuality
from lungfuse.tables.training import Predictions

EXAMPLES = 4  # of each class
DISAGREEMENTS = 2  # of each kind
SHOWN = 4  # masks in a line
WRAP, LINES_OF_TEXT = 84, 5


def main(
    *,
    title: str,
    notice: str,
    labels: Several[str],
    seed: int,
    pairs: Path,
    array: Path,
    index: Path,
    masks: Several[Path] = (),
    qualities: Several[Path] = (),
    comparison_table: Path,
    predictions: Several[Path],
    figures: Path,
) -> None:
    """Draw examples of the pairs and their masks as SVG, and what fused and unimodal models make of a few of them.

    Parameters
    ----------
    title
        Name of the study.
    notice
        What every figure of the study has to say.
    labels
        Names of the two classes.
    seed
        Seed of the choice of examples.
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
    figures
        Output: folder of the figures.
    """
    above = heading(title, notice)
    table, places = read_table(pairs, Pairs), read_table(index, ImageIndex)
    images, *lungs = (read_array(path, len(places)) for path in [array, *masks])
    shown = PairImages(table, images, lungs[0] if lungs else None, image_rows(table, places))
    drawn = {"examples": draw_examples(shown, examples(table, seed), labels, above)}
    if trio := best_fused(read_table(comparison_table, Comparison)):
        joined = {
            kind: join_predictions(table, read_table(predictions[row], Predictions), predictions[row])
            for kind, row in trio.items()
        }
        scores = {
            kind: frame.groupby("pair_id", sort=False)["score"].mean().reset_index(drop=True)
            for kind, frame in joined.items()
        }
        names = {kind: predictions[row].stem for kind, row in trio.items()}
        drawn["disagreements"] = draw_disagreements(shown, names, scores, labels, above)
    for lung, path in zip(lungs, qualities, strict=True):
        quality = read_table(path, MaskQuality).merge(places, on="image_id", validate="1:1")
        drawn[f"masks_{path.stem}"] = draw_masks(images, lung, by_plausibility(quality), above)
    for name, figure in drawn.items():
        save(figure, figures / f"{name}.svg")


@dataclass(frozen=True)
class PairImages:
    """Pairs with their images: arrays of images and masks, (image, height, width), and the row of each pair in them."""

    pairs: pd.DataFrame
    images: np.ndarray
    masks: np.ndarray | None
    rows: np.ndarray

    def draw(self, panel: Axes, position: int) -> None:
        """Draw the image of a pair with the outline of its lungs."""
        row = self.rows[position]
        draw_image(panel, self.images[row], None if self.masks is None else self.masks[row])


def draw_image(panel: Axes, pixels: np.ndarray, mask: np.ndarray | None) -> None:
    """An image (height, width) of grey levels with the outline of a mask."""
    panel.set_axis_off()
    panel.imshow(pixels, cmap="gray", vmin=0, vmax=255)
    if mask is not None and mask.any():
        panel.contour(mask, levels=[0.5], colors=ORANGE, linewidths=1)


def examples(pairs: pd.DataFrame, seed: int) -> list[int]:
    """Positions of pairs drawn at random, those of each class together."""
    rng = np.random.default_rng(seed)
    classes = [np.flatnonzero(pairs["label"] == label) for label in (0, 1)]
    return [int(n) for found in classes for n in sorted(rng.permutation(found)[:EXAMPLES])]


def draw_examples(shown: PairImages, positions: list[int], labels: list[str], above: str) -> Figure:
    """Pairs with what their report says; images alone where there are no reports."""
    pairs = shown.pairs.iloc[positions]
    titles = [labels[label] for label in pairs["label"]]
    if (pairs["text"] != "").any():
        return draw_pairs(shown, positions, titles, list(pairs["text"]), above)
    figure, panels = grid(above, len(positions), EXAMPLES, 1.7)
    for panel, position, title in zip(panels, positions, titles, strict=True):
        shown.draw(panel, position)
        panel.set_title(title)
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


def best_fused(comparison: pd.DataFrame) -> dict[str, int]:
    """Positions of the most accurate model of both inputs as `fused`, and of the `image` and `text` model that read the
    same; empty where the table `Comparison` has no such three."""
    found = {}
    for position, row in comparison.sort_values("accuracy", kind="stable").iterrows():
        image = (comparison["model"] == "image") & (comparison["images"] == row["images"])
        text = (comparison["model"] == "text") & (comparison["text"] == row["text"])
        shuffled = ":" in row["model"]
        if row["images"] and row["text"] and image.any() and text.any() and not shuffled:
            found = {"fused": position, "image": image.argmax(), "text": text.argmax()}
    return found


def disagreements(scores: dict[str, pd.Series], labels: pd.Series) -> list[tuple[int, bool, str]]:
    """Pairs on which a fused and a unimodal model disagree: position, whether the fused one is right, the other.

    `scores` are those of fused, image and text. Of each kind those pairs are taken on which the scores differ most.
    """
    found = []
    for fused_right in (True, False):
        for modality in ("image", "text"):
            fused, other = ((scores[kind] >= 0.5) == labels for kind in ("fused", modality))
            kind = (fused == fused_right) & (other != fused_right)
            distance = (scores["fused"] - scores[modality]).abs()[kind]
            widest = distance.sort_values(ascending=False, kind="stable").index[:DISAGREEMENTS]
            found += [(int(position), fused_right, modality) for position in widest]
    return found


def draw_disagreements(
    shown: PairImages, names: dict[str, str], scores: dict[str, pd.Series], labels: list[str], above: str
) -> Figure:
    """Pairs on which the best fused model and a unimodal one disagree, with the scores of all three.

    `names` and `scores` are those of fused, image and text.
    """
    pairs, found = shown.pairs, disagreements(scores, shown.pairs["label"])
    verdict = {True: "right", False: "wrong"}
    titles = [
        f"{labels[pairs['label'][n]]}: {names['fused']} {verdict[right]}, {names[modality]} {verdict[not right]} "
        f"({', '.join(f'{names[kind]} {scores[kind][n]:.2f}' for kind in names)})"
        for n, right, modality in found
    ]
    positions = [position for position, *_ in found]
    if not found:
        figure, ((panel,),) = sheet(above, 1, 1, 0.4)
        panel.set_axis_off()
        panel.text(0, 0.5, f"{names['fused']}, {names['image']} and {names['text']} agree on every pair.", va="center")
        return figure
    return draw_pairs(shown, positions, titles, list(pairs["text"][positions]), above)


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
