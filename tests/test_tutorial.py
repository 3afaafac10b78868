"""docs/tutorial.ipynb, run from its first cell to its last in a copy of a finished demo."""

import json
import shutil
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
import pytest
import yaml
from conftest import ROOT
from notebook_page import in_markdown

NOTEBOOK = ROOT / "docs/tutorial.ipynb"


def code_cells() -> list[dict]:
    return [cell for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]


def test_the_tutorial_runs_on_a_finished_demo(finished_demo, tmp_path, monkeypatch):
    project = shutil.copytree(finished_demo, tmp_path / "project")
    monkeypatch.chdir(project / "docs")  # where Jupyter starts a notebook
    names: dict = {}
    with plt.rc_context():
        for cell in code_cells():
            exec("".join(cell["source"]), names)
        plt.close("all")
    assert Path.cwd() == project
    kept = pd.read_csv(project / "results/demo/comparison.csv")
    assert list(names["comparison"].index) == list(kept["row"])
    assert names["by_length"]["size"].sum() == kept["n"].iloc[0]
    assert names["explained"]["words"][:3] == ["The", "lungs", "are"]
    added = yaml.safe_load((project / "params.yaml").read_text())["studies"]["demo"]["models"]["tfidf_impression"]
    assert added == {"architecture": "tfidf", "text": "impression"}
    of_comparison = kept.set_index("row").loc["tfidf", "auroc"]
    assert names["auroc"]("tfidf") == pytest.approx(of_comparison, abs=1e-4)
    assert names["auroc"]("tfidf_impression") < of_comparison


def test_its_page_shows_what_each_cell_has_given():
    page = in_markdown(NOTEBOOK)
    assert page.startswith("# Tutorial") and page.count("```python") == len(code_cells())
    assert "data:image/png;base64," in page and "points of AUROC over" in page.split("```text")[2]
