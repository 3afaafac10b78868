"""What every rule says, what the rules' environments hold, and that wrong settings stop before any job."""

import re
import sys
from xml.etree import ElementTree

import pytest
import yaml
from conftest import HEAVY, ROOT, run_snakemake, run_tool

LOCKED_AS = {"matplotlib-base": "matplotlib", "pytorch": "torch", "pytorch-gpu": "torch"}
LOCKED_AS |= {"tensorflow[and-cuda]": "tensorflow-cpu"}
SLOW = {"matplotlib", "scipy", "sklearn", "torch"}  # to import
NAMES_WHAT_IT_IMPORTED = """
import sys
from snakemake.cli import main
sys.argv = ["snakemake", "-n", "--quiet", "--config", "study=demo"]
try:
    main()
finally:
    print(*{name.partition(".")[0] for name in sys.modules})
"""
LOCAL = {"download", "text_encoder", "model", "pool_folds", "late", "provenance_html"}
ON_GPUS = {"segmenter", "pretrain", "features", "train", "train_trial", "permute"}


def test_every_rule_says_what_a_cluster_and_a_reader_need():
    rules = "".join(path.read_text() for path in (ROOT / "workflow/rules").glob("*.smk"))
    on_gpus = set()
    for rule in re.split(r"^ *(?<!use )rule\b *", rules, flags=re.M)[1:]:
        if "target(each.name)" in rule:
            continue  # the targets of DVC run nothing themselves
        named = re.search(r"name:\s+f?\"([^\"]+)", rule)  # of a rule that a loop makes
        name = rule.split(":")[0] or named[1].replace("{modality}", "text")
        on_gpus |= {name} if "gpu=" in rule else set()
        for directive in ["log:", "conda:", "mem_mb=scaled(", "runtime=scaled(", "message:"]:
            assert directive in rule, f"{name} has no {directive}"
        assert ("group:" in rule) == ("turn=1" in rule) == (name not in LOCAL), "what is submitted takes turns"
    assert on_gpus == ON_GPUS


def test_conda_environments_hold_the_versions_of_the_lock():
    locked = (ROOT / "requirements.lock").read_text().lower().replace("_", "-")
    lock = dict(line.split("==") for line in locked.split())
    for path in (ROOT / "workflow/envs").rglob("*.yaml"):
        environment = yaml.safe_load(path.read_text())
        assert environment["channels"] == ["conda-forge", "nodefaults"]
        *packages, last = environment["dependencies"]
        from_pip = [package.replace("==", "=") for package in last["pip"]] if isinstance(last, dict) else [last]
        for name, version in (package.split("=") for package in packages + from_pip):
            if name not in ("python", "pip"):
                assert lock[LOCKED_AS.get(name, name).replace("_", "-")] == version, f"{path.name}: {name}"


def test_the_graph_in_the_readme_is_that_of_the_demo(new_project):
    drawn = ElementTree.parse(ROOT / "docs/workflow.svg").iter("{http://www.w3.org/2000/svg}text")
    run = run_snakemake(new_project(models=None), "-n", "--config", "study=demo")
    jobs = set(re.findall(r"^(\w+) +\d+$", run.stdout, re.M)) - {"total"}
    assert {text.text for text in drawn} == jobs - {"default"}, "run `make graph`"
    assert "Reason:" not in run.stdout, "lists of all files of a job, in which its message is lost"


def test_a_run_starts_without_libraries_that_are_slow_to_import(new_project):
    """DVC starts Snakemake once a stage."""
    run = run_tool(new_project(), sys.executable, "-c", NAMES_WHAT_IT_IMPORTED)
    assert run.returncode == 0, run.stdout
    imported = {*run.stdout.splitlines()[-1].split()}
    assert "snakemake" in imported and not imported & SLOW


def test_files_that_studies_share_are_made_once(new_project):
    """A study that ran in between does not make them, and so all that reads them, run again."""
    project = new_project(stand_ins=HEAVY)
    shared = ["data/encoders/vit-tiny/config.json", "data/encoders/bert-tiny/config.json"]
    shared.append("data/raw/demo/NLMCXR_reports.tgz")
    assert run_snakemake(project, "--config", "study=demo", "--", *shared).returncode == 0
    other = run_snakemake(project, "-n", "--config", "study=demo-full", "--", *shared)
    assert "Nothing to be done" in other.stdout, other.stdout


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("image_size: 64", "imagesize: 64", "studies.demo.images.imagesize: unknown key (did you mean image_size?)"),
        ("study: openi\n", "study: openi\nstudy: tb\n", "the key 'study' comes twice, first in line 4. Remove one"),
    ],
)
def test_a_wrong_setting_stops_before_any_job(new_project, old, new, message):
    project = new_project(models=None)
    params = project / "params.yaml"
    params.write_text(params.read_text().replace(old, new))
    run = run_snakemake(project, "--config", "study=demo")
    assert run.returncode == 1
    assert message in run.stdout
    assert "Traceback" not in run.stdout
    assert not (project / "data/raw/demo").exists()
