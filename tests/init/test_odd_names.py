"""Files and columns with names that Snakemake, shells and YAML have uses for become a study that runs."""

import pandas as pd
from conftest import run_snakemake, run_tool
from odd_tables import cases, draw


def test_a_study_of_odd_names_runs(new_project):
    project = new_project(models=None)
    table = project / "patient's metadata (1) {copy} & $HOME.csv"
    images = draw(project / "images {a} (1)", cases()["file"])
    odd = {"age": "Age {years}", "sex": "$HOME `ls`", "note": 'doctor\'s "view" {on} it'}
    cases().rename(columns=odd).to_csv(table, index=False)
    command = ["python", "-m", "lungfuse", "init", "--table", table.name, "--images", images.name, "--name", "odd"]
    done = run_tool(project, *command, "--no-check", PYTHONPATH=str(project / "workflow"))
    assert done.returncode == 0, done.stdout
    done = run_snakemake(project, "--config", "study=odd", "--", "results/odd/pairs.csv")
    assert done.returncode == 0, done.stdout
    pairs = pd.read_csv(project / "results/odd/pairs.csv")
    assert len(pairs) == 60
    assert pairs["doctor_s_view_on_it"].str.startswith("Seen on day").all()
