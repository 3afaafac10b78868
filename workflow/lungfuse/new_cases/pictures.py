"""The explanations of new cases, a picture and its numbers each."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from lungfuse.errors import UserError
from lungfuse.files import atomic_write, check_writable, slug
from lungfuse.models.naming import label
from lungfuse.parameters import Explaining
from lungfuse.predict.predictor import Part, Predictor
from lungfuse.relevance.cases import class_scores, likeliest
from lungfuse.relevance.draw import draw
from lungfuse.relevance.explanation import Explained
from lungfuse.relevance.folds import AT_ONCE, batch_cases
from lungfuse.relevance.maps import as_explained, maps_of, mean_maps
from lungfuse.relevance.methods import Method, method, method_names
from lungfuse.relevance.stamps import read_stamps
from lungfuse.report.style import save

PICTURE, RECORD = "explanation.svg", "explanation.json"
NOT_FOR_DIAGNOSIS = "what the model used, not what is there; no diagnosis"
ALL = Explaining()


class Pictures:
    """The explanations by a trained model of cases with these ids, in a folder: of a case without an id in itself, of
    others in one for each.

    Raises:
        UserError: a method or the target is not known, two cases would be in one folder, or nothing can be written.
    """

    def __init__(self, predictor: Predictor, explaining: Explaining, folder: Path, ids: Sequence[str]):
        self.predictor, self.folder, self.stamps = predictor, folder, read_stamps(predictor.folder)
        self.methods = [method(name) for name in explaining.methods or method_names()]
        self.target = target_of(predictor, explaining.target)
        check_apart(folder, ids)
        check_writable(self.file(""))

    def file(self, case_id: str) -> Path:
        """The picture of a case."""
        return (self.folder / slug(case_id) if case_id else self.folder) / PICTURE

    def predicted(self, cases: pd.DataFrame) -> Iterator[pd.DataFrame]:
        """What `Predictor.predict` gives of some cases, each part when its pictures are written; memory does not grow
        with their number, and each case is read once.

        Raises:
            UserError: as `Predictor.predict` does, or the model cannot be explained.
        """
        return map(self._write, self.predictor.parts(cases, AT_ONCE))

    def _write(self, part: Part) -> pd.DataFrame:
        above = f"{label(self.predictor.config)}: {NOT_FOR_DIAGNOSIS}"
        found = explained_part(self.predictor, part, self.methods, self.target)
        for case_id, explained in zip(part.table["id"], found, strict=True):
            picture = self.file(case_id)
            save(draw([explained], above, self.stamps), picture)
            with atomic_write(picture.with_name(RECORD)) as stream:
                json.dump(as_record(explained, self.stamps), stream, indent=2)
        return part.table


def explained_part(
    predictor: Predictor, part: Part, methods: list[Method], target: int | None = None
) -> Iterator[Explained]:
    """The explanations of the cases of a part, of the class or label `target` or of the likeliest of each.

    Raises:
        UserError: the model cannot be explained.
    """
    task = predictor.task
    if task.numbers:
        raise UserError(f"{predictor.folder}: predicts a number. Only models that predict classes are explained.")
    scores = task.of("score", part.table)
    targets = likeliest(scores, task) if target is None else np.full(len(scores), target)
    folds = [batch_cases(fold, part.batch, targets) for fold in predictor.fold_models]
    maps, of_classes = mean_maps([maps_of(fold, methods) for fold in folds]), class_scores(scores, task)
    for position, (each, number) in enumerate(zip(maps, targets, strict=True)):
        name = predictor.labels[number]
        title = f"Explained for {name}: p({name}) = {of_classes[position, number]:.2f}"
        yield as_explained(folds[0], position, each, title)


def target_of(predictor: Predictor, target: str | None) -> int | None:
    """The number of a class or label.

    Raises:
        UserError: the model knows none of this name.
    """
    if target is None:
        return None
    if target not in predictor.labels:
        raise UserError(f"--target: found {target!r}, expected one of {', '.join(predictor.labels)}.")
    return predictor.labels.index(target)


def check_apart(folder: Path, ids: Sequence[str]) -> None:
    """See that each case has a folder of its own.

    Raises:
        UserError: two would be in one.
    """
    owners: dict[str, str] = {}
    for case_id in ids:
        if (other := owners.setdefault(slug(case_id), case_id)) != case_id:
            raise UserError(
                f"{folder / slug(case_id)}: would be of the cases {other!r} and {case_id!r}. Rename one of them."
            )


def as_record(explained: Explained, stamps: dict[str, str]) -> dict:
    """An explanation as JSON takes it: of images the maps, of words and columns a number each."""
    return {
        "title": explained.title,
        "modalities": explained.modalities,
        "words": explained.words,
        "columns": explained.columns,
        "methods": {
            name: {"checks": stamps.get(name, "not checked")}
            | {
                kind: np.round(found[name], 6).tolist()
                for kind, found in [
                    ("image", explained.images),
                    ("words", explained.of_words),
                    ("columns", explained.of_columns),
                ]
                if name in found
            }
            for name in {**explained.images, **explained.of_words, **explained.of_columns}
        },
    }
