"""Three models on eighty pairs: one at chance, one good, one between; and drawn predictions for every task."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from model_configs import model_config
from scipy.special import expit, softmax

from lungfuse.compare.by_fold import by_fold, groups_of
from lungfuse.compare.compare import compare
from lungfuse.compare.own_text import with_own_text
from lungfuse.compare.scores import join_predictions
from lungfuse.compare.verdicts import Scored
from lungfuse.models.naming import named
from lungfuse.settings.comparison import ComparisonSettings
from lungfuse.settings.model import ModelConfig
from lungfuse.tasks import Task, load_task

BINARY = load_task("binary", ["normal", "lung"])
MODELS = {
    "majority": model_config("majority"),
    "tfidf": model_config("tfidf", text="findings"),
    "tfidf_indication": model_config("tfidf", text="indication"),
}
WRONG = [40, 4, 38]


def results_of(
    models: dict[str, ModelConfig],
    joined: list[pd.DataFrame],
    validated: Sequence[float] = (),
    pairs: pd.DataFrame | None = None,
    task: Task = BINARY,
    structured: pd.DataFrame | None = None,
    validation_predictions: Sequence[pd.DataFrame] = (),
) -> SimpleNamespace:
    """Models and their predictions, as `lungfuse.compare.results.Results` reads them from the files of a study."""
    names = pd.DataFrame([named(model) | {"row": name} for name, model in models.items()])
    read = {"names": list(models), "models": list(models.values()), "joined": joined}
    scored = scored_as(task, **read, validated=validated)
    return SimpleNamespace(
        task=task, **read, named=names, predictions=joined, scored=scored, pairs=pairs, structured=structured,
        validated=validation_predictions,
    )  # fmt: skip


def scored_as(task: Task, names: list[str], models: list[ModelConfig], joined: list[pd.DataFrame], validated) -> Scored:
    """Models scored within folds, of which the metric on the validation pairs of each fold is given: one for all."""
    trainings = [by_fold(task, each) for each in joined]
    shapes = [(len(each), *each[0].of_fold.shape) for each in trainings]
    given = validated if len(validated) else [0.5] * len(names)
    on_validation = [np.full(shape, value) for shape, value in zip(shapes, given, strict=True)]
    groups = np.unique(groups_of(joined[0]), return_inverse=True)[1] if joined else np.zeros(0, int)
    return Scored(names, models, trainings, on_validation, groups)


@pytest.fixture
def settings():
    published = [{"images": "", "text": "findings", "accuracy": 0.88, "basis": "78 reports"}]
    return ComparisonSettings(
        confidence=0.95, resamples=200, margin=0.02, primary="auroc", timings=True, published=published
    )


@pytest.fixture
def pairs():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"pair_id": [f"P{n}" for n in range(80)], "fold": np.arange(80) % 4, "group": np.arange(80) // 2}
    )
    frame = frame.assign(report_id=frame["pair_id"], label=rng.integers(0, 2, 80), site="", text="", comparison="")
    said = {section: [f"{section} {n % 39}" for n in range(80)] for section in ["findings", "impression"]}
    return frame.assign(**said, indication=frame["pair_id"])


VALIDATED = [0.5, 0.95, 0.55]


@pytest.fixture
def predictions(pairs):
    """Predictions that miss the first pairs, as many as asked for."""

    def wrong(count: int) -> pd.DataFrame:
        prediction = pairs["label"].where(pairs.index >= count, 1 - pairs["label"])
        score = prediction * 0.8 + 0.1
        return pairs[["pair_id", "fold", "label"]].assign(
            score=score, prediction=prediction, probability=score, repeat=0
        )

    return wrong


@pytest.fixture
def table(pairs, predictions, settings):
    joined = [join_predictions(BINARY, pairs, predictions(wrong), Path("p.csv")) for wrong in WRONG]
    results = results_of(MODELS, joined, VALIDATED, pairs)
    return with_own_text(compare(results, settings, seed=0), results)


@dataclass(frozen=True)
class Drawn:
    """A task with pairs, and predictions of them that are the better the less `noise` there is."""

    name: str
    task: Task
    pairs: pd.DataFrame

    def predictions(self, noise: float, seed: int = 0, repeats: int = 1) -> pd.DataFrame:
        """Predictions of all pairs, one repeat after the other."""
        rng = np.random.default_rng(seed)
        return pd.concat([self._training(noise, rng).assign(repeat=repeat) for repeat in range(repeats)])

    def _training(self, noise: float, rng: np.random.Generator) -> pd.DataFrame:
        targets = self.task.shares(self.task.targets(self.pairs))
        classes = targets == np.arange(3) if self.task.excludes else targets
        odds = np.where(np.isnan(classes), 0, 2 * classes - 1) + noise * rng.normal(size=classes.shape)
        scores = softmax(odds, axis=1) if self.task.excludes else expit(odds)
        made = {"score": scores, "prediction": self.task.decide(scores), "probability": scores}
        columns = {
            name: values for kind in made for name, values in zip(self.task.columns(kind), made[kind].T, strict=True)
        }
        return self.pairs[["pair_id", "fold", *self.task.columns("label")]].assign(**columns)

    def joined(self, noise: float, seed: int = 0, repeats: int = 1) -> pd.DataFrame:
        """The same as `join_predictions` gives it."""
        return join_predictions(self.task, self.pairs, self.predictions(noise, seed, repeats), Path("p.csv"))


def draw_pairs(name: str) -> Drawn:
    """Pairs of a task: 120 in 60 groups, of two or three classes, with a number, or with three labels, some of them
    unknown."""
    rng = np.random.default_rng(0)
    labels = {"binary": ["normal", "lung"], "regression": ["age", "20", "80"]}
    task = load_task(name, labels.get(name, ["clear", "effusion", "nodule"]))
    pairs = pd.DataFrame({"pair_id": [f"P{n}" for n in range(120)], "group": np.arange(120) // 2})
    pairs = pairs.assign(report_id=pairs["pair_id"], image_id=pairs["pair_id"], fold=np.arange(120) // 2 % 4)
    pairs = pairs.assign(**dict.fromkeys(["text", "comparison", "indication", "findings", "impression", "site"], ""))
    if name == "regression":
        return Drawn(name, task, pairs.assign(label=rng.uniform(25, 75, 120).round(1)))
    if name != "multilabel":
        return Drawn(name, task, pairs.assign(label=rng.integers(0, len(task.labels), 120)))
    known = rng.random((120, 3)) < [1, 1, 0.7]
    labels = pd.DataFrame((rng.random((120, 3)) < [0.5, 0.3, 0.2]).astype(int), columns=task.columns("label"))
    return Drawn(name, task, pairs.join(labels.astype("Int64").where(known)))


@pytest.fixture
def draw() -> Callable[[str], Drawn]:
    return draw_pairs
