"""The cases that a command is asked about: one by its options, or a table of many."""

from pathlib import Path

import pandas as pd

from lungfuse.errors import UserError
from lungfuse.predict.given import check_characters, read_written
from lungfuse.predict.predictor import Predictor
from lungfuse.tables.base import checked, read_table
from lungfuse.tables.cases import cases_with

OPTIONS = {"image": "--image", "text": "--text"}  # of structured columns: --values.<name>


def read_cases(path: Path, predictor: Predictor) -> pd.DataFrame:
    """A table of `cases_with` what a model reads, with the paths of its images from the working folder.

    Raises:
        UserError: there is no case, or two have one id.
    """
    columns, written = cases_with(column.name for column in predictor.columns), predictor.config.table
    table = read_table(path, columns) if written is None else checked(read_written(path, written), columns, path)
    if table.empty:
        raise UserError(f"{path}: has no row below its header; expected at least one.")
    if "image" not in predictor.inputs:
        return table
    return table.assign(image=[str(path.parent / image) if image.strip() else "" for image in table["image"]])


def check_case(predictor: Predictor, given: dict[str, str]) -> None:
    """See that one case has something that the model reads, and nothing else."""
    reads, names = predictor.reads, [column.name for column in predictor.columns]
    here = [name for name, value in given.items() if value.strip()]
    options = [OPTIONS.get(name, f"--values.{name}") for name in names]
    if names and not set(here) & set(names):
        what = next(iter(predictor.inputs)) if len(predictor.inputs) == 1 else "of them"
        none = f"no {what} was" if len(predictor.inputs) == 1 else "none of them was"
        raise UserError(f"{predictor.folder}: reads {reads}, but {none} given. Add {' or '.join(options)}.")
    for name in here:
        if name not in names:
            option = OPTIONS.get(name, f"--values.{name}")
            raise UserError(
                f"{predictor.folder}: reads {reads} alone. Leave {option} out, or use another model. Its options are "
                f"{', '.join(options) or 'none'}."
            )


def check_words(models: list[Path], given: dict[str, str], truth: str | None) -> None:
    """See that what was written on a command line can be read, and is no empty name.

    Raises:
        UserError: it cannot, or is.
    """
    words = {OPTIONS.get(name, f"--values.{name}"): value for name, value in given.items()}
    for option, value in (words | {"--truth": truth or ""}).items():
        check_characters(option, value, path=option == "--image")
    for number, folder in enumerate(models):
        check_characters("--against" if number else "--model", str(folder), path=True)
    if truth is not None and not truth.strip():
        raise UserError("--truth: found nothing, expected the name of a column of the table of cases, or leave it out.")
