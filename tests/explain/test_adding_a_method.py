"""A method of explanation is a file: the command line, the stage and the plan of a study find it."""

import json
import os
import subprocess
import sys

import pandas as pd
import pytest
from conftest import ROOT

from lungfuse.plan.layout import Layout

PAGE = (ROOT / "docs/explanations.md").read_text(encoding="utf-8")
METHOD, NAME = PAGE.split("```python\n")[1].split("```")[0], "input-x-gradient"
STAGE = """
import sys
from pathlib import Path
from lungfuse.explain import integrated_gradients
from lungfuse.relevance import curves
from lungfuse.settings.comparison import Intervals
from lungfuse.settings.explanations import ExplanationSettings
from lungfuse.stages import call
figure, scores = map(Path, sys.argv[2:])
curves.ORDERS, curves.STEPS, integrated_gradients.STEPS = 1, 4, 8  # in little time
explanations = ExplanationSettings(cases=4, inside=None, evidence=None)
given = {"explanations": explanations, "intervals": Intervals(confidence=0.95, resamples=100), "raw": "small"}
of_study = {"model": Path(sys.argv[1]), "title": "small", "notice": ""}
call("explanation", of_study | given | {"figure": figure, "scores": scores})
"""
PARTS = "from lungfuse.command_line import planned; print(*planned('demo').explanation('text').parts)"


@pytest.fixture
def python(new_project):
    """Run Python with the code of a copy of the project to which the file of the method was added."""
    project = new_project()
    (project / "workflow/lungfuse/explain/input_x_gradient.py").write_text(METHOD)

    def run(*command: str, cwd=project) -> str:
        environment = os.environ | {"PYTHONPATH": str(project / "workflow")}
        ran = subprocess.run([sys.executable, *command], cwd=cwd, env=environment, capture_output=True, text=True)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    return run


def test_a_method_is_one_file_that_the_command_the_stage_and_the_plan_find(python, trained, tmp_path):
    study = trained()
    model, file = str(study.model("early")), str(Layout("small").model("early"))
    asked = ["--model", model, "--text", "study 3 lungs low", "--method", NAME, "--out", str(tmp_path)]
    python("-m", "lungfuse", "explain", *asked)
    record = json.loads((tmp_path / "explanation.json").read_text())
    assert record["words"] == ["study", "3", "lungs", "low"]
    assert len(record["methods"][NAME]["words"]) == 4 and any(record["methods"][NAME]["words"])
    assert "Input x gradient" in (tmp_path / "explanation.svg").read_text()
    figure, scores = tmp_path / "figure.svg", tmp_path / "scores.csv"
    python("-m", "lungfuse", "permute", "--model", file, cwd=study.small.folder)
    python("-c", STAGE, file, str(figure), str(scores), cwd=study.small.folder)
    table = pd.read_csv(scores).groupby("method")["measure"].agg(set)
    assert table[NAME] == {"deletion", "insertion", "agreement", "randomisation", "modality-share", "padding"}
    assert table["modalities"] == {"shuffling"}
    assert "Input x gradient" in figure.read_text()
    assert "lungfuse.explain.input_x_gradient" in python("-c", PARTS).split()
