"""The shape of the code: short files and signatures, a docstring a module, and no import in a circle."""

import ast
import re
import runpy
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest
from conftest import ROOT

from lungfuse.dependencies import source
from lungfuse.stages import STAGES

CODE = sorted((ROOT / "workflow").rglob("*.py"))
MOST_LINES, MOST_PARAMETERS = 300, 8


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    """The names of a function's parameters, but the object of a method and what gathers any others."""
    given = function.args
    names = [each.arg for each in [*given.posonlyargs, *given.args, *given.kwonlyargs]]
    return names[names[:1] in (["self"], ["cls"]) :]


def imported(tree: ast.Module) -> Iterator[str]:
    """What a module imports when it is loaded; imports for types alone and those in functions wait."""
    left: list[ast.AST] = [*tree.body]
    while left:
        node = left.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
            yield node.module
        elif not is_later(node):
            left += ast.iter_child_nodes(node)


def is_later(node: ast.AST) -> bool:
    """Whether a node is a function, or what only a type checker reads."""
    of_types = isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    return of_types or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)


def circle(trees: dict[str, ast.Module]) -> list[str]:
    """Modules that import each other in a circle, if some do."""
    graph = {name: set(imported(tree)) & set(trees) - {name} for name, tree in trees.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return error.args[1]
    return []


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT / "workflow").with_suffix("").parts).removesuffix(".__init__")


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_is_short_and_says_what_it_is_and_its_functions_take_few_parameters(path):
    code = path.read_text(encoding="utf-8")
    tree = ast.parse(code)
    assert not code or ast.get_docstring(tree)
    assert len(code.splitlines()) <= MOST_LINES
    assert {one.name: many for one in functions(tree) if len(many := parameters(one)) > MOST_PARAMETERS} == {}


@pytest.mark.parametrize("stage", STAGES)
def test_every_option_of_a_stage_has_its_text(stage):
    tree = ast.parse(source(STAGES[stage].module).read_text(encoding="utf-8"))
    assert documented(next(function for function in functions(tree) if function.name == "main"))
    for node in tree.body + ast.parse(source("lungfuse.parameters").read_text(encoding="utf-8")).body:
        options = {"main": parameters, "options": fields}.get(kind_of(node), documented)(node)
        assert documented(node) == options, kind_of(node)


def kind_of(node: ast.stmt) -> str:
    """main for the function of a stage, options for a group of its options, nothing for all else."""
    if isinstance(node, ast.ClassDef) and "options" in map(ast.unparse, node.decorator_list):
        return "options"
    return "main" if isinstance(node, ast.FunctionDef) and node.name == "main" else ""


def fields(group: ast.ClassDef) -> list[str]:
    return [node.target.id for node in group.body if isinstance(node, ast.AnnAssign)]


def documented(node: ast.stmt) -> list[str]:
    """What stands under `Parameters` in a docstring, in order."""
    text = ast.get_docstring(node) if isinstance(node, ast.FunctionDef | ast.ClassDef) else None
    return re.findall(r"^(\w+)\n    \S", (text or "").partition("----------\n")[2], re.M)


def test_no_module_imports_in_a_circle():
    paths = (ROOT / "workflow/lungfuse").rglob("*.py")
    assert circle({module_name(path): ast.parse(path.read_text(encoding="utf-8")) for path in paths}) == []


def test_a_circle_and_what_a_method_takes_are_seen():
    types = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from a import x\n"
    later = "def f():\n    import a\n"
    both = {"a": "from b import y\n", "b": "try:\n    import a\nexcept ImportError:\n    pass\n"}
    assert set(circle({name: ast.parse(code) for name, code in both.items()})) == {"a", "b"}
    assert circle({"a": ast.parse("import b"), "b": ast.parse(types + later)}) == []
    assert parameters(ast.parse("def f(self, a, /, b, *others, c, **more): ...").body[0]) == ["a", "b", "c"]


@pytest.mark.parametrize("script", sorted((ROOT / "benchmarks").glob("*.py")), ids=lambda path: path.stem)
def test_a_benchmark_finds_what_it_measures(script, monkeypatch):
    monkeypatch.syspath_prepend(script.parent)
    runpy.run_path(str(script), run_name="imported")
