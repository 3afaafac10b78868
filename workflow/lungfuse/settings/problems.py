"""Mistakes in settings, in words."""

import difflib
from typing import Any, get_args

from lungfuse.settings.base import Settings
from lungfuse.settings.rows import SHORTHANDS, Row


def problem_in_words(place: str, problem: dict[str, Any], model: type[Settings]) -> str:
    """What is wrong at a place of the settings below `place`, which `model` describes."""
    location = problem["loc"]
    key = ".".join(map(str, [place, *location]))
    if problem["type"] == "extra_forbidden":
        allowed = _fields_at(location[:-1], model)
        return f"{key}: unknown key{suggestion(location[-1], allowed)}. Allowed: {', '.join(allowed)}"
    message = problem["msg"].removeprefix("Value error, ")
    if isinstance(problem["input"], dict | Settings):
        return f"{key}: {message}"
    return f"{key}: found {problem['input']!r}. {message}"


def _fields_at(location: tuple, model: type[Settings]) -> list[str]:
    keys = iter(location)
    for key in keys:
        annotation = model.model_fields[key].annotation
        model = next((part for part in get_args(annotation) if part in Settings.__subclasses__()), annotation)
        if model is not annotation:
            next(keys)  # the name or position of one of several
    first, *others = model.model_fields
    return [first, *SHORTHANDS, *others] if model is Row else [first, *others]


def suggestion(key: str, allowed: Any) -> str:
    close = difflib.get_close_matches(str(key), list(allowed), n=1)
    return f" (did you mean {close[0]}?)" if close else ""
