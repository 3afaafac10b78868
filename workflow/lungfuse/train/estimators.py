"""Estimators of scikit-learn for any task: built for a model, fitted on some pairs, scoring others.

Their inputs are texts (pair,), mean tokens (pair, width), or a frame of structured columns. There is a fitted estimator
a label column of the task.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit, softmax
from sklearn.base import BaseEstimator, clone
from sklearn.dummy import DummyClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from threadpoolctl import threadpool_limits

from lungfuse.errors import UserError
from lungfuse.ingest.parts import fold_indices, folds_of, seed_of_repeat
from lungfuse.models import load_model
from lungfuse.settings.model import ModelConfig
from lungfuse.tasks import Task, task_spec

Inputs = np.ndarray | pd.DataFrame
Models = list[BaseEstimator]
Learner = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, Models]]
"""Positions to learn from and to score, both (pair,), to scores (pair, score column) and what was fitted."""

in_one_thread = threadpool_limits.wrap(limits=1, user_api="openmp")  # trees on few pairs wait for each other in more
NO_WORDS = re.compile("no terms remain|empty vocabulary", re.I)  # of scikit-learn


def build(config: ModelConfig, repeat: int = 0, **known: Any) -> BaseEstimator:
    """The unfitted estimator of a model in a repeat; `known` is what its architecture takes besides its settings."""
    balanced = config.class_weights == "balanced" and task_spec(config.task).classes  # the ends of a range are none
    weights = "balanced" if balanced else None
    seed = seed_of_repeat(config.seed, repeat)
    return load_model(config.architecture).build(class_weight=weights, seed=seed, **known, **config.settings)


def learner(
    estimator: BaseEstimator, inputs: Inputs, targets: np.ndarray, task: Task, groups: np.ndarray | None = None
) -> Learner:
    """Fits an estimator on some pairs of `inputs` and scores others; see `fit`."""

    def learn(learned: np.ndarray, scored: np.ndarray) -> tuple[np.ndarray, Models]:
        models = fit(estimator, inputs, task.shares(targets), learned, groups)
        return score(models, take(inputs, scored), task), models

    return learn


def by_fold(
    pairs: pd.DataFrame,
    validation: pd.DataFrame,
    task: Task,
    learn: Learner,
    repeat: int = 0,
    folds: Sequence[int] | None = None,
) -> Iterator[tuple[pd.DataFrame, Models]]:
    """`FoldPredictions` of each fold of a repeat, or of some, with what tested it; see `lungfuse.ingest.parts.Split`.

    The validation pairs are scored by models that have not learned from them, the test pairs by some that have learned
    from all others.
    """
    for fold in folds_of(pairs) if folds is None else folds:
        train_indices, val_indices, test_indices = fold_indices(pairs, validation, fold)
        known = np.union1d(train_indices, val_indices)
        parts = {"validation": (train_indices, val_indices), "test": (known, test_indices)}
        found = []
        for part, (known, scored) in parts.items():
            scores, models = learn(known, scored)
            rows = pairs.iloc[scored][["pair_id", *task.columns("label")]].assign(part=part)
            found.append(rows.assign(**dict(zip(task.columns("score"), scores.T, strict=True))))
        yield pd.concat(found).assign(fold=fold, repeat=repeat), models


@in_one_thread
def fit(
    estimator: BaseEstimator,
    inputs: Inputs,
    targets: np.ndarray,
    learned: np.ndarray,
    groups: np.ndarray | None = None,
) -> Models:
    """Fit a clone a label column, on those of the `learned` pairs whose label is known.

    Where these are of one class alone, it gives that class to all. A label between 0 and 1 is learned as both, a pair
    of 1 with its weight and one of 0 with the rest, so that log loss is that of the share. What a pipeline makes of the
    inputs is learned from them alone: label columns that are known of the same pairs share it. An estimator with inner
    folds is given the `groups` (pair,); of a search the best estimator is kept.

    Raises:
        UserError: the texts to learn from have no n-gram in common.
    """
    models, prepared = [], {}
    for known, labels in _label_subproblems(targets, learned):
        shares = (labels % 1 > 0).any()
        if not shares and len(np.unique(labels)) < 2:
            models.append(_constant(labels))
            continue
        if known.tobytes() not in prepared:
            prepared[known.tobytes()] = _prepare(estimator, take(inputs, known))
        before, features = prepared[known.tobytes()]
        given = {} if groups is None else {"groups": groups[known]}
        if shares:
            features, labels, given = _as_both(features, labels, given)
        last = clone(estimator[-1] if before else estimator).fit(features, labels, **given)
        last = getattr(last, "best_estimator_", last)
        models.append(make_pipeline(*before, last) if before else last)
    return models


def _prepare(estimator: BaseEstimator, inputs: Inputs) -> tuple[list[BaseEstimator], Any]:
    """The steps of a pipeline before its last, fitted, and what they make of the inputs; no step of what is none."""
    if not isinstance(estimator, Pipeline):
        return [], inputs
    before = clone(estimator[:-1])
    try:
        return [step for _, step in before.steps], before.fit_transform(inputs)
    except ValueError as error:
        if not NO_WORDS.search(str(error)):
            raise
        raise UserError(
            "settings: the texts to learn from share no words that are counted (min_df is how many texts must have "
            "one). Read another section, or lower min_df."
        ) from error


def _as_both(features: Any, shares: np.ndarray, given: dict[str, np.ndarray]) -> tuple[Any, np.ndarray, dict]:
    """Each pair twice, as one of 1 and as one of 0, with its weight for `fit` beside what else that is given."""
    twice = np.tile(np.arange(len(shares)), 2)
    weights = {"sample_weight": np.concatenate([shares, 1 - shares])}
    return take(features, twice), np.repeat([1, 0], len(shares)), {k: v[twice] for k, v in given.items()} | weights


def _label_subproblems(targets: np.ndarray, learned: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Of each label column the learned positions whose label is known, and these labels, both (known pair,)."""
    for column in targets.T:
        known = learned[~np.isnan(column[learned])]
        labels = column[known]
        yield known, labels if (labels % 1 > 0).any() else labels.astype(int)


def _constant(labels: np.ndarray) -> DummyClassifier:
    """Scores every pair by the shares of these labels; by halves where there are none."""
    seen = labels if len(labels) else np.array([0, 1])
    return DummyClassifier(strategy="prior").fit(np.zeros(len(seen)), seen)


@in_one_thread
def score(models: Models, inputs: Inputs, task: Task) -> np.ndarray:
    """Scores in [0, 1] of all `inputs`, (pair, score column)."""
    scores, made = [], {}
    for model in models:
        if not isinstance(model, Pipeline):
            scores.append(_by_class(model, inputs, task))
            continue
        if (shared := id(model[0])) not in made:
            made[shared] = model[:-1].transform(inputs)
        scores.append(_by_class(model[-1], made[shared], task))
    return scores[0] if task.excludes else np.stack([of_label[:, 1] for of_label in scores], axis=1)


def _by_class(model: BaseEstimator, inputs: Inputs, task: Task) -> np.ndarray:
    """The scores of one label column, (pair, class); a class that was not learned has the score 0."""
    if hasattr(model, "decision_function") and not (task.excludes and hasattr(model, "predict_proba")):
        decisions = model.decision_function(inputs)  # of two classes there is one plane, and one distance a pair
        one = decisions.ndim == 1
        scores = np.stack([expit(-decisions), expit(decisions)], axis=1) if one else softmax(decisions, axis=1)
    else:
        scores = model.predict_proba(inputs)
    of_all = np.zeros((len(scores), len(task.labels) if task.excludes else 2), scores.dtype)
    of_all[:, model.classes_] = scores
    return of_all


def take(inputs: Inputs, positions: np.ndarray) -> Inputs:
    """Some pairs of the inputs."""
    return inputs.iloc[positions] if isinstance(inputs, pd.DataFrame) else inputs[positions]
