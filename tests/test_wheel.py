"""The wheel, installed without a clone: the command `lungfuse`, and a project made in an empty folder."""

import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest
from conftest import ROOT

from lungfuse.errors import UserError
from lungfuse.project import make_project
from lungfuse.settings.params import read_params

PACKED = ["workflow", "profiles", "pyproject.toml", "params.yaml", "README.md", "LICENSE"]


def succeeds(*command: str | Path, folder: Path) -> str:
    """What a command prints in a folder, in an environment that knows nothing of this clone."""
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, env={"PATH": "/usr/bin:/bin"}, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """The programs of a fresh environment with the wheel; its dependencies are those of the tests."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in PACKED:
        if (ROOT / name).is_dir():
            shutil.copytree(
                ROOT / name, folder / "source" / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info")
            )
        else:
            shutil.copy(ROOT / name, folder / "source" / name)
    pip = [sys.executable, "-m", "pip", "--quiet"]
    succeeds(*pip, "wheel", "--no-build-isolation", "--no-deps", folder / "source", folder=folder)
    shutil.rmtree(folder / "source")
    venv.create(folder / "fresh", with_pip=False)
    (packages,) = (folder / "fresh").glob("lib/python*/site-packages")
    (packages / "of_the_tests.pth").write_text(sysconfig.get_path("purelib"))
    programs = folder / "fresh/bin"
    succeeds(*pip, "--python", programs / "python", "install", "--no-deps", *folder.glob("*.whl"), folder=folder)
    return programs


def test_an_empty_folder_becomes_a_project_that_runs_the_installed_workflow(installed, tmp_path):
    shown = succeeds(installed / "lungfuse", "--help", folder=tmp_path)
    assert all(command in shown for command in ["init", "check", "predict", "explain", "audit"])
    said = succeeds(installed / "lungfuse", "init", folder=tmp_path)
    assert "snakemake --cores 2 --config study=demo" in said
    assert sorted(path.name for path in tmp_path.iterdir()) == [".gitignore", "Snakefile", "params.yaml", "profiles"]
    jobs = succeeds(installed / "python", "-m", "snakemake", "-n", "--", "results/demo/check.csv", folder=tmp_path)
    assert "data_check" in jobs and "This was a dry-run" in jobs


def test_a_project_keeps_the_files_that_are_there_and_is_not_made_inside_another(tmp_path):
    (tmp_path / "params.yaml").write_text("study: mine\n")
    assert list(map(str, make_project(tmp_path))) == ["Snakefile", ".gitignore", "profiles"]
    assert read_params(tmp_path / "params.yaml") == {"study": "mine"}
    (tmp_path / "clinic").mkdir()
    with pytest.raises(UserError, match=r"is inside the project .*Run this command there"):
        make_project(tmp_path / "clinic")
