"""What decides the result of a stage: its code and the settings that it reads.

The code of a stage is what its module imports, and what that imports in turn. Modules are read and not imported, so
that a graph of jobs needs no library of networks.
"""

import hashlib
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent
PACKAGE = ROOT.name
MODULE = rf"({PACKAGE}(?:\.\w+)*)"
IMPORT = re.compile(rf"^[ \t]*(?:from {MODULE} import (\([^)]*\)|[^\n]*)|import {MODULE})", re.M)

DECIDES_NOTHING = {  # with the reason; neither these nor what they hold or import makes a stage run again
    "lungfuse": "holds the version",
    "lungfuse.__main__": "starts a stage",
    "lungfuse.audit": "looks at a table for a user; no rule runs it",
    "lungfuse.check.command": "runs the workflow for a user, and prints what a rule has found",
    "lungfuse.command_line": "calls a stage",
    "lungfuse.dependencies": "says what runs again",
    "lungfuse.errors": "says what went wrong; a stage that fails has no result",
    "lungfuse.init": "writes settings, which a job is given",
    "lungfuse.files": "reads and writes what it is given",
    "lungfuse.hardware": "says what a job has taken",
    "lungfuse.plan": "says where files lie and what a job is given; a rule names both",
    "lungfuse.prefork": "starts a stage",
    "lungfuse.project": "writes the files of a new project",
    "lungfuse.registry": "finds parts by name; a rule names those of its stage",
    "lungfuse.settings": "types and limits of settings, which a job is given",
    "lungfuse.stages": "names the stages",
    "lungfuse.tables.audit": "columns of the tables of an audit, which no rule runs",
}


@cache
def deciding(*modules: str) -> tuple[str, ...]:
    """The modules that decide what these compute, with themselves and the packages they lie in, by name."""
    found, left = set(), [*modules]
    while left:
        module = left.pop()
        if module not in found and not decides_nothing(module):
            found.add(module)
            left += imports(module)
    return tuple(sorted(found))


def decides_nothing(module: str) -> bool:
    """Whether a module is named in `DECIDES_NOTHING`, by itself or with a package that holds it."""
    packages = [module.rsplit(".", levels)[0] for levels in range(1, module.count("."))]
    return any(name in DECIDES_NOTHING for name in [module, *packages])


@cache
def code_files(*modules: str) -> list[Path]:
    """The files of the modules that decide what these compute, but empty ones, from the folder of the package."""
    return [source(module).relative_to(ROOT) for module in deciding(*modules) if source(module).stat().st_size]


def digest(*modules: str) -> str:
    """A digest of the code that decides what these modules compute."""
    code = hashlib.sha256()
    for module in deciding(*modules):
        code.update(f"{module}\n".encode() + source(module).read_bytes())
    return code.hexdigest()


@cache
def imports(module: str) -> tuple[str, ...]:
    """The modules of this package that a module imports, wherever in it, and the package it lies in."""
    named = [module.rpartition(".")[0], *named_in(source(module).read_text(encoding="utf-8"))]
    return tuple(name for name in dict.fromkeys(named) if source(name).is_file())


def named_in(code: str) -> Iterator[str]:
    """The modules that the imports of some code may mean, by their lines: a syntax tree of all modules takes a second.

    `from package import name` is of the package, and of a module where there is one.
    """
    for module, names, alone in IMPORT.findall(code):
        yield module or alone
        for name in re.sub(r"#.*", "", names).strip("()").split(","):
            if name.strip():
                yield f"{module}.{name.split()[0]}"


@cache
def source(module: str) -> Path:
    """The file of a module of this package; there is none where the module is another thing's name."""
    path = ROOT.joinpath(*module.split(".")[1:])
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
