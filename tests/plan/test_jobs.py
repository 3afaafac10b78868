"""The jobs of a study: what their stages are given, and what stands for them in the settings."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from lungfuse.dependencies import source
from lungfuse.plan.job import Job
from lungfuse.plan.plan import Plan
from lungfuse.plan.resources import Sizes
from lungfuse.stages import OF_MODELS, STAGES

ONCE = ["draw", "reports", "images", "filter", "data_check", "split", "annotated", "segmentation_scores", "compare"]
BY_HAND = {"run", "round", "trial", "n_seeds", "threads"}  # that a rule or the command line says


def jobs(plan: Plan) -> Iterator[Job]:
    """A job of each kind that a study has; of trainings the first."""
    yield from (getattr(plan, name)() for name in [*ONCE, "pages"])
    yield from map(plan.download, plan.dataset.DOWNLOADS)
    yield from map(plan.encoder, plan.encoders)
    yield from map(plan.pretrain, plan.pretrainings)
    yield from map(plan.segmenter, plan.trained_segmenters)
    for name in plan.used_segmenters:
        yield from [plan.masks(name), plan.draw_masks(name)]
    yield from (plan.features(*which) for which in plan.feature_sets)
    yield from map(plan.analysis, plan.analyses)
    yield from map(plan.explanation, plan.explained)
    yield from map(plan.model, plan.configs)
    for name in plan.searches:
        yield from [plan.propose(name, "0", 0), plan.propose(name, "0", 1), plan.select(name, "0")]
        yield (plan.train_trial if plan.configs[name].train else plan.fit_trial)(name, "0", 1, 0)
    yield from (plan.train(name, "0") for name in plan.of_stage("train"))
    for stage, of in {"pool_folds": "train", "fit": "fit", "late": "late"}.items():
        yield from map(getattr(plan, stage), plan.of_stage(of))


@cache
def taken(stage: str) -> tuple[set[str], set[str]]:
    """The names of what the `main` of a stage takes, and of what it cannot do without; read, not imported."""
    tree = parsed(STAGES[stage].module)
    (main,) = (node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "main")
    groups, every, needed = options_of(tree), set(), set()
    for argument, default in zip(main.args.kwonlyargs, main.args.kw_defaults, strict=True):
        fields = groups.get(ast.unparse(argument.annotation), {argument.arg: default is None})
        every |= set(fields)
        needed |= {name for name, required in fields.items() if required}
    return every, needed


def options_of(tree: ast.Module) -> dict[str, dict[str, bool]]:
    """The fields of the groups of options that a module defines or imports, and whether each is required."""
    imports = [node.module for node in tree.body if isinstance(node, ast.ImportFrom) and "lungfuse." in node.module]
    found = [node for each in [tree, *map(parsed, imports)] for node in each.body if isinstance(node, ast.ClassDef)]
    groups = {node.name: node.body for node in found if "options" in map(ast.unparse, node.decorator_list)}
    return {
        name: {field.target.id: field.value is None for field in body if isinstance(field, ast.AnnAssign)}
        for name, body in groups.items()
    }


@cache
def parsed(module: str) -> ast.Module:
    return ast.parse(source(module).read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "study", ["demo-full", "openi", "openi-findings", "openi-published", "tb", "tb-sites", "skin", "demo-search"]
)
def test_a_job_gives_its_stage_what_it_takes(studies, study):
    plan, wrong = Plan(study, studies[study]), []
    for job in jobs(plan):
        every, needed = taken(job.stage)
        given = {"model", "n_seeds"} & every if job.stage in OF_MODELS else set(job.arguments)
        strange, missing = given - every, needed - given - BY_HAND
        wrong += [f"{job.stage}: takes no {name}" for name in strange]
        wrong += [f"{job.stage}: needs {name}" for name in missing]
    assert sorted(set(wrong)) == []


@pytest.mark.parametrize(("study", "index"), [("demo", []), ("tb", [Path("data/annotated/tb/index.csv")])])
def test_images_that_a_segmenter_of_the_study_has_learned_from_are_known(studies, study, index):
    assert Plan(study, studies[study]).held_out_index == index


def test_the_pre_training_has_settings_of_its_own(studies):
    plan = Plan("openi", studies["openi"])
    job = plan.pretrain("efficientnet-lite0")
    assert (plan.study.train.layers, job.settings["train"].layers) == ("frozen", "full")
    assert job.settings["min_reports"] == 40


def test_the_shuffle_of_a_model_does_not_change_what_others_are_made_from(studies):
    plan = Plan("demo-full", studies["demo-full"])
    intact, shuffled = (plan.train(name, "0") for name in ["kv-exchange", "kv-exchange_shuffled-text"])
    assert intact.reads == shuffled.reads and intact.outputs != shuffled.outputs


def test_models_before_long_chains_are_trained_first(studies):
    """An image model, then the fusion that reads its tokens, then the explanation of that."""
    waiting = Sizes(Plan("demo", studies["demo"])).waiting
    assert waiting("image") > waiting("early_all") > waiting("kv-exchange") == waiting("tfidf") == 0
