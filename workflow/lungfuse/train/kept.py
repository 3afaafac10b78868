"""Fitted estimators as files, without pickle: what was learned in each fold, and what is needed to predict with it."""

import re
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, BadZipFile, ZipFile, ZipInfo

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import Pipeline

from lungfuse.errors import UserError
from lungfuse.files import atomic_write
from lungfuse.plan.layout import Layout
from lungfuse.plan.model import of_fold
from lungfuse.plan.runs import run_name
from lungfuse.settings.model import ModelConfig
from lungfuse.tables.base import write_table
from lungfuse.tables.training import FoldPredictions
from lungfuse.tasks import Task
from lungfuse.train.estimators import Models
from lungfuse.train.predictions import calibration_of
from lungfuse.train.trained import write_trained_settings

# skops imports all of scikit-learn, and with this module PyTorch, where it is installed.
_OF_TORCH = "sklearn.externals.array_api_compat.torch"
sys.modules.setdefault(_OF_TORCH, None)
from skops import io as skops  # noqa: E402
from skops.io.exceptions import UntrustedTypesFoundException  # noqa: E402

if sys.modules[_OF_TORCH] is None:
    del sys.modules[_OF_TORCH]

TRUSTED = [  # besides what skops trusts by itself; of trees see `has_sound_trees`
    "functools.partial",
    "lungfuse.models.bins.Binned",
    "lungfuse.models.columns.WithoutEmpty",
    "lungfuse.models.hashing.HashedTfidf",
    "lungfuse.models.hashing.SVCOnDisk",
    "lungfuse.models.side_by_side.Dense",
    "lungfuse.models.side_by_side.MainComponents",
    "lungfuse.models.side_by_side.UnitScaler",
    "numpy.dtype",
    "sklearn.compose._column_transformer.make_column_selector",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.utils.validation.check_array",
]
SCHEMA = "schema.json"
PLACE_IN_MEMORY = re.compile(r'("__id__": |"file": "|"_stop_words_id": \{[^{}]*"content": ")(\d+)')
Measured = dict[str, float | int | str]  # what a training takes: time, memory
UNREADABLE = (BadZipFile, KeyError, ValueError, TypeError, AttributeError, ImportError, EOFError, RecursionError)


def keep(
    folds: Iterator[tuple[pd.DataFrame, Models, Measured]],
    task: Task,
    config: ModelConfig,
    columns: list[dict[str, Any]],
    split: str = "",
) -> list[pd.DataFrame]:
    """Write what each training of a model has learned into a folder of its own; returns the scores of all.

    `folds` give the scores of each, its estimators and what they take. The estimator is that of the test scores; how
    scores become probabilities is learned from the validation scores. `columns` are the records of `Columns` that the
    model reads; `split` is the digest of the pairs and folds.
    """
    layout, trainings = Layout(config.study), []
    masks = layout.masks(config.segmenter)["settings"] if config.segmenter else None
    for scores, fitted, measured in folds:
        fold, repeat = (int(scores[name].iloc[0]) for name in ["fold", "repeat"])
        files, trained = layout.estimator(config.name, run_name(fold, repeat)), of_fold(config, run_name(fold, repeat))
        encoders = [path for name, each in trained.encoders.items() for path in layout.encoder(each, name).values()]
        write_table(scores, files["fold_predictions"], FoldPredictions)
        with atomic_write(files["estimator"], "wb") as stream:
            stream.write(packed(fitted))
        made = {"fold": fold, "repeat": repeat, "columns": columns, "calibration": calibration_of(scores, task)}
        made |= {"split": split} | measured
        write_trained_settings(trained, made, [files["estimator"], *encoders], files["settings"], masks)
        trainings.append(scores)
    return trainings


def packed(models: Models) -> bytes:
    """Fitted estimators as a file of skops, the same bytes for the same estimators.

    skops calls each object by its place in memory, and dates its files.
    """
    numbers: dict[str, int] = {}

    def numbered(match: re.Match) -> str:
        return f"{match[1]}{numbers.setdefault(match[2], len(numbers))}"

    found = BytesIO()
    with ZipFile(BytesIO(skops.dumps(models))) as made, ZipFile(found, "w") as kept:
        schema = PLACE_IN_MEMORY.sub(numbered, made.read(SCHEMA).decode())
        kept.writestr(ZipInfo(SCHEMA), schema, ZIP_DEFLATED)
        for name in [name for name in made.namelist() if name != SCHEMA]:
            place, _, kind = name.partition(".")
            kept.writestr(ZipInfo(f"{numbers[place]}.{kind}"), made.read(name), ZIP_DEFLATED)
    return found.getvalue()


def unpacked(path: Path) -> Models:
    """Fitted estimators of a file.

    Raises:
        UserError: it is missing, damaged, or asks for other types than those trusted.
    """
    try:
        models = skops.load(path, trusted=TRUSTED)
        if not (isinstance(models, list) and all(isinstance(model, BaseEstimator) for model in models)):
            raise TypeError(f"found {type(models).__name__}, expected a list of estimators")
        if not all(map(has_sound_trees, models)):
            raise ValueError("a tree points beyond its nodes or columns")
        return models
    except UntrustedTypesFoundException as error:
        raise UserError(
            f"{path}: holds more than estimators of scikit-learn ({error}). Do not use this file; make the model again."
        ) from error
    except FileNotFoundError:
        raise UserError(f"{path}: not found. Make the model again, or copy the whole folder.") from None
    except UNREADABLE as error:
        raise damaged(path, error) from error


def damaged(path: Path, error: Exception) -> UserError:
    """Fitted estimators of the file `path` cannot be read or used."""
    return UserError(f"{path}: is damaged or of another version ({error!r}). Make the model again.")


def has_sound_trees(model: BaseEstimator) -> bool:
    """Whether the trees of an estimator, if it has some, end; scikit-learn follows them without looking."""
    boosting = model[-1] if isinstance(model, Pipeline) else model
    if not isinstance(boosting, HistGradientBoostingClassifier):
        return True
    trees = [tree for of_step in boosting._predictors for tree in of_step]
    return all(_is_sound(tree.nodes, len(tree.raw_left_cat_bitsets), boosting.n_features_in_) for tree in trees)


def _is_sound(nodes: np.ndarray, bitsets: int, columns: int) -> bool:
    places = np.flatnonzero(nodes["is_leaf"] == 0)
    split = nodes[places]
    below = np.stack([split["left"], split["right"]]).astype(np.int64)
    by_category = split["bitset_idx"][split["is_categorical"] != 0]
    return bool(
        (below > places).all()
        and (below < len(nodes)).all()
        and ((split["feature_idx"] >= 0) & (split["feature_idx"] < columns)).all()
        and (by_category < bitsets).all()
    )
