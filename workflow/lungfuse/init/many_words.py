"""Cells of a label column that hold several words, such as A|B: each word is a label, and a case may have several."""

from collections import Counter
from collections.abc import Iterable

from lungfuse.ingest.labels import parts_of
from lungfuse.init.profile import Profile
from lungfuse.vocabulary import as_number, is_healthy, is_unknown, rank_of, yes_and_no

SEPARATORS = ["|", ";", "\n", ","]
OTHER_SEPARATORS = ["，", "、", "；", " + ", "+", "/", " & "]  # which may stand within a word, too
NO_LABEL = {"benign", "malignant", "+", "-"}
LEAST = 0.03  # of the rows, that hold several words
LONGEST = 40  # letters of a label
FEWER = 0.75  # words, by number, than cells that differ


def between_words(found: Profile) -> str | None:
    """What stands between the words of cells, where many hold several, and the words come in other cells, too."""
    listed = any(cell.startswith("[") and cell.endswith("]") for cell in found.words.index)
    for between in [","] if listed else SEPARATORS:
        parts = {cell: parts_of(cell, between) for cell in found.words.index}
        several = [cell for cell, words in parts.items() if len(words) > 1]
        if not several or found.words[several].sum() < LEAST * found.filled:
            continue
        cells_of = Counter(word for words in parts.values() for word in {*words})
        named = [count for word, count in cells_of.items() if not _is_none(word, cells_of)]
        again = sum(count > 1 for count in named) / max(1, len(named))
        short = all(len(word) <= LONGEST for word in cells_of)
        if short and (listed or (again >= 0.8 and len(cells_of) <= max(2, FEWER * len(parts)))):
            return between
    return next((between for between in OTHER_SEPARATORS if _stands_between_labels(found, between)), None)


def _stands_between_labels(found: Profile, between: str) -> bool:
    """Whether many cells hold several words that each are a cell of their own, too, and that do not exclude each
    other, as grades do."""
    cells = {cell.casefold() for cell in found.words.index}
    several = {cell: words for cell in found.words.index if len(words := parts_of(cell, between)) > 1}
    words = {word.casefold() for parts in several.values() for word in parts}
    many = found.words[[*several]].sum() >= LEAST * found.filled
    return bool(several) and bool(many) and words <= cells and not any(map(_excludes_others, words))


def _excludes_others(word: str) -> bool:
    graded = as_number(word) is not None or rank_of(word) is not None
    return graded or word in NO_LABEL or is_healthy(word) or any(yes_and_no([word]))


def labels_in(found: Profile, between: str) -> list[str]:
    """The words of cells that name a label, most frequent first; one that says that there is nothing names none."""
    counts: Counter[str] = Counter()
    for cell, count in found.words.items():
        for word in dict.fromkeys(parts_of(cell, between)):
            counts[word] += int(count)
    return [word for word, _ in counts.most_common() if not _is_none(word, counts)]


def _is_none(word: str, counts: Iterable[str]) -> bool:
    return is_unknown(word) or (is_healthy(word) and len(list(counts)) > 2)
