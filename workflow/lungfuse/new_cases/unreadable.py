"""New cases of which an image cannot be read: they stop a command, or are left out where that is said."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from lungfuse.errors import UserError
from lungfuse.imaging.image_files import UnreadableImageError, UnreadableImagesError, named, read_image, refuse
from lungfuse.parameters import AskedCases
from lungfuse.predict.predictor import Predictor


def readable(asked: AskedCases, tables: list[pd.DataFrame], models: list[Predictor]) -> list[pd.DataFrame]:
    """The cases as each model reads them, without those of which one cannot read an image, if a user says so; these are
    named.

    Raises:
        UserError: of no case all images can be read.
    """
    if asked.cases is None or not asked.leave_out_unreadable:
        return tables
    problems: dict[str, UnreadableImageError] = {}
    for cases, model in zip(tables, models, strict=True):
        problems = dict(_unreadable(cases, model)) | problems
    if len(problems) == len(tables[0]):
        refuse([*problems.values()])
    if problems:
        count = f"{len(problems):,} of {len(tables[0]):,} cases"
        print(f"left out {count} whose image cannot be read: {named([*problems.values()])}", file=sys.stderr)
    return [cases[~cases["id"].isin(problems)].reset_index(drop=True) for cases in tables]


def _unreadable(cases: pd.DataFrame, model: Predictor) -> Iterator[tuple[str, UnreadableImageError]]:
    for column in model.inputs["image"].columns if "image" in model.inputs else []:
        for case, path in zip(cases["id"], cases[column.name], strict=True):
            try:
                if path:
                    read_image(Path(path), model.config.image_settings)
            except UnreadableImageError as problem:
                yield case, problem


@contextmanager
def with_way_out(asked: AskedCases) -> Iterator[None]:
    """An error of images that cannot be read says that their cases can be left out, where there are many."""
    try:
        yield
    except UnreadableImagesError as error:
        if asked.cases is None or asked.leave_out_unreadable:
            raise
        said = str(error).removesuffix(".")
        raise UserError(f"{said}, or leave these cases out with --leave-out-unreadable.") from error
