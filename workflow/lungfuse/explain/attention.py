"""Attention maps: which patches of the image the words of its report look at."""

from dataclasses import dataclass, replace
from math import isqrt
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure

from lungfuse.encoders import TOKENIZER
from lungfuse.encoders.tokens import load_tokenizer
from lungfuse.errors import UserError
from lungfuse.explain._stage import Explained
from lungfuse.files import slug
from lungfuse.modalities import load_inputs
from lungfuse.modalities.data_files import DataFiles, Source
from lungfuse.predict.fold_model import StoredFold
from lungfuse.predict.frozen import features
from lungfuse.predict.network import NetworkFold, read_network
from lungfuse.report.style import sheet
from lungfuse.tables.base import read_table
from lungfuse.tables.ingest import Pairs
from lungfuse.tables.training import Predictions
from lungfuse.tasks import Task

TITLE, SECTION, ORDER = "Attention", "Errors", 5
CAPTION = (
    "Where the words of a report look in its image: attention of text queries on image keys in the last fusion block, "
    "mean over heads. From the top, the pair of each class that is most surely right, then the one most surely wrong; "
    "each by the model of the fold that never learned from it. The words shown are those whose attention is least "
    "spread. Attention tells what was read, not why the model decided."
)
INPUTS = ["image", "text"]
WANTED = {"architecture": ["kv-exchange"], "pooling": ["none"]}  # mean tokens leave nothing to choose between
WORDS = 3
MOST_CLASSES = 4  # that are shown, the most frequent ones


@dataclass(frozen=True)
class Example:
    """A pair that is shown: a row of `Pairs`, and what it is."""

    pair: pd.Series
    title: str


@dataclass(frozen=True)
class AttentionMap:
    """What the report of a pair looks at in its image.

    `pixels` is (height, width), or with colours at the end; `maps` (token, y, x) sums to 1 over y and x; `words` names
    the tokens; `title` says what pair it is.
    """

    pixels: np.ndarray
    maps: np.ndarray
    words: list[str]
    title: str


def draw(explained: Explained, above: str) -> Figure:
    """Where the words of a few reports look in their images, by the attention of a kv-exchange model.

    Each pair is shown by the model of the fold that never learned from it. Attention tells what was read, not why the
    model decided.

    Raises:
        UserError: the model is not one of kv-exchange, or was trained on mean tokens, so it does not attend to parts of
            an image; or it was not scored on these pairs.
    """
    torch.set_num_threads(1)
    model = explained.model
    fold = read_network(model / "fold0" if (model / "fold0").exists() else model)
    check_model(explained, fold)
    scored = read_scored(explained, fold)
    drawn = [
        attention_of(example, explained, model / f"fold{example.pair['fold']}")
        for example in examples(scored, fold.task)
    ]
    return draw_maps(drawn, above)


def check_model(explained: Explained, fold: StoredFold) -> None:
    """See that the attention of a model can be drawn.

    Raises:
        UserError: it cannot.
    """
    model = explained.model
    if fold.config.architecture != "kv-exchange" or not {"image", "text"} <= set(fold.config.inputs):
        raise UserError(
            f"{model}: is a model of {fold.config.architecture}; attention is drawn for models of "
            "kv-exchange that read image and text."
        )
    if fold.config.pooling == "mean":
        raise UserError(
            f"{model}: was trained on the mean tokens of frozen encoders, where there is nothing to choose between. "
            "For attention maps set encoders: {pooling: none} and train it again."
        )
    if fold.config.images != "raw" and explained.masks is None:
        raise UserError(f"{model}: reads the images as {fold.config.images}. Add --masks.")
    if fold.config.structured and (explained.structured is None or explained.structured_columns is None):
        raise UserError(
            f"{model}: reads {', '.join(fold.config.structured)}. Add --structured and --structured-columns."
        )


def read_scored(explained: Explained, fold: StoredFold) -> pd.DataFrame:
    """The pairs that have an image, a text and a score, the mean over all trainings.

    Raises:
        UserError: fewer than two classes are among them.
    """
    table, columns = read_table(explained.pairs, Pairs), fold.task.columns("score")
    scores = read_table(explained.predictions, Predictions).groupby("pair_id", as_index=False)[columns].mean()
    scored = table.merge(scores, on="pair_id", validate="1:1")
    scored = scored[(scored["image_id"] != "") & (scored[fold.config.text] != "")].reset_index(drop=True)
    if _classes(scored, fold.task)[0].any(axis=0).sum() < 2:
        raise UserError(
            f"{explained.predictions}: scores {len(scored)} of the pairs in {explained.pairs}, expected some of each "
            "class."
        )
    return scored


def examples(scored: pd.DataFrame, task: Task) -> list[Example]:
    """Of each class or label the pair of it that is most surely right, then those that are most surely wrong."""
    of_class, score = _classes(scored, task)
    counts = of_class.sum(axis=0)
    shown = sorted(np.argsort(-counts, kind="stable")[:MOST_CLASSES])
    names = [task.labels[1]] * 2 if len(task.columns("score")) == 1 else task.labels
    found = []
    for end in (0, -1):
        for number in shown:
            positions = np.flatnonzero(of_class[:, number])
            if not len(positions):
                continue
            position = positions[np.argsort(1 - score[positions, number], kind="stable")[end]]
            told = scored[task.columns("score")[number if len(task.columns("score")) > 1 else 0]].iloc[position]
            title = f"{task.labels[number]}, p({names[number]}) = {told:.2f}"
            found.append(Example(scored.iloc[position], title))
    return found


def _classes(scored: pd.DataFrame, task: Task) -> tuple[np.ndarray, np.ndarray]:
    """Which pairs are of each class or have each label, and its score, both (pair, class)."""
    score = task.of("score", scored)
    score = np.hstack([1 - score, score]) if score.shape[1] == 1 else score
    return task.strata(task.targets(scored))[:, : score.shape[1]] == 1, score


def attention_of(example: Example, explained: Explained, folder: Path) -> AttentionMap:
    """The attention of the last block's text stream to the image of a pair."""
    fold, encoder_root = read_network(folder), explained.encoder_root
    fold.load(encoder_root)
    attention = fold.module.model.streams["text"][-1].attention
    attention.keep_weights = True
    sources = sources_of(fold, example.pair, explained)
    ids, pixels = sources["text"].texts[0], sources["image"].batch([0])["pixels"][0].numpy()
    encoders = fold.frozen_encoders
    pooling, precision = fold.config.pooling, fold.train.precision
    encoded = {name: features(encoder, sources[name], 1, precision, pooling) for name, encoder in encoders.items()}
    fold.score_sources(sources | encoded, 1)
    # keys are the tokens of the other modalities one after the other: those of the image, then a column each
    weights = attention.weights[0].mean(0).float().cpu().numpy()
    of_image = weights[:, : weights.shape[1] - len(fold.config.structured)]
    vocabulary = load_tokenizer(encoder_root / slug(fold.config.encoders["text"]) / TOKENIZER)
    return AttentionMap(pixels, patch_maps(of_image), [vocabulary.id_to_token(i) for i in ids], example.title)


def sources_of(fold: NetworkFold, pair: pd.Series, explained: Explained) -> dict[str, Source]:
    """What a model reads of a pair, by modality in order."""
    tokenizer = explained.encoder_root / slug(fold.config.encoders["text"]) / TOKENIZER
    tables = {"structured": explained.structured, "columns": explained.structured_columns}
    arrays = {"array": explained.array, "index": explained.index, "masks": explained.masks}
    data_files = DataFiles(
        pair.to_frame().T, **arrays, **tables, tokenizer=tokenizer, max_tokens=fold.config.max_tokens
    )
    found = {name: load_inputs(name).read(data_files, choice) for name, choice in fold.config.inputs.items()}
    return {
        name: replace(source, fitted=fold.preprocessing.known[name]) if name in fold.preprocessing.known else source
        for name, source in found.items()
    }


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


def draw_maps(drawn: list[AttentionMap], above: str) -> Figure:
    """A line a pair: its image, the mean over all words, and the words that look most sharply."""
    figure, axes = sheet(above, len(drawn), 2 + WORDS, 1.5)
    for line, example in zip(axes, drawn, strict=True):
        shown = sharpest(example.maps, example.words, WORDS)
        panels = [("", None), ("all words", example.maps.mean(0))]
        panels += [(example.words[i], example.maps[i]) for i in shown]
        for panel in line:
            panel.set_axis_off()
        for panel, (word, patches) in zip(line, panels, strict=False):
            height, width = example.pixels.shape[:2]
            panel.imshow(example.pixels, cmap="gray", vmin=0, vmax=255)
            if patches is not None:
                panel.imshow(
                    patches, cmap="magma", alpha=0.5, extent=(0, width, height, 0), interpolation="bilinear", vmin=0
                )
            panel.set_title(word, fontsize="small")
        line[0].set_title(example.title, fontsize="small", loc="left")
    return figure
