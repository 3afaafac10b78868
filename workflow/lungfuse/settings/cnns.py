"""The networks of keras.applications that a study trains whole."""

from typing import Annotated, Literal

import pandas as pd
from pydantic import Field

from lungfuse.settings.base import Images, Once, Precision, Settings, Share

NetworkName = Literal["densenet121", "densenet169", "densenet201", "vgg19", "nasnetlarge"]


class PublishedCNN(Settings):
    """Accuracies somebody else reported for a network, one an epoch."""

    network: NetworkName
    raw: list[Share]
    segmented: list[Share]


class CNNSettings(Settings):
    """The convolutional networks of keras.applications that a study trains on each of `variants`, whole, for `epochs`.

    `weights` is imagenet, or random where nothing is to be fetched. The first `folds` are tested, or all.
    """

    networks: Annotated[list[NetworkName], Once]
    variants: Annotated[list[Annotated[Images, Field(min_length=1)]], Once]
    weights: Literal["imagenet", "random"]
    folds: Annotated[int, Field(ge=1)] | None
    epochs: Annotated[int, Field(ge=1)]
    batch_size: Annotated[int, Field(ge=2)]
    learning_rate: Annotated[float, Field(gt=0)]
    precision: Precision
    published: list[PublishedCNN]

    def tests(self, folds: pd.Series) -> pd.Series:
        """Which pairs are tested, by their folds."""
        return folds < (self.folds or len(folds))
