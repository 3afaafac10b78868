"""params.yaml: read, checked, and laid over its defaults; every mistake is named with what is allowed."""

import re
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter, ValidationError

from lungfuse.errors import UserError
from lungfuse.files import where_not_utf8
from lungfuse.settings.base import Settings, overlay
from lungfuse.settings.problems import problem_in_words, suggestion
from lungfuse.settings.study import Study


def read_params(path: Path) -> dict[str, Any]:
    """The content of params.yaml.

    Raises:
        UserError: the file is missing, is no YAML mapping in UTF-8, or gives a key twice.
    """
    try:
        params = parsed(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: not found. Expected the settings; run in the root folder of the project.") from None
    except UnicodeDecodeError:
        raise UserError(f"{path}: {where_not_utf8(path)}") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1
        raise UserError(f"{path}: line {line}: {_meaning_of(error, path.read_text(encoding='utf-8'))}") from error
    except yaml.YAMLError as error:
        raise UserError(f"{path}: is not valid YAML. {error}") from error
    if not isinstance(params, dict):
        raise UserError(f"{path}: found {type(params).__name__}, expected a mapping with {', '.join(TOP_LEVEL)}.")
    return params


def parsed(text: str) -> Any:
    """The content of YAML in which no key comes twice.

    LibYAML reads it ten times as fast; where it finds a mistake, PyYAML reads it again, which says better what and
    where that is.

    Raises:
        yaml.YAMLError: it is no such YAML.
    """
    try:
        return yaml.load(text, FastUniqueKeys)
    except yaml.YAMLError:
        return yaml.load(text, UniqueKeys)


class OnceEach:
    """For a loader of YAML: a key that comes twice is an error, where others take the last one in silence."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        seen: dict[str, yaml.ScalarNode] = {}
        for key in [key for key, _ in node.value if isinstance(key, yaml.ScalarNode)]:
            first = seen.setdefault(key.value, key)
            if first is not key:
                problem = f"the key {key.value!r} comes twice, first in line {first.start_mark.line + 1}. Remove one"
                raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
        return super().construct_mapping(node, deep)


class UniqueKeys(OnceEach, yaml.SafeLoader):
    """YAML in which no key comes twice."""


class FastUniqueKeys(OnceEach, getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
    """The same, read by LibYAML where PyYAML was built with it."""


def _meaning_of(error: yaml.MarkedYAMLError, text: str) -> str:
    lines = text.splitlines()
    if "\t" in "".join(lines[error.problem_mark.line :][:1]):
        return f"{error.problem}. Indent with spaces, not with tabs."
    for number, content in enumerate(lines, 1):
        if content.startswith(("<<<<<<< ", "=======", ">>>>>>> ")):
            return f"{error.problem}. Line {number} is the mark of a merge that is not finished: {content!r}."
    return f"{error.problem}."


def load_studies(params: dict[str, Any]) -> dict[str, Study]:
    """Every study of `params` by name, each `defaults` overlaid with its own settings.

    Raises:
        UserError: names every wrong key or value, what was found and what is allowed.
    """
    _check_top_level(params)
    problems, studies = [], {}
    for name, own in params["studies"].items():
        try:
            studies[name] = Study.model_validate(overlay(params["defaults"], own), strict=True)
        except ValidationError as error:
            problems += [_message(problem, name, own) for problem in error.errors()]
    if problems:
        raise UserError("params.yaml:\n  " + "\n  ".join(dict.fromkeys(problems)))
    return studies


def load_study(params: dict[str, Any]) -> tuple[str, Study]:
    """The study that `params` selects, with its name; see `load_studies`."""
    studies = load_studies(params)
    name = params["study"]
    if name not in studies:
        raise UserError(f"params.yaml: study: found {name!r}, expected one of {', '.join(sorted(studies))}.")
    return name, studies[name]


def to_json(settings: Settings | list[Settings]) -> str:
    """Settings as the command line takes them."""
    return TypeAdapter(type(settings)).dump_json(settings).decode()


TOP_LEVEL = {  # with its type, also in words
    "study": (str, "the name of a study"),
    "dvc_sync": (bool, "true or false"),
    "gpu_software": (bool, "true or false"),
    "container": (str, "the address of an image, or nothing between quotes"),
    "defaults": (dict, "a mapping"),
    "studies": (dict, "a mapping"),
}
JSON_TYPES = {str: "string", bool: "boolean"}
STUDY_NAME = r"^[a-z0-9]+([_-][a-z0-9]+)*$"


def _check_top_level(params: dict[str, Any]) -> None:
    for key in params:
        if key not in TOP_LEVEL:
            raise UserError(
                f"params.yaml: {key}: unknown key{suggestion(key, TOP_LEVEL)}. Allowed: {', '.join(TOP_LEVEL)}."
            )
    entries = {key: (params.get(key), *expected) for key, expected in TOP_LEVEL.items()}
    if isinstance(params.get("studies"), dict):
        for name in params["studies"]:
            if not isinstance(name, str) or not re.fullmatch(STUDY_NAME, name):
                raise UserError(
                    f"params.yaml: studies: found the name {name!r}, expected lower-case letters and digits with "
                    "single - or _ between them, for folders are called by it."
                )
        entries |= {f"studies.{name}": (own, *TOP_LEVEL["studies"]) for name, own in params["studies"].items()}
    for key, (value, kind, expected) in entries.items():
        if not isinstance(value, kind):
            raise UserError(f"params.yaml: {key}: found {value!r}, expected {expected}.")


def _message(problem: dict[str, Any], study: str, own: dict[str, Any]) -> str:
    location = problem["loc"]
    missing = problem["type"] == "missing"
    held = location[:-1] if missing else location  # what the study itself says of it
    place = f"studies.{study}" if _holds(own, held) and (held or not missing) else "defaults"
    if missing:
        return f"{'.'.join(map(str, [place, *location]))}: missing. Add it to defaults or to studies.{study}."
    return problem_in_words(place, problem, Study) + "."


def _holds(own: Any, location: tuple) -> bool:
    for key in location:
        try:
            own = own[key]
        except (KeyError, IndexError, TypeError):
            return False
    return True
