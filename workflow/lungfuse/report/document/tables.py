"""Tables of results as a reader sees them: values with their intervals in one column, each column by a readable name.

The file itself is offered beside each table, with every column and digit.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pandas as pd

from lungfuse.compare.page import p_in_words, reads
from lungfuse.report.sharing import suppressed

MOST_ROWS = 2000  # in the page; the file has all
MOST_BYTES = 400_000  # of a file that the page holds
PRINTED_ROWS = 40
DIGITS = 3
SIGNED = re.compile(r"gain|difference|added|switching|interaction|rethresholding|^lost$|^gained$")
OF_INPUTS = ["images", "text", "structured"]
LONG = 28  # letters from which on a text needs a broad column
NAMES = {
    "row": "model",
    "n": "cases",
    "auroc": "AUROC",
    "auprc": "AUPRC",
    "mae": "MAE",
    "rmse": "RMSE",
    "r2": "R2",
    "p_corrected": "p, corrected",
    "p_margin": "P(gain > margin)",
    "p_vs_best_unimodal": "p",
    "sha256": "SHA-256",
    "ece": "ECE",
    "iou": "IoU",
    "dice": "Dice",
    "crp": "CRP",
    "peak_mb": "peak MB",
    "not_above_majority": "parts not above majority",
    "rethresholding": "re-thresholding",
}
TRUTHS = {"True": "yes", "False": "no"}
HASH = 12  # characters that are shown of a digest


@dataclass(frozen=True)
class Cell:
    """What a cell says: a value, the limits of its interval, and the whole text where the value is shortened."""

    text: str
    interval: str = ""
    whole: str = ""


@dataclass(frozen=True)
class Shown:
    """A table as it is shown. `rows` are (row, column) cells, `kinds` says of each column whether it holds
    numbers ("n"), long texts ("long") or short ones; `left_out` is how many rows are in the file alone; `href` is the
    file, as a part of the page or beside it."""

    columns: list[str]
    kinds: list[str]
    rows: list[list[Cell]]
    left_out: int
    href: str
    file: str
    printed: int = PRINTED_ROWS


def read_shown(path: Path, beside: Path, aggregate: bool = False) -> Shown:
    """The table of a CSV file, for a page in the folder `beside`; with `aggregate` without counts of few cases."""
    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    if aggregate:
        return shown_frame(suppressed(frame), path.name)
    text, relative = path.read_text(encoding="utf-8"), Path(os.path.relpath(path, beside)).as_posix()
    return shown(frame, held(text) if len(text) <= MOST_BYTES else quote(relative), relative)


def shown_frame(frame: pd.DataFrame, file: str) -> Shown:
    """A table that is no file, as it is shown."""
    return shown(frame.astype(object).fillna("").astype(str), held(frame.to_csv(index=False)), file)


def held(text: str) -> str:
    """A file as an address that holds it."""
    return "data:text/csv;charset=utf-8," + quote(text, safe=",;:/+()=._-")


def shown(frame: pd.DataFrame, href: str, file: str) -> Shown:
    """A table of texts, as it is shown."""
    arranged = with_scores_first(with_models_first(without_empty(frame)))
    kept, names, columns = arranged[:MOST_ROWS], [], []
    intervals = {name: ends for name in kept if (ends := ends_of(name, kept))}
    for name in kept.columns.drop([end for ends in intervals.values() for end in ends]):
        names.append(name)
        columns.append(cells(kept, name, intervals.get(name)))
    both = {"row", "model"} <= set(names)
    return Shown(
        [readable("architecture" if both and name == "model" else name) for name in names],
        [kind_of(kept[name]) for name in names],
        [list(row) for row in zip(*columns, strict=True)],
        len(arranged) - len(kept),
        href,
        file,
    )


def ends_of(name: str, frame: pd.DataFrame) -> list[str]:
    """The columns of the limits of a measure, where it has an interval."""
    named = [f"{name}_low", f"{name}_high"]
    pairs = [named, ["low", "high"]] if name == "value" and not {*named} & {*frame} else [named]
    return next((ends for ends in pairs if {*ends} <= {*frame}), [])


def kind_of(column: pd.Series) -> str:
    if numbers_of(column) is not None:
        return "n"
    return "long" if column.str.len().max() > LONG else ""


def without_empty(frame: pd.DataFrame) -> pd.DataFrame:
    """The columns that say something."""
    return frame.loc[:, [bool((frame[name] != "").any()) for name in frame]] if len(frame) else frame


def with_models_first(frame: pd.DataFrame) -> pd.DataFrame:
    """The names of models in the first column, and what they read in one behind it."""
    if "row" not in frame:
        return frame
    inputs = frame.reindex(columns=OF_INPUTS, fill_value="")
    read = pd.Series([reads(row) for row in inputs.itertuples()], index=frame.index)
    first = {"row": frame["row"]} | ({"model": frame["model"]} if "model" in frame else {}) | {"reads": read}
    others = frame.drop(columns=[*OF_INPUTS, "row", "model"], errors="ignore")
    return pd.concat([pd.DataFrame(first), others], axis=1) if {*OF_INPUTS} & {*frame} else frame


def with_scores_first(frame: pd.DataFrame) -> pd.DataFrame:
    """Of a comparison of models: their scores behind the number of cases, before what tests them."""
    if "repeats" not in frame:
        return frame
    scores = [column for name in frame for column in [name, *ends_of(name, frame)] if ends_of(name, frame)]
    others = frame.columns.drop(scores)
    behind = others.get_loc("n") + 1
    return frame[[*others[:behind], *scores, *others[behind:]]]


def readable(name: str) -> str:
    """The name of a column in words."""
    return NAMES.get(name, name.replace("_", " "))


def numbers_of(column: pd.Series) -> pd.Series | None:
    """The numbers of a column, missing ones as NaN, or None where one of its texts is none."""
    numbers = pd.to_numeric(column.where(column != "", np.nan), errors="coerce")
    return numbers if (numbers.notna() == (column != "")).all() and numbers.notna().any() else None


def cells(frame: pd.DataFrame, name: str, ends: list[str] | None) -> list[Cell]:
    """A column as it is shown, with its interval where it has one."""
    numbers = numbers_of(frame[name])
    if numbers is None:
        return [text_cell(name, text) for text in frame[name]]
    texts = written(name, frame[name], numbers)
    if not ends:
        return [Cell(text) for text in texts]
    known = [numbers_of(frame[end]) for end in ends]
    low, high = (
        [""] * len(frame) if each is None else written(name, frame[end], each)
        for end, each in zip(ends, known, strict=True)
    )
    between = " to " if SIGNED.search(name) or (known[0] is not None and known[0].min() < 0) else "\N{EN DASH}"
    return [Cell(text, f"{a}{between}{b}" if a and b else "") for text, a, b in zip(texts, low, high, strict=True)]


def text_cell(name: str, text: str) -> Cell:
    """A text as it is shown: digests are cut, and truths are in words."""
    return Cell(text[:HASH], whole=text) if name == "sha256" and text else Cell(TRUTHS.get(text, text))


def written(name: str, raw: pd.Series, numbers: pd.Series) -> list[str]:
    """Numbers as a reader wants them: whole ones in full, others to three digits, differences with their sign."""
    if name == "p" or (name.startswith("p_") and name != "p_margin"):
        return [p_in_words(p) for p in numbers]
    whole = not raw.str.contains(r"[.eE]", regex=True).any()
    number = "{:,.0f}" if whole else f"{{:{'+' if SIGNED.search(name) else ''},.{digits_of(numbers)}f}}"
    return ["" if pd.isna(value) else number.format(value) for value in numbers]


def digits_of(numbers: pd.Series) -> int:
    """Digits after the point: three for shares, fewer for large values, more where all are tiny."""
    largest = numbers.abs().max()
    if largest >= 100:
        return 1
    return DIGITS if largest >= 0.01 or largest == 0 else DIGITS + 3
