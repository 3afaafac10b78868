"""The tokens that a frozen encoder makes of every pair, or their mean: computed once, shared by all that read them."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from lungfuse.encoders import encoder_spec, modality_of
from lungfuse.encoders.network import Encoder, load_encoder, load_into, load_weights
from lungfuse.files import whole_array
from lungfuse.settings.base import Modality, Precision
from lungfuse.settings.training import Pooling
from lungfuse.tables.base import read_table, write_table
from lungfuse.tables.ingest import Pairs
from lungfuse.tables.training import FeatureIndex
from lungfuse.train.data import PairDataset, in_order, read_inputs
from lungfuse.train.precision import autocast

BATCH = 64


def main(
    *,
    encoder: str,
    reads: str,
    max_tokens: int,
    pooling: Pooling,
    precision: Precision,
    pairs: Path,
    array: Path | None = None,
    index: Path | None = None,
    masks: Path | None = None,
    encoder_root: Path,
    start: Path | None = None,
    tokens: Path,
    token_index: Path,
    threads: int = 1,
) -> None:
    """Encode an arm of the images, or a section of the reports, of all pairs.

    Parameters
    ----------
    encoder
        Name of the encoder.
    reads
        The arm of the images, such as raw or segmented:unet-shenzhen, or the section of the reports.
    max_tokens
        After how many tokens texts are cut; not read of images.
    pooling
        none, to keep every token of a pair, or mean, to keep their mean.
    precision
        fp32, bf16, or auto: bf16 where there is hardware for it.
    pairs
        Table of pairs.
    array
        The image array; needed for an image encoder.
    index
        Index of the image array; needed for an image encoder.
    masks
        Lung masks of the image array; needed for an arm other than raw.
    encoder_root
        Folder with a folder for each encoder.
    start
        Weights of a trained unimodal row whose encoder is used; not given, the encoder is used as it comes.
    tokens
        Output: float16 of shape (token of all pairs, width of the encoder), .npy.
    token_index
        Output: where the tokens of each pair lie.
    threads
        Processor threads.
    """
    torch.set_num_threads(threads)
    table = read_table(pairs, Pairs)
    spec, modality = encoder_spec(encoder), modality_of(encoder)
    dataset = read_inputs(table, modality, reads, encoder, max_tokens, encoder_root, array, index, masks)
    network = load_encoder(encoder, encoder_root / encoder)
    if start is not None:
        load_into(network, trained_encoder(start, modality), start)
    encoded, counts = [], []
    with whole_array(tokens, np.float16, (spec.width,)) as append:
        for part in encode(network, dataset, precision):
            kept = part.mean(0, keepdims=True) if pooling == "mean" else part
            append(kept)
            encoded.append(len(part))
            counts.append(len(kept))
    starts = np.cumsum([0, *counts[:-1]])
    rows = {"pair_id": table["pair_id"], "start": starts, "tokens": counts, "encoded": encoded}
    write_table(pd.DataFrame(rows), token_index, FeatureIndex)
    print(f"{len(counts):,} pairs, {sum(counts):,} tokens of width {spec.width}")


def encode(network: Encoder, dataset: PairDataset, precision: str) -> Iterator[np.ndarray]:
    """The real tokens of each pair in turn, float32 of shape (token, width)."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network.to(device).eval()
    for positions in in_order(np.arange(len(dataset)), BATCH):
        batch = {name: tensor.to(device) for name, tensor in dataset[positions].items()}
        with torch.inference_mode(), autocast(device.type, precision):
            encoded, mask = network.tokens(batch)
        yield from (row[real].float().cpu().numpy() for row, real in zip(encoded, mask, strict=True))


def trained_encoder(weights: Path, modality: Modality) -> dict[str, torch.Tensor]:
    """The encoder of `modality` in the weights of a trained row."""
    prefix = f"encoders.{modality}."
    return {key.removeprefix(prefix): value for key, value in load_weights(weights).items() if key.startswith(prefix)}
