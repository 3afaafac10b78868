"""A job: what a stage reads, writes and is set by."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from lungfuse.dependencies import code_files
from lungfuse.settings.base import Settings
from lungfuse.stages import STAGES

T = TypeVar("T", bound=Settings)

Files = dict[str, Path | list[Path]]


@dataclass(frozen=True)
class Job:
    """What a stage reads, writes and is set by, by the names of its parameters.

    `settings` decide the result, `options` do not: they say where things lie that `inputs` name one by one. `parts` are
    the modules that the stage loads by name. `reads` and `writes` are files that the stage finds by
    itself, as those in a folder that it is given. An input without files is not given.
    """

    stage: str
    inputs: Files = field(default_factory=dict)
    outputs: dict[str, Path] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    parts: tuple[str, ...] = ()
    reads: Files = field(default_factory=dict)
    writes: Files = field(default_factory=dict)

    @property
    def code(self) -> list[Path]:
        """The modules that decide what the stage computes, from the folder of the package."""
        return code_files(STAGES[self.stage].module, *self.parts)

    @property
    def made(self) -> Files:
        """All files that the stage makes."""
        return self.outputs | self.writes

    @property
    def needed(self) -> Files:
        """All files that the result depends on: `inputs`, and `reads`, which the stage finds by itself."""
        return present(self.inputs | self.reads)

    @property
    def arguments(self) -> dict[str, Any]:
        """What the stage is called with."""
        return present(self.inputs) | self.outputs | self.settings | self.options


def present(files: Files) -> Files:
    """Those of some files that there are."""
    return {name: found for name, found in files.items() if found != []}


def flat(files: Iterable[Path | list[Path]]) -> list[Path]:
    """Files and lists of files as one list, each once."""
    found = [path for each in files for path in (each if isinstance(each, list) else [each])]
    return list(dict.fromkeys(found))


def narrowed(kind: type[T], settings: Settings) -> T:
    """Those of some settings that a stage reads, of a class that they extend."""
    return kind.model_validate(settings.model_dump(include=set(kind.model_fields)))
