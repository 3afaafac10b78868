"""The baselines that every network has to beat: the majority class, and estimators on texts or structured columns."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from lungfuse.errors import UserError
from lungfuse.models.columns import as_values
from lungfuse.parameters import FromJSON, OutOfFold, Question, Several, options
from lungfuse.settings.base import ClassWeights
from lungfuse.settings.rows import Row
from lungfuse.tables.base import read_table
from lungfuse.tables.ingest import Columns, Pairs, Structured, Validation
from lungfuse.tasks import Task, load_task
from lungfuse.train import hashed
from lungfuse.train.estimators import Inputs, Learner, build, by_fold, learner
from lungfuse.train.kept import keep
from lungfuse.train.predictions import write_predictions


@options
class Files:
    """What is read.

    Parameters
    ----------
    pairs
        Table of pairs with folds.
    validation
        Pairs to validate on in each fold; validated is a model that has not learned from them, tested one that has.
    structured
        Structured columns of the pairs; needed for a row that reads some.
    columns
        Kinds of the structured columns; needed for a row that reads some.
    """

    pairs: Path
    validation: Path
    structured: Path | None = None
    columns: Path | None = None


def main(
    *,
    row: FromJSON[Row],
    question: Question,
    class_weights: ClassWeights,
    seed: int,
    redact_terms: Several[str] = (),
    files: Files,
    outputs: OutOfFold,
    models: Path,
) -> None:
    """Fit a baseline on the training folds and predict each test fold.

    Parameters
    ----------
    row
        The row of the comparison table: model, inputs and settings.
    question
        What the study asks of a pair.
    class_weights
        Whether both classes count the same.
    seed
        Seed of the solver.
    redact_terms
        Beginnings of words whose sentences the text that the row reads lacks; kept for prediction.
    files
        What is read.
    outputs
        The scores of the row.
    models
        Output: folder with a folder fold<k> each: the fitted model, its settings and scores.
    """
    asked = load_task(question.task, question.labels)
    table, held_out = read_table(files.pairs, Pairs), read_table(files.validation, Validation)
    made_by = {"row": row.model_dump(), **vars(question), "folds": table["fold"].nunique()}
    made_by |= {"class_weights": class_weights, "seed": seed, "redact_terms": list(redact_terms)}
    known = {}
    if row.structured:
        described = read_columns(files.columns, row.structured)
        made_by["columns"] = described.to_dict("records")
        known["kinds"] = dict(zip(described["name"], described["kind"], strict=True))
        inputs = read_structured(files.structured, known["kinds"], table["pair_id"])
    else:
        inputs = read_texts(files.pairs, table, row)
    with learning(row, inputs, table, asked, class_weights, seed, outputs.predictions.parent, **known) as learn:
        trainings = keep(by_fold(table, held_out, asked, learn), asked, made_by, models)
    write_predictions(table, trainings, asked, outputs.predictions, outputs.validated)


def read_texts(path: Path, pairs: pd.DataFrame, row: Row) -> Inputs:
    """The section that a row reads, (pair,); anything for a row that reads nothing.

    Raises:
        UserError: no pair has it.
    """
    inputs = pairs[row.text or "pair_id"].to_numpy()
    if row.text and not (inputs != "").any():
        raise UserError(f"{path}: no pair has {row.text}, which a row of model {row.model} reads. Remove the row.")
    return inputs


def read_columns(path: Path, names: list[str]) -> pd.DataFrame:
    """`Columns` of these names, in their order.

    Raises:
        UserError: the dataset has no such column.
    """
    found = read_table(path, Columns)
    if missing := set(names) - set(found["name"]):
        raise UserError(
            f"{path}: found the columns {', '.join(found['name']) or 'none'}, expected {', '.join(sorted(missing))} "
            "too, which a row reads. Declare it in the dataset module, or remove it from the row."
        )
    return found.set_index("name").loc[names].reset_index()


def read_structured(path: Path, kinds: dict[str, str], pair_ids: pd.Series) -> pd.DataFrame:
    """Structured columns as estimators take them, joined to pairs by id.

    Raises:
        UserError: a column or a pair is missing, or no pair has a value.
    """
    table = read_table(path, Structured).set_index("pair_id")
    if missing := set(kinds) - set(table):
        raise UserError(
            f"{path}: no column {', '.join(sorted(missing))}, which a row reads. Run the stage `split` again."
        )
    if absent := set(pair_ids) - set(table.index):
        raise UserError(f"{path}: {len(absent)} pairs have no row, {min(absent)} first. Run the stage `split` again.")
    values = as_values(table.loc[pair_ids], kinds)
    if values.isna().all(axis=None):
        raise UserError(f"{path}: no pair has {', '.join(kinds)}, which a row reads. Remove the row.")
    return values


@contextmanager
def learning(
    row: FromJSON[Row],
    inputs: Inputs,
    pairs: pd.DataFrame,
    task: Task,
    class_weights: ClassWeights,
    seed: int,
    folder: Path,
    **known: dict[str, str],
) -> Iterator[Learner]:
    """How a row learns; what it has to lay on disk meanwhile lies in `folder`."""
    targets = task.targets(pairs)
    if not row.settings.get("buckets"):
        yield learner(build(row, class_weights, seed, **known), inputs, targets, task)
        return
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder) as temporary:  # the usual place may be in memory
        settings = row.declared.completed(row.settings)
        yield hashed.learner(row.model, inputs, targets, task, settings, class_weights, Path(temporary))
