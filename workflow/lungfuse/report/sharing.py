"""Tables that may leave a hospital: no count of one to four cases, and nothing measured on so few."""

import io
import re

import pandas as pd

LEAST = 5
FEW = "<5"
NO_COUNTS = re.compile(r"fold|repeat|training|epoch|permutation|^(row|meant|tests|parts|n_seeds|threshold|margin)$")
COUNTS = re.compile(r"^(n|count|cases|pairs|groups|positives?|negatives?)$")


def suppressed(frame: pd.DataFrame) -> pd.DataFrame:
    """A table of texts or numbers as texts, in which whole numbers from 1 to 4 are "<5".

    What is measured on a row of so few cases, by its columns `n`, `count` and the like, is left out. Numbers that count
    no cases, such as that of a fold, stay.
    """
    found = frame.astype(object).where(frame.notna(), "").astype(str)
    numbers = {str(name): pd.to_numeric(found[name], errors="coerce") for name in found}
    cases = [name for name in numbers if NO_COUNTS.search(name) is None]
    hidden = pd.DataFrame(False, index=found.index, columns=found.columns)
    for name in cases:
        values = numbers[name]
        if name.startswith("false_") or (values.dropna() % 1 == 0).all():
            hidden[name] = (values > 0) & (values < LEAST)
    of_few = hidden[[name for name in cases if COUNTS.match(name)]].any(axis=1)
    for name in cases:
        measured = numbers[name].notna() & of_few & (COUNTS.match(name) is None)
        found[name] = found[name].mask(measured, "").mask(hidden[name], FEW)
    return found


def few(count: int) -> str:
    """A count of cases in words, of which one to four are "<5"."""
    return FEW if 0 < count < LEAST else str(count)


def suppressed_csv(text: str) -> str:
    """A CSV file as one that may be shared."""
    frame = pd.read_csv(io.StringIO(text), dtype=str, keep_default_na=False)
    return suppressed(frame).to_csv(index=False, lineterminator="\n")
