"""The stage `data-check` on files, and the command of a user."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from small_check import LIMITS, SICK, labels, outcome
from small_study import run_stage

from lungfuse.errors import UserError
from lungfuse.settings.ingest import FilterSettings
from lungfuse.tables.base import read_table
from lungfuse.tables.check import CheckedCases, Findings, UnivariateAUROC
from lungfuse.tables.ingest import SECTIONS

COUNT = 120
TOLD = labels(COUNT)
INPUTS = ["candidates", "reports", "views", "values", "value_columns", "funnel", "rejected"]
OUTPUTS = {"findings": "check.csv", "check_scores": "check_scores.csv", "check_cases": "check_cases.csv"}
OUTPUTS |= {"check_page": "data_check.md"}


@pytest.fixture
def files(tmp_path) -> dict[str, Path]:
    """The files of a study whose `code` is its label; nobody knows its hospitals or dates."""
    ids = [f"case{n}" for n in range(COUNT)]
    reports = pd.DataFrame({"report_id": ids, "patient": ids, "site": "", "major": "", "automatic": ""})
    reports = reports.assign(**dict.fromkeys(SECTIONS, ""))
    sick = pd.Series(np.where(TOLD == 1, "yes", "no"))
    tables = {
        "candidates": reports[["report_id", "site", *SECTIONS]].assign(
            pair_id=ids, image_id=ids, label=TOLD, text="", group=range(COUNT)
        ),
        "reports": reports,
        "views": pd.DataFrame({"image_id": ids, "report_id": ids, "view": "any"}),
        "values": pd.DataFrame({"report_id": ids, "outcome": outcome(TOLD), "code": sick, "age": "60"}),
        "value_columns": pd.DataFrame(
            [("outcome", "category", ""), ("code", "category", ""), ("age", "number", "years")],
            columns=["name", "kind", "unit"],
        ),
        "funnel": pd.DataFrame({"step": ["pairs"], "count": [COUNT], "negative": [60], "positive": [60]}),
        "rejected": pd.DataFrame(columns=["what", "id", "reason"]),
        "index": pd.DataFrame({"image_id": ids, "row": range(COUNT), "width": 64, "height": 64}),
    }
    for name, table in tables.items():
        table.to_csv(tmp_path / f"{name}.csv", index=False)
    np.save(tmp_path / "images.npy", np.random.default_rng(0).integers(0, 255, (COUNT, 32, 32), dtype=np.uint8))
    return {name: tmp_path / f"{name}.csv" for name in tables} | {"array": tmp_path / "images.npy"}


def check(files: dict[str, Path], images: bool = True, **changes) -> dict[str, Path]:
    """Run the stage; returns its files."""
    folder = files["reports"].parent
    outputs = {option: folder / name for option, name in OUTPUTS.items()}
    reads = {"image": ["raw"], "structured": ["code", "age"]} if images else {"structured": ["code", "age"]}
    read = [*INPUTS, *(["array", "index"] if images else [])]
    settings = {
        "title": "mine", "notice": "", "task": "binary", "folds": 5, "reads": reads, "limits": LIMITS,
        "filter": FilterSettings(labels=SICK, balance="none", required=[], text_fields=["findings"]),
    }  # fmt: skip
    run_stage("data-check", **settings | {name: files[name] for name in read} | outputs | changes)
    return outputs


@pytest.mark.parametrize("images", [True, False])
def test_the_stage_writes_findings_scores_cases_and_a_page(files, images, capsys):
    written = check(files, images)
    found = read_table(written["findings"], Findings)
    assert found["severity"].tolist() == sorted(found["severity"], key=["stop", "warning", "note"].index)
    assert found["subject"][found["severity"] == "stop"].tolist() == ["code"]
    scores = read_table(written["check_scores"], UnivariateAUROC)
    assert scores.set_index("name")["auroc"]["code"] == 1
    assert "outcome" not in set(scores["name"]), "labels are read from it, so no row may"
    assert read_table(written["check_cases"], CheckedCases).empty
    assert written["check_page"].read_text().startswith("# Data check: mine\n")
    assert "STOP  giveaway: code" in capsys.readouterr().out


def test_the_same_study_gives_the_same_bytes(files):
    first = {name: path.read_bytes() for name, path in check(files).items()}
    assert {name: path.read_bytes() for name, path in check(files).items()} == first


def test_no_library_of_networks_is_loaded():
    code = (
        "import sys, lungfuse.check.check, lungfuse.check.command, lungfuse.check.words\n"
        "from lungfuse.check.findings import finding_names, load_findings\n"
        "for name in finding_names(): load_findings(name)\n"
        "assert not {'torch', 'tensorflow', 'transformers'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_command_runs_the_workflow_and_prints_the_check(files, monkeypatch, tmp_path):
    from lungfuse.check import command

    written = check(files)
    asked = []
    monkeypatch.setattr(command, "_run_workflow", lambda study, target: asked.append((study, target)))
    monkeypatch.setattr("lungfuse.check.command.read_table", lambda _, table: read_table(written["findings"], table))
    said, _ = command.run_check("demo")
    assert asked == [("demo", Path("results/demo/check.csv"))]
    assert said.startswith("Data check of demo: 1 stop")
    assert "Also in results/demo/data_check.md." in said


def test_a_workflow_that_fails_before_the_check_is_reported(monkeypatch):
    from lungfuse.check import command

    failed = subprocess.CompletedProcess([], 1, "first\nlungfuse: data/raw/mine: not found.\n")
    monkeypatch.setattr(command.subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(UserError, match=r"demo has failed before its data check:\nfirst\n.*not found"):
        command.run_check("demo")
