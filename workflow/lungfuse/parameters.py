"""Kinds of command-line parameters that several stages use."""

from collections.abc import Sequence
from typing import Annotated, Any, TypeVar, get_args, get_origin

from cyclopts import Parameter, Token
from pydantic import TypeAdapter

T = TypeVar("T")

Several = Annotated[list[T], Parameter(consume_multiple=True)]
"""A list given as one option with several values: `--files a b c`."""


def _from_json(kind: Any, tokens: Sequence[Token]) -> Any:
    several = get_origin(kind) is list
    read = TypeAdapter(get_args(kind)[0] if several else kind).validate_json
    found = [read(token.value) for token in tokens]
    return found if several else found[0]


FromJSON = Annotated[T, Parameter(converter=_from_json, accepts_keys=False, n_tokens=1)]
"""Settings, or a list of them, given as JSON whose values are of any kind: numbers, lists and null stay such."""
