"""What a stage imports before it works, and how it tells what it took."""

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from conftest import ROOT

from lungfuse import command_line
from lungfuse.hardware import USAGE, WORKFLOW_JOB
from lungfuse.stages import STAGES

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


def test_stages_that_need_no_networks_import_no_library_of_them():
    light = [stage.module for stage in STAGES.values() if not stage.library]
    assert "lungfuse.compare.compare" in light
    assert not imported(*light) & set(HEAVY)


def test_help_imports_no_stage():
    assert not imported() & {*HEAVY, *(stage.module for stage in STAGES.values())}


def test_a_file_that_cannot_be_written_is_told_without_a_traceback(monkeypatch):
    def on_a_full_disk() -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "results/demo/x.npy")

    monkeypatch.setattr(command_line, "app", SimpleNamespace(meta=on_a_full_disk))
    with pytest.raises(SystemExit, match=r"^lungfuse: results/demo/x.npy: cannot be used \(No space left on device\)"):
        command_line.main()


@pytest.mark.parametrize("failing", [False, True])
def test_a_job_of_the_workflow_ends_its_log_with_what_it_took(stage, monkeypatch, failing):
    monkeypatch.setenv(WORKFLOW_JOB, "1")
    ended = stage("reports", "--dataset", "openi", "--study", "nothing") if failing else stage("--help")
    assert (ended.returncode != 0) is failing
    assert 10 < float(USAGE.search(ended.stderr)["MB"]) < 1000


def test_by_hand_a_stage_takes_from_the_study_what_it_is_not_told(stage, tmp_path):
    shutil.copy(ROOT / "params.yaml", tmp_path)
    given = stage("split", "--study", "demo", "--funnel", "mine.csv", cwd=tmp_path)
    assert given.stderr.startswith("lungfuse: mine.csv: not found"), given.stderr
    taken = stage("split", "--study", "demo", cwd=tmp_path)
    assert taken.stderr.startswith("lungfuse: results/demo/funnel.csv: not found"), taken.stderr


@pytest.mark.parametrize(("study", "index"), [("demo", None), ("tb", Path("data/annotated/tb/index.csv"))])
def test_by_hand_rows_are_held_out_where_the_workflow_holds_them_out(study, index):
    assert command_line.study_defaults(study, ROOT / "params.yaml")["compare"]["annotated_index"] == index


def test_by_hand_the_pre_training_has_its_own_settings():
    defaults = command_line.study_defaults("openi", ROOT / "params.yaml")
    assert (defaults["train"]["train"]["layers"], defaults["pretrain"]["train"]["layers"]) == ("frozen", "full")
    assert defaults["pretrain"]["min_reports"] == 40
