"""A sentence whose numbers and names come from places of an outcome."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Path = tuple[str | int, ...]
"""Keys and positions, from the outcome inward."""


@dataclass(frozen=True)
class Value:
    """What is at a place of an outcome, and how it is written."""

    path: Path
    write: Callable[[Any], str] = str

    def read(self, outcome: dict) -> Any:
        found: Any = outcome
        for key in self.path:
            found = found[key]
        return found


@dataclass(frozen=True)
class Sentence:
    """A template with the values that stand in its braces, read from an outcome when it is written."""

    topic: str
    template: str
    values: dict[str, Value]
    outcome: dict

    @property
    def text(self) -> str:
        return self.template.format(**{name: each.write(each.read(self.outcome)) for name, each in self.values.items()})

    @property
    def sources(self) -> list[tuple[str, str]]:
        """Each place, and what is written of it."""
        return [(".".join(map(str, each.path)), each.write(each.read(self.outcome))) for each in self.values.values()]

    @property
    def record(self) -> dict:
        """The sentence as JSON."""
        return {"text": self.text, "sources": dict(self.sources)}
