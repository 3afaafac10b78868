"""New cases get the scores that the table rests on: what rules train, `Predictor` reads alike.

A table of cases goes through the real workflow: as three studies, of every task, with all tokens of frozen encoders and
with their mean, and models of every kind. Then the pairs of a fold are predicted from their files.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from conftest import run_snakemake
from PIL import Image
from trained_study import of_fold

from lungfuse.models import KINDS, kind_of, model_names

BOTH = {"images": "raw", "text": "note"}
COLUMNS = {"structured": ["age", "days", "sex"]}
ALL = BOTH | COLUMNS
MEAN = {"encoders": {"pooling": "mean"}}
TRAINED = {"train": {"layers": "full"}}
LAST = {"train": {"layers": "top:1"}}
SAID = {"well": ["no cough", "well"], "ill": ["cough and fever"]}
FUSED = dict.fromkeys(["early", "joint", "kv-exchange", "irene"], ALL)
FUSED |= {f"{name}_mean": {"architecture": name} | ALL | MEAN for name in FUSED}
BINARY = {
    "majority": {},
    "tfidf": {"text": "note"},
    "logistic": COLUMNS,
    "boosting": COLUMNS | {"settings": {"iterations": 20}},
    "linear": ALL,
    "linear_text": {"architecture": "linear", "text": "note"},
    "boosted": ALL | {"settings": {"iterations": [5, 20], "min_leaf": 3}},
    "linear_dropped-text": {"architecture": "linear", "ablation": "dropped-text"} | ALL,
    "linear-probe": BOTH,
    "linear-probe_mean": {"architecture": "linear-probe"} | BOTH | MEAN,
    "svm-probe": BOTH | {"settings": {"c": [0.1, 1.0], "inner_folds": 2}},
    "image": {"images": "raw"} | TRAINED,
    "fixcaps": {"images": "raw"} | TRAINED,
    "text": {"text": "note", "encoders": {"max_tokens": 6}} | LAST,
    "structured": COLUMNS,
    **FUSED,
    "early_trained": {"architecture": "early"} | ALL | LAST,
    "joint_of-trained": {"architecture": "joint"} | BOTH | MEAN | {"train": {"init_from": "unimodal"}},
    "early_dropped-text": {"architecture": "early", "ablation": "dropped-text"} | ALL | MEAN,
    "late": ALL,
    "image-distilled": {"images": "raw", "parts": {"teacher": "early"}} | TRAINED,
    "two-tower": {"images": "raw", "settings": {"text": "note", "prompts": SAID}} | LAST,
    "zero-shot": {"images": "raw", "settings": {"prompts": SAID}},
    "ensemble": ALL | {"parts": {"early": "early", "image": "image", "words": "tfidf"}},
    "late-stacked": ALL | {"parts": {"text": "tfidf", "structured": "boosting"}},
}  # fmt: skip
OTHERS = {name: BINARY[name] for name in ["irene_mean", "boosting", "linear", "boosted", "svm-probe"]}
BY_CHANCE = {"fixcaps-published"}  # whose scores depend on the batch, which is why it is kept
STUDIES = {"binary": BINARY, "multiclass": OTHERS, "multilabel": OTHERS}
LABELS = {
    "binary": [{"name": name, "column": "ill", "positive": [word]} for name, word in [("well", "no"), ("ill", "yes")]],
    "multiclass": [{"name": name, "column": "grade", "positive": [name]} for name in ["none", "mild", "severe"]],
    "multilabel": [
        {"name": name, "column": name, "positive": ["yes"], "negative": ["no"]} for name in ["effusion", "nodule"]
    ],
}


def write_cases(raw: Path) -> None:
    """Forty-eight cases, some of which lack their note or a value, with labels that their inputs predict a little."""
    rng = np.random.default_rng(0)
    (raw / "images").mkdir(parents=True)
    rows = []
    for number in range(48):
        ill = number % 2
        pixels = rng.integers(0, 180, (70, 60), np.uint8) + np.uint8(40 * ill)
        Image.fromarray(pixels).save(raw / f"images/{number}.png")
        note = f"Cough for {number % 7 + 2 * ill} days and {['fever', 'pain', 'rash'][number % 3]}. Died of it."
        row = {"image": f"{number}.png", "note": note if number % 6 else "", "sex": "mf"[rng.integers(2)]}
        row |= {"age": rng.integers(30, 60) + 10 * ill if number % 5 else "", "days": rng.integers(9)}
        row |= {"ill": ["no", "yes"][ill], "grade": ["none", "mild", "severe"][number % 3]}
        row |= {"effusion": ["no", "yes"][ill], "nodule": ["no", "yes", ""][(number + number // 12) % 3]}
        rows.append(row)
    pd.DataFrame(rows).to_csv(raw / "cases.csv", index=False)


def study(task: str) -> dict:
    """The settings of a study of a task."""
    columns = {
        "age": {"column": "age", "kind": "number", "unit": "years"},
        "days": {"column": "days", "kind": "number"},
    }
    columns |= {name: {"column": name} for name in ["sex", "ill", "grade", "effusion", "nodule"]}
    text = {"column": "note", "redact_terms": ["died"]}
    table = {"file": "cases.csv", "image": "image", "images": ["images"], "texts": {"note": text}, "columns": columns}
    labels = {"labels": LABELS[task], "balance": "none", "required": ["image"], "text_fields": ["note"]}
    train = {"epochs": 1, "batch_size": 8, "ema_decay": 0.5, "precision": "fp32", "word_dropout": 0.0}
    return {
        "dataset": "table", "raw": "cases", "table": table, "task": task, "view": "any", "filter": labels,
        "modalities": ["image", "text", "structured"], "split": {"folds": 2, "validation": 0.25},
        "encoders": {"image": "vit-tiny", "text": "bert-tiny", "pooling": "none"}, "images": {"image_size": 64},
        "fusion": {"width": 16, "heads": 2, "blocks": 1, "hidden": 8}, "train": train, "models": STUDIES[task],
    }  # fmt: skip


@pytest.fixture(scope="session")
def project(new_project) -> Path:
    """A project in which the workflow has made all models of the three studies."""
    project = new_project(models=None)
    write_cases(project / "data/raw/cases")
    params = yaml.safe_load((project / "params.yaml").read_text())
    params |= {"dvc_sync": False, "studies": {task: study(task) for task in STUDIES}, "study": "binary"}
    (project / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    for task, models in STUDIES.items():
        wanted = [f"results/{task}/predictions/{name}.csv" for name in models]
        run = run_snakemake(project, "--config", f"study={task}", "--", *wanted)
        assert run.returncode == 0, run.stdout
    return project


def cases_of(project: Path, task: str, fold: int) -> pd.DataFrame:
    """The pairs of a fold as new cases, from the raw table."""
    pairs = pd.read_csv(project / f"results/{task}/pairs.csv", keep_default_na=False).query(f"fold == {fold}")
    raw = pd.read_csv(project / "data/raw/cases/cases.csv", dtype=str, keep_default_na=False).set_index("image")
    raw = raw.loc[[f"{name}.png" for name in pairs["image_id"]]].reset_index()
    images = [str(project / "data/raw/cases/images" / name) for name in raw["image"]]
    return raw.assign(id=pairs["pair_id"].to_numpy(), image=images, text=raw["note"])


@pytest.mark.parametrize(("task", "name"), [(task, name) for task, models in STUDIES.items() for name in models])
def test_new_cases_get_the_scores_of_the_table(project, task, name):
    folder, fold = project / f"results/{task}/models/{name}", len(name) % 2
    late = name.startswith(("late", "ensemble"))
    predictor = of_fold(folder if late else folder / f"fold{fold}", fold)
    cases = cases_of(project, task, fold)
    read = [column.name for column in predictor.columns]
    cases = cases[(cases[read] != "").any(axis=1)] if read else cases
    known = pd.read_csv(project / f"results/{task}/predictions/{name}.csv").set_index("pair_id").loc[cases["id"]]
    found = pd.concat(predictor.predict(cases))
    scores = predictor.task.columns("score")
    np.testing.assert_allclose(found[scores], known[scores], atol=1e-5)
    probabilities = predictor.task.columns("probability")
    np.testing.assert_allclose(found[probabilities], known[probabilities], atol=1e-4)


def test_the_settings_of_a_model_say_how_it_reads(project):
    """Its own pooling and length, which are laid over those of the study."""
    models = project / "results/binary/models"
    said = {name: json.loads((models / f"{name}.json").read_text()) for name in ["joint", "joint_mean", "text"]}
    assert (said["joint"]["pooling"], said["joint_mean"]["pooling"]) == ("none", "mean")
    assert said["text"]["max_tokens"] == 6
    made = {path.parent.name for path in (project / "data/features/binary").glob("*/*/index.csv")}
    assert made >= {"raw", "raw.mean", "note", "note.mean"}


def test_every_kind_of_model_is_here():
    used = {model.get("architecture", name) for name, model in BINARY.items()}
    assert {kind_of(name) for name in used} == set(KINDS)
    assert used >= set(model_names("classical", "unimodal", "fusion", "late")) - BY_CHANCE
