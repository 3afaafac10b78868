"""The entry of a study in params.yaml: its YAML, with a comment on each choice, put into the file and nothing else.

ruamel.yaml writes the entry. It is put into the text of the file, and not into the file as ruamel.yaml reads it: that
takes a comment above an entry for one of the entry before, and would wrap the lists of other studies anew.
"""

import io
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from lungfuse.errors import UserError
from lungfuse.files import atomic_write
from lungfuse.plan.load import load_studies
from lungfuse.settings.params import FastUniqueKeys, parsed, read_params

WIDTH = 120
SHORT = 3  # columns of a list that is written out in each model
BLOCKS = {(), ("table",), ("table", "columns"), ("table", "source"), ("filter",), ("filter", "labels"), ("models",)}
STRING = "tag:yaml.org,2002:str"
Comments = Mapping[tuple[str, ...], str]


def rendered(name: str, entry: dict[str, Any], comments: Comments) -> str:
    """The YAML of an entry below `studies:`, indented by two; `comments` by the place of what they are about.

    A list of columns that several models read is written once.
    """
    content = _node(entry, (), comments)
    lists = [model["structured"] for model in content["models"].values() if "structured" in model]
    if len(lists) > 1 and len(lists[0]) > SHORT:
        lists[0].yaml_set_anchor(f"{name}-columns")
        for model in content["models"].values():
            if model.get("structured") == lists[0]:
                model["structured"] = lists[0]
    writer, stream = YAML(), io.StringIO()
    writer.width = float("inf")
    writer.indent(mapping=2, sequence=4, offset=2)
    writer.dump(CommentedMap({_scalar(name): content}), stream)
    return textwrap.indent(stream.getvalue(), "  ")


def _node(value: Any, place: tuple[str, ...], comments: Comments) -> Any:
    """A value as ruamel.yaml writes it: places of `BLOCKS` in lines with their comments above, all else in one line."""
    if not isinstance(value, dict | list):
        return _scalar(value)
    keys = list(value) if isinstance(value, dict) else range(len(value))
    found = {_scalar(key): _node(value[key], (*place, str(key)), comments) for key in keys}
    node = CommentedMap(found) if isinstance(value, dict) else CommentedSeq(found.values())
    if place not in BLOCKS or not value:
        node.fa.set_flow_style()
        return node
    indent = 2 * len(place) + 2
    for key in keys:
        if about := comments.get((*place, str(key))):
            lines = textwrap.wrap(_one_line(about), WIDTH - indent - 4)
            node.yaml_set_comment_before_after_key(key, "\n".join(lines), indent)
    return node


def _scalar(value: Any) -> Any:
    """A value, between quotes where PyYAML would read other than these words, such as on, no and 1_000."""
    if not isinstance(value, str) or yaml.SafeLoader("").resolve(yaml.ScalarNode, value, (True, False)) == STRING:
        return value
    return DoubleQuotedScalarString(value)


def _one_line(text: str) -> str:
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def with_entry(text: str, name: str, entry: str, replace: bool) -> str:
    """The text of params.yaml with an entry more, or another one in the place of that of the same name.

    Raises:
        UserError: there is a study of this name and `replace` is false, or `studies` is not written in lines.
    """
    ending = "\r\n" if "\r\n" in text else "\n"
    lines = text.splitlines(keepends=True)
    studies = _studies(text)
    indent = " " * studies.value[0][0].start_mark.column
    new = textwrap.indent(textwrap.dedent(entry), indent).replace("\n", ending).splitlines(keepends=True)
    last = len(lines) if studies.end_mark.index >= len(text.rstrip()) else studies.end_mark.line
    ends = [*(key.start_mark.line for key, _ in studies.value[1:]), last]
    places = {
        key.value: (key.start_mark.line, _content_end(lines, key.start_mark.line, end, len(indent)))
        for (key, _), end in zip(studies.value, ends, strict=True)
    }
    if name in places:
        if not replace:
            raise UserError(
                f"params.yaml: studies: there is a study {name} already. Give the new one another name with --name, "
                "or say --replace to replace it."
            )
        start, end = places[name]
        return "".join([*lines[:start], *new, *lines[end:]])
    end = list(places.values())[-1][1]
    before = lines[:end]
    if before and not before[-1].endswith(("\n", "\r")):
        before[-1] += ending
    return "".join([*before, ending, *new, *lines[end:]])


def _studies(text: str) -> yaml.MappingNode:
    root = yaml.compose(text, FastUniqueKeys)
    node = next((value for key, value in root.value if key.value == "studies"), None)
    if not isinstance(node, yaml.MappingNode) or node.flow_style or not node.value:
        raise UserError(
            "params.yaml: studies: expected studies in lines of their own below it, to add one to them. Write it so."
        )
    return node


def _content_end(lines: list[str], start: int, end: int, indent: int) -> int:
    """The line after the last one of an entry; blank lines, and comments not indented more, are of what follows."""
    end = min(end, len(lines))
    while end > start + 1 and not _is_inside(lines[end - 1], indent):
        end -= 1
    return end


def _is_inside(line: str, indent: int) -> bool:
    return bool(line.strip()) and len(line) - len(line.lstrip(" ")) > indent


def checked_text(path: Path, name: str, entry: str, replace: bool) -> str:
    """The new text of params.yaml, seen to be valid, with all other studies and settings as they were.

    Raises:
        UserError: the file is no valid params.yaml.
    """
    before = read_params(path)
    text = with_entry(_text(path), name, entry, replace)
    after = parsed(text)
    load_studies(after, only=name)
    others = {key: value for key, value in after["studies"].items() if key != name}
    kept = {key: value for key, value in before["studies"].items() if key != name}
    if others != kept or after | {"studies": {}} != before | {"studies": {}}:
        raise UserError(f"{path}: is written in a way that no study can be added to. Add {name} by hand:\n{entry}")
    return text


def write_entry(path: Path, text: str) -> None:
    """Put the new text of params.yaml into its place."""
    with atomic_write(path, "wb") as stream:
        stream.write(text.encode())


def _text(path: Path) -> str:
    return path.read_bytes().decode("utf-8")


def line_of(text: str, name: str) -> int:
    """The line of params.yaml at which an entry begins."""
    return next(key.start_mark.line for key, _ in _studies(text).value if key.value == name) + 1
