"""The tokens that a frozen encoder makes of every pair, or their mean: computed once, shared by all that read them."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from lungfuse.encoders import CONFIG, TOKENIZER, modality_of
from lungfuse.encoders.network import Encoder, TextEncoder, load_encoder
from lungfuse.errors import UserError
from lungfuse.files import atomic_array, atomic_write, slug
from lungfuse.modalities import load_inputs
from lungfuse.modalities.data_files import DataFiles, Source
from lungfuse.parameters import options
from lungfuse.processor import keep_freed_memory
from lungfuse.settings.base import Precision
from lungfuse.settings.training import Pooling
from lungfuse.tables.base import read_table, write_table
from lungfuse.tables.ingest import Pairs
from lungfuse.tables.training import FeatureIndex
from lungfuse.train.data import in_order
from lungfuse.train.memory import peak_memory_mb
from lungfuse.train.precision import autocast
from lungfuse.train.starts import load_start

BATCH = 64


@options
class Files:
    """What is encoded, and with which weights.

    Parameters
    ----------
    pairs
        Table of pairs.
    array
        The image array; needed for an image encoder.
    index
        Index of the image array; needed for an image encoder.
    masks
        Masks of the image array; needed for an image variant other than raw.
    encoder_root
        Folder with a folder for each encoder.
    start
        Weights of a trained network whose encoder is used; not given, the encoder is used as it comes.
    """

    pairs: Path
    array: Path | None = None
    index: Path | None = None
    masks: Path | None = None
    encoder_root: Path
    start: Path | None = None


@options
class Reading:
    """What is read, and what is kept of it.

    Parameters
    ----------
    choice
        The image variant, such as raw or segmented:unet-shenzhen, or the section of the reports.
    pooling
        none keeps every token of a pair, mean their mean.
    max_tokens
        After how many tokens texts are cut.
    """

    choice: str
    pooling: Pooling
    max_tokens: int | None = None


@options
class Outputs:
    """What is written.

    Parameters
    ----------
    tokens
        Output: float16 of shape (token of all pairs, width of the encoder), .npy.
    token_index
        Output: where the tokens of each pair lie.
    cost
        Output: what the encoder took.
    """

    tokens: Path
    token_index: Path
    cost: Path


def main(
    *, encoder: str, reading: Reading, precision: Precision, files: Files, outputs: Outputs, threads: int = 1
) -> None:
    """Encode an image variant, or a section of the reports, of all pairs.

    Parameters
    ----------
    encoder
        Name of the encoder.
    reading
        What is read, and what is kept of it.
    precision
        fp32, bf16, or auto: bf16 where there is hardware for it.
    files
        What is encoded, and with which weights.
    outputs
        What is written.
    threads
        Processor threads.
    """
    torch.set_num_threads(threads)
    keep_freed_memory()
    table, folder = read_table(files.pairs, Pairs), files.encoder_root / slug(encoder)
    modality = modality_of(encoder, folder / CONFIG)
    tokenizer = folder / TOKENIZER if modality == "text" else None
    data_files = DataFiles(table, files.array, files.index, files.masks, None, None, tokenizer, reading.max_tokens)
    source = load_inputs(modality).read(data_files, reading.choice)
    network = load_encoder(encoder, folder)
    width = network.spec.width
    if files.start is not None:
        load_start(network, files.start, modality)
    encoded, counts = [], []
    began = time.perf_counter()
    with atomic_array(outputs.tokens, np.float16, (width,)) as append:
        for part in encode(network, source, len(table), precision):
            kept = _as_kept(pooled(part, reading.pooling), encoder, table["pair_id"].iloc[len(encoded)])
            append(kept)
            encoded.append(len(part))
            counts.append(len(kept))
    starts = np.cumsum([0, *counts[:-1]])
    rows = {"pair_id": table["pair_id"], "start": starts, "tokens": counts, "encoded": encoded}
    write_table(pd.DataFrame(rows), outputs.token_index, FeatureIndex)
    write_cost(network, 1000 * (time.perf_counter() - began) / len(table), outputs.cost)
    print(f"{len(counts):,} pairs, {sum(counts):,} tokens of width {width}")


def write_cost(network: Encoder, ms: float, cost: Path) -> None:
    """Write what an encoder has taken: its parameters, milliseconds a case, and the peak memory of this process."""
    count = sum(each.numel() for each in network.parameters())
    taken = {"parameters": count, "ms_per_case": ms, "peak_memory_mb": peak_memory_mb()}
    with atomic_write(cost) as stream:
        json.dump(taken, stream)


def encode(network: Encoder, source: Source, pairs: int, precision: Precision) -> Iterator[np.ndarray]:
    """The real tokens of each pair in turn, float32 of shape (token, width); none of a pair that lacks the modality.

    Texts are encoded in fp32: in bf16 their tokens would depend on the padding, and so on the texts of the same batch.
    """
    exact = "fp32" if isinstance(network, TextEncoder) else precision
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network.to(device).eval()
    for positions in in_order(np.arange(pairs), BATCH):
        batch = {name: tensor.to(device) for name, tensor in source.batch(positions).items()}
        with torch.inference_mode(), autocast(device.type, exact):
            encoded, mask = network.tokens(batch)
        yield from (row[real].float().cpu().numpy() for row, real in zip(encoded, mask, strict=True))


def _as_kept(tokens: np.ndarray, encoder: str, pair: str) -> np.ndarray:
    """Tokens as float16.

    Raises:
        UserError: one is not finite, or too large.
    """
    with np.errstate(over="ignore"):
        kept = tokens.astype(np.float16)
    if not np.isfinite(kept).all():
        raise UserError(
            f"{encoder}: gives pair {pair} tokens that are not finite numbers, or too large for float16, so no model "
            "can learn from them. Look at the image or text of this pair, copy the encoder anew, or name another one."
        )
    return kept


def pooled(tokens: np.ndarray, pooling: Pooling) -> np.ndarray:
    """What is kept of the tokens of a pair, (token, width): all of them, or their mean where there are any."""
    return tokens.mean(0, keepdims=True) if pooling == "mean" and len(tokens) else tokens
