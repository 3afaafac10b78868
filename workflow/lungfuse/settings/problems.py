"""Mistakes in settings, in words."""

import difflib
from typing import Any, get_args

from lungfuse.settings.base import Settings
from lungfuse.settings.model import SHORTHANDS, ModelSettings
from lungfuse.settings.renamed import GONE, OLD_KEYS


def problem_in_words(place: str, problem: dict[str, Any], model: type[Settings]) -> str:
    """What is wrong at a place of the settings below `place`, which `model` describes."""
    location = problem["loc"]
    key = ".".join(map(str, [place, *location]))
    if problem["type"] == "extra_forbidden":
        allowed = _fields_at(location[:-1], model)
        if (new := OLD_KEYS.get(location[-1])) in allowed:
            return f"{key}: was renamed; say {new}"
        if location[-1] in GONE:
            return f"{key}: {GONE[location[-1]]}"
        return f"{key}: unknown key{suggestion(location[-1], allowed)}. Allowed: {', '.join(allowed)}"
    message = problem["msg"].removeprefix("Value error, ")
    if isinstance(problem["input"], dict | Settings):
        return f"{key}: {message}"
    return f"{key}: found {problem['input']!r}. {message}"


def _fields_at(location: tuple, model: type[Settings]) -> list[str]:
    for key in location:  # what is no field is the name or position of one of several, or one of several types
        if key in model.model_fields:
            model = _settings_in(model.model_fields[key].annotation) or model
    first, *others = model.model_fields
    return [first, *SHORTHANDS, *others] if model is ModelSettings else [first, *others]


def _settings_in(annotation: Any) -> type[Settings] | None:
    if isinstance(annotation, type) and issubclass(annotation, Settings):
        return annotation
    return next((found for part in get_args(annotation) if (found := _settings_in(part))), None)


def suggestion(key: str, allowed: Any) -> str:
    close = difflib.get_close_matches(str(key), list(allowed), n=1)
    return f" (did you mean {close[0]}?)" if close else ""
