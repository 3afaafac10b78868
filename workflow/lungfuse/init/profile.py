"""What each column of a table holds."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from lungfuse.cell_forms import AGE, AT_LEAST, DATE, DICOM_TIME, PACKED, SERIAL, TIME, YEAR, Form, unit_in
from lungfuse.errors import UserError
from lungfuse.image_lookup import SUFFIXES
from lungfuse.vocabulary import NO, UNKNOWN_AMONG_NUMBERS, UNSPACED, YES, is_called, tokens, unknown_among

Kind = Literal[
    "empty", "constant", "id", "number", "near-number", "category", "yes/no", "words", "text", "date", "time", "url"
]
ShareOfImages = Callable[[Sequence[str]], float]
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
NEAR_NUMBER = re.compile(
    r"(?!\d+(?:\.\d+){3})[<>≤≥~=]{0,2}\s*[+-]?\d+([.,]\d+)?\s*(-\s*\d+([.,]\d+)?)?\s*[^\d\s].{0,12}|[<>≤≥~=]{1,2}\s*\d.*"
)
DATED = {
    "date",
    "datum",
    "day",
    "year",
    "time",
    "when",
    "studydate",
    "fecha",
    "data",
    "дата",
    "日期",
    "日付",
    "날짜",
    "tarih",
}
TIMED = {"time", "uhrzeit", "hora", "heure", "ora", "время", "时间", "時刻", "studytime", "seriestime", "clock"}
NUMBERED = {
    "id", "ids", "nr", "no", "num", "number", "uid", "index", "key", "code", "mrn", "pid", "patientid", "caseid",
    "nummer", "numero", "número", "nº", "n°", "codigo", "código", "codice", "номер", "号", "號", "编号", "番号", "번호",
    "case",
    "fall",
    "caso", "cas",
}  # fmt: skip
SEVERAL_IMAGES = re.compile(r"\s*[;|,\n\t，、；+&]\s*|\s+(?=\S+\.\w{3,4}\b)")
UNITS = "%°ghlmsdkyµ"  # of one letter
SAMPLE = 300  # cells that are looked up among the images
MOST_WORDS = 50  # of a category
LONG = 25  # letters of the mean cell of a text
TEXT_WORDS = 4
STARTS_WITH_LETTER = r"(?:^|\s)[^\W\d_]"


@dataclass(frozen=True)
class Profile:
    """A column: what it holds, how many rows fill it, its words with their counts, and those that stand for nothing.

    `odd` are words that keep a column of numbers from being one, `form` is how these are written and `unit` what stands
    behind them; `own_missing` are words that a user says mean a missing value in this column. `images` is the share
    of the filled cells that name an image, `several` that of those that name more. `place` is that of the column,
    from 0, and `named` whether the table has a heading for it.
    """

    name: str
    kind: Kind
    rows: int
    words: pd.Series
    missing: list[str] = field(default_factory=list)
    odd: list[str] = field(default_factory=list)
    images: float = 0.0
    several: float = 0.0
    form: Form = "plain"
    unit: str = ""
    place: int = 0
    own_missing: tuple[str, ...] = ()

    @property
    def named(self) -> bool:
        return not re.fullmatch(rf"column{self.place + 1}|(?i:unnamed: \d+)", self.name)

    @property
    def numbers(self) -> pd.Series:
        """How often each number comes, of a column of numbers."""
        return self.words.groupby(self.words.index.map(float)).sum()

    @property
    def filled(self) -> int:
        """Rows with a word that stands for something."""
        return int(self.words.sum())

    @property
    def distinct(self) -> int:
        return len(self.words)

    @property
    def unique(self) -> bool:
        """Whether each row has a word of its own."""
        return self.filled == self.rows == self.distinct

    @property
    def names_files(self) -> bool:
        """Whether most cells end as the names of images do."""
        ends = [Path(word).suffix.lower() in SUFFIXES for word in self.words.index[:SAMPLE]]
        return sum(ends) > len(ends) / 2

    @property
    def tokens(self) -> list[str]:
        return tokens(self.name)

    def called(self, *names: str) -> bool:
        """Whether one of these is a word of its name, or stands in it where words are written without spaces."""
        return is_called(self.name, names)


def profiles_of(
    table: pd.DataFrame, share_of_images: ShareOfImages | None = None, missing: "Missing | None" = None
) -> dict[str, Profile]:
    """The profile of each column; `share_of_images` gives how many of some cells name an image, `missing` are words
    that stand for nothing beside those that usually do."""
    said = missing or Missing()
    return {
        name: replace(
            profile(table[name], share_of_images, said.of(name)),
            place=place,
            own_missing=(*said.columns.get(name, ()),),
        )
        for place, name in enumerate(table)
    }


@dataclass(frozen=True)
class Missing:
    """Words that a user says mean a missing value: in all columns, and in some."""

    words: Sequence[str] = ()
    columns: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def of(self, column: str) -> list[str]:
        return [*self.words, *self.columns.get(column, [])]


def profile(cells: pd.Series, share_of_images: ShareOfImages | None = None, unknown: Iterable[str] = ()) -> Profile:
    """The profile of a column of text cells."""
    counts = cells[cells != ""].value_counts()
    said = {word.casefold() for word in unknown}
    usual = {*unknown_among(counts.index)}
    missing = [word for word in counts.index if word in usual or word.casefold() in said]
    words = counts.drop(missing)
    if among_numbers := _stand_for_nothing(words):
        missing, words = missing + among_numbers, words.drop(among_numbers)
    name = str(cells.name)
    form, unit = _form(name, words)
    kind, odd = ("number", []) if form != "plain" else _kind(name, words, len(cells))
    sample = list(words.index[:SAMPLE])
    images = share_of_images(sample) if share_of_images and sample else 0.0
    several = _several_images(sample, share_of_images) if share_of_images and sample and images < 0.9 else 0.0
    return Profile(name, kind, len(cells), words, missing, odd, images, several, form, unit)


def _form(name: str, words: pd.Series) -> tuple[Form, str]:
    """How the numbers of a column are written, where they are not plain, and their unit."""
    if len(words) and _share(words, AGE) == 1 and len(words) > 2:
        return "age", "years"
    if len(words) > 2 and _highest_is_a_limit(words):
        return "at-least", ""
    if len(words) > 2 and not _are_dates(name, words) and (unit := unit_in(words.index)):
        plain = _share(words, NUMBER)
        mixed = is_called(name, NUMBERED) or (len(unit) == 1 and unit not in UNITS)
        return ("plain", "") if plain > 0.5 or mixed else ("unit", unit)
    return "plain", ""


def _highest_is_a_limit(words: pd.Series) -> bool:
    """Whether numbers have one among them that means "or more", such as 90+, and none above."""
    others = [word for word in words.index if not NUMBER.fullmatch(word)]
    limit = AT_LEAST.fullmatch(others[0]) if len(others) == 1 else None
    return limit is not None and all(float(word) <= float(limit[1]) for word in words.index if word != others[0])


def _several_images(cells: Sequence[str], share_of_images: ShareOfImages) -> float:
    """The share of cells that name several images."""
    parted = [re.sub(r"[\[\]'\"]", "", cell) for cell in cells]
    parts = [[part for part in SEVERAL_IMAGES.split(cell) if part] for cell in parted]
    parts = [found for found in parts if len(found) > 1]
    if len(parts) < 0.1 * len(cells):
        return 0.0
    return len(parts) / len(cells) if share_of_images([name for found in parts for name in found]) >= 0.3 else 0.0


def check_header(table: pd.DataFrame, name: str) -> None:
    """Raise UserError when the names of the columns read like values of a first row."""
    values = [column for column in table if NUMBER.fullmatch(column) or DATE.fullmatch(column)]
    files = [column for column in table if Path(column).suffix.lower() in SUFFIXES]
    if files or len(values) > len(table.columns) / 2:
        raise UserError(
            f"{name}: line 1: found {', '.join(map(repr, [*files, *values][:3]))}, which reads like a row and not like "
            "names of columns. Write a first line with the names of the columns."
        )


def _stand_for_nothing(words: pd.Series) -> list[str]:
    """The few words, such as none, among cells that else are numbers."""
    others = [word for word in words.index if not NUMBER.fullmatch(word)]
    few = len(others) < len(words) / 2 and all(word.lower() in UNKNOWN_AMONG_NUMBERS for word in others)
    return others if few else []


def _kind(name: str, words: pd.Series, rows: int) -> tuple[Kind, list[str]]:
    filled = int(words.sum())
    if not filled:
        return "empty", []
    lowered = {word.lower() for word in words.index}
    if lowered <= YES | NO and len(lowered) > 1:
        return "yes/no", []
    if len(words) == 1 and filled == rows:
        return "constant", []
    if _are_dates(name, words):
        return "date", []
    if _are_times(name, words):
        return "time", []
    if _share(words, NUMBER) == 1:
        return ("id" if _is_numbered(name, words, rows) else "number"), []
    odd = [word for word in words.index if not NUMBER.fullmatch(word)]
    if _share(words, NUMBER) + _share(words, NEAR_NUMBER) >= 0.9 and _share(words, NUMBER) + len(words) > 10:
        return "near-number", odd[:3]
    if _share(words, re.compile(r"https?://\S+.*")) > 0.5:
        return "url", []
    return _of_words(name, words, rows), []


def _of_words(name: str, words: pd.Series, rows: int) -> Kind:
    filled = int(words.sum())
    signs = words.index.str.count(UNSPACED)  # of which two are about a word, as long as six letters
    letters, parts = _mean(words.index.str.len() + 2 * signs, words), _mean(words.index.str.count(r"\s+") + 1, words)
    long = letters > LONG and parts + _mean(signs, words) / 2 >= TEXT_WORDS
    spoken = _mean(words.index.str.count(STARTS_WITH_LETTER) + signs / 2, words) if len(words) > filled / 2 else 0
    if (long or spoken >= TEXT_WORDS) and len(words) > min(10, filled / 4):
        return "text"
    if len(words) == filled and filled > min(rows / 2, 20) and parts < 2:
        return "id"
    few = len(words) <= max(2, min(MOST_WORDS, filled / 3))
    return "category" if few else "id" if is_called(name, NUMBERED) else "words"


def _mean(numbers: pd.Index, words: pd.Series) -> float:
    """The mean over the filled cells of a number that each word has."""
    return float(np.average(numbers.to_numpy(), weights=words))


def _share(words: pd.Series, form: re.Pattern) -> float:
    """The share of the filled cells that have a form."""
    return words[[bool(form.fullmatch(word)) for word in words.index]].sum() / words.sum()


def _are_dates(name: str, words: pd.Series) -> bool:
    called = bool({*tokens(name)} & DATED)
    dates, years = _share(words, DATE), _share(words, YEAR)
    packed = _share(words, PACKED) + _share(words, SERIAL) if called else 0
    return dates + packed + (years if called or dates > 0.2 else 0) > 0.8


def _are_times(name: str, words: pd.Series) -> bool:
    dicom = _share(words, DICOM_TIME) if {*tokens(name), "".join(tokens(name))} & TIMED else 0
    return max(dicom, _share(words, TIME)) > 0.9


def _is_numbered(name: str, words: pd.Series, rows: int) -> bool:
    """Whether numbers are names of something."""
    zeros = any(re.match(r"0\d", word) for word in words.index)
    whole = all(word.isdigit() for word in words.index)
    called = is_called(name, NUMBERED)
    many = len(words) > max(2, 0.5 * words.sum())
    return whole and (zeros or (called and len(words) > 2) or (many and len(words) > 20 and _consecutive(words)))


def _consecutive(words: pd.Series) -> bool:
    numbers = sorted(map(int, words.index))
    return len(numbers) == words.sum() and numbers[-1] - numbers[0] == len(numbers) - 1
