"""What spoils columns of numbers and is easily mended: one row that is no case, and shares written in two ways."""

import re
from collections.abc import Iterable, Iterator
from statistics import median

import pandas as pd

from lungfuse.cell_forms import number_of
from lungfuse.init.profile import NUMBER, Profile
from lungfuse.words import counted, listed

LEAST = 10  # numbers of a column that one word spoils


def doubts_of_rows(table: pd.DataFrame, profiles: dict[str, Profile]) -> Iterator[str]:
    """Rows that repeat the header, and the one row, such as one of units, that holds words in columns of numbers."""
    same = pd.DataFrame({name: table[name].str.casefold() == name.casefold() for name in table}).sum(axis=1)
    repeated = same.index[same >= max(2, len(table.columns) / 2)]
    if len(repeated):
        rows = listed([str(row + 1) for row in repeated])
        yield f"{'row' if len(repeated) == 1 else 'rows'} {rows} below the header: the header once more; remove it"
    spoiled: dict[int, dict[str, str]] = {}
    for found in profiles.values():
        if word := _one_word(found):
            spoiled.setdefault(int((table[found.name] == word).idxmax()), {})[found.name] = word
    for row, words in spoiled.items():
        units = row == 0 and not any(re.search(r"\d", word) for word in words.values())
        if row not in repeated and (len(words) > 1 or units):
            yield (
                f"row {row + 1} below the header holds {listed(map(repr, words.values()), 3)} where all else are "
                f"numbers ({listed(words, 3)}): remove it if it is no case, such as one of units"
            )


def doubts_of_units(profiles: Iterable[Profile]) -> Iterator[str]:
    """Columns with 56% beside 0.56."""
    for found in profiles:
        if found.unit != "%":
            continue
        bare = [word for word in found.words.index if NUMBER.fullmatch(word)]
        others = [word for word in found.words.index if word not in bare]
        if bare and max(map(float, bare)) <= 1 < median(float(number_of("unit")(word)) for word in others):
            rows = counted(int(found.words[bare].sum()), "row")
            yield (
                f"{found.name} holds {others[0]} beside {bare[0]} without %, in {rows}: write all in one way, or say "
                f"--leave-out {found.name}"
            )


def _one_word(found: Profile) -> str | None:
    """The word that stands once in a column that else holds numbers, or None."""
    odd = [word for word in found.words.index if not NUMBER.fullmatch(word)]
    single = len(odd) == 1 and found.words[odd[0]] == 1 and found.filled > LEAST
    return odd[0] if single else None
