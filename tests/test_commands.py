"""The shell commands of the rules are short: a stage is called with few words, however large its study is."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from conftest import ROOT
from snakemake.api import SnakemakeApi
from snakemake.jobs import Job
from snakemake.rules import Rule
from snakemake.settings.types import ConfigSettings, DAGSettings, OutputSettings, Quietness, ResourceSettings
from snakemake.shell import shell
from snakemake.workflow import Workflow

from lungfuse.plan.features import feature_set, reads_features
from lungfuse.plan.load import load_study
from lungfuse.plan.plan import Plan
from lungfuse.settings.params import read_params

MOST_BYTES, MOST_OPTIONS = 4096, 90
OPTION = re.compile(r"(?<!\S)--[a-z]")


def large_openi() -> dict:
    """Settings in which each model of openi is trained as often as settings allow: on 20 folds, 20 times each."""
    params = read_params(ROOT / "params.yaml") | {"study": "openi", "dvc_sync": False}
    openi = params["studies"]["openi"]
    for model in openi["models"].values():
        model.pop("n_seeds", None)
    openi |= {"n_seeds": 20, "split": {"folds": 20, "validation": 0.05, "repeats": 20}}
    return params


def files(plan: Plan) -> Iterator[Path]:
    """Files of a study: all that the report shows, and what each model leaves, of networks in the last training."""
    yield from [
        plan.layout.report,
        plan.layout.workflow_report,
        *plan.shown,
        *plan.reports().made.values(),
        *plan.images().made.values(),
    ]
    yield from [plan.layout.split["pairs"], *plan.layout.candidates.values(), *plan.layout.data_check.values()]
    for name, config in plan.configs.items():
        yield from [plan.layout.model(name), *plan.layout.predictions(name).values()]
        run = plan.runs(name)[-1] if config.train else ""
        yield from plan.layout.network(name, run).values() if config.train else []
        for modality in config.encoders:
            yield from feature_set(config, modality, run).files.values() if reads_features(config) else []
            yield from plan.layout.encoder(config.encoders[modality], modality).values()
    for pretraining in plan.pretrainings:
        yield from plan.layout.pretrained(pretraining).values()


def command(workflow: Workflow, rule: Rule, file: str) -> str:
    """The shell command of the job that makes a file."""
    job = Job(rule, workflow.dag, rule.get_wildcards(file), targetfile=file)
    workflow.dag._jobid[job] = 0
    return job.shellcmd


@pytest.fixture(scope="module")
def workflow(tmp_path_factory) -> Iterator[Workflow]:
    """The rules of the large study, without a graph of its 13,000 jobs."""
    folder = tmp_path_factory.mktemp("large")
    (folder / "params.yaml").write_text(yaml.safe_dump(large_openi(), sort_keys=False))
    with pytest.MonkeyPatch.context() as patch, SnakemakeApi(OutputSettings(quiet={Quietness.ALL})) as api:
        patch.chdir(folder)
        made = api.workflow(
            resource_settings=ResourceSettings(cores=1),
            config_settings=ConfigSettings(config={"study": "openi"}),
            snakefile=ROOT / "Snakefile",
            workdir=folder,
        )
        made.dag(DAGSettings())
        made._workflow._prepare_dag(forceall=False, ignore_incomplete=False, lock_warn_only=True)
        yield made._workflow


def test_no_command_of_the_largest_study_that_settings_allow_is_long(workflow):
    plan = Plan(*load_study(large_openi()))
    assert len(plan.runs("kv-exchange")) == 400
    longest = {}
    for file in map(str, files(plan)):
        for rule in workflow.rules:
            if rule.shellcmd and rule.is_producer(file):
                longest[rule] = max(file, longest.get(rule, ""), key=len)
    sizes = {rule.name: len(command(workflow, rule, file)) for rule, file in longest.items()}
    assert {"train", "features", "fit", "late", "pool_folds", "compare", "pages", "document", "provenance_html"} <= set(
        sizes
    )
    assert {name: size for name, size in sizes.items() if len(shell._process_prefix) + size > MOST_BYTES} == {}


def test_all_commands_together_have_few_options(workflow):
    options = {rule.name: len(OPTION.findall(rule.shellcmd)) for rule in workflow.rules if rule.shellcmd}
    assert options["train"] == 3
    assert sum(options.values()) <= MOST_OPTIONS, options
