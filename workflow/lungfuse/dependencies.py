"""What decides the result of a stage: its code and the settings that it reads.

The code of a stage is what its module imports, and what that imports in turn. Modules are read and not imported, so
that a graph of jobs needs no library of networks.
"""

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lungfuse.settings.rows import Row

ROOT = Path(__file__).resolve().parent
PACKAGE = ROOT.name

DECIDES_NOTHING = {  # with the reason; neither these nor what they hold or import makes a stage run again
    "lungfuse": "holds the version",
    "lungfuse.__main__": "starts a stage",
    "lungfuse.check.command": "runs the workflow for a user, and prints what a rule has found",
    "lungfuse.command_line": "hands a stage what it is told",
    "lungfuse.dependencies": "says what runs again",
    "lungfuse.errors": "says what went wrong; a stage that fails has no result",
    "lungfuse.init": "writes settings; a rule passes the values",
    "lungfuse.parameters": "says how the command line is written",
    "lungfuse.paths": "says where files lie; a rule names those of its stage",
    "lungfuse.prefork": "starts a stage",
    "lungfuse.registry": "finds parts by name; a rule names those of its stage",
    "lungfuse.settings": "types and limits of settings; a rule passes the values",
    "lungfuse.stages": "names the stages",
}

_SHOWN = {"comparison": {"timings": False, "published": []}}
_CNN_TRAINING = {"weights": "random", "epochs": 1, "batch_size": 2, "learning_rate": 1.0, "precision": "fp32"}
UNREAD = {  # by rule and section of the settings: what a stage is given of fields that it does not read, in any study
    "data_check": {"check": {"allow": []}},
    "split": {"check": {"leak_auroc": 0.95, "leak_min_share": 0.05, "contradicting": 0.03}},
    "train": {"encoders": {"pooling": "none"}},
    "cnn": {"cnns": {"networks": [], "variants": [], "published": []}},
    "cnn_comparison": _SHOWN | {"cnns": _CNN_TRAINING},
    "compare": {"encoders": {"pooling": "none", "max_tokens": None}},
    "sites": _SHOWN,
    "leakage": _SHOWN,
    "shortcuts": _SHOWN,
    "segmentation_scores": _SHOWN,
}
NO_FUSION = {"width": 8, "heads": 1, "blocks": 1, "hidden": 1, "dropout": 0.0}


def unread(rule: str, section: str, row: "Row | None" = None) -> dict[str, Any]:
    """The fields of a section of the settings that a rule's stage does not read, or a row of it, with constants."""
    if section == "fusion" and row is not None:
        read = row.declared.fusion | ({"width"} if row.structured else set())  # tokens of columns are as wide
        return {field: value for field, value in NO_FUSION.items() if field not in read}
    return UNREAD.get(rule, {}).get(section, {})


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
    named = [module.rpartition(".")[0]]
    for node in ast.walk(ast.parse(source(module).read_bytes())):
        named += _named(node)
    return tuple(name for name in dict.fromkeys(named) if name.split(".")[0] == PACKAGE and source(name).is_file())


@cache
def source(module: str) -> Path:
    """The file of a module of this package; there is none where the module is another thing's name."""
    path = ROOT.joinpath(*module.split(".")[1:])
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _named(node: ast.AST) -> Iterator[str]:
    """What an import may mean: `from package import name` is of the package, and of a module where there is one."""
    match node:
        case ast.Import():
            yield from (alias.name for alias in node.names)
        case ast.ImportFrom(level=0):
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
