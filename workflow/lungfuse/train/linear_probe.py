"""Linear probe: an estimator on the mean tokens of frozen encoders."""

from pathlib import Path

import numpy as np

from lungfuse.parameters import FromJSON, OutOfFold, Question, Several, options
from lungfuse.settings.base import ClassWeights, Precision
from lungfuse.settings.ingest import ImageSettings
from lungfuse.settings.rows import Row
from lungfuse.settings.training import EncoderSettings
from lungfuse.tables.base import read_table
from lungfuse.tables.ingest import Pairs, Validation
from lungfuse.tasks import load_task
from lungfuse.train.estimators import build, by_fold, learner
from lungfuse.train.kept import keep
from lungfuse.train.masks import masks_made_by
from lungfuse.train.predictions import write_predictions
from lungfuse.train.stored import read_tokens


@options
class Kept:
    """How the features were made, kept for prediction.

    Parameters
    ----------
    encoders
        Names of the encoders; kept for prediction.
    images
        How the images of the array were fitted; kept for prediction.
    precision
        That in which the features were made; kept for prediction.
    mask_settings
        How the masks of the images were made; kept for prediction.
    redact_terms
        Beginnings of words whose sentences the text that the row reads lacks; kept for prediction.
    """

    encoders: EncoderSettings
    images: ImageSettings
    precision: Precision
    mask_settings: Path | None = None
    redact_terms: Several[str] = ()


@options
class Files:
    """What is read.

    Parameters
    ----------
    pairs
        Table of pairs with folds.
    validation
        Pairs to validate on in each fold, as for the baselines.
    features
        Folders with the tokens of a frozen encoder, one a modality of the row, in order.
    """

    pairs: Path
    validation: Path
    features: Several[Path]


def main(
    *,
    row: FromJSON[Row],
    question: Question,
    class_weights: ClassWeights,
    seed: int,
    kept: Kept,
    files: Files,
    outputs: OutOfFold,
    models: Path,
) -> None:
    """Predict each test fold with an estimator on mean tokens.

    Those of several encoders stand one behind the other. What a pair lacks, an image or a text, is missing in all of
    its places; it counts as the mean of the pairs that are learned from.

    Parameters
    ----------
    row
        The row of the comparison table: model, inputs and settings.
    question
        What the study asks of a pair.
    class_weights
        Whether both classes count the same.
    seed
        Seed of the solver.
    kept
        How the features were made, kept for prediction.
    files
        What is read.
    outputs
        The scores of the row.
    models
        Output: folder with a folder fold<k> each: the fitted model, its settings and scores.
    """
    asked = load_task(question.task, question.labels)
    table, held_out = read_table(files.pairs, Pairs), read_table(files.validation, Validation)
    means = np.hstack([read_tokens(folder, table["pair_id"]).means() for folder in files.features])
    made_by = {"row": row.model_dump(), **vars(question), "folds": table["fold"].nunique()}
    made_by |= {"class_weights": class_weights, "seed": seed}
    made_by |= {"encoders": kept.encoders.model_dump(), "images": kept.images.model_dump()}
    made_by |= {"precision": kept.precision, "redact_terms": list(kept.redact_terms)}
    made_by |= {"masks": kept.mask_settings and masks_made_by(kept.mask_settings, models / "fold0")}
    learn = learner(build(row, class_weights, seed), means, asked.targets(table), asked)
    trainings = keep(by_fold(table, held_out, asked, learn), asked, made_by, models)
    write_predictions(table, trainings, asked, outputs.predictions, outputs.validated)
