"""Tables of new cases, as a trained model reads them."""

from collections import Counter

import pandas as pd

from lungfuse.modalities import load_cases
from lungfuse.modalities.new_cases import Column, Input
from lungfuse.settings.model import Choice


def inputs_of(reads: dict[str, Choice], known: dict[str, list[dict]]) -> dict[str, Input]:
    """What is read of each modality; `known` is what the models know of structured columns, one after the other."""
    return {
        name: Input(choice, load_cases(name).columns(choice, known.get(name, []))) for name, choice in reads.items()
    }


def frame_of(cases: pd.DataFrame, columns: list[Column]) -> pd.DataFrame:
    """`id` and these columns of cases as texts, empty where a case lacks something."""
    found = {"id": cases["id"]}
    for column in columns:
        values = cases[column.name] if column.name in cases else pd.Series("", cases.index)
        texts = values.astype(object).where(values.notna(), "").map(str)
        bare = texts.str.strip()
        found[column.name] = texts.mask(bare == "", "") if column.kind in ("image", "text") else bare
    return pd.DataFrame(found)


def with_known_categories(frame: pd.DataFrame, columns: list[Column], notes: Counter[str]) -> pd.DataFrame:
    """Cases of which a category that no model knows is missing."""
    known = {}
    for column in columns:
        if column.kind == "category":
            unknown = ~frame[column.name].isin(["", *column.categories])
            known[column.name] = frame[column.name].mask(unknown, "")
            if unknown.any():
                notes[f"{column.name} is a category that the model does not know"] += int(unknown.sum())
    return frame.assign(**known)


def note_far_numbers(frame: pd.DataFrame, columns: list[Column], notes: Counter[str]) -> None:
    """Count the cases with a number that is further outside what a model has learned from than half of its range."""
    for column in columns:
        if column.kind != "number" or column.low is None or column.high is None:
            continue
        numbers, reach = pd.to_numeric(frame[column.name]), (column.high - column.low) / 2
        far = (numbers < column.low - reach) | (numbers > column.high + reach)
        if far.any():
            learned = " ".join(filter(None, [f"{column.low:g} to {column.high:g}", column.unit]))
            notes[f"{column.name} is far from anything the model has learned from, {learned}"] += int(far.sum())


def missing(frame: pd.DataFrame, columns: list[Column], notes: Counter[str]) -> pd.Series:
    """The names of the columns that each case lacks, joined by spaces."""
    names = [column.name for column in columns]
    lacks = frame[names] == ""
    for name, count in lacks.sum().items():
        if count:
            notes[f"{name} is missing, so the model does without"] += int(count)
    found = [" ".join(name for name, gone in zip(names, row, strict=True) if gone) for row in lacks.to_numpy()]
    return pd.Series(found, frame.index, dtype=str)
