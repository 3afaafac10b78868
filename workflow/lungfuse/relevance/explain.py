"""Explain what a trained model makes of new cases."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from lungfuse.errors import UserError
from lungfuse.files import atomic_write, check_writable, slug
from lungfuse.modalities.new_cases import Batch
from lungfuse.models.naming import label
from lungfuse.parameters import Several
from lungfuse.predict.asked import check_case, check_words, read_cases
from lungfuse.predict.cases import frame_of, with_known_categories
from lungfuse.predict.predictor import Predictor
from lungfuse.predict.segmenters import segmenter_in
from lungfuse.relevance.cases import class_scores, likeliest
from lungfuse.relevance.draw import draw
from lungfuse.relevance.explanation import Explained
from lungfuse.relevance.folds import FoldCases, batch_cases
from lungfuse.relevance.maps import as_explained, maps_of, mean_maps
from lungfuse.relevance.methods import Method, method, method_names
from lungfuse.relevance.stamps import read_stamps
from lungfuse.report.style import save

AT_ONCE = 8  # cases in memory
NOT_FOR_DIAGNOSIS = "what the model used, not what is there; no diagnosis"


def main(
    *,
    model: Path,
    image: Path | None = None,
    text: str = "",
    values: dict[str, str] | None = None,
    cases: Path | None = None,
    methods: Several[str] | None = None,
    target: str | None = None,
    out: Path,
) -> None:
    """Show what in a case, or in each case of a table, a trained model decides by.

    The picture of a case shows its image, words and columns, coloured by what they add to the score, and how much each
    modality decided; the mean over the models of the folds. Beside the name of a method stands how many of the checks
    of the study it has passed with this model.

    Parameters
    ----------
    model
        Folder of a trained model, such as results/demo/models/kv-exchange, or of one of its folds.
    image
        X-ray of one case, any format that Pillow reads.
    text
        Section of the report of one case.
    values
        Structured columns of one case: --values.age 54 --values.sex F.
    cases
        Table of many cases, CSV, as `predict` takes it.
    methods
        Methods to explain by, such as grad-cam; not given, all that can explain the model.
    target
        The class or label that is explained; not given, the likeliest one of each case.
    out
        Output: folder with explanation.svg and explanation.json; of a table of cases, a folder for each.
    """
    given = {"image": str(image or ""), "text": text} | (values or {})
    check_words([model], given, None)
    if cases is not None and any(given.values()):
        raise UserError("--cases: is a table of cases, so leave --image, --text and --values, which are of one, out.")
    predictor = Predictor(model)
    chosen, number = [method(name) for name in methods or method_names()], target_of(predictor, target)
    if cases is None:
        check_case(predictor, given)
    table = pd.DataFrame([{"id": ""} | given]) if cases is None else read_cases(cases, predictor)
    check_writable(out / "explanation.svg")
    stamps = read_stamps(model)
    for case_id, explained in explained_cases(predictor, table, chosen, number):
        folder = out / slug(case_id) if case_id else out
        above = f"{label(predictor.config)}: {NOT_FOR_DIAGNOSIS}"
        save(draw([explained], above, stamps), folder / "explanation.svg")
        with atomic_write(folder / "explanation.json") as stream:
            json.dump(as_record(explained, stamps), stream, indent=2)
        print(folder / "explanation.svg")


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


def explained_cases(
    predictor: Predictor, table: pd.DataFrame, methods: list[Method], target: int | None
) -> Iterator[tuple[str, Explained]]:
    """The id and the explanation of each case; memory does not grow with their number."""
    predictor.check(table)
    notes = Counter[str]()
    frame = with_known_categories(frame_of(table, predictor.columns), predictor.columns, notes)
    predictor.load()
    for start in range(0, len(frame), AT_ONCE):
        part = frame.iloc[start : start + AT_ONCE]
        predicted = pd.concat(predictor.predict(table.iloc[start : start + AT_ONCE]))
        scores = predictor.task.of("score", predicted)
        targets = likeliest(scores, predictor.task) if target is None else np.full(len(scores), target)
        batch = Batch(part, predictor.encoder_root, notes, segmenter_in)
        folds = [batch_cases(fold, batch, targets) for fold in predictor.fold_models]
        yield from zip(part["id"], _explained(predictor, folds, methods, scores), strict=True)


def _explained(
    predictor: Predictor, folds: list[FoldCases], methods: list[Method], scores: np.ndarray
) -> Iterator[Explained]:
    maps, of_classes = mean_maps([maps_of(fold, methods) for fold in folds]), class_scores(scores, predictor.task)
    for position, (each, target) in enumerate(zip(maps, folds[0].targets, strict=True)):
        name = predictor.labels[target]
        title = f"Explained for {name}: p({name}) = {of_classes[position, target]:.2f}"
        yield as_explained(folds[0], position, each, title)


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
