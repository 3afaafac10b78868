"""Modalities: what a model reads of a pair. One folder each, found by its name.

The folder itself says what a row may choose to read, and is imported where networks are not installed:

- ORDER: its place among the modalities;
- ENCODED: whether an encoder of `lungfuse.encoders` makes its tokens, or the model itself does;
- COLOUR: that of rows that read it alone;
- `check(choice)`: the choice as it is kept; raises ValueError where a row cannot read it;
- `sources(choice)`: the single things that are read, by which the rows that read a part of it are found; where it is
  ENCODED, each is a choice by itself;
- `united(choices)`: what models with several choices read of a case together.

Its module `inputs` reads the choice of all pairs, see `lungfuse.modalities.data_files`. Where it is not ENCODED, it has
`tokenizer(fitted, width)`, and `check_fitted(fitted, choice)` for what is read from a file. Its module `cases` reads
that of new cases, see `lungfuse.predict.cases`:

- `columns(choice, known)`: the columns of a table of cases that hold it;
- `check(frame, columns)`: raises UserError where what they hold cannot be read, before any model is loaded;
- `read(batch, choice, preprocessing)`: the choice of a batch of cases, as `inputs` gives it of pairs.
"""

import pkgutil
from functools import cache
from types import ModuleType
from typing import Any, Protocol, cast

from lungfuse import registry
from lungfuse.errors import UserError


class Modality(Protocol):
    """What every package in here offers."""

    ORDER: int
    ENCODED: bool
    COLOUR: str

    def check(self, choice: Any) -> Any: ...

    def sources(self, choice: Any) -> list[str]: ...

    def united(self, choices: list[Any]) -> Any: ...


@cache
def modality_names() -> tuple[str, ...]:
    """The names of all modalities, in their order."""
    return tuple(sorted(_folders(), key=lambda name: load_modality(name).ORDER))


@cache
def _folders() -> frozenset[str]:
    return frozenset(module.name for module in pkgutil.iter_modules(__path__) if module.ispkg)


@cache
def load_modality(name: str) -> Modality:
    """The modality called `name`.

    Raises:
        UserError: there is none, or it cannot be imported.
    """
    known = _folders()
    if name not in known:
        raise UserError(f"modalities: found {name!r}, expected one of {', '.join(sorted(known))}.")
    return cast(Modality, registry.imported(f"{__name__}.{name}"))


def load_inputs(name: str) -> ModuleType:
    """The module of a modality that reads it."""
    return registry.imported(inputs_module(name))


def load_cases(name: str) -> ModuleType:
    """The module of a modality that reads it of new cases."""
    return registry.imported(f"{__name__}.{name}.cases")


def inputs_module(name: str) -> str:
    """The name of that module."""
    return f"{__name__}.{name}.inputs"


def encoded(names: Any) -> list[str]:
    """Those of some modalities whose tokens an encoder makes, in order."""
    return [name for name in in_order(names) if load_modality(name).ENCODED]


def in_order(names: Any) -> list[str]:
    """Some modalities in their order."""
    return sorted(names, key=modality_names().index)
