"""Words that a user says mean a missing value."""

from collections.abc import Collection, Sequence

from lungfuse.init.profile import Missing
from lungfuse.init.roles import column_called


def missing_of(said: Sequence[str], columns: Collection[str]) -> Missing:
    """Words that mean a missing value: of all columns, or of one where a user writes <column>=<word>."""
    of: dict[str, list[str]] = {}
    words = []
    for each in said:
        heading, equals, word = each.rpartition("=")
        if equals and heading.strip():
            of.setdefault(column_called(heading, "missing", columns), []).append(word)
        else:
            words.append(each)
    return Missing(words, of)
