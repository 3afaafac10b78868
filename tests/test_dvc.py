"""The stages of DVC are what the workflow says, and both tools run the project's own rules by them.

Stages that compute for long are stand-ins, see tests/stand_ins. The situations in which both tools have to
agree are in tests/test_agreement.py.
"""

import json
import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from functools import reduce
from operator import getitem
from pathlib import Path

import dvc_graph
import dvc_stages
import pytest
import yaml
from agreeing import Project
from conftest import DEMO_MODELS, HEAVY_AND_LAST, ROOT, changed_setting, run_tool
from dvc_stage import stages_of

from lungfuse.errors import UserError
from lungfuse.plan.load import load_study
from lungfuse.plan.plan import Plan
from lungfuse.settings.params import read_params

RERUN_BY = {  # some settings, with the stages of the demo that they make run again
    "comparison.timings": {"compare", "analyses"},
    "models.linear-probe.settings.c": {"linear-probe"},
    "models.tfidf.settings.min_df": {"tfidf"},
    "fusion.blocks": {"kv-exchange"},
    "fusion.hidden": {"image", "text", "kv-exchange", "early_all"},
}


def test_dvc_yaml_is_up_to_date_and_can_be_read(monkeypatch):
    monkeypatch.chdir(ROOT)
    written = dvc_stages.file_contents({"openi"})
    assert {file: file.read_text() for file in written} == written, "run `make dvc`"
    text = written[Path("dvc.yaml")]
    assert len(text.splitlines()) < 800
    stages = yaml.safe_load(text)["stages"]
    assert set(read_params(Path("params.yaml"))["studies"]["openi"]["models"]) <= set(stages), "a stage a model"
    outs = [out for stage in stages.values() for out in stage.get("outs", [])]
    assert not any(out.startswith(("data/raw", "data/encoders")) for out in outs)


def test_another_study_has_its_own_file_and_a_stale_one_is_reported(new_project):
    """The stages are those of the folder that the script is in, whichever clone is installed."""
    project, script = new_project(), [sys.executable, "workflow/scripts/dvc_stages.py"]
    made = run_tool(project, *script, "--study", "demo", PYTHONPATH=str(ROOT / "workflow"))
    assert made.returncode == 0, made.stdout
    demo = yaml.safe_load((project / "studies/demo/dvc.yaml").read_text())["stages"]
    assert all("study" in stage["cmd"] and stage["wdir"] == "../.." for stage in demo.values())
    assert "demo" not in (project / "dvc.yaml").read_text()
    assert ".." not in (project / "dvc.yaml").read_text()
    shared = yaml.safe_load((project / "data/dvc.yaml").read_text())["stages"]
    assert {"draw", "download_openi", "encoder_vit-tiny", "encoder_efficientnet-lite0"} <= set(shared)
    with changed_setting(
        project / "params.yaml", "studies", "demo", "models", "more", to={"architecture": "tfidf", "text": "impression"}
    ):
        check = run_tool(project, *script, "--check", PYTHONPATH=str(ROOT / "workflow"))
    assert check.returncode == 1
    assert check.stdout.startswith("studies/demo/dvc.yaml: not what the workflow says. Run `make dvc`")


def test_a_stage_lists_every_setting_that_its_jobs_use(monkeypatch):
    """Each setting is changed in turn; a stage is decided by what it lists, and by nothing else."""
    monkeypatch.chdir(ROOT)
    params = few_models(read_params(Path("params.yaml")))
    study, (before, listed) = load_study(params), decided_by(params)
    unlisted, reruns = [], {}
    for place in leaves({"defaults": params["defaults"], "studies": {"demo": params["studies"]["demo"]}}):
        for value in other_values(reduce(getitem, place, params)):
            other = with_setting(params, place, value)
            try:
                if load_study(other) == study:
                    break  # a default that the demo does not use
            except UserError:
                continue
            after, _ = decided_by(other)
            changed = {stage for stage in before if before[stage] != after.get(stage)}
            setting = ".".join(place)
            unlisted += [f"{stage}: {setting}" for stage in changed if not setting.startswith(tuple(listed[stage]))]
            reruns[setting.removeprefix("defaults.").removeprefix("studies.demo.")] = changed - {"pages", "document"}
            break
    assert unlisted == []
    assert {setting: reruns[setting] for setting in RERUN_BY} == RERUN_BY


def few_models(params: dict) -> dict:
    """Settings whose demo has two folds and a model of each kind, and which no other study reads."""
    demo = params["studies"]["demo"]
    demo["models"] = {name: demo["models"][name] for name in [*DEMO_MODELS, "early_all"]}
    for name, setting in {"linear-probe": {"c": 1.0}, "tfidf": {"min_df": 2}}.items():
        demo["models"][name]["settings"] = setting
    space = {"settings.c": {"low": 1, "high": 9}, "encoders.pooling": ["none", "mean"]}
    search = {"rounds": 2, "width": 1, "space": space}
    demo["models"]["searched"] = {"architecture": "linear-probe", "images": "raw", "search": search}
    params["defaults"]["split"]["folds"] = 2
    return params | {"studies": {"demo": demo}, "study": "demo"}


def decided_by(params: dict) -> tuple[dict[str, list], dict[str, list[str]]]:
    """The settings and files of the jobs of each stage, and the places in params.yaml that the stage lists."""
    stages = stages_of("demo", dvc_graph.jobs_of(Plan(*load_study(params))), dvc_graph, params)[1:]
    decided = {stage.name: [(job.outputs, job.settings) for job in stage.jobs] for stage in stages}
    return decided, {stage.name: stage.params for stage in stages}


def with_setting(params: dict, place: tuple, value: object) -> dict:
    """Settings with another value at a place."""
    key, *below = place
    return params | {key: with_setting(params[key], tuple(below), value) if below else value}


def leaves(settings: dict, above: tuple = ()) -> Iterator[tuple]:
    """The places of the plain values."""
    for key, value in settings.items():
        if isinstance(value, dict):
            yield from leaves(value, (*above, key))
        elif isinstance(value, (str, bool, int, float)) and key != "raw":  # other raw files are another graph
            yield (*above, key)


def other_values(value: str | bool | int | float) -> list:
    """Values to try in place of one."""
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, str):
        return sorted({"crop", "unimodal", "random", "fp32", "bf16", f"{value} too"} - {value})
    return [value + 1, value * 0.9]


MODELS = {
    "tfidf": {"text": "findings"},
    "text": {"text": "findings", "train": {"layers": "full", "epochs": 2}},
    "early": {"text": "findings", "structured": "age"},
}
COMPARED = Counter(compare=1, pages=1, document=1, provenance_html=1)
ANALYSES = Counter(analysis=99, table=99, figure=99)
EARLY = Counter(model=1, train=2, pool_folds=1, permute=1) + COMPARED
TRAINED = Counter(train=4, features=2, pool_folds=2, permute=1) + COMPARED
PAIRS = Counter(reports=1, filter=1, data_check=1, split=1)
RATE = ["studies", "openi", "models", "early", "train", "learning_rate"]


@pytest.fixture(scope="module")
def project(new_project, drawn_raw) -> Project:
    """A study of synthetic texts and ages, whose raw files were put there by hand."""
    folder = new_project(models=None, stand_ins=HEAVY_AND_LAST)
    params = yaml.safe_load((folder / "params.yaml").read_text())
    openi, demo = params["studies"]["openi"], params["studies"]["demo"]
    openi |= {
        "modalities": ["text", "structured"],
        "models": MODELS,
        "n_seeds": 1,
        "split": {"folds": 2},
        "leakage": {"sections": []},
    }
    openi |= {key: demo[key] for key in ["encoders", "fusion"]} | {"train": demo["train"] | {"epochs": 1}}
    (folder / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    shutil.copytree(drawn_raw, folder / "data/raw/openi")
    project = Project(folder)
    assert project.put_under_dvc("openi") == "", "raw files are outputs of the stage that downloads them"
    return project


def test_snakemake_runs_the_study_and_dvc_has_nothing_left_to_do(project):
    raw = project.folder / "data/raw/openi/NLMCXR_reports.tgz"
    given = raw.read_bytes()
    ran = project.does("snakemake")
    assert ran - ANALYSES == PAIRS + TRAINED + Counter(text_encoder=1, model=3, fit=1)
    assert project.agree_on_nothing_to_do()
    assert project.does("dvc repro") == Counter()
    assert raw.read_bytes() == given
    assert "published file" in (project.folder / "results/openi/rejected.csv").read_text()


def test_dvc_repro_reruns_one_model_and_shows_what_has_changed(project):
    project.commit("before")
    model = ["studies", "openi", "models", "early"]
    project.set(*model, to=MODELS["early"] | {"train": {"learning_rate": 0.5}})
    assert project.stale() == {"plan", "early", "pages", "document"}
    assert project.does("dvc repro") - ANALYSES == EARLY
    assert project.agree_on_nothing_to_do()
    assert "early" in project.succeeds("dvc metrics show")
    changed = json.loads(project.succeeds("dvc metrics diff --json"))
    assert set(changed["results/openi/metrics.json"]) == {"early.accuracy", "text.accuracy", "tfidf.accuracy"}
    drawn = project.succeeds("dvc plots diff HEAD --show-vega --targets results/openi/curves/early.csv")
    assert '"validation_loss"' in drawn and '"workspace"' in drawn
