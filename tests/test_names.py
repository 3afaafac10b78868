"""Modules and files that documents, docstrings and comments name are there."""

import ast
import io
import re
import subprocess
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from conftest import ROOT

from lungfuse.dependencies import source

DOTTED = re.compile(r"(?<![\w./-])lungfuse(?:\.[a-zA-Z_]\w*)+")
FILE = re.compile(r"(?<![\w./<>{}*-])(?:[\w-]+/)*[\w-]+\.(?:py|smk|md|rst|sh)\b(?![\w{*])")
CONTAINER = "lungfuse.sif"
TO_BE_WRITTEN = {  # by the reader of a document
    "workflow/lungfuse/datasets/clinic.py", "models/fusion/gated.py", "tasks/grades.py", "input_x_gradient.py",
}  # fmt: skip
MADE = {"comparison.md", "data_card.md", "model_card.md", "data_check.md", "verdicts.md"}  # by a run or the site


@cache
def files() -> list[str]:
    """The files of the project, from its root folder."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True)
    return [name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def known(path: Path) -> str:
    """What a file says to its readers: all of a document, the docstrings and comments of code."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        return "\n".join(of_code(text))
    if path.suffix == ".smk" or path.name == "Snakefile":
        return "\n".join(re.findall(r"#.*", text))
    return text


def of_code(text: str) -> Iterator[str]:
    """The docstrings and comments of a module."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            yield ast.get_docstring(node) or ""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.string


def is_there(dotted: str) -> bool:
    """Whether there is a module of this name, or one that defines the last part of it."""
    module, _, name = dotted.rpartition(".")
    return source(dotted).is_file() or (source(module).is_file() and name in defined(module))


@cache
def defined(module: str) -> set[str]:
    """The names that a module defines or imports."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source(module).read_text(encoding="utf-8"))):
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.alias):
            names.add(node.asname or node.name)
    return names


def gone(text: str) -> list[str]:
    """The modules and files that a text names and that are not there."""
    modules = [name for name in DOTTED.findall(text) if name != CONTAINER and not is_there(name)]
    found = [name for name in FILE.findall(text) if name not in TO_BE_WRITTEN and Path(name).name not in MADE]
    return modules + [name for name in found if not any(f"/{file}".endswith(f"/{name}") for file in files())]


DOCUMENTS = [name for name in files() if re.search(r"(^|/)(Snakefile|Makefile|params\.yaml)$|\.(md|py|smk|rst)$", name)]


@pytest.mark.parametrize("folder", ["", "docs", "workflow", "tests", "benchmarks", "profiles"])
def test_what_is_named_is_there(folder):
    named = {name: gone(known(ROOT / name)) for name in DOCUMENTS if name.rpartition("/")[0].split("/")[0] == folder}
    assert {name: missing for name, missing in named.items() if missing} == {}


def test_what_is_gone_is_seen():
    text = "`lungfuse.paths`, lungfuse.files.sha256, `models/irene.py`, models/fusion/irene.py and lungfuse.files.no"
    assert gone(text) == ["lungfuse.paths", "lungfuse.files.no", "models/irene.py"]
    assert list(of_code('"""lungfuse.a"""\nx = "lungfuse.b"  # lungfuse.c\n')) == ["lungfuse.a", "# lungfuse.c"]


def test_benchmarks_and_scripts_import_what_there_is():
    missing = []
    for path in [*(ROOT / "benchmarks").glob("*.py"), *(ROOT / "workflow/scripts").glob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module.split(".")[0] == "lungfuse":
                names = [f"{node.module}.{alias.name}" for alias in node.names]
                missing += [f"{path.name}: {name}" for name in names if not is_there(name)]
    assert missing == []
