"""A rule runs again when a module changes that its stage imports, and no other rule does, with both tools."""

import builtins
import multiprocessing
import re
import sys
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

import pytest
from conftest import ROOT

from lungfuse.dependencies import DECIDES_NOTHING, decides_nothing, deciding, digest, imports, source
from lungfuse.encoders import encoder_module
from lungfuse.stages import STAGES

CODE = "workflow/lungfuse"
BY_HAND = {"lungfuse.predict.predict", "lungfuse.segment.segment"}  # stages that no rule runs
OTHER_STUDIES = {"sites", "stand_in"}  # rules that the demo has no job of
BY_NAME = {  # what loads modules by name, and how its command names them
    "reports": r"--adapter (\w+)",
    "images": r"--adapter (\w+)",
    "pages": r'"adapter":"(\w+)","raw":"demo",',
    "annotated": r'"adapter":"(\w+)"',
    "encoder": r"--name ([\w-]+)",
    "features": r"--encoder ([\w-]+)",
    "train": r'"model":"([\w-]+)"',
    "attention": r"--model results/demo/models/([\w-]+)",
}
RERUN_BY = {  # some modules, with the rules that a change of each makes run again
    "train.arms": {"attention", "cnn", "features", "linear_probe", "pictures", "train"},
    "encoders": {"attention", "features", "image_encoder", "linear_probe", "pages", "text_encoder", "train"},
    "encoders.network": {"attention", "features", "image_encoder", "text_encoder", "train"},
    "encoders.image.vit_tiny": {"attention", "features", "image_encoder", "train"},
    "encoders.networks.bert": {"attention", "features", "text_encoder", "train"},
    "models": {"attention", "features", "image_encoder", "text_encoder", "train"},
    "models.kv_exchange": {"attention", "train"},
    "train.gather": {"gather"},
    "train.predictions": {"baseline", "gather", "late", "linear_probe"},
    "train.keras_engine": {"cnn", "masks", "segmentation_scores", "segmenter"},
    "compare.sites": {"sites"},
    "adapters.openi": {"images", "pages", "reports", "stand_in"},
}


class Made(NamedTuple):
    """Files that a job makes with a stage, and the modules that it lists as its code."""

    rule: str
    command: str
    outputs: set[str]
    listed: set[str]

    @property
    def modules(self) -> list[str]:
        """The module of the stage, and those that it loads by name."""
        stage = re.search(r"python -m lungfuse (\S+)", self.command)[1]
        folder = "models" if stage in ("train", "attention") else "adapters"
        names = re.findall(BY_NAME[stage], self.command)[:1] if stage in BY_NAME else []
        if stage in ("encoder", "features"):
            return [STAGES[stage].module, *map(encoder_module, names)]
        return [STAGES[stage].module, *(f"lungfuse.{folder}.{name.replace('-', '_')}" for name in names)]


class Graph(NamedTuple):
    """The jobs of the demo and rules of other studies, and the demo's stages as DVC reads them."""

    made: list[Made]
    entries: list[dict]


@pytest.fixture(scope="module")
def graph() -> Graph:
    from dvc_stages import stages_of, workflow_of

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        with workflow_of("demo") as workflow:
            made = [
                Made(job.rule.name, job.shellcmd, set(job.output), modules_of(job.input))
                for job in workflow.dag.jobs
                if "-m lungfuse" in (job.shellcmd or "")
            ]
            made += [
                Made(rule.name, rule.shellcmd, set(), modules_of(rule.input.code))
                for rule in workflow.rules
                if rule.name in OTHER_STUDIES
            ]
            return Graph(made, [stage.entry for stage in stages_of("demo", workflow)])


def modules_of(files: list[str]) -> set[str]:
    """The names of the modules of this package among files."""
    names = (Path(file).relative_to(CODE) for file in files if str(file).startswith(CODE) and str(file).endswith(".py"))
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
    return modules_of([str(file.relative_to(ROOT)) for file in (ROOT / CODE).rglob("*.py")])


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
    return found - empty_modules()


def test_a_job_lists_what_its_stage_was_seen_to_import(graph, edges):
    for made in graph.made:
        assert made.listed == reached(edges, *made.modules), made


def test_dvc_lists_what_the_jobs_of_a_stage_list(graph):
    for entry in graph.entries:
        outputs = {name for kind in ["outs", "plots", "metrics"] for out in entry.get(kind, []) for name in names(out)}
        listed = [made.listed for made in graph.made if made.outputs & outputs]
        assert modules_of(entry["deps"]) == set().union(*listed), entry["cmd"]


def names(output: str | dict) -> list[str]:
    return [output] if isinstance(output, str) else list(output)


@pytest.mark.parametrize("module", RERUN_BY)
def test_a_module_makes_these_rules_run_again(graph, module):
    assert {made.rule for made in graph.made if f"lungfuse.{module}" in made.listed} == RERUN_BY[module]


def test_every_module_is_listed_or_named_with_a_reason(graph, edges):
    listed = set().union(*(made.listed for made in graph.made))
    parts = {module for module in all_modules() if module.startswith(("lungfuse.adapters.", "lungfuse.encoders."))}
    unlisted = all_modules() - listed - parts - reached(edges, *BY_HAND) - empty_modules()
    assert all(map(decides_nothing, unlisted)), unlisted
    assert not any(map(decides_nothing, listed))
    assert all(module in DECIDES_NOTHING for module in unlisted if module.count(".") == 1)


def test_a_package_and_imports_of_a_submodule_and_in_a_function_count():
    assert {"lungfuse.train", "lungfuse.train.predictions"} <= set(deciding("lungfuse.train.late"))
    assert "lungfuse.prefork" in imports("lungfuse.__main__"), "from lungfuse import prefork"
    assert "lungfuse.command_line" in imports("lungfuse.__main__"), "where it is used"


def test_the_digest_of_code_is_another_when_a_module_of_it_changes(monkeypatch, tmp_path):
    before = digest("lungfuse.train.train")
    edited = tmp_path / "arms.py"
    edited.write_text(source("lungfuse.modalities.image.arms").read_text() + "# a remark\n")
    places = {module: source(module) for module in deciding("lungfuse.train.train")} | {
        "lungfuse.modalities.image.arms": edited
    }
    monkeypatch.setattr("lungfuse.dependencies.source", places.get)
    assert digest("lungfuse.train.train") != before
