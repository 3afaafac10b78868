"""The studies of OpenI at a hundredth of their size: drawn images, tiny encoders, few rows."""

import re
import shutil

import pandas as pd
import pytest
from conftest import keep_rows, run_snakemake

PUBLISHED = ["majority", "tfidf", "linear-probe_mask-only", "image", "text", "late", "kv-exchange"]
BEFORE_READING = ["majority", "logistic", "boosting", "linear-probe", "image", "text_indication", "structured"]
BEFORE_READING += ["late-stacked_indication-age", "kv-exchange_text-age", "kv-exchange_indication-age"]
BEFORE_READING += ["kv-exchange_indication-age_shuffled-structured"]


@pytest.fixture
def project(new_project, drawn_raw):
    project = new_project(rows=None)
    shutil.copytree(drawn_raw, project / "data/raw/openi")
    return project


def test_image_indication_and_age_are_held_against_their_parts_and_the_device_against_all(project):
    keep_rows(project / "params.yaml", "openi", BEFORE_READING, folds=2, epochs=1, audited=["indication"])
    run = run_snakemake(project, "--", "results/openi/comparison.csv", "results/openi/shortcuts.csv")
    assert run.returncode == 0, run.stdout
    results = project / "results/openi"
    table = pd.read_csv(results / "comparison.csv", keep_default_na=False)
    assert len(table) == len(BEFORE_READING)
    assert set(table["structured"]) == {"", "age"}
    changes = set(pd.read_csv(results / "ablations.csv")["change"])
    assert {"image alone", "structured alone", "without image", "shuffled-structured"} <= changes
    shortcuts = set(pd.read_csv(results / "shortcuts.csv")["reads"])
    assert {"acquisition: plate", "acquisition: study date", "acquisition: all of these"} <= shortcuts
    assert "plate" not in (results / "structured.csv").read_text().splitlines()[0]


def test_the_published_study_is_planned_with_the_encoders_of_the_thesis(project):
    run = run_snakemake(project, "-n", "--config", "study=openi-published")
    assert run.returncode == 0, run.stdout
    assert "data/encoders/vit-base/model.safetensors" in run.stdout
    assert "data/encoders/bert-base/model.safetensors" in run.stdout
    assert int(re.search(r"^train +(\d+)", run.stdout, re.M)[1]) == 5 * 13


def test_the_published_study_runs_with_tiny_encoders(project):
    keep_rows(project / "params.yaml", "openi-published", PUBLISHED, folds=2, epochs=1)
    run = run_snakemake(project, "--config", "study=openi-published", "--", "results/openi-published/comparison.csv")
    assert run.returncode == 0, run.stdout
    assert len(pd.read_csv(project / "results/openi-published/comparison.csv")) == len(PUBLISHED)
