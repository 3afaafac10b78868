"""Names, numbers and shares in sentences."""

from collections.abc import Collection, Iterable, Set

SHOWN = 5  # of many


def joined(names: Collection[str], word: str = "and") -> str:
    """All names, those of a set in their order: a, b and c."""
    *others, last = (sorted(names) if isinstance(names, Set) else names) or [""]
    return f"{', '.join(others)} {word} {last}" if others else last


def listed(names: Iterable[object], shown: int = SHOWN) -> str:
    """The first of some names, and how many more there are."""
    names = list(map(str, names))
    more = f" and {len(names) - shown:,} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more


def share(part: float, whole: float) -> str:
    """A number of cases as a share, in words."""
    return f"{part / whole:.1%}" if whole else "none"


def counted(number: int, one: str, many: str = "") -> str:
    """A number with its noun: 1 case, 2 cases."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"
