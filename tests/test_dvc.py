"""dvc.yaml is what the Snakefile says, and `dvc repro` runs it."""

import shutil
import sys
from collections.abc import Iterator
from functools import reduce
from operator import getitem
from pathlib import Path

import pytest
import yaml
from conftest import DEMO_ROWS, HEAVY, ROOT, changed_setting, keep_rows, run_tool

from lungfuse.errors import UserError
from lungfuse.settings.params import load_studies, read_params

RERUN_BY = {  # some settings, with the stages of the demo that they make run again
    "comparison.timings": {"compare"},
    "comparison.resamples": {"compare", "leakage", "cnn_comparison", "segmentation_scores", "shortcuts"},
    "models.linear-probe.settings.c": {"linear_probe", "compare"},
    "models.tfidf.settings.min_df": {"baseline", "compare"},
    "fusion.blocks": {"train_kv-exchange"},
    "fusion.hidden": {"train_image", "train_text", "train_kv-exchange"},
    "cnns.learning_rate": {"cnn_densenet121"},
}


def test_dvc_yaml_is_up_to_date():
    check = run_tool(ROOT, sys.executable, "workflow/scripts/dvc_stages.py", "--check")
    assert check.returncode == 0, check.stdout


def test_the_graph_of_stages_can_be_read():
    files = {name: yaml.safe_load((ROOT / name).read_text()) for name in ["dvc.yaml", "data/dvc.yaml"]}
    assert sum(len(file["stages"]) for file in files.values()) <= 29
    own_outputs = [out for stage in files["dvc.yaml"]["stages"].values() for out in stage.get("outs", [])]
    assert not any(out.startswith(("data/raw", "data/encoders")) for out in own_outputs)


def test_another_study_has_its_own_file(new_project):
    project = new_project()
    for _ in range(2):
        made = run_tool(project, sys.executable, "workflow/scripts/dvc_stages.py", "--study", "demo")
        assert made.returncode == 0, made.stdout
    demo = yaml.safe_load((project / "studies/demo/dvc.yaml").read_text())["stages"]
    assert all("study=demo" in stage["cmd"] and stage["wdir"] == "../.." for stage in demo.values())
    assert not any(
        "demo" in stage["cmd"] for stage in yaml.safe_load((project / "dvc.yaml").read_text())["stages"].values()
    )
    shared = yaml.safe_load((project / "data/dvc.yaml").read_text())["stages"]
    assert {"draw", "download", "image_encoder_vit-tiny", "image_encoder_efficientnet-lite0"} <= set(shared)


def test_a_stale_dvc_yaml_is_told(new_project):
    project = new_project(rows=None)
    params = project / "params.yaml"
    params.write_text(params.read_text().replace("tfidf_impression: {model: tfidf, text: impression}", ""))
    check = run_tool(project, sys.executable, "workflow/scripts/dvc_stages.py", "--check")
    assert check.returncode == 1
    assert "Run `make dvc`" in check.stdout


def test_a_stage_lists_every_setting_that_its_jobs_use(new_project, monkeypatch):
    """Each setting is changed in turn; the stages whose jobs change with it list it, and no others change."""
    monkeypatch.chdir(new_project(rows=None))
    params = few_rows(read_params(Path("params.yaml")))
    Path("params.yaml").write_text(yaml.safe_dump(params))
    study, (before, entries) = load_studies(params)["demo"], jobs_by_stage("demo")
    unlisted, reruns = [], {}
    for place in leaves({"defaults": params["defaults"], "studies": {"demo": params["studies"]["demo"]}}):
        for value in other_values(reduce(getitem, place, params)):
            with changed_setting(Path("params.yaml"), *place, to=value):
                try:
                    if load_studies(read_params(Path("params.yaml")))["demo"] == study:
                        break  # a default that the demo does not use
                except UserError:
                    continue
                after, entries_after = jobs_by_stage("demo")
            if any(entries[stage]["cmd"] != entry["cmd"] for stage, entry in entries_after.items()):
                break  # another graph: dvc.yaml itself has to be written anew
            changed = {stage for stage in before if before[stage] != after[stage]}
            setting = ".".join(place)
            lists = {stage: tuple(entries[stage].get("params", [])) for stage in changed}
            unlisted += [f"{stage}: {setting}" for stage in changed if not setting.startswith(lists[stage])]
            name = setting.removeprefix("defaults.").removeprefix("studies.demo.")
            reruns[name] = changed - {"pages"}  # they show every setting
            break
    assert unlisted == []
    assert {setting: reruns[setting] for setting in RERUN_BY} == RERUN_BY
    assert {"split", "segmenter_unet-shenzhen", "features"} <= set().union(*reruns.values())


def few_rows(params: dict) -> dict:
    """Settings whose demo has two folds and a row of each kind, and which no other study reads."""
    demo = params["studies"]["demo"]
    demo["models"] = {row: demo["models"][row] for row in [*DEMO_ROWS, "kv-exchange_shuffled-image"]}
    for row, setting in {"linear-probe": {"c": 1.0}, "tfidf": {"min_df": 2}}.items():
        demo["models"][row]["settings"] = setting
    params["defaults"]["split"]["folds"] = 2
    return params | {"studies": {"demo": demo}, "study": "demo"}


def jobs_by_stage(study: str) -> tuple[dict[str, list[str]], dict[str, dict]]:
    """The shell command of every job by its stage, and the stages as DVC reads them."""
    from dvc_stages import stages_of, workflow_of

    with workflow_of(study) as workflow:
        stages = stages_of(study, workflow)
        commands = {stage.name: sorted(job.shellcmd for job in stage.jobs) for stage in stages}
        return commands, {stage.name: stage.entry for stage in stages}


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


@pytest.fixture(scope="module")
def project(new_project, drawn_raw):
    """A repository whose openi study has drawn raw files, put there by hand as a user would."""
    project = new_project(rows=None, stand_ins=HEAVY)
    keep_rows(project / "params.yaml", "openi", ["majority", "tfidf", "image", "text", "early"], folds=2, epochs=1)
    assert run_tool(project, sys.executable, "workflow/scripts/dvc_stages.py").returncode == 0
    shutil.copytree(drawn_raw, project / "data/raw/openi")
    for command in ["git init -q", "git add -A", "git -c user.name=t -c user.email=t@example.org commit -qm start"]:
        assert run_tool(project, *command.split()).returncode == 0
    return project


def test_dvc_repro_runs_the_openi_study_from_files_put_there_by_hand(project):
    before = (project / "data/raw/openi/NLMCXR_png.tgz").read_bytes()
    repro = run_tool(project, "dvc", "repro")
    assert repro.returncode == 0, repro.stdout
    assert (project / "results/openi/comparison.csv").exists()
    assert (project / "data/raw/openi/NLMCXR_png.tgz").read_bytes() == before
    assert "published file" in (project / "results/openi/rejected.csv").read_text(), (
        "drawn files are not the published ones"
    )
    again = run_tool(project, "dvc", "repro")
    assert "Data and pipelines are up to date" in again.stdout


def test_dvc_draws_the_training_curves(project):
    shown = run_tool(project, "dvc", "plots", "show", "--show-vega", "train_early")
    assert '"validation_loss"' in shown.stdout, shown.stdout
    assert all(f"fold{fold}/history.csv" in shown.stdout for fold in range(2)), "both folds in one plot"


def test_the_learning_rate_of_one_model_makes_that_model_stale_alone(project):
    row = ["studies", "openi", "models", "early", "train"]
    with changed_setting(project / "params.yaml", *row, to={"learning_rate": 0.5}):
        status = run_tool(project, "dvc", "status").stdout
    assert "train_early:" in status
    assert "train_image:" not in status
    assert "train_text:" not in status


def test_dvc_knows_the_metrics_and_what_a_setting_changes(project):
    assert "tfidf.accuracy" in run_tool(project, "dvc", "metrics", "show").stdout
    with changed_setting(project / "params.yaml", "defaults", "comparison", "confidence", to=0.9):
        status = run_tool(project, "dvc", "status").stdout
    assert "compare:" in status
    assert "split:" not in status
    assert "baseline" not in status
