"""The demo with `--use-conda`, on a stand-in for conda; tests/conda_stand_in.py says what that shows."""

import sys
from pathlib import Path

import conda_stand_in
import pytest
import yaml
from conftest import ROOT, changed_setting, run_tool

pytestmark = pytest.mark.conda
SNAKEMAKE = [sys.executable, "-m", "snakemake", "--cores", "2", "--use-conda", "--config", "study=demo"]
ROWS = ["tfidf", "linear-probe_segmented", "image", "text", "late", "kv-exchange"]
ENVIRONMENTS = {"data", "fusion", "report", "segmentation"}


@pytest.fixture(scope="module")
def conda(tmp_path_factory) -> dict[str, str]:
    """The variables that bring the stand-in, and hide the environment of the tests."""
    wanted = yaml.safe_load((ROOT / "workflow/envs/fusion.yaml").read_text())["dependencies"]
    pip = next(spec.removeprefix("pip=") for spec in wanted if str(spec).startswith("pip="))
    variables = conda_stand_in.build(tmp_path_factory.mktemp("conda") / "root", pip)
    own = str(Path(sys.executable).parent)
    return variables | {"PATH": ":".join(folder for folder in variables["PATH"].split(":") if folder != own)}


@pytest.fixture(scope="module")
def project(new_project, conda) -> Path:
    """A project in which a small demo, with every kind of rule, has been run with --use-conda."""
    project = new_project(ROWS, folds=2, epochs=1)
    params = yaml.safe_load((project / "params.yaml").read_text())
    params["studies"]["demo"]["train"]["init_from"] = "encoder"
    params["studies"]["demo"]["segmentation"]["segmenters"] = {"unet-cxr-masks": ["Montgomery", "Shenzhen"]}
    (project / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    done = run_tool(project, *SNAKEMAKE, timeout=1000, **conda)
    assert done.returncode == 0, done.stdout
    return project


def test_every_kind_of_rule_has_run_in_its_environment(project):
    assert (project / "results/demo/comparison.csv").stat().st_size
    made = [yaml.safe_load(path.read_text()) for path in (project / ".snakemake/conda").glob("*.yaml")]
    assert len(made) == len(ENVIRONMENTS)
    packages = [sorted(path.name for path in (project / ".snakemake/conda").glob("*/lib/python3*/site-packages/torch"))]
    assert packages == [["torch"]], "only the environment `fusion` has PyTorch"


def test_a_second_run_has_nothing_to_do(project, conda):
    assert "Nothing to be done" in run_tool(project, *SNAKEMAKE, **conda).stdout


def test_an_environment_that_cannot_be_made_is_reported(project, conda):
    data = project / "workflow/envs/data.yaml"
    before = data.read_text()
    data.write_text(before.replace("numpy=", "numpy=99"))
    failed = run_tool(project, *SNAKEMAKE, "--forcerun", "split", **conda)
    data.write_text(before)
    assert failed.returncode == 1
    assert "workflow/envs/data.yaml" in failed.stdout
    assert "numpy 99" in failed.stdout.replace("==", " ").replace("=", " ")


def test_a_setting_gives_the_rules_that_train_software_for_gpus(project, conda):
    with changed_setting(project / "params.yaml", "gpu_software", to=True):
        listed = run_tool(project, *SNAKEMAKE, "--list-conda-envs", **conda).stdout
    assert all(f"envs/{name}.yaml" in listed for name in ["data", "report", "gpu/fusion", "gpu/segmentation"])
    assert "envs/fusion.yaml" not in listed
