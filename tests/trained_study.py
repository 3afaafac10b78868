"""The small study of each task with trained models of every kind: one for all tests, which only read it.

A model is trained when it is first asked for, in one fold or in all. All processes of pytest-xdist share it.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, cached_property, reduce
from operator import getitem
from pathlib import Path

import pandas as pd
import pytest
from filelock import FileLock
from small_study import LAYOUT, SmallStudy, drawn_study, small_study

from lungfuse.models import kind_spec
from lungfuse.plan.runs import run_names
from lungfuse.predict.predictor import Predictor
from lungfuse.settings.model import ModelConfig
from lungfuse.train.trained import settings_digest

READS = {"image": "raw", "text": "findings", "structured": ["age", "sex"]}
TRAINED = {"image": "image_fold{run}", "text": "text_fold{run}"}


def entry(architecture: str, *modalities: str, layers: str = "", init_from: str = "encoder", **others) -> dict:
    """What params.yaml would say of a model that is trained for an epoch."""
    inputs = {name: READS[name] for name in modalities}
    found = {"architecture": architecture, "inputs": inputs, **others}
    return found | ({"train": {"layers": layers, "init_from": init_from, "epochs": 1}} if layers else {})


MODELS = {
    "majority": entry("majority"),
    "tfidf": entry("tfidf", "text"),
    "logistic": entry("logistic", "structured"),
    "boosting": entry("boosting", "structured", settings={"iterations": 20}),
    "linear-probe": entry("linear-probe", "image", "text"),
    "linear": entry("linear", "image", "text", "structured", settings={"inner_folds": 2}),
    "image": entry("image", "image", layers="top:1"),
    "text": entry("text", "text", layers="top:1"),
    "structured": entry("structured", "structured", layers="frozen"),
    "early": entry("early", "image", "text", layers="top:1"),
    "irene": entry("irene", "image", "text", "structured", layers="frozen"),
    "without-text": entry("early", "image", "text", ablation="dropped-text", layers="frozen"),
    "kv-exchange": entry("kv-exchange", "image", "text", "structured", layers="frozen"),
    "kv-exchange-full": entry("kv-exchange", "image", "text", "structured", layers="full"),
    "of-trained": entry(
        "joint", "image", "text", parts={"image": "image", "text": "text"}, sources=TRAINED, layers="frozen",
        init_from="unimodal",
    ),
    "of-means": entry("kv-exchange", "image", "text", pooling="mean", layers="frozen"),
    "late-of-networks": entry(
        "late-stacked", "image", "text", "structured",
        parts={"image": "image", "text": "text", "structured": "structured"},
    ),
    "ensemble": entry(
        "ensemble", "image", "text", "structured",
        parts={"all": "kv-exchange", "early": "early", "words": "text", "columns": "structured"},
    ),
    "ensemble-of-networks": entry(
        "ensemble", "image", "text", "structured",
        parts={"a": "image", "b": "text", "c": "structured"},
    ),
    "late-stacked": entry(
        "late-stacked", "image", "text", "structured",
        parts={"image": "image", "text": "tfidf", "structured": "boosting"},
    ),
}  # fmt: skip


def of_fold(folder: Path, fold: int) -> Predictor:
    """The model of a fold, by its folder; by that of all folds of a late fusion, which has no other."""
    predictor = Predictor(folder)
    if len(predictor.fold_models) > 1:
        predictor.fold_models = predictor.fold_models[fold : fold + 1]
    return predictor


@dataclass
class TrainedStudy:
    """A small study whose models are trained when they are first asked for."""

    small: SmallStudy
    lock: FileLock
    configs: dict[str, ModelConfig] = field(default_factory=dict)

    def config(self, name: str) -> ModelConfig:
        """The settings of a model, whose file is there."""
        if name not in self.configs:
            self.configs[name] = self.small.model(name, **MODELS[name])
        return self.configs[name]

    def fold(self, name: str, run: str = "0") -> Path:
        """The folder of a model in a fold, or of a late fusion."""
        config = self.config(name)
        if not config.train:
            return self.model(name) if kind_spec(config.architecture).combines else self.model(name) / f"fold{run}"
        folder = self.small.fold(config, run)
        with self.lock:
            if not folder.exists():
                for part in config.parts.values():
                    self.fold(part, run)
                self.small.train(config, run)
        return folder

    def model(self, name: str) -> Path:
        """The folder of a model that is trained in all folds; its predictions are there too."""
        config = self.config(name)
        with self.lock:
            if not self.predictions_file(name).exists():
                for part in config.parts.values():
                    self.model(part)
                if config.train:
                    for run in run_names(config.folds, 1):
                        self.fold(name, run)
                self.small.finish(config)
        return self.small.folder / LAYOUT.model_folder(name)

    def predictions_file(self, name: str) -> Path:
        """The file of the out-of-fold predictions of a model, which may not be there yet."""
        return self.small.folder / LAYOUT.predictions(name)["predictions"]

    def predictor(self, name: str) -> Predictor:
        """A model of fold 0."""
        return of_fold(self.fold(name), 0)

    def predict(self, name: str, cases: pd.DataFrame) -> pd.DataFrame:
        return pd.concat(self.predictor(name).predict(cases)).set_index("id")

    def scores(self, name: str) -> pd.DataFrame:
        """The scores that its training gave the pairs of the test fold."""
        folder = self.fold(name)
        if kind_spec(self.config(name).architecture).combines:
            return pd.read_csv(self.predictions_file(name)).query("fold == 0").set_index("pair_id")
        return pd.read_csv(folder / "predictions.csv").query("part == 'test'").set_index("pair_id")

    @cached_property
    def _cases(self) -> pd.DataFrame:
        pairs = self.small.pairs[self.small.pairs["fold"] == 0]
        images = [str(self.small.save_png(n)) if pairs["image_id"][n] else "" for n in pairs.index]
        cases = pd.DataFrame({"id": pairs["pair_id"], "image": images, "text": pairs["findings"]})
        return cases.join(self.small.structured[["age", "sex"]]).reset_index(drop=True)

    def cases(self, count: int | None = None) -> pd.DataFrame:
        """Pairs of the test fold as new cases: files of images, texts and values."""
        return self._cases[:count].copy()


def reseal(folder: Path, **changes: object) -> None:
    """Change the settings of a trained model, and their digest too, as if they had been trained so.

    A key with two underscores, as in `model__labels`, is of what lies within.
    """
    file = folder / "settings.json"
    settings = json.loads(file.read_text())
    for key, value in changes.items():
        *above, last = key.split("__")
        inner = reduce(getitem, above, settings)
        inner[last] = value
        if value is None:
            del inner[last]
    settings["sha256"]["settings"] = settings_digest(settings)
    file.write_text(json.dumps(settings))


@pytest.fixture(scope="session")
def trained(once, encoder_root) -> Callable[[str], TrainedStudy]:
    """The trained study of a task, in a folder with an odd name."""

    @cache
    def of_task(task: str = "binary") -> TrainedStudy:
        folder = once(f"a 'small' {task} study", lambda folder: small_study(folder, encoder_root, task))
        return TrainedStudy(drawn_study(folder, task), FileLock(folder / "lock"))

    return of_task
