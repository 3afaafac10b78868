"""The public names of a module with their docstrings, in Markdown; modules are read and not imported."""

import ast
import re
from collections.abc import Iterator

from lungfuse.dependencies import source

SECTION = re.compile(r"^(Parameters|Returns|Raises|Yields|Attributes):?\n(?:-{3,}\n)?", re.M)
Documented = ast.ClassDef | ast.FunctionDef


def described(module: str) -> str:
    """A module, its public classes with their public methods, and its public functions."""
    tree = ast.parse(source(module).read_text(encoding="utf-8"))
    return "\n\n".join([f"`{module}`: {_text(tree)}", *_entries(tree, 3)])


def _entries(tree: ast.Module | ast.ClassDef, level: int) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, Documented) and not node.name.startswith("_") and ast.get_docstring(node):
            yield f"{'#' * level} {node.name}\n\n```python\n{_signature(node)}\n```\n\n{_text(node)}"
            if isinstance(node, ast.ClassDef):
                yield from _entries(node, level + 1)


def _signature(node: Documented) -> str:
    if isinstance(node, ast.ClassDef):
        made = next((each for each in node.body if getattr(each, "name", "") == "__init__"), None)
        return f"class {node.name}({ast.unparse(made.args).removeprefix('self, ') if made else ''})"
    decorators = "".join(f"@{ast.unparse(each)}\n" for each in node.decorator_list)
    returned = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    return f"{decorators}def {node.name}({ast.unparse(node.args)}){returned}"


def _text(node: ast.Module | Documented) -> str:
    """A docstring in Markdown: the headings of its sections bold, their entries as a list."""
    first, *rest = SECTION.split(ast.get_docstring(node) or "")
    sections = (f"**{title}**\n\n{_entries_of(body)}" for title, body in zip(rest[::2], rest[1::2], strict=True))
    return "\n\n".join([first.strip(), *sections])


def _entries_of(body: str) -> str:
    """The entries of a section, each with its indented continuation lines."""
    indent = re.match(r" *", body).group()
    lines = [line.removeprefix(indent) for line in body.rstrip().splitlines()]
    joined = re.sub(r"\n +", " ", "\n".join(line for line in lines if line))
    return "\n".join(f"- {entry}" for entry in joined.splitlines())
