"""The command `lungfuse check`: how it ends, and where it can run."""

import os

import pytest

from lungfuse import command_line
from lungfuse.check import command


@pytest.mark.parametrize(("stopped", "code"), [(True, 1), (False, 0)])
def test_the_command_fails_where_a_finding_stops_the_study(monkeypatch, capsys, stopped, code):
    monkeypatch.setattr(command, "run_check", lambda study: ("Data check of demo: 1 stop\n", stopped))
    try:
        command_line.app.meta(["check", "--study", "demo"])
        ended = 0
    except SystemExit as end:
        ended = end.code
    assert ended == code
    assert capsys.readouterr().out == "Data check of demo: 1 stop\n"


def test_a_home_in_which_nothing_can_be_written_gets_a_cache_in_the_project(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert command.cache_variable() == {}
    (tmp_path / "file").touch()
    monkeypatch.setenv("HOME", str(tmp_path / "file"))
    assert command.cache_variable() == {"XDG_CACHE_HOME": str(tmp_path / ".snakemake/cache")}
    monkeypatch.setattr(os, "access", lambda *_: False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert command.cache_variable() == {"XDG_CACHE_HOME": str(tmp_path / ".snakemake/cache")}


FAILED = """Job 2: Reading the reports of data/raw/a
RuleException:
Logfile logs/a/reports.log:
================================================================================
lungfuse: cases.csv: no column 'Nosuch'; found 'Patient'.
================================================================================
Shutting down, this might take some time.
"""
ABSENT = """MissingInputException in rule reports in file "workflow/rules/ingest.smk", line 50:
Missing input files for rule reports:
    output: data/reports/a/reports.csv
    affected files:
        data/raw/a/cases.csv
"""
REASONS = {
    "a job": (FAILED, "lungfuse: cases.csv: no column 'Nosuch'; found 'Patient'.\n(all of it: logs/a/reports.log)"),
    "a file": (ABSENT, "not found: data/raw/a/cases.csv. Put them there, or correct the settings that name them."),
    "else": ("WorkflowError:\nno disk", "WorkflowError:\nno disk"),
}


@pytest.mark.parametrize(("output", "reason"), REASONS.values(), ids=REASONS)
def test_why_the_workflow_failed_stands_by_itself(output, reason):
    assert command.reason_in(output) == reason
