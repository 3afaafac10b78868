"""docs/your-own-data.md, followed to the letter: a dataset in another layout becomes a study."""

import re

import numpy as np
import pandas as pd
import pytest
from conftest import HEAVY, ROOT, keep_rows, run_snakemake
from PIL import Image

PAGE = (ROOT / "docs/your-own-data.md").read_text()
ROWS = ["majority", "tfidf", "linear-probe", "text"]


def block(language: str) -> str:
    """The code that the page has in a language."""
    return re.search(rf"^```{language}\n(.*?)^```", PAGE, re.M | re.S)[1]


@pytest.fixture
def project(new_project):
    """A project with the adapter and the study of the page, and 60 X-rays of 40 patients."""
    project = new_project(rows=None, stand_ins=HEAVY)
    rng = np.random.default_rng(0)
    sick = rng.permutation(np.arange(60) % 2 == 1)
    words = np.where(sick, "consolidation", "clear")
    studies = pd.DataFrame(
        {
            "patient": [f"p{number}" for number in rng.integers(0, 40, 60)],
            "file": [f"{number:04}.png" for number in range(60)],
            "report": [f"Study {number} of a lung: {word}." for number, word in enumerate(words)],
            "diagnosis": np.where(sick, "pneumonia, left", "healthy"),
        }
    )
    images = project / "data/raw/clinic/images"
    images.mkdir(parents=True)
    studies.to_csv(images.parent / "studies.csv", index=False)
    for file, bright in zip(studies["file"], sick, strict=True):
        pixels = rng.integers(0, 120, (80, 60)) + 100 * bright
        Image.fromarray(pixels.astype(np.uint8)).save(images / file)
    (project / "workflow/lungfuse/adapters/clinic.py").write_text(block("python"))
    with (project / "params.yaml").open("a") as params:
        params.write("\n" + block("yaml"))
    return project


def test_the_readme_shows_the_adapter_of_the_page():
    readme = (ROOT / "README.md").read_text()
    assert re.search(r"^```python\n(.*?)^```", readme, re.M | re.S)[1] in block("python")


def test_a_dataset_in_another_layout_becomes_a_study(project):
    keep_rows(project / "params.yaml", "clinic", ROWS, folds=3, epochs=1)
    run = run_snakemake(project, "--config", "study=clinic")
    assert run.returncode == 0, run.stdout
    results = project / "results/clinic"
    pairs = pd.read_csv(results / "pairs.csv", dtype={"report_id": str})
    studies = pd.read_csv(project / "data/raw/clinic/studies.csv")
    assert len(pairs) == 60
    assert pairs["label"].tolist() == (studies["diagnosis"] != "healthy").astype(int).tolist()
    patients = pairs["report_id"].map(dict(zip(studies["file"].str[:4], studies["patient"], strict=True)))
    assert pairs.groupby(patients)["fold"].nunique().max() == 1, "a patient is in one fold alone"
    table = pd.read_csv(results / "comparison.csv").set_index("model")
    assert sorted(table.index) == sorted(ROWS)
    assert table.loc["tfidf", "accuracy"] > 0.9
    assert "not to be shared" in (results / "data_card.md").read_text()
    assert (results / "report.html").exists()
