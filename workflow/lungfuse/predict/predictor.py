"""The one door to a trained model, whatever it is made of: load it once, then predict cases."""

import hashlib
from collections import Counter
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from lungfuse.errors import UserError
from lungfuse.modalities import load_cases
from lungfuse.modalities.new_cases import Batch, Column, Input
from lungfuse.models.naming import label
from lungfuse.plan.names import ENCODER_ROOT
from lungfuse.predict.cases import frame_of, inputs_of, missing, note_far_numbers, with_known_categories
from lungfuse.predict.fold_models import read_fold_models
from lungfuse.predict.segmenters import segmenter_in
from lungfuse.settings.model import ModelConfig
from lungfuse.tasks import Task

CASES_OF_A_PART = 128  # that are in memory at once
DIGITS = 6


class Part(NamedTuple):
    """Some cases: what was read of them, the `table` that `Predictor.predict` gives, and the probabilities by the model
    of each fold, (fold model, case, score column)."""

    batch: Batch
    table: pd.DataFrame
    by_fold: np.ndarray


class Predictor:
    """A model with what it has learned in each fold, from its folder or that of one fold.

    It is of any kind, task and modalities. The encoders are those of the project that the model is in, when
    `encoder_root` is not given. `notes` counts, after prediction, the cases of which a model has not seen what their
    files hold, or that lack something.

    Raises:
        UserError: the folder holds no trained model, or one that is not whole.
    """

    def __init__(self, folder: Path, encoder_root: Path | None = None):
        self.folder, self.encoder_root = folder, encoder_root or encoder_root_of(folder)
        self.fold_models, self.notes = read_fold_models(folder), Counter[str]()

    @property
    def config(self) -> ModelConfig:
        return self.fold_models[0].config

    @property
    def task(self) -> Task:
        """What is asked of a case."""
        return self.fold_models[0].task

    @property
    def labels(self) -> list[str]:
        """The names of the classes, or of the labels."""
        return self.task.labels

    @cached_property
    def inputs(self) -> dict[str, Input]:
        """What it reads of a case, by modality in order, with the columns of a table of cases that hold it."""
        known: dict[str, list[dict]] = {}
        for fold_model in self.fold_models:
            for name, columns in fold_model.known.items():
                known[name] = known.get(name, []) + columns
        return inputs_of(self.fold_models[0].reads, known)

    @property
    def columns(self) -> list[Column]:
        """The columns of a table of cases that it reads."""
        return [column for each in self.inputs.values() for column in each.columns]

    @cached_property
    def made_by(self) -> dict[str, str | int]:
        """The name of the model, the number of its folds, and a SHA-256 of all that they predict with."""
        digests = "".join(fold_model.sha256() for fold_model in self.fold_models)
        sha256 = hashlib.sha256(digests.encode()).hexdigest()
        return {"model": label(self.config), "folds": len(self.fold_models), "sha256": sha256}

    def load(self) -> None:
        """Load the models, once; `predict` does so by itself.

        Raises:
            UserError: a file of a model or of an encoder is missing, damaged or of another model.
        """
        for fold_model in self.fold_models:
            fold_model.load(self.encoder_root)

    def predict(self, cases: pd.DataFrame) -> Iterator[pd.DataFrame]:
        """Score cases part by part: memory does not grow with their number.

        `cases` has `id` and the columns of `columns`; one that is absent, and an empty cell, are what a case lacks.

        A part has, of each case, id; label, the name of the class, or label_<label>, 1 or 0; the scores and
        probabilities, of the class that is named in `positive`, or of each class or label; model, folds and sha256.
        Where the table of the study has another word for a class, it is in `word`.
        Where some of the cases lack something that a model of several inputs reads, `missing` names it.

        Raises:
            UserError: a case has nothing to read, or a value or image that cannot be read; a file of the model is
                missing or damaged; or a score is not finite.
        """
        return (part.table for part in self.parts(cases))

    def parts(self, cases: pd.DataFrame, size: int | None = None) -> Iterator[Part]:
        """The parts of `predict`, of at most `size` cases, each with what was read of it and what each fold says.

        Raises:
            UserError: as `predict` does.
        """
        self.check(cases)
        notes = Counter[str]()
        frame = with_known_categories(frame_of(cases, self.columns), self.columns, notes)
        note_far_numbers(frame, self.columns, notes)
        lacks = missing(frame, self.columns, notes)
        self.load()
        self.notes = notes
        shown = {"missing": lacks} if (lacks != "").any() else {}

        size = size or CASES_OF_A_PART

        def predict_from(start: int) -> Part:
            of_part = slice(start, start + size)
            part = self._predict(Batch(frame.iloc[of_part], self.encoder_root, notes, segmenter_in))
            return part._replace(table=part.table.assign(**{key: of[of_part] for key, of in shown.items()}))

        return map(predict_from, range(0, len(frame), size))

    def check(self, cases: pd.DataFrame) -> None:
        """See that each of some cases has what can be read, before anything is loaded.

        Raises:
            UserError: one has not; it is named.
        """
        frame = frame_of(cases, self.columns)
        names = [column.name for column in self.columns]
        empty = frame["id"][(frame[names] == "").all(axis=1)] if names else frame["id"][:0]
        if len(empty):
            what = f"no {' and no '.join(self.inputs)}"
            raise UserError(
                f"{self.folder}: reads {self.reads}, but {len(empty)} cases have {what}, {empty.iloc[0]!r} first. "
                f"Fill the column {' or '.join(names)}, or use a model that does without."
            )
        for name, each in self.inputs.items():
            load_cases(name).check(frame, each.columns)

    @property
    def reads(self) -> str:
        """What it reads, in words."""
        return " and ".join(self.inputs) or "nothing"

    def _predict(self, batch: Batch) -> Part:
        frame = batch.frame
        by_fold = [fold_model.score(batch).astype(float) for fold_model in self.fold_models]
        scores = np.mean(by_fold, axis=0)
        lost = frame["id"][np.isnan(scores).any(axis=1)]
        if len(lost):
            raise UserError(
                f"{self.folder}: gives no finite score for {len(lost):,} cases, {lost.iloc[0]!r} first, so they are of "
                "no class. Train the model again."
            )
        calibrated = [
            self.task.probabilities(score, fold_model.calibration)
            for fold_model, score in zip(self.fold_models, by_fold, strict=True)
        ]
        return Part(batch, self._table(frame["id"], scores, np.mean(calibrated, axis=0)), np.stack(calibrated))

    def _table(self, ids: pd.Series, scores: np.ndarray, probabilities: np.ndarray) -> pd.DataFrame:
        task = self.task
        scores = pd.DataFrame(scores, ids.index, task.columns("score")).round(DIGITS)
        decided = pd.DataFrame(task.decide(scores.to_numpy()), ids.index, task.columns("label"))
        if task.numbers:
            decided = decided.round(DIGITS)
        elif task.columns("label") == ["label"]:
            decided["label"] = decided["label"].map(dict(enumerate(task.labels)))
        probabilities = pd.DataFrame(probabilities, ids.index, task.columns("probability")).round(DIGITS)
        found = pd.concat([ids, decided, scores, probabilities], axis=1)
        if task.two_classes:
            found["positive"] = task.labels[1]
        if words := self._words():
            found["word"] = found["label"].map(words)
        return found.assign(**self.made_by)

    def _words(self) -> dict[str, str]:
        """The word that the table of the study has for each class, where some are called otherwise."""
        classes = self.config.table.classes if self.config.table else {}
        words = {name: each.positive[0] for name, each in classes.items() if not each.between}
        known = self.task.columns("label") == ["label"] and {*self.labels} <= {*words}
        return words if known and any(name != word for name, word in words.items()) else {}


def encoder_root_of(model: Path) -> Path:
    """The folder of the encoders of the project that a model is in, or else of the working folder."""
    folders = (folder / ENCODER_ROOT for folder in model.resolve().parents)
    return next((folder for folder in folders if folder.is_dir()), ENCODER_ROOT)
