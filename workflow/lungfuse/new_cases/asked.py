"""The cases that a command is asked about: one by its options, or many in a table or a folder of images."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from lungfuse.errors import UserError
from lungfuse.imaging.image_files import images_in
from lungfuse.new_cases.given import check_characters, read_written
from lungfuse.parameters import AskedCases
from lungfuse.predict.predictor import Predictor
from lungfuse.tables.base import checked, read_table
from lungfuse.tables.cases import cases_with

OPTIONS = {"image": "--image", "text": "--text"}  # of structured columns: --values.<name>
NOTHING = AskedCases()


def check_asked(models: Sequence[Path], asked: AskedCases, truth: str | None = None) -> None:
    """See that what was written on a command line can be read, and is one case or many.

    Raises:
        UserError: it cannot, or is not.
    """
    given = _given(asked)
    check_words(models, given, truth)
    if asked.cases is not None and any(given.values()):
        raise UserError("--cases: is many cases, so leave --image, --text and --values, which are of one, out.")


def read_asked(asked: AskedCases, predictor: Predictor) -> pd.DataFrame:
    """The cases as a model reads them, a row a case; the id of a single one is empty.

    Raises:
        UserError: they cannot be read, or there is nothing that the model reads.
    """
    if asked.cases is not None:
        return read_cases(asked.cases, predictor)
    given = _given(asked)
    check_case(predictor, given)
    return pd.DataFrame([{"id": ""} | given])


def _given(asked: AskedCases) -> dict[str, str]:
    return {"image": str(asked.image or ""), "text": asked.text} | (asked.values or {})


def read_cases(path: Path, predictor: Predictor) -> pd.DataFrame:
    """A table of `cases_with` what a model reads, with the paths of its images from the working folder.

    Raises:
        UserError: there is no case, or two have one id.
    """
    if path.is_dir():
        return read_images(path, predictor)
    columns, written = cases_with(column.name for column in predictor.columns), predictor.config.table
    table = (
        read_table(path, columns)
        if written is None
        else checked(_with_all(read_written(path, written), predictor), columns, path)
    )
    if table.empty:
        raise UserError(f"{path}: has no row below its header; expected at least one.")
    if "image" not in predictor.inputs:
        return table
    named = [column.name for column in predictor.inputs["image"].columns]
    return table.assign(**{name: _paths_from(path.parent, table[name]) for name in named})


def _with_all(table: pd.DataFrame, predictor: Predictor) -> pd.DataFrame:
    """A table with empty columns of the images that no case has, where a case may have several."""
    several = [column.name for column in predictor.columns if column.kind == "image" and column.name != "image"]
    lacking = [name for name in several if name not in table and any(each in table for each in several)]
    return table.assign(**dict.fromkeys(lacking, ""))


def _paths_from(folder: Path, cells: pd.Series) -> list[str]:
    return [str(folder / cell) if cell.strip() else "" for cell in cells]


def read_images(folder: Path, predictor: Predictor) -> pd.DataFrame:
    """The images in a folder as a table of cases, by the names of their files.

    Raises:
        UserError: there are none, two have one name, or the model reads no images.
    """
    if "image" not in predictor.inputs:
        raise UserError(
            f"{folder}: is a folder of images, but {predictor.folder} reads {predictor.reads}. Give a table of cases."
        )
    if len(names := [column.name for column in predictor.inputs["image"].columns]) > 1:
        raise UserError(
            f"{folder}: is a folder of images, but {predictor.folder} reads several of a case. Give a table with the "
            f"columns {' and '.join(names)}."
        )
    images = images_in(folder)
    name, times = Counter(path.stem for path in images).most_common(1)[0]
    if times > 1:
        raise UserError(f"{folder}: found {times} images called {name}. Rename all but one, or give a table of cases.")
    return pd.DataFrame({"id": [path.stem for path in images], names[0]: [str(path) for path in images]})


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


def check_words(models: Sequence[Path], given: dict[str, str], truth: str | None) -> None:
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
