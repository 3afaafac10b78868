"""Attention maps: which patches of the image the words of its report look at."""

from dataclasses import dataclass
from math import isqrt
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure

from lungfuse.encoders import TOKENIZER
from lungfuse.encoders.tokens import load_tokenizer, tokenize
from lungfuse.errors import UserError
from lungfuse.files import check_writable
from lungfuse.modalities.image.arms import arm_images, image_rows
from lungfuse.predict.trained import load_trained, read_trained
from lungfuse.report.style import heading, save, sheet
from lungfuse.tables.base import read_table
from lungfuse.tables.ingest import ImageIndex, Pairs
from lungfuse.tables.training import Predictions
from lungfuse.train.data import PairDataset

WORDS = 3


@dataclass(frozen=True)
class AttentionMap:
    """What the report of a pair looks at in its image.

    `pixels` is (height, width); `maps` (token, y, x) sums to 1 over y and x; `words` names the tokens; `title` says
    what pair it is.
    """

    pixels: np.ndarray
    maps: np.ndarray
    words: list[str]
    title: str


def main(
    *,
    title: str,
    notice: str,
    model: Path,
    pairs: Path,
    array: Path,
    index: Path,
    masks: Path | None = None,
    predictions: Path,
    encoder_root: Path,
    attention_figure: Path,
) -> None:
    """Draw where the words of a few reports look in their images, by the attention of a kv-exchange row.

    Each pair is shown by the model of the fold that never learned from it. Attention tells what was read, not why the
    model decided.

    Parameters
    ----------
    title
        Name of the study.
    notice
        What every figure of the study has to say.
    model
        Folder of the trained row.
    pairs
        Table of pairs.
    array
        The image array.
    index
        Index of the image array.
    masks
        Lung masks of the image array; needed for a row that does not read raw images.
    predictions
        Out-of-fold predictions of the row.
    encoder_root
        Folder with a folder for each encoder.
    attention_figure
        Output: a line a pair, SVG.

    Raises:
        UserError: the row is not one of kv-exchange, or was trained on mean tokens, so it does not attend to parts of
            an image; or it was not scored on these pairs.
    """
    torch.set_num_threads(1)
    check_writable(attention_figure)
    trained = read_trained(model / "fold0" if (model / "fold0").exists() else model)
    if trained.row.model != "kv-exchange":
        raise UserError(f"{model}: is a row of {trained.row.model}; attention is drawn for rows of kv-exchange.")
    if trained.reads_means:
        raise UserError(
            f"{model}: was trained on the mean tokens of frozen encoders, where there is nothing to choose between. "
            "For attention maps set encoders: {pooling: none} and train it again."
        )
    arm = trained.row.images
    if arm != "raw" and masks is None:
        raise UserError(f"{model}: reads the images as {arm}. Add --masks.")
    table = read_table(pairs, Pairs)
    scores = read_table(predictions, Predictions).groupby("pair_id", as_index=False)["score"].mean()
    scored = table.merge(scores, on="pair_id", validate="1:1")
    if scored["label"].nunique() < 2:
        raise UserError(f"{predictions}: scores {len(scored)} of the pairs in {pairs}, expected some of each class.")
    pixels, lungs = (path and np.load(path, mmap_mode="r") for path in [array, masks])
    images, rows = arm_images(arm, pixels, lungs), image_rows(table, read_table(index, ImageIndex))
    drawn = []
    for position in examples(scored):
        pair = scored.iloc[position]
        drawn.append(attention_of(pair, images[rows[position]], model / f"fold{pair['fold']}", encoder_root))
    save(draw_attention(drawn, heading(title, notice)), attention_figure)


def examples(scored: pd.DataFrame) -> list[int]:
    """Positions of the pair of each class that is most surely right, and of the one most surely wrong."""
    wrong = (scored["score"] - scored["label"]).abs()
    order = np.argsort(wrong.to_numpy(), kind="stable")
    labels = scored["label"].to_numpy()[order]
    chosen = [order[labels == label][end] for end in (0, -1) for label in (0, 1)]
    return [int(position) for position in chosen]


def attention_of(pair: pd.Series, pixels: np.ndarray, folder: Path, encoder_root: Path) -> AttentionMap:
    """The attention of the last block's text stream for one pair, a row of `Pairs` with a score."""
    trained = read_trained(folder)
    module = load_trained(trained, encoder_root)
    attention = module.model.text_streams[-1].attention
    attention.keep_weights = True
    name = trained.encoders.text
    tokenizer = encoder_root / name / TOKENIZER
    ids = tokenize(pd.Series([pair[trained.row.text]]), tokenizer, trained.encoders.text_tokens)
    dataset = PairDataset(np.zeros(1, int), pixels[None], np.zeros(1, int), ids)
    with torch.inference_mode():
        module(dataset[[0]])
    vocabulary = load_tokenizer(tokenizer)
    real = f"{trained.labels[pair['label']]}, p({trained.labels[1]}) = {pair['score']:.2f}"
    return AttentionMap(
        pixels, patch_maps(attention.weights[0].mean(0).numpy()), [vocabulary.id_to_token(i) for i in ids[0]], real
    )


def patch_maps(weights: np.ndarray) -> np.ndarray:
    """Weights on image tokens as maps: (token, patch) to (token, y, x), without a class token, summing to 1."""
    side = isqrt(weights.shape[1])
    patches = weights[:, weights.shape[1] - side * side :]
    patches = patches / patches.sum(1, keepdims=True)
    return patches.reshape(len(weights), side, side)


def sharpest(maps: np.ndarray, words: list[str], count: int) -> list[int]:
    """The tokens whose attention is least spread over the image, words only, each word once."""
    entropy = -(maps * np.log(maps + 1e-12)).sum((1, 2))
    order = [i for i in np.argsort(entropy) if words[i].isalpha()]
    first = {words[i]: i for i in reversed(order)}
    return sorted(sorted(first.values(), key=lambda i: entropy[i])[:count])


def draw_attention(drawn: list[AttentionMap], above: str) -> Figure:
    """A line a pair: its image, the mean over all words, and the words that look most sharply."""
    figure, axes = sheet(above, len(drawn), 2 + WORDS, 1.5)
    for line, example in zip(axes, drawn, strict=True):
        shown = sharpest(example.maps, example.words, WORDS)
        panels = [("", None), ("all words", example.maps.mean(0))]
        panels += [(example.words[i], example.maps[i]) for i in shown]
        for panel in line:
            panel.set_axis_off()
        for panel, (word, patches) in zip(line, panels, strict=False):
            height, width = example.pixels.shape
            panel.imshow(example.pixels, cmap="gray", vmin=0, vmax=255)
            if patches is not None:
                panel.imshow(
                    patches, cmap="magma", alpha=0.5, extent=(0, width, height, 0), interpolation="bilinear", vmin=0
                )
            panel.set_title(word, fontsize="small")
        line[0].set_title(example.title, fontsize="small", loc="left")
    return figure
