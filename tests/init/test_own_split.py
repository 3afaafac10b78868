"""A study by a split of one's own, from the command to its verdict."""

import numpy as np
import pandas as pd
import yaml
from conftest import run_snakemake, run_tool


def test_a_fixed_test_part_is_scored_alone_and_the_report_says_that_groups_may_be_on_both_sides(new_project):
    project = new_project(models=None)
    rng, rows = np.random.default_rng(0), 240
    ill = rng.integers(0, 2, rows)
    table = {
        "patient": np.arange(rows) // 2,
        "crp": (8 * ill + rng.gamma(2, 6, rows)).round(1),
        "age": rng.integers(20, 90, rows),
    }
    table |= {"part": rng.choice(["train", "test"], rows, p=[0.7, 0.3]), "diagnosis": np.where(ill, "ill", "well")}
    table = pd.DataFrame(table)
    table.to_csv(project / "cases.csv", index=False)
    command = ["python", "-m", "lungfuse", "init", "--table", "cases.csv", "--name", "own", "--no-check"]
    done = run_tool(project, *command, "--split", "part", PYTHONPATH=str(project / "workflow"))
    assert done.returncode != 0 and "groups: allowed" in done.stdout
    done = run_tool(project, *command, PYTHONPATH=str(project / "workflow"))
    assert done.returncode == 0, done.stdout
    assert "part may be a split: say --split part" in done.stdout
    params = yaml.safe_load((project / "params.yaml").read_text())
    params["studies"]["own"]["split"] = {"column": "part", "folds": 1, "validation": 0.25, "groups": "allowed"}
    params["studies"]["own"]["models"] = {"majority": {}, "logistic": {"structured": ["crp", "age"]}}
    (project / "params.yaml").write_text(yaml.safe_dump(params))
    done = run_snakemake(
        project, "--config", "study=own", "--", "results/own/comparison.csv", "results/own/comparison.md"
    )
    assert done.returncode == 0, done.stdout
    found = pd.read_csv(project / "results/own/comparison.csv")
    assert set(found["n"]) == {(table["part"] == "test").sum()}
    assert found.set_index("row")["auroc"]["logistic"] > 0.7
    assert "may have a patient in training and test" in (project / "results/own/comparison.md").read_text()
