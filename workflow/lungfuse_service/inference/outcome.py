"""What a model makes of a case, as the service keeps it.

An outcome is JSON: `questions`, each with its classes (name, probability, whether it is in the set, its rank among the
study's cases, the cases with about this probability); `predicted`, the names of classes or labels; `missing`, `notes`,
`explanation`, `region`, `made_by`, `seconds`. A question of several labels has the label's name, else none.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from lungfuse.analyses.conformal import Question, questions
from lungfuse.tasks import Task
from lungfuse_service.inference.conformal import COVERAGE, OutOfFold, cases_near, class_ranks
from lungfuse_service.inference.predictors import LoadedModel


def outcomes_of(model: LoadedModel, cases: pd.DataFrame) -> list[dict]:
    """The predictions of cases, in whose table a value that a case lacks is empty.

    Raises:
        UserError: a file of the model is damaged, or an image cannot be read.
    """
    predictor = model.predictor
    parts = list(predictor.parts(cases))
    notes = [note for note in predictor.notes if "is missing" not in note]
    if notes and len(cases) > 1:  # of which case is not said
        middle = len(cases) // 2
        return outcomes_of(model, cases.iloc[:middle]) + outcomes_of(model, cases.iloc[middle:])
    found = []
    for _, table, by_fold in parts:
        for row in range(len(table)):
            found.append(_outcome(model, table.iloc[[row]], by_fold[:, row]) | {"notes": notes})
    return found


def _outcome(model: LoadedModel, row: pd.DataFrame, by_fold: np.ndarray) -> dict:
    """The outcome of a case by its row of a prediction and its probabilities, (fold model, score column)."""
    predictor = model.predictor
    return {
        "task": predictor.config.task,
        "questions": [_answer(predictor.task, model.known, each, by_fold) for each in questions(predictor.task)],
        "predicted": predicted(predictor.task, row),
        "coverage": COVERAGE if model.known else None,
        "missing": row["missing"].iloc[0].split() if "missing" in row else [],
        "made_by": predictor.made_by | {"name": predictor.config.name},
    }


def predicted(task: Task, table: pd.DataFrame) -> list[str]:
    """The name of the class that a table of one case says, or the names of its labels."""
    if task.columns("label") == ["label"]:
        return [str(table["label"].iloc[0])]
    return [name for name, has in zip(task.labels, task.of("label", table)[0], strict=True) if has == 1]


def _answer(task: Task, known: OutOfFold | None, question: Question, by_fold: np.ndarray) -> dict:
    _, of_folds = question.of(np.zeros((len(by_fold), len(task.columns("label")))), by_fold)
    probabilities = of_folds.mean(axis=0)
    classes = [
        {"name": name, "probability": round(float(probability), 4)}
        for name, probability in zip(question.classes, probabilities, strict=True)
    ]
    if known is not None:
        for number, rank in enumerate(class_ranks(known, question, by_fold)):
            near = cases_near(known, question, number, probabilities[number])
            classes[number] |= {"rank": round(float(rank), 4), "in_set": bool(rank > 1 - COVERAGE), "near": near}
    return {"label": question.label, "classes": classes, "spread": round(float(of_folds[:, -1].std()), 4)}


def as_case(image: Path | None, text: str, values: dict[str, str]) -> dict[str, str]:
    """A case as a row of the table that a model reads."""
    return {"id": "", "image": str(image or ""), "text": text} | values
