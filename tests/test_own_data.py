"""docs/your-own-data.md and docs/adding-a-model.md, followed to the letter.

A dataset of three modalities in another layout becomes a study, another question to it another study, and a model and a
task are added to them; each is one file and an entry in params.yaml.
"""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from conftest import ROOT, keep_models, run_snakemake
from PIL import Image

from lungfuse.settings.training import LabelledImages

DATA, PARTS = ((ROOT / "docs" / page).read_text() for page in ["your-own-data.md", "adding-a-model.md"])
CLINIC = ["majority", "tfidf", "linear-probe", "logistic", "text", "irene", "gated"]
FINDINGS = ["majority", "boosting", "image", "early"]
SAID = ["clear", "consolidation", "collapse"]
GRADES = """
  clinic-grades:
    dataset: clinic
    raw: clinic
    task: grades
    modalities: [image, text, structured]
    filter:
      labels:
        - {name: none, heading: healthy, match: equals}
        - {name: mild, heading: "pneumonia, left", match: equals}
        - {name: severe, heading: "pneumonia, both", match: equals}
      balance: none
    models:
      tfidf: {text: findings}
      gated: {images: raw, text: findings, structured: [age, sex], settings: {temperature: 0.5}}
"""


def blocks(page: str, language: str) -> list[str]:
    """The pieces of code that a page has in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", page, re.M | re.S)


@pytest.fixture(scope="module")
def project(tmp_path_factory, new_project):
    """A project with the parts and studies of the pages, and 60 X-rays of 40 patients."""
    project = new_project(models=None)
    draw_clinic(project / "data/raw/clinic")
    code = project / "workflow/lungfuse"
    model, task = blocks(PARTS, "python")
    parts = {"datasets/clinic": blocks(DATA, "python")[0], "models/fusion/gated": model, "tasks/grades": task}
    for file, text in parts.items():
        (code / f"{file}.py").write_text(text)
    clinic, findings = blocks(DATA, "yaml")
    params = project / "params.yaml"
    params.write_text("\n".join([params.read_text(), clinic + blocks(PARTS, "yaml")[-1], findings, GRADES]))
    for study, rows in {"clinic": CLINIC, "clinic-findings": FINDINGS, "clinic-grades": ["tfidf", "gated"]}.items():
        keep_models(params, study, rows, folds=2, epochs=1)
    return project


def draw_clinic(raw: Path) -> None:
    """The table and the images of the page; effusion is not known of every fourth X-ray, age not of every seventh."""
    rng, number = np.random.default_rng(0), np.arange(60)
    grade = rng.permutation(number % 3)
    sick = grade > 0
    studies = pd.DataFrame(
        {
            "patient": [f"p{patient}" for patient in rng.integers(0, 40, 60)],
            "file": [f"{each:04}.png" for each in number],
            "report": [
                f"Study {each} of a lung: {['clear', 'consolidation', 'collapse'][grade[each]]}." for each in number
            ],
            "diagnosis": np.array(["healthy", "pneumonia, left", "pneumonia, both"])[grade],
            "age": np.where(number % 7 == 6, "", (40 + 5 * sick + rng.integers(0, 9, 60)).astype(str)),
            "sex": np.where(rng.random(60) < 0.5, "F", "M"),
            "opacity": np.where(sick, "yes", "no"),
            "effusion": np.where(number % 4 == 3, "", np.where(grade == 2, "yes", "no")),
        }
    )
    (raw / "images").mkdir(parents=True)
    studies.to_csv(raw / "studies.csv", index=False)
    for file, bright in zip(studies["file"], sick, strict=True):
        pixels = rng.integers(0, 120, (80, 60)) + 100 * bright
        Image.fromarray(pixels.astype(np.uint8)).save(raw / "images" / file)


def run(project: Path, study: str, *targets: str) -> pd.DataFrame:
    """Run a study; returns its comparison by row."""
    finished = run_snakemake(project, "--config", f"study={study}", "--", *targets)
    assert finished.returncode == 0, finished.stdout
    return pd.read_csv(project / f"results/{study}/comparison.csv").set_index("row")


def test_the_readme_shows_the_dataset_of_the_page():
    readme = (ROOT / "README.md").read_text()
    assert blocks(readme, "python")[0] in blocks(DATA, "python")[0]


def test_the_further_images_of_the_page_are_settings():
    block = re.search(r"^    pretraining:\n(?:     .*\n)+", DATA, re.M)[0]
    (further,) = yaml.safe_load(block)["pretraining"]["sets"].values()
    found = LabelledImages.model_validate(further)
    assert found.label in found.table.columns and found.table.images == ["images.zip"]


def test_a_dataset_in_another_layout_becomes_a_study_and_a_model_is_added_to_it(project):
    table = run(project, "clinic")
    results = project / "results/clinic"
    pairs = pd.read_csv(results / "pairs.csv", dtype={"report_id": str})
    studies = pd.read_csv(project / "data/raw/clinic/studies.csv")
    assert len(pairs) == 60
    assert pairs["label"].tolist() == (studies["diagnosis"] != "healthy").astype(int).tolist()
    patients = pairs["report_id"].map(dict(zip(studies["file"].str[:4], studies["patient"], strict=True)))
    assert pairs.groupby(patients)["fold"].nunique().max() == 1, "a patient is in one fold alone"
    assert sorted(table.index) == sorted(CLINIC)
    assert table.loc["tfidf", "accuracy"] > 0.9
    assert table.loc["logistic", "accuracy"] > 0.65
    assert table.loc["gated", "structured"] == "age sex"
    structured = pd.read_csv(results / "structured.csv")
    assert structured["age"].isna().sum() == (studies["age"].isna()).sum() > 0
    card = (results / "data_card.md").read_text()
    assert "not to be shared" in card
    assert "years" in card
    assert (results / "report.html").exists()


def test_another_question_to_the_same_data_is_another_study(project):
    table = run(
        project, "clinic-findings", *[f"results/clinic-findings/{name}.csv" for name in ["comparison", "per_label"]]
    )
    results = project / "results/clinic-findings"
    pairs = pd.read_csv(results / "pairs.csv")
    assert pairs["label_effusion"].isna().sum() == 15
    assert table.loc["boosting", "auroc"] > 0.7
    by_label = pd.read_csv(results / "per_label.csv").set_index(["row", "label"])
    assert by_label.loc[("image", "effusion"), "n"] == 45
    assert by_label.loc[("image", "opacity"), "n"] == 60


def test_a_task_is_added_as_a_file(project):
    table = run(project, "clinic-grades", "results/clinic-grades/comparison.csv")
    scores = pd.read_csv(project / "results/clinic-grades/predictions/tfidf.csv")
    ordered = scores[["score_none", "score_mild", "score_severe"]].cumsum(axis=1)
    assert (scores["prediction"] == (ordered < 0.5).sum(axis=1)).all(), "the median decides"
    assert table.loc["tfidf", "accuracy"] > 0.6
    assert set(table.index) == {"tfidf", "gated"}
