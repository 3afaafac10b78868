"""A small study of a table, with a model that is fitted in no time, for updates of the service."""

from contextlib import chdir
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from conftest import ROOT

from lungfuse.plan.load import load_study
from lungfuse.plan.plan import Plan
from lungfuse.settings.params import read_params
from lungfuse.stages import call

COLUMNS = ["crp", "age", "pulse", "oxygen"]
EFFECT = np.array([1.2, 0.8, 0.5, -0.8])
CLASSES = ["healthy", "sick"]
BEFORE, AFTER = ["reports", "filter", "data_check"], ["split", "model", "fit"]


def draw(count: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    sick = rng.permutation(np.arange(count) % 2)
    values = rng.normal(size=(count, 4)) + np.outer(sick - 0.5, EFFECT)
    return pd.DataFrame(values.round(4), columns=COLUMNS).assign(outcome=np.array(CLASSES)[sick])


def settings_of_study() -> dict:
    columns = {name: {"column": name, "kind": "number"} for name in COLUMNS} | {"outcome": {"column": "outcome"}}
    rules = [{"name": name, "column": "outcome", "positive": [name]} for name in CLASSES]
    return {
        "dataset": "table", "raw": "ward", "task": "binary", "modalities": ["structured"],
        "table": {"file": "cases.csv", "case": "id", "patient": "patient", "columns": columns},
        "filter": {"labels": rules, "balance": "none"}, "split": {"folds": 3, "repeats": 1},
        "models": {"logistic": {"structured": COLUMNS}},
    }  # fmt: skip


def make(project: Path, jobs: list[str]) -> None:
    """Run some stages of the study of a project, one after the other, in this process."""
    with chdir(project):
        plan = Plan(*load_study(read_params(Path("params.yaml"))))
        for name in jobs:
            job = getattr(plan, name)(*["logistic"] * (name in ("model", "fit")))
            for path in job.outputs.values():
                path.parent.mkdir(parents=True, exist_ok=True)
            call(job.stage, {"model": job.inputs["model"]} if name == "fit" else job.arguments)


def make_ward(project: Path) -> None:
    """A project with a trained model."""
    table = draw(240, 0).assign(id=[f"case{n}" for n in range(240)], patient=[f"p{n // 2}" for n in range(240)])
    (project / "data/raw/ward").mkdir(parents=True)
    table.to_csv(project / "data/raw/ward/cases.csv", index=False)
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params |= {"study": "ward", "studies": {"ward": settings_of_study()}}
    (project / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    make(project, BEFORE + AFTER)
