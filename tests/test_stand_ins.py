"""Stand-ins of stages, on which the tests of orchestration rest, fail where their stages would."""

import sys

import pytest
from conftest import HEAVY, run_tool

MODEL = "results/demo/models/image.json"


@pytest.fixture(scope="module")
def project(new_project):
    """A project with stand-ins and the file of a model, whose training has nothing to read yet."""
    project = new_project(stand_ins=HEAVY)
    command = [sys.executable, "-m", "lungfuse", "model", "--study", "demo", "--model", "image"]
    written = run_tool(project, *command, PYTHONPATH=str(project / "workflow"))
    assert written.returncode == 0, written.stdout
    return project


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--model", MODEL, "--run", "0", "--unheard-of", "1"], "unheard-of"),
        (["--model", MODEL], "run"),
        (["--model", "none.json", "--run", "0"], "none.json"),
        (["--model", MODEL, "--run", "0"], "pairs.csv"),
    ],
)
def test_a_stand_in_fails_where_its_stage_would(project, options, message):
    command = [sys.executable, "-X", "importtime", "-m", "lungfuse", "train", *options]
    ran = run_tool(project, *command, PYTHONPATH=str(project / "workflow"))
    assert ran.returncode != 0
    assert message in ran.stdout
    assert " torch" not in ran.stdout, "a stand-in loads no network"
    assert not (project / "results/demo/models/image/fold0").exists()
