"""Predict new cases with a trained model of the comparison table."""

import json
import shutil
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

import pandas as pd

from lungfuse.errors import UserError
from lungfuse.files import atomic_write, check_writable
from lungfuse.predict.given import check_characters, read_written
from lungfuse.predict.predictor import Predictor
from lungfuse.predict.truth import read_truth, scores_of
from lungfuse.tables.base import checked, read_table
from lungfuse.tables.cases import cases_with

OPTIONS = {"image": "--image", "text": "--text"}  # of structured columns: --values.<name>


def main(
    *,
    model: Path,
    image: Path | None = None,
    text: str = "",
    values: dict[str, str] | None = None,
    cases: Path | None = None,
    truth: str | None = None,
    out: Path | None = None,
    encoder_root: Path | None = None,
) -> None:
    """Predict one case, or a table of many, with a trained model.

    The score of a class or label is the mean over the models of the folds; one half decides, or the highest of several
    classes. The probability is the mean of their scores as calibrated on validation pairs. It is no diagnosis.

    What a case lacks the model does without, where it reads several inputs or columns.

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
        Table of many cases, CSV, with the column id and those that the model reads: image, text, and structured columns
        by their names; empty is what a case lacks. Paths of images are taken from its folder. It may be written as the
        table of the study was: separator, encoding, decimal comma, words for missing values.
    truth
        Column of that table with the true class of each case, by its name or number; empty where nobody knows it. Where
        cases have several labels, the columns <truth>_<label> say of each 1 or 0. The predictions are scored, with
        intervals by bootstrap over the column group or patient, or over the cases.
    out
        Output: the predictions, as .json or .csv; scores come beside them, as .scores.csv. Not given, JSON is printed.
    encoder_root
        Folder with a folder for each encoder; that of the project that the model is in, when not given.
    """
    given = {"image": str(image or ""), "text": text} | (values or {})
    _check_words(model, given, truth)
    _check_options(model, image, given, cases, truth, out)
    one_case = cases is None
    predictor = Predictor(model, encoder_root)
    if one_case:
        _check_case(predictor, given)
    table = pd.DataFrame([{"id": ""} | given]) if one_case else read_cases(cases, predictor)
    known = None if truth is None else read_truth(table, truth, predictor.task, cases)
    parts = predictor.predict(table)
    as_csv = out is not None and out.suffix.lower() == ".csv"
    write = _as_csv if as_csv else _as_record if one_case else _as_records
    with _output(out) as stream:
        scores = pd.concat(part[predictor.task.columns("score")] for part in write(stream, parts))
    for note, count in predictor.notes.items():
        print(f"{count:,} of {len(table):,} cases: {note}", file=sys.stderr)
    if known is not None:
        _write_scores(scores_of(predictor.task, known, scores), out)


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


def scores_beside(out: Path) -> Path:
    """The file of the scores of predictions in the file `out`."""
    return out.with_name(f"{out.stem}.scores.csv")


def _write_scores(scores: pd.DataFrame, out: Path | None) -> None:
    print(scores.round(3).to_markdown(index=False), file=sys.stderr if out is None else sys.stdout)
    if out is not None:
        with atomic_write(scores_beside(out)) as stream:
            scores.round(6).to_csv(stream, index=False, lineterminator="\n")


def _check_case(predictor: Predictor, given: dict[str, str]) -> None:
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


def _check_words(model: Path, given: dict[str, str], truth: str | None) -> None:
    words = {OPTIONS.get(name, f"--values.{name}"): value for name, value in given.items()}
    for option, value in (words | {"--model": str(model), "--truth": truth or ""}).items():
        check_characters(option, value, path=option in ["--model", "--image"])
    if truth is not None and not truth.strip():
        raise UserError("--truth: found nothing, expected the name of a column of the table of cases, or leave it out.")


def _check_options(
    model: Path, image: Path | None, given: dict[str, str], cases: Path | None, truth: str | None, out: Path | None
) -> None:
    if cases is not None and any(given.values()):
        options = "--image, --text and --values" if set(given) - set(OPTIONS) else "--image and --text"
        raise UserError(f"--cases: is a table of cases, so leave {options}, which are of one case, out.")
    if truth is not None and cases is None:
        raise UserError("--truth: names a column of a table of cases. Add --cases.")
    if out is None:
        return
    if out.suffix.lower() not in (".csv", ".json"):
        raise UserError(f"{out}: found a name that ends in {out.suffix!r}, expected .csv or .json.")
    for path in [out, scores_beside(out)] if truth else [out]:
        check_writable(path)
        read = {file.resolve() for file in [cases, image] if file}
        if path.resolve() in read or path.resolve().is_relative_to(model.resolve()):
            raise UserError(f"{path}: is what is read, or in the model's folder. Name another file for the output.")


@contextmanager
def _output(out: Path | None) -> Iterator[IO[str]]:
    """What is written appears whole in the file `out`, or on the standard output, or not at all."""
    if out is not None:
        with atomic_write(out) as stream:
            yield stream
        return
    with TemporaryFile("w+", encoding="utf-8") as stream:
        yield stream
        stream.seek(0)
        shutil.copyfileobj(stream, sys.stdout)


def _as_csv(stream: IO[str], parts: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    for number, part in enumerate(parts):
        part.to_csv(stream, index=False, header=number == 0, lineterminator="\n")
        yield part


def _as_records(stream: IO[str], parts: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    before = "[\n"
    for part in parts:
        for record in part.to_dict("records"):
            stream.write(before + textwrap.indent(_json(record), "  "))
            before = ",\n"
        yield part
    stream.write("\n]\n")


def _as_record(stream: IO[str], parts: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    for part in parts:
        stream.write(_json(part.drop(columns="id").to_dict("records")[0]) + "\n")
        yield part


def _json(record: dict) -> str:
    return json.dumps(record, indent=2, allow_nan=False)
