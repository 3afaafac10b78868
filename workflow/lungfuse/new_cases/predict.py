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
from lungfuse.new_cases.against import check_classes, check_comparable, in_words, named_in_errors, names_of, verdicts_of
from lungfuse.new_cases.asked import NOTHING, check_asked, read_asked
from lungfuse.new_cases.pictures import ALL, Pictures
from lungfuse.new_cases.truth import read_truth, scores_of
from lungfuse.new_cases.unreadable import readable, with_way_out
from lungfuse.parameters import AskedCases, Explaining, Several, options
from lungfuse.predict.predictor import Predictor


@options
class Known:
    """What is known of many cases, and the models that are compared by it.

    Parameters
    ----------
    truth
        Column of the table of cases with the true class of each case, by its name, its word in the table of the
        study, or its number; empty where nobody knows it. Where cases have several labels, the columns
        <truth>_<label> say of each 1 or 0. The predictions are scored, with intervals by bootstrap over the column
        group or patient, or over the cases.
    against
        Folders of other trained models of the same task and labels. They are scored too, and a paired verdict says
        whether the model ranks the cases better than each of them.
    """

    truth: str | None = None
    against: Several[Path] | None = None


NOT_KNOWN = Known()


def main(
    *,
    model: Path,
    asked: AskedCases = NOTHING,
    known: Known = NOT_KNOWN,
    explain: Path | None = None,
    explaining: Explaining = ALL,
    out: Path | None = None,
    encoder_root: Path | None = None,
) -> None:
    """Predict one case, or many in a table or a folder of images, with a trained model.

    The score of a class or label is the mean over the models of the folds; one half decides, or the highest of several
    classes. The probability is the mean of their scores as calibrated on validation pairs. It is no diagnosis.

    What a case lacks the model does without, where it reads several inputs or columns.

    Parameters
    ----------
    model
        Folder of a trained model, such as results/demo/models/kv-exchange, or of one of its folds.
    asked
        The cases.
    known
        What is known of these cases.
    explain
        Output: folder with the picture of each case that `explain` draws; not given, there are none.
    explaining
        How cases are explained.
    out
        Output: the predictions, as .json or .csv; scores come beside them, as .scores.csv, and the verdict, as
        .verdict.csv. Not given, JSON is printed.
    encoder_root
        Folder with a folder for each encoder; that of the project that the model is in, when not given.
    """
    folders = [model, *(known.against or [])]
    check_asked(folders, asked, known.truth)
    _check_options(folders, asked, known, out, explain)
    if explain is None and explaining != ALL:
        raise UserError("--methods and --target: are of explanations. Add --explain, the folder for them.")
    predictors = [Predictor(folder, encoder_root) for folder in folders]
    with with_way_out(asked):
        _predict(predictors, asked, known, explain, explaining, out)


def _predict(
    predictors: list[Predictor],
    asked: AskedCases,
    known: Known,
    explain: Path | None,
    explaining: Explaining,
    out: Path | None,
) -> None:
    """Write the predictions of the first model, the scores of all, and the verdict; see `main`."""
    predictor, *others = predictors
    check_comparable(predictor, others)
    cases, one_case = asked.cases, asked.cases is None
    tables = readable(asked, _tables(asked, predictors), predictors)
    classes = predictor.config.table and predictor.config.table.classes
    truth = None if known.truth is None else read_truth(tables[0], known.truth, predictor.task, cases, classes)
    if others:
        check_classes(predictor.task, truth, known.truth, cases)
    for other, table in zip(others, tables[1:], strict=True):
        with named_in_errors(other):
            other.check(table)
    pictures = None if explain is None else Pictures(predictor, explaining, explain, tables[0]["id"])
    parts = predictor.predict(tables[0]) if pictures is None else pictures.predicted(tables[0])
    as_csv = out is not None and out.suffix.lower() == ".csv"
    write = _as_csv if as_csv else _as_record if one_case else _as_records
    with _output(out) as stream:
        scores = [_scores(predictor, write(stream, parts)), *map(_scores_of_cases, others, tables[1:])]
    names = names_of(predictors)
    for each, name in zip(predictors, names, strict=True):
        for note, count in each.notes.items():
            print(f"{name + ': ' if others else ''}{count:,} of {len(tables[0]):,} cases: {note}", file=sys.stderr)
    if truth is not None:
        found = [scores_of(predictor.task, truth, each) for each in scores]
        _write_table(_of_models(found, names) if others else found[0], out, "scores")
    if others:
        models = dict(zip(names, (each.config for each in predictors), strict=True))
        verdict = verdicts_of(predictor.task, models, truth, scores)
        _write_table(verdict, out, "verdict", in_words(verdict, predictor.task.primary))


def _tables(asked: AskedCases, predictors: list[Predictor]) -> list[pd.DataFrame]:
    """The cases as each model reads them."""
    if len(predictors) == 1:
        return [read_asked(asked, predictors[0])]
    found = []
    for predictor in predictors:
        with named_in_errors(predictor):
            found.append(read_asked(asked, predictor))
    return found


def _scores(predictor: Predictor, parts: Iterator[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(part[predictor.task.columns("score")] for part in parts)


def _scores_of_cases(predictor: Predictor, cases: pd.DataFrame) -> pd.DataFrame:
    with named_in_errors(predictor):
        return _scores(predictor, predictor.predict(cases))


def _of_models(tables: list[pd.DataFrame], names: list[str]) -> pd.DataFrame:
    return pd.concat(tables, keys=names, names=["model", None]).reset_index("model")


def beside(out: Path, what: str) -> Path:
    """The file of the scores, or the verdict, of predictions in the file `out`."""
    return out.with_name(f"{out.stem}.{what}.csv")


def _write_table(table: pd.DataFrame, out: Path | None, what: str, text: str = "") -> None:
    lines = ["", table.to_markdown(index=False, floatfmt=".3g"), "", text] if text else []
    lines = lines or [table.round(3).to_markdown(index=False)]
    print(*lines, sep="\n", file=sys.stderr if out is None else sys.stdout)
    if out is not None:
        with atomic_write(beside(out, what)) as stream:
            table.round(6).to_csv(stream, index=False, lineterminator="\n")


def _check_options(models: list[Path], asked: AskedCases, known: Known, out: Path | None, explain: Path | None) -> None:
    if len(models) > 1 and (asked.cases is None or known.truth is None):
        raise UserError(
            "--against: compares models on cases whose classes are known. Add --cases, a table of cases, and --truth, "
            "its column with the classes."
        )
    if known.truth is not None and asked.cases is None:
        raise UserError("--truth: names a column of a table of cases. Add --cases.")
    if out is not None and out.suffix.lower() not in (".csv", ".json"):
        raise UserError(f"{out}: found a name that ends in {out.suffix!r}, expected .csv or .json.")
    read = {file.resolve() for file in [asked.cases, asked.image] if file}
    made = ["scores"] * bool(known.truth) + ["verdict"] * (len(models) > 1)
    for path in [out, *(beside(out, what) for what in made)] if out else []:
        check_writable(path)
    for path in filter(None, [explain, out, *(beside(out, what) for what in made if out)]):
        if path.resolve() in read or any(path.resolve().is_relative_to(model.resolve()) for model in models):
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
