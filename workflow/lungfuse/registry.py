"""Parts found by their name: a package is a kind of parts, a module in it a part, a dash in a name an underscore there.

What a part declares about itself as plain values is read from its source. So settings are checked where the libraries
that the part imports are not installed, and a part that is broken harms no other.
"""

import ast
import importlib
import traceback
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from lungfuse.errors import UserError


def names(package: str) -> tuple[str, ...]:
    """The names of the parts in a package, sorted."""
    return _names_in(tuple(find_spec(package).submodule_search_locations))


@cache
def _names_in(folders: tuple[str, ...]) -> tuple[str, ...]:
    files = (file for folder in folders for file in Path(folder).glob("*.py") if file.stem[0] != "_")
    return tuple(sorted(file.stem.replace("_", "-") for file in files))


def module_of(package: str, name: str) -> str:
    """The module of a part.

    Raises:
        UserError: the package has no such part.
    """
    known = names(package)
    if name.replace("_", "-") not in known:
        kind = package.rpartition(".")[2]
        raise UserError(f"{kind}: found {name!r}, expected one of {', '.join(known)}.")
    return f"{package}.{name.replace('-', '_')}"


def load(package: str, name: str) -> ModuleType:
    """The module of a part, imported.

    Raises:
        UserError: the package has no such part, or it cannot be imported: the file and line are named.
    """
    return imported(module_of(package, name))


def imported(module: str) -> ModuleType:
    """A module of this package.

    Raises:
        UserError: it cannot be imported: the file and line are named.
    """
    try:
        return importlib.import_module(module)
    except Exception as error:
        file = file_of(module)
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(file)]
        line = error.lineno if isinstance(error, SyntaxError) else lines[-1] if lines else "unknown"
        raise UserError(f"{file}: line {line}: {type(error).__name__}: {error}. Fix this file.") from error


def declared(package: str, name: str) -> dict[str, Any]:
    """The plain values that a part declares, by their names in capitals, without importing it.

    Raises:
        UserError: the package has no such part, or its file is not Python.
    """
    return declared_by(module_of(package, name))


def declared_by(module: str) -> dict[str, Any]:
    """The plain values that a module or package declares, see `declared`."""
    return dict(_declared(module))


@cache
def _declared(module: str) -> tuple[tuple[str, Any], ...]:
    file = file_of(module)
    try:
        tree = ast.parse(file.read_bytes())
    except SyntaxError as error:
        raise UserError(f"{file}: line {error.lineno}: {error.msg}. Fix this file.") from error
    found = []
    for node in tree.body:
        if isinstance(node, ast.Assign):
            found += _plain(node.targets[0], node.value)
    return tuple(found)


def _plain(target: ast.expr, value: ast.expr) -> list[tuple[str, Any]]:
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        return [found for pair in zip(target.elts, value.elts, strict=True) for found in _plain(*pair)]
    if not (isinstance(target, ast.Name) and target.id.isupper()):
        return []
    try:
        return [(target.id, ast.literal_eval(value))]
    except ValueError:
        return []  # no plain value


def file_of(module: str) -> Path:
    """The file of a module, which is not imported."""
    return Path(find_spec(module).origin)


def functions(package: str, name: str) -> tuple[str, ...]:
    """The names of the functions that a part defines, without importing it."""
    tree = ast.parse(file_of(module_of(package, name)).read_bytes())
    return tuple(node.name for node in tree.body if isinstance(node, ast.FunctionDef))
