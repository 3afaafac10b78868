"""A rule runs again when a module changes that its stage imports, and no other rule does, with both tools."""

import ast
import builtins
import multiprocessing
import re
import sys
from functools import cache
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

import pytest
from conftest import ROOT

from lungfuse.check.findings import finding_modules
from lungfuse.dependencies import DECIDES_NOTHING, decides_nothing, deciding, digest, imports, source
from lungfuse.encoders import encoder_module, modality_of
from lungfuse.modalities import inputs_module, modality_names
from lungfuse.models import module_of
from lungfuse.settings.rows import ENCODING
from lungfuse.settings.study import Study
from lungfuse.stages import STAGES
from lungfuse.tasks import task_module

CODE = "workflow/lungfuse"
BY_HAND = {"lungfuse.predict.predict", "lungfuse.segment.segment"}  # stages that no rule runs
PARTS = ("lungfuse.datasets.", "lungfuse.encoders.", "lungfuse.modalities.", "lungfuse.models.", "lungfuse.tasks.")
OTHER_STUDIES = {"pretrain", "sites"}  # rules that the demo has no job of
PRETRAINS = {f"lungfuse.{name}" for name in ["models.unimodal.image", "modalities.image.inputs", "tasks.multilabel"]}
LOADERS = {  # what loads parts by name, functions and attributes of a row, by the kind of the parts
    "datasets": {"datasets.load_dataset", "datasets.load_mask_dataset"},
    "encoders": {"encoders.encoder_spec", "encoders.load_part"},
    "findings": {"check.findings.finding_names", "check.findings.load_findings"},
    "inputs": {"modalities.load_inputs"},
    "modalities": {"modalities.load_modality", "modalities.modality_names", "modalities.in_order"}
    | {"modalities.encoded", "row.modalities", "row.sources"},
    "models": {"models.build_model", "models.module_of"},
    "tasks": {"tasks.load_task"},
}
RERUN_BY = {  # some modules, with the rules that a change of each makes run again
    "modalities.image.variants": {"attention", "cnn", "features", "pictures", "pretrain", "train"},
    "modalities.text": {"attention", "compare", "features", "figures", "pages", "pictures", "sites", "train"},
    "modalities.structured.tokens": {"attention", "train"},
    "encoders": {"attention", "features", "image_encoder", "pages", "pretrain", "text_encoder", "train"},
    "encoders.network": {"attention", "features", "image_encoder", "pretrain", "text_encoder", "train"},
    "encoders.image.vit_tiny": {"attention", "features", "image_encoder", "pages", "train"},
    "encoders.networks.bert": {"attention", "features", "pages", "text_encoder", "train"},
    "models.fusion.kv_exchange": {"attention", "train"},
    "models.baseline.tfidf": {"baseline"},
    "models.late.late_stacked": {"late"},
    "tasks.multilabel": {"pretrain"},
    "train.pool_folds": {"pool_folds"},
    "train.kept": {"baseline", "linear_probe"},
    "train.predictions": {"baseline", "pool_folds", "late", "linear_probe"},
    "train.keras_engine": {"cnn", "masks", "segmentation_scores", "segmenter"},
    "check.findings.sources": {"data_check"},
    "check.gate": {"data_check", "split"},
    "compare.sites": {"sites"},
    "datasets.openi": {"images", "pages", "reports"},
}


class Made(NamedTuple):
    """Files that a job makes with a stage, of a `row` where it has one, and the modules that it lists as its code."""

    rule: str
    command: str
    row: str
    outputs: set[str]
    listed: set[str]

    @property
    def stage(self) -> str:
        """The module of its stage."""
        return STAGES[re.search(r"python -m lungfuse (\S+)", self.command)[1]].module

    @property
    def encoders(self) -> list[str]:
        """The encoder that its command names."""
        return re.findall(r"--(?:encoder|name) ([\w-]+)", self.command)


def parts(made: Made, study: Study, kinds: set[str]) -> set[str]:
    """The modules of the parts, of some kinds, that the stage of a job loads by name."""
    row = study.models.get(made.row)
    rows = [row] if row else [study.models[name] for name in study.rows_of(ENCODING)]
    found = set()
    if "datasets" in kinds:
        dataset = study.segmentation.annotated.dataset if made.rule == "annotated" else study.dataset
        found |= {f"lungfuse.datasets.{dataset}"}
    if "encoders" in kinds:
        of_rows = {name for each in rows for name in study.encoders_of(each).of(each.inputs).values()}
        found |= {encoder_module(name) for name in made.encoders or of_rows}
    if "findings" in kinds:
        found |= set(finding_modules())
    if "inputs" in kinds:
        found |= {inputs_module(name) for name in (row.inputs if row else map(modality_of, made.encoders))}
    elif "modalities" in kinds:
        found |= {f"lungfuse.modalities.{name}" for name in modality_names()}
    if "models" in kinds:
        found |= {module_of(row.model)}
    return found | ({task_module(study.task)} if "tasks" in kinds else set())


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
                Made(job.rule.name, job.shellcmd, row_of(job), set(job.output), modules_of(job.input))
                for job in workflow.dag.jobs
                if "-m lungfuse" in (job.shellcmd or "")
            ]
            made += [
                Made(rule.name, rule.shellcmd, "", set(), modules_of(rule.input.code))
                for rule in workflow.rules
                if rule.name in OTHER_STUDIES
            ]
            return Graph(made, [stage.entry for stage in stages_of("demo", workflow)])


def row_of(job) -> str:
    return job.wildcards_dict.get("row", "")


def kinds_loaded(edges: dict[str, set[str]], stage: str) -> set[str]:
    """The kinds of parts that a stage loads by name, itself or in what it imports."""
    used = set().union(*map(names_used, reached(edges, stage)))
    return {kind for kind, loaders in LOADERS.items() if loaders & used}


@cache
def names_used(module: str) -> set[str]:
    """What a module imports from others of this package, and the attributes of rows that it reads."""
    found = set()
    for node in ast.walk(ast.parse(source(module).read_bytes())):
        if isinstance(node, ast.ImportFrom) and node.module.startswith("lungfuse."):
            found |= {f"{node.module.removeprefix('lungfuse.')}.{alias.name}" for alias in node.names}
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "row":
            found.add(f"row.{node.attr}")
    return found


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


def test_a_job_lists_what_its_stage_was_seen_to_import_and_the_parts_that_it_loads_by_name(graph, edges, studies):
    for made in graph.made:
        kinds = kinds_loaded(edges, made.stage)
        loaded = PRETRAINS if made.rule == "pretrain" else parts(made, studies["demo"], kinds)
        assert made.listed == reached(edges, made.stage, *loaded), made


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
    of_other_studies = {module for module in all_modules() if module.startswith(PARTS)}
    unlisted = all_modules() - listed - reached(edges, *of_other_studies, *BY_HAND) - of_other_studies - empty_modules()
    assert all(map(decides_nothing, unlisted)), unlisted
    assert not any(map(decides_nothing, listed))
    assert all(module in DECIDES_NOTHING for module in unlisted if module.count(".") == 1)


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
