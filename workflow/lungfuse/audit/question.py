"""What is to be predicted from a table of somebody else, as an audit asks it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lungfuse.errors import UserError
from lungfuse.ingest.labels import fits_word
from lungfuse.init.choose import chosen_label
from lungfuse.init.profile import Profile
from lungfuse.init.question import Rule, question_of
from lungfuse.init.roles import column_called


@dataclass(frozen=True)
class Asked:
    """What is to be predicted.

    `values` is 0, 1 or NaN where unknown, (row, class or label), two classes having the column of the second; `words`
    names the class of each row, empty where it is unknown, or its known labels.
    """

    columns: list[str]
    names: list[str]
    classes: list[str]
    values: np.ndarray
    words: pd.Series
    exclusive: bool
    said: str

    @property
    def several(self) -> bool:
        """Whether a row is of one of more than two classes."""
        return self.exclusive and len(self.classes) > 2


def asked_of(
    profiles: dict[str, Profile], sheet: pd.DataFrame, labels: Sequence[str], positive: Sequence[str]
) -> tuple[Asked | None, str]:
    """What label columns ask, or the one that is guessed; where none is found, None and the reason.

    Raises:
        UserError: a column or word that is named cannot be used.
    """
    names, why = list(dict.fromkeys(column_called(each, "label", profiles) for each in labels)), ""
    if not names:
        try:
            name, why = chosen_label(profiles, ask=False)
        except UserError as error:
            return None, str(error)
        names = [name]
    found = question_of([profiles[name] for name in names], _words(positive, profiles, names), [])
    said = "; ".join([*([why] if why else []), *found.notes])
    if found.task == "multilabel":
        known = {name: sheet[name].mask(sheet[name].isin(profiles[name].missing), "") for name in names}
        values = np.column_stack([_of_label(rule, known[rule.column]) for rule in found.rules])
        marks = np.where(np.isnan(values), "?", np.where(values == 1, "1", "0"))
        words = pd.Series(["".join(row) for row in marks], dtype=str)
        called = [rule.name for rule in found.rules]
        return Asked(names, called, called, values, words, False, said), ""
    called = _called(found.rules)
    of_word = {word: name for name, rule in zip(called, found.rules, strict=True) for word in rule.positive}
    words = sheet[names[0]].map(of_word).fillna("")
    values = np.column_stack([(words == name).to_numpy(float) for name in called])
    values[(words == "").to_numpy()] = np.nan
    one = len(called) == 2
    return Asked(names, called[1:] if one else called, called, values[:, 1:] if one else values, words, True, said), ""


def _called(rules: Sequence[Rule]) -> list[str]:
    """The classes by the words of the table, where each has one word of its own."""
    if all(len({word.casefold() for word in rule.positive}) == 1 for rule in rules):
        return [rule.positive[0] for rule in rules]
    return [" + ".join(rule.positive) if len(rule.positive) <= 4 else rule.name for rule in rules]


def _of_label(rule: Rule, cells: pd.Series) -> np.ndarray:
    known = {
        cell: fits_word(cell, rule.positive, rule.negative if rule.between else rule.negative or [""], rule.between)
        for cell in cells.unique()
    }
    return cells.map(known).to_numpy(float)


def _words(positive: Sequence[str], profiles: dict[str, Profile], labels: Sequence[str]) -> list[str]:
    """The words that are named, each by itself or several between commas."""
    known = {word.casefold() for label in labels for word in profiles[label].words.index}
    found = []
    for said in positive:
        found += (
            [said] if said.strip().casefold() in known else [part.strip() for part in said.split(",") if part.strip()]
        )
    return found
