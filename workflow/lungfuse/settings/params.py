"""params.yaml: read, checked, and laid over its defaults; every mistake is named with what is allowed."""

import re
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter

from lungfuse.errors import UserError
from lungfuse.files import where_not_utf8
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


def day_of(loader: yaml.constructor.SafeConstructor, node: yaml.ScalarNode) -> Any:
    """A date, or where it stands that it is none."""
    try:
        return loader.construct_yaml_timestamp(node)
    except ValueError as error:
        problem = f"{node.value} looks like a date and is none ({error}). Correct it, or put it between quotes"
        raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark) from error


class UniqueKeys(OnceEach, yaml.SafeLoader):
    """YAML in which no key comes twice."""


class FastUniqueKeys(OnceEach, getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
    """The same, read by LibYAML where PyYAML was built with it."""


for loader in [UniqueKeys, FastUniqueKeys]:
    loader.add_constructor("tag:yaml.org,2002:timestamp", day_of)


def _meaning_of(error: yaml.MarkedYAMLError, text: str) -> str:
    lines = text.splitlines()
    if "\t" in "".join(lines[error.problem_mark.line :][:1]):
        return f"{error.problem}. Indent with spaces, not with tabs."
    for number, content in enumerate(lines, 1):
        if content.startswith(("<<<<<<< ", "=======", ">>>>>>> ")):
            return f"{error.problem}. Line {number} is the mark of a merge that is not finished: {content!r}."
    return f"{error.problem}."


def to_json(settings: Any) -> str:
    """Settings, and what holds some, as JSON."""
    return TypeAdapter(Any).dump_json(settings).decode()


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


def check_top_level(params: dict[str, Any]) -> None:
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


def problem_of(problem: dict[str, Any], study: str, params: dict[str, Any]) -> str:
    """What pydantic found wrong with a study of `params`, in words."""
    location = problem["loc"]
    if problem["type"] == "missing":
        own = _depth(params["studies"][study], location) == len(location) - 1 > 0
        key = ".".join(map(str, [f"studies.{study}" if own else "defaults", *location]))
        return f"{key}: missing. Add it to defaults or to studies.{study}."
    return problem_in_words(said_by(study, params, location), problem, Study) + "."


def place_of(study: str, params: dict[str, Any], where: str) -> str:
    """Where a setting stands in params.yaml that stands at `where` in a study."""
    location = tuple(filter(None, where.split(".")))
    return ".".join([said_by(study, params, location), *location])


def said_by(study: str, params: dict[str, Any], location: tuple) -> str:
    """Who says the setting at a location: the study or, where they say more of it, the defaults."""
    own, defaults = (_depth(said, location) for said in [params["studies"][study], params["defaults"]])
    return f"studies.{study}" if own >= defaults else "defaults"


def _depth(said: Any, location: tuple) -> int:
    """How many keys of a location there are in what is said, one below the other."""
    for depth, key in enumerate(location):
        try:
            said = said[key]
        except (KeyError, IndexError, TypeError):
            return depth
    return len(location)
