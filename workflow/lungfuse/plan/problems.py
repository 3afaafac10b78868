"""What is wrong with settings, in words."""

from collections.abc import Callable, Iterator
from typing import Any

from pydantic import ValidationError

from lungfuse import registry
from lungfuse.dependencies import imports
from lungfuse.encoders import RANDOM, encoder_modules, encoder_names, encoder_spec, may_read
from lungfuse.errors import UserError
from lungfuse.settings.problems import problem_in_words
from lungfuse.tuning import tuning

Problem = tuple[str, str]
"""Where a setting stands in the study, and what is wrong with it."""


def encoder_problem(modality: str, name: str) -> str:
    """What is wrong with the name of an encoder of a modality, or nothing."""
    if may_read(name, modality):
        return ""
    return (
        f"found {name!r}. no such {modality} encoder; expected one of {', '.join(encoder_names(modality))}, or "
        f"{RANDOM} and one of them, or hub:<repository>@<revision>"
    )


def length_problem(text: str, max_tokens: int | None) -> str:
    """What is wrong with the length of texts for a text encoder, or nothing."""
    positions = encoder_spec(text).positions
    if max_tokens and positions and max_tokens > positions:
        return f"found {max_tokens}. {text} has positions for {positions} tokens; expected no more"
    return ""


def layers_problem(layers: str) -> str:
    """What is wrong with a way to train encoders, or nothing."""
    try:
        tuning(layers)
    except UserError as error:
        return str(error).removeprefix("layers: ").removesuffix(".")
    return ""


def attention_problem(layers: str, encoder: str) -> str:
    """What is wrong with a way to train an encoder that has no attention, or nothing; what a repository of the hub has
    is not known yet."""
    networks = [
        module for module in imports(encoder_modules(encoder)[0]) if module.startswith("lungfuse.encoders.networks.")
    ]
    known = [registry.declared_by(module).get("ATTENTION", True) for module in networks]
    if not tuning(layers).needs_attention or encoder.startswith("hub:") or any(known):
        return ""
    return f"found {layers}, but {encoder} has no attention to adapt; say full or top:<n>, or choose a transformer"


def settings_problems(place: str, kind: type, made: Callable[[], Any]) -> Iterator[Problem]:
    """What is wrong where settings of a `kind` cannot be made of what stands at a place."""
    try:
        made()
    except ValidationError as error:
        for each in error.errors():
            where, _, what = problem_in_words(place, each, kind).partition(": ")
            yield where, what
