"""Predict new cases with a trained row of the comparison table."""

import hashlib
import json
import shutil
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

import numpy as np
import pandas as pd

from lungfuse.errors import UserError
from lungfuse.files import check_writable, whole_file
from lungfuse.paths.names import ENCODER_ROOT
from lungfuse.predict.image_files import UnreadableImageError, check_image, refuse
from lungfuse.predict.members import Inputs, read_members
from lungfuse.predict.truth import read_truth, scores_of
from lungfuse.settings.rows import Row
from lungfuse.tables.base import read_table
from lungfuse.tables.cases import Cases

OPTIONS = {"image": "--image", "text": "--text"}
PART = 128  # cases that are in memory at once


def main(
    *,
    model: Path,
    image: Path | None = None,
    text: str = "",
    cases: Path | None = None,
    truth: str | None = None,
    out: Path | None = None,
    encoder_root: Path | None = None,
) -> None:
    """Predict one case, or a table of many, with a trained row.

    The score of class 1 is the mean over the models of the folds; one half decides. The probability is the mean of
    their scores as calibrated on validation pairs. It is no diagnosis.

    Parameters
    ----------
    model
        Folder of a trained row, such as results/demo/models/kv-exchange, or of one of its folds.
    image
        X-ray of one case, any format that Pillow reads.
    text
        Section of the report of one case.
    cases
        Table of many cases, CSV, with the columns id, image and text; paths of images are taken from its folder.
    truth
        Column of that table with the true class of each case, by its name or as 0 and 1; empty where nobody knows it.
        The predictions are scored, with intervals by bootstrap over the column group or patient, or over the cases.
    out
        Output: the predictions, as .json or .csv; scores come beside them, as .scores.csv. Not given, JSON is printed.
    encoder_root
        Folder with a folder for each encoder; that of the project that the model is in, when not given.
    """
    _check_options(model, image, text, cases, truth, out)
    one_case = cases is None
    table = pd.DataFrame({"id": [""], "image": [str(image or "")], "text": [text]}) if one_case else read_cases(cases)
    row = TrainedRow(model)
    check_inputs(row.row, table, model, one_case)
    known = read_truth(table, truth, row.labels, cases) if truth else None
    parts = row.predict(table, encoder_root or encoder_root_of(model))
    as_csv = out is not None and out.suffix.lower() == ".csv"
    write = _as_csv if as_csv else _as_record if one_case else _as_records
    with _output(out) as stream:
        score = pd.concat(part["score"] for part in write(stream, parts))
    for note, count in row.notes.items():
        print(f"{count:,} of {len(table):,} cases: {note}", file=sys.stderr)
    if known is not None:
        scores = scores_of(known, score)
        print(scores.round(3).to_markdown(index=False), file=sys.stderr if out is None else sys.stdout)
        if out is not None:
            with whole_file(scores_beside(out)) as stream:
                scores.round(6).to_csv(stream, index=False, lineterminator="\n")


def scores_beside(out: Path) -> Path:
    """The file of the scores of predictions in the file `out`."""
    return out.with_name(f"{out.stem}.scores.csv")


def read_cases(path: Path) -> pd.DataFrame:
    """The table `Cases` with the paths of its images from the working folder.

    Raises:
        UserError: there is no case, or two have one id.
    """
    table = read_table(path, Cases)
    if table.empty:
        raise UserError(f"{path}: has no row below its header; expected at least one.")
    return table.assign(image=[str(path.parent / image) if image.strip() else "" for image in table["image"]])


def encoder_root_of(model: Path) -> Path:
    """The folder of the encoders of the project that a model is in, or else of the working folder."""
    folders = (folder / ENCODER_ROOT for folder in model.resolve().parents)
    return next((folder for folder in folders if folder.is_dir()), ENCODER_ROOT)


class TrainedRow:
    """A row of the comparison table with the models of its folds, from the folder of the row or of one fold.

    `notes` counts, after prediction, the cases of which a model has not seen what their files hold.
    """

    def __init__(self, folder: Path):
        self.folder, self.members, self.notes = folder, read_members(folder), dict[str, int]()
        self.row, self.labels = self.members[0].row, self.members[0].labels

    def predict(self, cases: pd.DataFrame, encoder_root: Path) -> Iterator[pd.DataFrame]:
        """Load the models, then score cases, a table of `Cases`, part by part: memory does not grow with their number.

        A part has id, label (the name of the class), score and probability (those of class 1, named in `positive`),
        model, folds and sha256, which is that of the weights of all folds.

        Raises:
            UserError: a file of the model is missing or damaged, an image cannot be read, or a score is not finite.
        """
        for member in self.members:
            member.load(encoder_root)
        sha256 = hashlib.sha256("".join(member.sha256() for member in self.members).encode()).hexdigest()
        made_by = {"model": self.row.label, "folds": len(self.members), "sha256": sha256}
        starts = range(0, len(cases), PART)
        return (self._predict(cases.iloc[start : start + PART], encoder_root).assign(**made_by) for start in starts)

    def _predict(self, cases: pd.DataFrame, encoder_root: Path) -> pd.DataFrame:
        inputs = Inputs(cases, encoder_root)
        by_member = [member.score(inputs) for member in self.members]
        scores = pd.Series(np.mean(by_member, axis=0), cases.index)
        for note, count in inputs.notes.items():
            self.notes[note] = self.notes.get(note, 0) + count
        lost = cases["id"][scores.isna()]
        if len(lost):
            raise UserError(
                f"{self.folder}: gives no finite score for {len(lost):,} cases, {lost.iloc[0]!r} first, so they are of "
                "no class. Train the row again."
            )
        calibrated = zip(self.members, by_member, strict=True)
        probability = np.mean([member.calibration.apply(score) for member, score in calibrated], axis=0)
        labels = scores.round(6).ge(0.5).map(dict(zip([False, True], self.labels, strict=True)))
        found = pd.DataFrame({"id": cases["id"], "label": labels, "score": scores, "probability": probability})
        return found.round(6).assign(positive=self.labels[1])


def check_inputs(row: Row, cases: pd.DataFrame, model: Path, one_case: bool) -> None:
    """See that cases have what a row reads.

    Raises:
        UserError: a case lacks an input, or has an image that cannot be read.
    """
    reads = " and ".join(sorted(row.inputs))
    for modality in sorted(row.inputs):
        missing = cases["id"][cases[modality].str.strip() == ""]
        if len(missing) and one_case:
            raise UserError(f"{model}: reads {reads}, but no {modality} was given. Add {OPTIONS[modality]}.")
        if len(missing):
            raise UserError(
                f"{model}: reads {reads}, but {len(missing)} cases have no {modality}, {missing.iloc[0]!r} first. "
                f"Fill the column {modality}, or use a row that does without."
            )
    if one_case:
        for modality in set(OPTIONS) - row.inputs:
            if cases[modality].iloc[0]:
                raise UserError(f"{model}: reads {reads} alone. Leave {OPTIONS[modality]} out, or use another row.")
    problems = []
    for path in cases["image"] if "image" in row.inputs else []:
        try:
            check_image(Path(path))
        except UnreadableImageError as problem:
            problems.append(problem)
    refuse(problems)


def _check_options(
    model: Path, image: Path | None, text: str, cases: Path | None, truth: str | None, out: Path | None
) -> None:
    if cases is not None and (image is not None or text):
        raise UserError("--cases: is a table of cases, so leave --image and --text, which are of one case, out.")
    if truth is not None and cases is None:
        raise UserError("--truth: names a column of a table of cases. Add --cases.")
    if out is None:
        return
    if out.suffix.lower() not in (".csv", ".json"):
        raise UserError(f"{out}: found a name that ends in {out.suffix!r}, expected .csv or .json.")
    for path in [out, scores_beside(out)] if truth else [out]:
        check_writable(path)
        given = {file.resolve() for file in [cases, image] if file}
        if path.resolve() in given or path.resolve().is_relative_to(model.resolve()):
            raise UserError(f"{path}: is what is read, or in the model's folder. Name another file for the output.")


@contextmanager
def _output(out: Path | None) -> Iterator[IO[str]]:
    """What is written appears whole in the file `out`, or on the standard output, or not at all."""
    if out is not None:
        with whole_file(out) as stream:
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
