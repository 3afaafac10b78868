"""The tables of features and predictions."""

from typing import ClassVar

import pandas as pd
import pandera.pandas as pa
from pandera.typing import Series

from lungfuse.tables.base import Table, by_label


class FeatureIndex(Table):
    """Where the tokens of a pair lie on axis 0 of tokens.npy: `tokens` of them from `start`.

    `encoded` is how many the encoder made; pooled to their mean, they are one. A pair that
    lacks what is encoded has none.
    """

    pair_id: Series[str] = pa.Field(unique=True)
    start: Series[int] = pa.Field(ge=0)
    tokens: Series[int] = pa.Field(ge=0)
    encoded: Series[int] = pa.Field(ge=0)


class Predictions(Table):
    """Out-of-fold predictions, one row a pair and `repeat`, each of which has folds of its own.

    `score` is in [0, 1]; `prediction` is 1 where it is .5 or more. `probability` is the score calibrated on the
    validation pairs of the fold.
    """

    pair_id: Series[str]
    fold: Series[int] = pa.Field(ge=0)
    label: Series[pd.Float64Dtype] = by_label("label", nullable=True)
    score: Series[float] = by_label("score", ge=0, le=1)
    prediction: Series[pd.Float64Dtype] = by_label("prediction")
    probability: Series[float] = by_label("probability", ge=0, le=1)
    repeat: Series[int] = pa.Field(ge=0)

    class Config(Table.Config):
        unique: ClassVar = ["pair_id", "repeat"]


class ValidationPredictions(Table):
    """Scores of the pairs that each fold's model was validated on, by fold and repeat."""

    pair_id: Series[str]
    fold: Series[int] = pa.Field(ge=0)
    label: Series[pd.Float64Dtype] = by_label("label", nullable=True)
    score: Series[float] = by_label("score", ge=0, le=1)
    repeat: Series[int] = pa.Field(ge=0)

    class Config(Table.Config):
        unique: ClassVar = ["pair_id", "fold", "repeat"]


class FoldPredictions(Table):
    """Scores of one training: of its test fold, and of the pairs it was validated on."""

    pair_id: Series[str] = pa.Field(unique=True)
    fold: Series[int] = pa.Field(ge=0)
    repeat: Series[int] = pa.Field(ge=0)
    label: Series[pd.Float64Dtype] = by_label("label", nullable=True)
    part: Series[str] = pa.Field(isin=["test", "validation"])
    score: Series[float] = by_label("score", ge=0, le=1)


class LabelledCases(Table):
    """Images of other collections to pre-train on: the `row` of each in their array, and a column label_... a label.

    Labels are those of a collection and a site: 0, 1, or empty for all images of others. Images of a `group`, such as a
    patient, stay together.
    """

    image_id: Series[str] = pa.Field(unique=True)
    collection: Series[str]
    group: Series[str]
    row: Series[int] = pa.Field(ge=0, unique=True)
    label: Series[pd.Float64Dtype] = by_label("label", ge=0, le=1, nullable=True)


class PermutedScores(Table):
    """Scores of the test pairs of the first training, one input shuffled among those of a fold; one row a pair, input
    and `permutation`, from 1. Where `modality` is empty, nothing is shuffled."""

    pair_id: Series[str]
    fold: Series[int] = pa.Field(ge=0)
    modality: Series[str]
    permutation: Series[int] = pa.Field(ge=0)
    score: Series[float] = by_label("score", ge=0, le=1)

    class Config(Table.Config):
        unique: ClassVar = ["pair_id", "modality", "permutation"]
