"""Train a row of the comparison table on the training folds of one fold, and predict that fold."""

import json
import os
from pathlib import Path

import lightning
import pandas as pd
import torch
from safetensors.torch import save

from lungfuse.dependencies import digest
from lungfuse.encoders import CONFIG, encoder_spec
from lungfuse.encoders.network import Encoder, load_encoder, load_into
from lungfuse.files import sha256, whole_file
from lungfuse.ingest.split import positions
from lungfuse.models import build_model, module_of
from lungfuse.parameters import Several
from lungfuse.paths import FEATURE_TOKENS
from lungfuse.settings.base import ClassWeights, Modality, Settings
from lungfuse.settings.ingest import ImageSettings
from lungfuse.settings.rows import Row
from lungfuse.settings.segmentation import PACKAGED_SEGMENTER
from lungfuse.settings.training import EncoderSettings, FusionSettings, TrainSettings
from lungfuse.tables.base import read_table, write_table
from lungfuse.tables.ingest import Pairs, Validation
from lungfuse.tables.training import FoldPredictions
from lungfuse.train.calibration import calibrate
from lungfuse.train.classifier import Classifier, balanced_weights
from lungfuse.train.data import PairDataset, TokenDataset, read_features, read_inputs, shuffled
from lungfuse.train.engine import check_devices, fit, forget, peak_memory_mb, predict, quiet
from lungfuse.train.features import trained_encoder

REPEAT = 1000  # between the seeds of one repeat and the next; there are fewer folds


def main(
    *,
    row: Row,
    fold: int,
    encoders: EncoderSettings,
    fusion: FusionSettings,
    train: TrainSettings,
    seed: int,
    images: ImageSettings,
    labels: Several[str],
    class_weights: ClassWeights,
    repeat: int = 0,
    pairs: Path,
    validation: Path,
    array: Path | None = None,
    index: Path | None = None,
    masks: Path | None = None,
    mask_settings: Path | None = None,
    encoder_root: Path,
    starts: Several[Path] = (),
    image_features: Path | None = None,
    text_features: Path | None = None,
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
    images
        How the images of the array were fitted; kept for prediction.
    labels
        Names of the classes 0 and 1; kept for prediction.
    class_weights
        Whether both classes count the same in the loss.
    repeat
        Which training of this fold: each has other weights, batches and dropout to start with.
    pairs
        Table of pairs with folds.
    validation
        The pairs that the epoch is chosen and the score calibrated on.
    array
        The image array; needed for images, unless the encoders are frozen.
    index
        Index of the image array; needed for images, unless the encoders are frozen.
    masks
        Lung masks of the image array; needed for arms other than raw, unless the encoders are frozen.
    mask_settings
        How the masks were made; kept for prediction.
    encoder_root
        Folder with a folder for each encoder.
    starts
        Weights of trained unimodal rows of the same fold and repeat, from whose encoders this training starts, or whose
        frozen encoders made the features.
    image_features
        Folder with the tokens of the frozen image encoder; needed for images when it is frozen.
    text_features
        Folder with the tokens of the frozen text encoder; needed for text when it is frozen.
    weights
        Output: the best weights, safetensors.
    history
        Output: loss, scores and seconds of each epoch.
    fold_predictions
        Output: scores of the test fold and of the validation pairs.
    settings
        Output: what was trained, how its score is calibrated, and what it took.
    threads
        Processor threads.
    """
    quiet()
    check_devices(train.devices)
    torch.set_num_threads(max(1, threads // train.devices))
    own_seed = seed + fold + REPEAT * repeat
    lightning.seed_everything(own_seed, verbose=False)
    table = read_table(pairs, Pairs)
    learn, validate, test = positions(table, read_table(validation, Validation), fold)
    if train.layers == "frozen":
        features = {"image": image_features, "text": text_features}
        dataset = build_token_dataset(row, table, features, seed)
        loaded = {}
        inputs = [folder / FEATURE_TOKENS for modality, folder in features.items() if modality in row.inputs]
    else:
        dataset = build_dataset(row, table, encoders, encoder_root, array, index, masks, seed)
        loaded = load_encoders(row, encoders, encoder_root, starts)
        configs = [
            encoder_root / name / CONFIG for name in encoders.of(row.inputs).values()
        ]  # with the weights' sha256
        inputs = [path for path in [array, index, masks] if path and "image" in row.inputs] + [*configs, *starts]
    model = build_model(row.model, encoder_spec(encoders.image).width, encoder_spec(encoders.text).width, fusion)
    counts = balanced_weights(dataset.labels[learn]) if class_weights == "balanced" else torch.ones(2)
    module = Classifier(loaded, model, train, counts, own_seed)

    folder = weights.parent
    folder.mkdir(parents=True, exist_ok=True)
    made_by = {"row": row, "fold": fold, "encoders": encoders, "fusion": fusion, "train": train, "seed": seed}
    made_by |= {"folds": table["fold"].nunique()}  # without all of them the row does not predict
    made_by |= {"repeat": repeat, "class_weights": class_weights, "images": images, "labels": labels}
    made_by |= {"starts": [os.path.relpath(start, folder) for start in starts]}
    made_by |= {"masks": mask_settings and masks_made_by(mask_settings, folder)}
    code = {"code": digest(__name__, module_of(row.model))}
    files = {str(path): sha256(path) for path in [pairs, validation, *inputs]}
    identity = json.dumps(made_by | code | files, default=dump)
    record = fit(module, dataset, learn, validate, folder, own_seed, identity)
    parts = [
        table.iloc[scored][["pair_id", "label"]].assign(part=part, score=predict(module, dataset, scored).round(6))
        for part, scored in [("validation", validate), ("test", test)]
    ]
    write_table(pd.concat(parts).assign(fold=fold, repeat=repeat), fold_predictions, FoldPredictions)
    calibration = calibrate(parts[0]["score"].to_numpy(), parts[0]["label"].to_numpy())
    with whole_file(history) as stream:
        record.to_csv(stream, lineterminator="\n")
    with whole_file(weights, "wb") as stream:
        stream.write(save({key: value.contiguous() for key, value in module.state_dict().items()}))
    made_by |= {"calibration": calibration.model_dump()}
    took = {"seconds_per_epoch": float(record["seconds"].mean()), "peak_memory_mb": peak_memory_mb()}
    with whole_file(settings) as stream:
        json.dump(made_by | took, stream, indent=2, default=dump)
    forget(folder)


def masks_made_by(mask_settings: Path, folder: Path) -> dict:
    """How masks were made, with the way from `folder` to their segmenter."""
    found = json.loads(mask_settings.read_text(encoding="utf-8"))
    if found["segmenter"] == PACKAGED_SEGMENTER:
        return found
    return found | {"segmenter": os.path.relpath(found["segmenter"], folder)}


def dump(settings: Settings) -> dict:
    """Settings as JSON takes them."""
    return settings.model_dump()


def load_encoders(
    row: Row, encoders: EncoderSettings, encoder_root: Path, starts: list[Path]
) -> dict[Modality, Encoder]:
    """The encoders of a row by modality; those that `starts`, weights of unimodal rows, hold are taken from there."""
    loaded = {}
    for modality, name in encoders.of(row.inputs).items():
        loaded[modality] = load_encoder(name, encoder_root / name)
        for start in starts:
            if trained := trained_encoder(start, modality):
                load_into(loaded[modality], trained, start)
    return loaded


def build_dataset(
    row: Row,
    pairs: pd.DataFrame,
    encoders: EncoderSettings,
    encoder_root: Path,
    array: Path | None,
    index: Path | None,
    masks: Path | None,
    seed: int,
) -> PairDataset:
    """The inputs of a row in the order of `pairs`; an ablation permutes one modality over all pairs."""
    read = {
        modality: read_inputs(
            pairs, modality, row.reads(modality), name, encoders.text_tokens, encoder_root, array, index, masks
        )
        for modality, name in encoders.of(row.inputs).items()
    }
    order = shuffled(len(pairs), seed)
    images = rows = texts = None
    if "image" in read:
        images, rows = read["image"].images, read["image"].image_rows
        rows = rows[order] if row.ablation == "shuffled-image" else rows
    if "text" in read:
        texts = read["text"].texts
        texts = [texts[position] for position in order] if row.ablation == "shuffled-text" else texts
    return PairDataset(pairs["label"].to_numpy(), images, rows, texts)


def build_token_dataset(row: Row, pairs: pd.DataFrame, folders: dict[Modality, Path | None], seed: int) -> TokenDataset:
    """The features of a row in the order of `pairs`; an ablation permutes one modality over all pairs."""
    features = {modality: read_features(folders[modality], pairs["pair_id"]) for modality in sorted(row.inputs)}
    if row.ablation:
        modality = row.ablation.removeprefix("shuffled-")
        features[modality] = features[modality].reordered(shuffled(len(pairs), seed))
    return TokenDataset(pairs["label"].to_numpy(), features)
