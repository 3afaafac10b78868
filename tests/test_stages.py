"""What a stage imports before it works, and how it reports what it took."""

import errno
import os
import shutil
import subprocess
import sys
from types import SimpleNamespace

import pytest
from conftest import ROOT

from lungfuse import command_line
from lungfuse.errors import UserError
from lungfuse.hardware import USAGE, WORKFLOW_JOB
from lungfuse.parameters import options
from lungfuse.plan.load import SETTINGS_SHA256, settings_sha256
from lungfuse.stages import STAGES, Stage, call

HEAVY = ["torch", "tensorflow", "lightning", "transformers", "keras"]
IMPORT = """
import sys
from importlib import import_module
for module in ["lungfuse.command_line", *sys.argv[1:]]:
    import_module(module)
print(*sys.modules)
"""


def imported(*modules: str) -> set[str]:
    """The modules that are loaded when these are."""
    run = subprocess.run([sys.executable, "-c", IMPORT, *modules], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


def test_stages_that_need_no_networks_import_no_library_of_them_and_help_imports_no_stage():
    light = [stage.module for stage in STAGES.values() if not stage.library]
    assert "lungfuse.compare.compare" in light
    assert not imported(*light) & set(HEAVY)
    assert not imported() & {*HEAVY, *(stage.module for stage in STAGES.values())}


def test_a_file_that_cannot_be_written_is_reported_without_a_traceback(monkeypatch):
    def on_a_full_disk() -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "results/demo/x.npy")

    monkeypatch.setattr(command_line, "app", SimpleNamespace(meta=on_a_full_disk))
    with pytest.raises(SystemExit, match=r"^lungfuse: results/demo/x.npy: cannot be used \(No space left on device\)"):
        command_line.main()


def test_a_job_of_the_workflow_ends_its_log_with_what_it_took(monkeypatch, capsys):
    monkeypatch.setenv(WORKFLOW_JOB, "1")
    monkeypatch.setattr(command_line, "app", SimpleNamespace(meta=lambda: None))
    command_line.main()
    assert 10 < float(USAGE.search(capsys.readouterr().err)["MB"]) < 10_000


def test_a_stage_of_a_study_finds_its_files_by_the_studys_name(stage, tmp_path):
    shutil.copy(ROOT / "params.yaml", tmp_path)
    ended = stage("split", "--study", "demo", cwd=tmp_path, env=os.environ | {WORKFLOW_JOB: "1"})
    assert ended.returncode == 1
    assert "\nlungfuse: results/demo/funnel.csv: not found" in ended.stderr and "Traceback" not in ended.stderr
    assert USAGE.search(ended.stderr), "though it has failed"


def test_a_stage_asks_for_what_its_job_asks_for(capsys):
    for name, asked in {"features": ["--source", "--reads"], "filter": [], "masks": ["--segmenter"]}.items():
        with pytest.raises(SystemExit):
            command_line.app([name, "--help"])
        said = capsys.readouterr().out
        assert [option for option in [*asked, "--study", "--threads"] if option.upper() not in said.upper()] == []


def test_a_job_is_refused_where_settings_have_changed_since_its_workflow_started(monkeypatch):
    file = ROOT / "params.yaml"
    plan = command_line.planned("demo", file)
    monkeypatch.setenv(SETTINGS_SHA256, settings_sha256(plan.study))
    assert command_line.planned("demo", file).study == plan.study
    with pytest.raises(UserError, match=r"the settings of openi have changed since the workflow started"):
        command_line.planned("openi", file)


@options
class Group:
    """Taken together.

    Parameters
    ----------
    first
        One.
    second
        Another.
    """

    first: int
    second: str = "two"


def test_arguments_by_name_are_put_into_the_groups_that_a_stage_takes(monkeypatch):
    taken = []

    def main(*, name: str, group: Group) -> None:
        taken.append((name, group))

    monkeypatch.setitem(STAGES, "toy", Stage("toy_stage", "A stage."))
    monkeypatch.setitem(sys.modules, "toy_stage", SimpleNamespace(main=main))
    call("toy", {"name": "a", "first": 1, "threads": 2})
    assert taken == [("a", Group(first=1, second="two"))], "it takes no threads"
    with pytest.raises(TypeError, match="unexpected keyword argument 'third'"):
        call("toy", {"name": "a", "first": 1, "third": 3})
