"""Train a row of the comparison table on the training folds of one fold, and predict that fold."""

import json
from pathlib import Path

import lightning
import numpy as np
import pandas as pd
import torch
from safetensors.torch import load_file, save
from sklearn.model_selection import GroupShuffleSplit

from lungfuse.encoders import CONFIG, ENCODERS, TOKENIZER
from lungfuse.encoders.network import load_encoder
from lungfuse.files import sha256, whole_file
from lungfuse.models import build_model
from lungfuse.parameters import Several
from lungfuse.settings import EncoderSettings, FusionSettings, Row, Settings, TrainSettings
from lungfuse.tables import FoldPredictions, ImageIndex, Pairs, read_table, write_table
from lungfuse.train.classifier import Classifier, balanced_weights
from lungfuse.train.data import PairDataset, image_rows, shuffled, tokenize
from lungfuse.train.engine import encode, fit, forget, peak_memory_mb, predict, quiet


def main(
    *,
    row: Row,
    fold: int,
    encoders: EncoderSettings,
    fusion: FusionSettings,
    train: TrainSettings,
    seed: int,
    pairs: Path,
    array: Path | None = None,
    index: Path | None = None,
    encoder_root: Path,
    starts: Several[Path] = (),
    weights: Path,
    history: Path,
    fold_predictions: Path,
    settings: Path,
    threads: int = 1,
) -> None:
    """Train a row of the comparison table for one fold.

    A killed training goes on from its last finished epoch and ends with the same weights.

    Parameters
    ----------
    row
        The row of the comparison table: model and inputs.
    fold
        The fold that is predicted and never trained on.
    encoders
        Names of the encoders.
    fusion
        Shape of the model.
    train
        Settings of the training.
    seed
        Seed of the weights, batches and dropout.
    pairs
        Table of pairs with folds.
    array
        The image array; needed for images.
    index
        Index of the image array; needed for images.
    encoder_root
        Folder with a folder for each encoder.
    starts
        Weights of trained unimodal rows of the same fold, from whose encoders this training starts.
    weights
        Output: the best weights, safetensors.
    history
        Output: loss, scores and seconds of each epoch.
    fold_predictions
        Output: scores of the test fold and of the validation part.
    settings
        Output: what was trained, and what it took.
    threads
        Processor threads.
    """
    quiet()
    torch.set_num_threads(threads)
    lightning.seed_everything(seed + fold, verbose=False)
    table = read_table(pairs, Pairs)
    dataset = build_dataset(row, table, encoders, encoder_root, array, index, seed)
    learn, validate, test = split_positions(table, fold, train.validation, seed)
    module = build_classifier(row, encoders, fusion, train, encoder_root, dataset.labels[learn], seed + fold)
    for start in starts:
        start_from(module, start)
    if train.layers == "frozen":
        dataset = encode(module, dataset)

    folder = weights.parent
    folder.mkdir(parents=True, exist_ok=True)
    made_by = {"row": row, "fold": fold, "encoders": encoders, "fusion": fusion, "train": train, "seed": seed}
    configs = [
        encoder_root / name / CONFIG for name in encoders.of(row.inputs).values()
    ]  # they hold the weights' sha256
    images = [array, index] if "image" in row.inputs else []
    inputs = {str(path): sha256(path) for path in [pairs, *images, *configs, *starts]}
    identity = json.dumps(made_by | inputs, default=dump)
    record = fit(module, dataset, learn, validate, folder, seed + fold, identity)
    parts = [
        table.iloc[positions][["pair_id", "label"]].assign(
            part=part, score=predict(module, dataset, positions).round(6)
        )
        for part, positions in [("validation", validate), ("test", test)]
    ]
    write_table(pd.concat(parts), fold_predictions, FoldPredictions)
    with whole_file(history) as stream:
        record.to_csv(stream, lineterminator="\n")
    with whole_file(weights, "wb") as stream:
        stream.write(save(trained_weights(module, started=bool(starts))))
    took = {"seconds_per_epoch": float(record["seconds"].mean()), "peak_memory_mb": peak_memory_mb()}
    with whole_file(settings) as stream:
        json.dump(made_by | took, stream, indent=2, default=dump)
    forget(folder)


def dump(settings: Settings) -> dict:
    """Settings as JSON takes them."""
    return settings.model_dump()


def build_classifier(
    row: Row,
    encoders: EncoderSettings,
    fusion: FusionSettings,
    train: TrainSettings,
    encoder_root: Path,
    labels: np.ndarray,
    seed: int,
) -> Classifier:
    """The untrained classifier of a row; `labels`, (pair,), give the class weights."""
    names = encoders.of(row.inputs)
    loaded = {modality: load_encoder(name, encoder_root / name) for modality, name in names.items()}
    model = build_model(row.model, ENCODERS[encoders.image].width, ENCODERS[encoders.text].width, fusion)
    return Classifier(loaded, model, train, balanced_weights(labels), seed)


def start_from(module: Classifier, weights: Path) -> None:
    """Give `module` the encoder of a trained unimodal row."""
    encoders = {key: value for key, value in load_file(weights).items() if key.startswith("encoders.")}
    module.load_state_dict(module.state_dict() | encoders)


def build_dataset(
    row: Row,
    pairs: pd.DataFrame,
    encoders: EncoderSettings,
    encoder_root: Path,
    array: Path | None,
    index: Path | None,
    seed: int,
) -> PairDataset:
    """The inputs of a row in the order of `pairs`; an ablation permutes one modality over all pairs."""
    images = rows = texts = None
    if "image" in row.inputs:
        images = np.load(array, mmap_mode="r")
        rows = image_rows(pairs, read_table(index, ImageIndex))
    if "text" in row.inputs:
        texts = tokenize(pairs[row.text], encoder_root / encoders.text / TOKENIZER, ENCODERS[encoders.text].max_tokens)
    order = shuffled(len(pairs), seed)
    if row.ablation == "shuffled-image":
        rows = rows[order]
    elif row.ablation == "shuffled-text":
        texts = [texts[position] for position in order]
    return PairDataset(pairs["label"].to_numpy(), images, rows, texts)


def split_positions(pairs: pd.DataFrame, fold: int, validation: float, seed: int) -> tuple[np.ndarray, ...]:
    """Positions to learn from, to validate on and to test: no group is in two of them, the test is the fold."""
    others = np.flatnonzero(pairs["fold"] != fold)
    splitter = GroupShuffleSplit(1, test_size=validation, random_state=seed + fold)
    learn, validate = next(splitter.split(others, groups=pairs["group"].to_numpy()[others]))
    return others[learn], others[validate], np.flatnonzero(pairs["fold"] == fold)


def trained_weights(module: Classifier, started: bool) -> dict[str, torch.Tensor]:
    """The weights that are not in the encoders' own files: frozen encoders are left out unless they came trained."""
    frozen = module.settings.layers == "frozen" and not started
    return {
        key: value.contiguous()
        for key, value in module.state_dict().items()
        if not (frozen and key.startswith("encoders.")) and key != "class_weights"
    }
