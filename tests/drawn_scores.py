"""Predictions of pairs whose true probabilities are known, with other folds and validation pairs in each repeat."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
from model_configs import model_config
from scipy.special import expit
from small_comparison import BINARY, results_of

from lungfuse.settings.comparison import DecisionSettings, Intervals
from lungfuse.settings.model import ModelConfig

INTERVALS = Intervals(confidence=0.95, resamples=400)
HALF = DecisionSettings(cost_ratio=1.0, prevalence=None)
FOLDS = 4


def predicted(
    count: int,
    seed: int = 0,
    sharpness: float = 1.0,
    shift: float = 0.0,
    noise: float = 0.0,
    repeats: int = 1,
    mean: float = 0.0,
) -> pd.DataFrame:
    """Predictions of two classes, as `join_predictions` gives them; without arguments their probabilities are true.

    Log odds of the probabilities are `sharpness` times too far from 0, and too high by `shift`; `noise` hides what is
    known of a pair. The true log odds, whose `mean` is given, and the labels do not depend on these three.
    """
    rng = np.random.default_rng(seed)
    odds = rng.normal(mean, 1.5, count)
    labels = (rng.random(count) < expit(odds)).astype(int)
    trainings = []
    for repeat in range(repeats):
        seen = odds + noise * rng.normal(size=count)
        probability = expit(seen * sharpness + shift)
        training = pd.DataFrame(
            {"pair_id": [f"P{n}" for n in range(count)], "label": labels, "group": np.arange(count)}
        )
        training = training.assign(fold=rng.permutation(np.arange(count) % FOLDS), repeat=repeat, score=probability)
        trainings.append(training.assign(probability=probability, prediction=(probability >= 0.5).astype(int)))
    return pd.concat(trainings, ignore_index=True)


def validated(joined: pd.DataFrame) -> pd.DataFrame:
    """The validation pairs of each training: those of the next fold."""
    return joined.assign(fold=(joined["fold"] - 1) % FOLDS)[["pair_id", "fold", "repeat", "label", "score"]]


def compared(joined: list[pd.DataFrame], models: dict[str, ModelConfig] | None = None) -> SimpleNamespace:
    """The results of models by those predictions, each better on validation pairs than the one before it.

    Without their settings they are models of an image.
    """
    models = models or {f"image{n}": model_config("image", images="raw") for n in range(len(joined))}
    known = [validated(each) for each in joined]
    order = [n / 10 for n in range(len(joined))]
    return results_of(models, joined, order, task=BINARY, validation_predictions=known)
