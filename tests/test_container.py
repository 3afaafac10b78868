"""Rules in a container, with a stand-in for apptainer that runs what it is given outside of any."""

from conftest import HEAVY, changed_setting, run_snakemake

APPTAINER = """#!/bin/bash
if [ "$1" = --version ]; then echo apptainer version 1.3.4; exit; fi
echo "$@" >> "$PWD/apptainer.log"
exec "${@: -3}"
"""
ENCODER = "data/encoders/vit-tiny/model.safetensors"


def test_rules_run_in_the_image_that_the_settings_name(new_project, tmp_path, monkeypatch):
    project = new_project(stand_ins=HEAVY)
    command = tmp_path / "bin/apptainer"
    command.parent.mkdir()
    command.write_text(APPTAINER)
    command.chmod(0o755)
    monkeypatch.setenv("PATH", str(command.parent), prepend=":")
    (project / "lungfuse.sif").touch()
    with changed_setting(project / "params.yaml", "container", to="lungfuse.sif"):
        run = run_snakemake(project, "--sdm", "apptainer", "--config", "study=demo", "--", ENCODER)
    assert run.returncode == 0, run.stdout
    ran = (project / "apptainer.log").read_text()
    assert "exec" in ran
    assert "lungfuse.sif bash -c" in ran
    assert "python -m lungfuse encoder" in ran
