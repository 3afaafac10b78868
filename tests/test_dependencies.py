"""A job runs again when a module changes that its stage imports or loads by name, and no other job does."""

import ast
import builtins
import multiprocessing
import sys
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path

import dvc_graph
import pytest
from conftest import ROOT
from dvc_stage import PlannedJob

from lungfuse.dependencies import DECIDES_NOTHING, decides_nothing, deciding, digest, imports, named_in, source
from lungfuse.stages import STAGES

CODE = ROOT / "workflow/lungfuse"
BY_NAME = ["lungfuse.predict.estimator", "lungfuse.predict.late", "lungfuse.predict.network", "lungfuse.segment.worker"]
PARTS = [
    "analyses",
    "check.findings",
    "datasets",
    "encoders",
    "explain",
    "modalities",
    "models",
    "relevance.measures",
    "tasks",
    "tuning",
]
LOADERS = {  # what loads parts by name, by the package of the parts
    "check.findings": {"load_findings"},
    "datasets": {"load_dataset", "load_mask_dataset"},
    "encoders": {"load_part"},
    "modalities": {"load_inputs"},
    "models": {"load_model"},
    "tasks": {"load_task"},
}
RERUN_BY = {  # some modules, with the rules of the demo that a change of each makes run again
    "modalities.image.variants": {"draw_masks", "explanation", "features", "figure", "permute", "train"},
    "modalities.structured.tokens": {"explanation", "permute", "train"},
    "encoders.image.vit_tiny": {"explanation", "features", "image_encoder", "pages", "permute", "train"},
    "models.fusion.kv_exchange": {"permute", "train"},
    "models.baseline.tfidf": {"fit"},
    "models.late.late_stacked": {"late", "permute"},
    "train.pool_folds": {"pool_folds"},
    "train.kept": {"explanation", "fit", "permute"},
    "analyses.leakage": {"analysis"},
    "analyses.calibration": {"analysis"},
    "analyses.label_errors": {"table"},
    "check.findings.sources": {"data_check"},
    "compare.page": {"compare", "document"},
    "datasets.openi": {"document", "images", "pages", "reports"},
}


@pytest.fixture(scope="module")
def jobs() -> list[PlannedJob]:
    """The jobs of the demo."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        return dvc_graph.jobs_of(dvc_graph.plan_of("demo"))


def modules_of(files: list[str]) -> set[str]:
    """The names of the modules of this package among files."""
    names = (Path(file).resolve() for file in files)
    names = (name.relative_to(CODE) for name in names if name.is_relative_to(CODE) and name.suffix == ".py")
    parts = (name.parent.parts if name.stem == "__init__" else name.with_suffix("").parts for name in names)
    return {".".join(["lungfuse", *path]) for path in parts}


@pytest.fixture(scope="module")
def edges() -> dict[str, set[str]]:
    """What each module was seen to import when Python imported all of them."""
    context = multiprocessing.get_context("fork")
    mine, theirs = context.Pipe()
    child = context.Process(target=watch_imports, args=(theirs,))
    child.start()
    theirs.close()
    found = mine.recv()
    child.join()
    return found


def watch_imports(pipe: Connection) -> None:
    """Import this package anew, and send what each of its modules imports; other packages stay as they are."""
    found: dict[str, set[str]] = {}
    original = builtins.__import__

    def watched(name, globals=None, locals=None, fromlist=(), level=0):
        module = original(name, globals, locals, fromlist, level)
        importer = (globals or {}).get("__name__", "")
        if importer.startswith("lungfuse") and name.startswith("lungfuse"):
            submodules = {f"{name}.{part}" for part in fromlist or ()} & set(sys.modules)
            found.setdefault(importer, set()).update(submodules | {name})
        return module

    for name in [name for name in sys.modules if name.split(".")[0] == "lungfuse"]:
        del sys.modules[name]
    builtins.__import__ = watched
    for module in sorted(all_modules() - {"lungfuse.__main__"}):
        import_module(module)
        if hasattr(sys.modules[module], "SPEC"):  # of an encoder, which imports its network when it is called
            sys.modules[module].network()
    pipe.send(found)


def all_modules() -> set[str]:
    return modules_of([str(file) for file in CODE.rglob("*.py")])


def empty_modules() -> set[str]:
    return {module for module in all_modules() if not source(module).stat().st_size}


def reached(edges: dict[str, set[str]], *modules: str) -> set[str]:
    """What modules import, directly or through others, with the packages they lie in, but what decides nothing."""
    found, left = set(), {*modules}
    while left:
        module = left.pop()
        if module not in found and not decides_nothing(module):
            found.add(module)
            left |= edges.get(module, set()) | {module.rpartition(".")[0]}
    return found


@cache
def names_used(module: str) -> set[str]:
    """What a module imports from others of this package."""
    tree = ast.walk(ast.parse(source(module).read_bytes()))
    own = [node for node in tree if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("lungfuse.")]
    return {alias.name for node in own for alias in node.names}


def of_package(modules: set[str], package: str) -> set[str]:
    return {module for module in modules if module.startswith(f"lungfuse.{package}.")}


@pytest.mark.parametrize("stage", STAGES)
def test_the_code_of_a_stage_is_what_it_was_seen_to_import(edges, stage):
    module = STAGES[stage].module
    assert set(deciding(module)) == reached(edges, module)


def test_a_job_lists_the_parts_that_its_stage_loads_by_name(jobs):
    for job in jobs:
        if job.rule in ("provenance_html", "model"):
            continue
        listed = modules_of(job.code)
        used = set().union(*(names_used(module) for module in listed))
        for package, loaders in LOADERS.items():
            assert not loaders & used or of_package(listed, package), (job.rule, package)


@pytest.mark.parametrize("module", RERUN_BY)
def test_a_module_makes_these_rules_run_again(jobs, module):
    assert {job.rule for job in jobs if f"lungfuse.{module}" in modules_of(job.code)} == RERUN_BY[module]


def test_every_module_is_listed_or_named_with_a_reason(edges):
    parts = {module for package in PARTS for module in of_package(all_modules(), package)}
    stages = [stage.module for stage in STAGES.values()]
    unlisted = all_modules() - reached(edges, *stages, *parts, *BY_NAME) - empty_modules()
    assert not [module for module in unlisted if not decides_nothing(module)]
    assert all(module in DECIDES_NOTHING for module in unlisted if module.count(".") == 1)


def test_imports_that_are_read_from_lines_are_those_of_the_syntax_tree():
    for module in all_modules():
        code = source(module).read_text(encoding="utf-8")
        assert set(named_in(code)) == set(in_syntax_tree(code)), module


def in_syntax_tree(code: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(code)):
        match node:
            case ast.Import():
                yield from (alias.name for alias in node.names if alias.name.split(".")[0] == "lungfuse")
            case ast.ImportFrom(level=0) if node.module.split(".")[0] == "lungfuse":
                yield from (node.module, *(f"{node.module}.{alias.name}" for alias in node.names))


def test_imports_of_several_lines_and_in_functions_are_read():
    code = (
        "from lungfuse.models import (  # parts\n    a,  # one\n    b as c,\n)\ndef f():\n    import lungfuse.d as e\n"
    )
    assert list(named_in(code)) == ["lungfuse.models", "lungfuse.models.a", "lungfuse.models.b", "lungfuse.d"]
    assert list(named_in(code)) == list(in_syntax_tree(code))


def test_a_package_and_imports_of_a_submodule_and_in_a_function_count():
    assert {"lungfuse.train", "lungfuse.train.predictions"} <= set(deciding("lungfuse.train.late"))
    assert "lungfuse.prefork" in imports("lungfuse.__main__"), "from lungfuse import prefork"
    assert "lungfuse.command_line" in imports("lungfuse.__main__"), "where it is used"


def test_the_digest_of_code_is_another_when_a_module_of_it_changes(monkeypatch, tmp_path):
    code = ["lungfuse.train.train", "lungfuse.modalities.image.inputs"]
    before = digest(*code)
    edited = tmp_path / "variants.py"
    edited.write_text(source("lungfuse.modalities.image.variants").read_text() + "# a remark\n")
    places = {module: source(module) for module in deciding(*code)} | {"lungfuse.modalities.image.variants": edited}
    monkeypatch.setattr("lungfuse.dependencies.source", places.get)
    assert digest(*code) != before
