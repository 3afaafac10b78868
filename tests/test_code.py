"""The shape of the code: short files, rules and signatures, a docstring a module, and no circle of modules or rooms."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from conftest import ROOT

from lungfuse.dependencies import source
from lungfuse.stages import STAGES

WORKFLOW = ROOT / "workflow"
CODE = sorted(WORKFLOW.rglob("*.py"))
MOST_LINES, MOST_PARAMETERS, MOST_LINES_OF_A_RULE = 300, 8, 26
RULE = re.compile(r"( *)(?:use rule \w+ as|rule\b) *(\w*)")
READERS = ["base.py", "json_files.py", "params.py", "problems.py"]  # of settings: they read files
ACCESSORS = [
    "model.py: _is_choice",
    "model.py: images",
    "model.py: text",
    "model.py: structured",
    "model.py: changed",
    "ingest.py: own",
    "ingest.py: heading",
    "ingest.py: label_names",
    "model.py: read_in_training",
    "study.py: labels",
    "study.py: views",
    "study.py: places",
]


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    """The names of a function's parameters, but the object of a method and what gathers any others."""
    given = function.args
    names = [each.arg for each in [*given.posonlyargs, *given.args, *given.kwonlyargs]]
    return names[names[:1] in (["self"], ["cls"]) :]


def shortcomings(code: str) -> Iterator[str]:
    """What is wrong with the shape of a module."""
    tree, lines = ast.parse(code), len(code.splitlines())
    if code and not ast.get_docstring(tree):
        yield "says not what it is"
    if lines > MOST_LINES:
        yield f"has {lines} lines"
    for function in functions(tree):
        if len(many := parameters(function)) > MOST_PARAMETERS:
            yield f"{function.name} takes {len(many)} parameters"


def imported(tree: ast.Module, later: bool = False) -> Iterator[str]:
    """What a module imports when it is loaded, and `later` in its functions; what is for types alone is left out."""
    left: list[ast.AST] = [*tree.body]
    while left:
        node = left.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
            yield node.module
        elif not is_of_types(node) and (later or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)):
            left += ast.iter_child_nodes(node)


def is_of_types(node: ast.AST) -> bool:
    """Whether only a type checker reads a node."""
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def circle(graph: dict[str, set[str]]) -> list[str]:
    """Nodes of a graph that lead to each other in a circle, if some do."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return error.args[1]
    return []


def modules_imported(trees: dict[str, ast.Module], later: bool = False) -> dict[str, set[str]]:
    """The modules that each of some modules imports, of these."""
    return {name: set(imported(tree, later)) & set(trees) - {name} for name, tree in trees.items()}


def rooms_imported(trees: dict[str, ast.Module]) -> dict[str, set[str]]:
    """The rooms that each room imports: the folders of the package, and the modules that lie in none."""
    found: dict[str, set[str]] = {}
    for name, others in modules_imported(trees, later=True).items():
        found.setdefault(room(name), set()).update({room(other) for other in others} - {room(name), "lungfuse"})
    return found


def room(module: str) -> str:
    return ".".join(module.split(".")[:2])


@cache
def trees() -> dict[str, ast.Module]:
    """The modules of the package by name."""
    paths = (WORKFLOW / "lungfuse").rglob("*.py")
    return {module_name(path): ast.parse(path.read_text(encoding="utf-8")) for path in paths}


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(WORKFLOW).with_suffix("").parts).removesuffix(".__init__")


def rules(text: str) -> dict[str, int]:
    """How many lines each rule has, but empty ones; a rule ends where a line stands as far left as its first."""
    found, name, indent = {}, None, 0
    for line in filter(str.strip, text.splitlines()):
        if name and len(line) - len(line.lstrip()) <= indent:
            name = None
        if start := RULE.match(line):
            name, indent = start[2] or f"rule {len(found)} of a loop", len(start[1])
        if name:
            found[name] = found.get(name, 0) + 1
    return found


def test_a_file_is_short_and_says_what_it_is_and_its_functions_take_few_parameters():
    found = {str(path.relative_to(ROOT)): list(shortcomings(path.read_text(encoding="utf-8"))) for path in CODE}
    assert {path: wrong for path, wrong in found.items() if wrong} == {}


def test_shortcomings_of_a_module_are_seen():
    many = ", ".join(f"a{number}" for number in range(9))
    assert list(shortcomings(f"def f({many}): ...\n")) == ["says not what it is", "f takes 9 parameters"]
    assert list(shortcomings('"""Text."""\n' * 301)) == ["has 301 lines"]
    assert parameters(ast.parse("def f(self, a, /, b, *others, c, **more): ...").body[0]) == ["a", "b", "c"]


def test_a_rule_is_short():
    found = {}
    for path in sorted((WORKFLOW / "rules").glob("*.smk")):
        found |= {f"{path.name}: {name}": lines for name, lines in rules(path.read_text(encoding="utf-8")).items()}
    assert len(found) > 20
    assert {name: lines for name, lines in found.items() if lines > MOST_LINES_OF_A_RULE} == {}


def test_settings_hold_types_and_no_logic():
    found = []
    for path in sorted((WORKFLOW / "lungfuse/settings").glob("*.py")):
        checks = ["model_validator", "field_validator", "classmethod"]
        decided = [
            function.name
            for function in functions(ast.parse(path.read_text(encoding="utf-8")))
            if not any(check in ast.unparse(each) for each in function.decorator_list for check in checks)
        ]
        found += [f"{path.name}: {name}" for name in decided if path.name not in READERS]
    assert sorted(found) == sorted(ACCESSORS)


def test_every_option_of_a_stage_has_its_text():
    modules = {stage: ast.parse(source(each.module).read_text(encoding="utf-8")) for stage, each in STAGES.items()}
    wrong = [stage for stage, tree in modules.items() if not any(kind_of(node) == "main" for node in tree.body)]
    modules["options of several"] = ast.parse(source("lungfuse.parameters").read_text(encoding="utf-8"))
    for stage, tree in modules.items():
        for node in tree.body:
            options = {"main": parameters, "options": fields}.get(kind_of(node), documented)(node)
            wrong += [f"{stage}: {node.name}"] if documented(node) != options else []
    assert wrong == []


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


def test_no_module_imports_in_a_circle_and_no_room_does():
    assert circle(modules_imported(trees())) == []
    assert circle(rooms_imported(trees())) == []


def test_a_circle_is_seen():
    types = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from lungfuse.a.x import x\n"
    later = "def f():\n    import lungfuse.a.x\n"

    def parsed(**code: str) -> dict[str, ast.Module]:
        return {f"lungfuse.{name}": ast.parse(text) for name, text in code.items()}

    both = {"a.x": "import lungfuse.b.x", "b.x": "try:\n    import lungfuse.a.x\nexcept ImportError:\n    pass\n"}
    assert circle(modules_imported(parsed(**both))) != []
    assert circle(modules_imported(parsed(**both | {"b.x": later}))) == []
    assert circle(rooms_imported(parsed(**both | {"b.x": later}))) != []
    assert circle(rooms_imported(parsed(**both | {"b.x": types}))) == []
    other_module = {"a.x": "import lungfuse.b.x", "b.x": "", "b.y": "import lungfuse.a.y", "a.y": ""}
    assert circle(rooms_imported(parsed(**other_module))) != [], "though no module is in a circle"
