"""The entry of a study in params.yaml: its text, with a comment on each choice, put into the file and nothing else."""

import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from lungfuse.errors import UserError
from lungfuse.files import atomic_write
from lungfuse.settings.params import UniqueKeys, load_studies, parsed, read_params

WIDTH = 120
SHORT = 3  # columns of a list that is written out in each row
BLOCKS = {(), ("table",), ("table", "columns"), ("table", "source"), ("filter",), ("filter", "labels"), ("models",)}
Comments = Mapping[tuple[str, ...], str]


def rendered(name: str, entry: dict[str, Any], comments: Comments) -> str:
    """The YAML of an entry below `studies:`, indented by two; `comments` by the place of what they are about.

    A list of columns that several rows read is written once.
    """
    lines = [f"{name}:", *_said(comments.get((), ""), 2), *_lines(entry, (), comments, 2)]
    lists = [row["structured"] for row in entry["models"].values() if "structured" in row]
    if len(lists) > 1 and len(lists[0]) > SHORT:
        lines = list(_with_anchor(lines, f"structured: {_flow(lists[0])}", f"{name}-columns"))
    return textwrap.indent("\n".join(lines), "  ") + "\n"


def _with_anchor(lines: list[str], said: str, anchor: str) -> Iterator[str]:
    """Lines in which what is said again and again refers to the first time."""
    key, _, value = said.partition(" ")
    first = True
    for line in lines:
        yield line.replace(said, f"{key} &{anchor} {value}" if first else f"{key} *{anchor}")
        first = first and said not in line


def _lines(value: dict[str, Any] | list, place: tuple[str, ...], comments: Comments, indent: int) -> Iterator[str]:
    items = value.items() if isinstance(value, dict) else [(str(number), each) for number, each in enumerate(value)]
    for key, one in items:
        at = (*place, str(key))
        start = " " * indent + (f"{_flow(key)}:" if isinstance(value, dict) else "-")
        about = comments.get(at, "")
        if at in BLOCKS and one and isinstance(one, dict | list):
            yield from _said(about, indent)
            yield start
            yield from _lines(one, at, comments, indent + 2)
            continue
        line = f"{start} {_flow(one)}"
        if about and len(line) + len(_one_line(about)) + 6 > WIDTH:
            yield from _said(about, indent)
        elif about:
            line += f"  # {_one_line(about)}"
        yield line


def _said(comment: str, indent: int) -> list[str]:
    """A comment as lines of its own."""
    start = " " * indent + "# "
    return [start + line for line in textwrap.wrap(_one_line(comment), WIDTH - len(start) - 2)]


def _one_line(text: str) -> str:
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def _flow(value: Any) -> str:
    dumped = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, allow_unicode=True, width=float("inf"))
    return dumped.removesuffix("\n").removesuffix("\n...")


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
    root = yaml.compose(text, UniqueKeys)
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
        UserError: the file is no valid params.yaml, before or after.
    """
    before = read_params(path)
    load_studies(before)
    text = with_entry(_text(path), name, entry, replace)
    after = parsed(text)
    load_studies(after)
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
