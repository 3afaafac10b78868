"""Linear probe: an estimator on the mean tokens of frozen encoders."""

from pathlib import Path

import numpy as np
import pandas as pd

from lungfuse.errors import UserError
from lungfuse.files import read_array
from lungfuse.parameters import FromJSON, Several
from lungfuse.paths.names import FEATURE_INDEX, FEATURE_TOKENS
from lungfuse.settings.base import ClassWeights, Precision
from lungfuse.settings.ingest import ImageSettings
from lungfuse.settings.rows import Row
from lungfuse.settings.training import EncoderSettings
from lungfuse.tables.base import read_table
from lungfuse.tables.ingest import Pairs, Validation
from lungfuse.tables.training import FeatureIndex
from lungfuse.tasks import load_task
from lungfuse.train.estimators import build, by_fold, learner
from lungfuse.train.kept import keep
from lungfuse.train.masks import masks_made_by
from lungfuse.train.predictions import write_predictions


def main(
    *,
    row: FromJSON[Row],
    task: str,
    labels: Several[str],
    class_weights: ClassWeights,
    seed: int,
    encoders: EncoderSettings,
    images: ImageSettings,
    precision: Precision,
    pairs: Path,
    validation: Path,
    features: Several[Path],
    mask_settings: Path | None = None,
    predictions: Path,
    validated: Path,
    models: Path,
) -> None:
    """Predict each test fold with an estimator on mean tokens.

    Those of several encoders stand one behind the other. What a pair lacks, an image or a text, is missing in all of
    its places; it counts as the mean of the pairs that are learned from.

    Parameters
    ----------
    row
        The row of the comparison table: model, inputs and settings.
    task
        What is asked of a pair: binary, multiclass or multilabel.
    labels
        Names of the classes or labels.
    class_weights
        Whether both classes count the same.
    seed
        Seed of the solver.
    encoders
        Names of the encoders; kept for prediction.
    images
        How the images of the array were fitted; kept for prediction.
    precision
        That in which the features were made; kept for prediction.
    pairs
        Table of pairs with folds.
    validation
        Pairs to validate on in each fold, as for the baselines.
    features
        Folders with the tokens of a frozen encoder, one a modality of the row, in order.
    mask_settings
        How the masks of the images were made; kept for prediction.
    predictions
        Output: out-of-fold predictions.
    validated
        Output: scores of the validation pairs of each fold.
    models
        Output: folder with a folder fold<k> each: the fitted model, its settings and scores.
    """
    table, held_out, asked = read_table(pairs, Pairs), read_table(validation, Validation), load_task(task, labels)
    means = np.hstack([mean_tokens(folder, table["pair_id"]) for folder in features])
    made_by = {"row": row.model_dump(), "task": task, "labels": labels, "folds": table["fold"].nunique()}
    made_by |= {"class_weights": class_weights, "seed": seed}
    made_by |= {"encoders": encoders.model_dump(), "images": images.model_dump(), "precision": precision}
    made_by |= {"masks": mask_settings and masks_made_by(mask_settings, models / "fold0")}
    learn = learner(build(row, class_weights, seed), means, asked.targets(table), asked)
    trainings = keep(by_fold(table, held_out, asked, learn), asked, made_by, models)
    write_predictions(table, trainings, asked, predictions, validated)


def mean_tokens(folder: Path, pair_ids: pd.Series) -> np.ndarray:
    """The mean token of each pair in a folder that the stage `features` made, joined to pairs by id.

    float32 of shape (pair, width), NaN for a pair without tokens.

    Raises:
        UserError: a pair is not in the index.
    """
    index = read_table(folder / FEATURE_INDEX, FeatureIndex).set_index("pair_id").reindex(pair_ids)
    if (absent := index["start"].isna()).any():
        raise UserError(
            f"{folder / FEATURE_INDEX}: {absent.sum()} pairs have no features, {index.index[absent][0]} first. "
            "Make the features again from these pairs."
        )
    starts, ends = (column.to_numpy(int) for column in (index["start"], index["start"] + index["tokens"]))
    tokens = read_array(folder / FEATURE_TOKENS, int(ends.max()))
    means = np.full((len(index), tokens.shape[1]), np.nan, np.float32)
    for place in np.flatnonzero(ends > starts):
        means[place] = tokens[starts[place] : ends[place]].mean(0, dtype=np.float32)
    return means
