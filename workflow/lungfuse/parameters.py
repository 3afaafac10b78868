"""Kinds of command-line parameters that several stages use."""

from typing import Annotated, TypeVar

from cyclopts import Parameter

T = TypeVar("T")

Several = Annotated[list[T], Parameter(consume_multiple=True)]
"""A list given as one option with several values: `--files a b c`."""
