"""docs/from-a-table.md, followed to the letter: a table and a folder of images become a report by two commands."""

import re
import shlex
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT, keep_models, run_snakemake, run_tool
from PIL import Image

PAGE = (ROOT / "docs/from-a-table.md").read_text()
ROWS = ["majority", "tfidf", "linear-probe_image", "boosting", "image", "late", "text", "structured", "early"]
SIGNS = ["Cough and fever for three days", "Fever since yesterday", "Short of breath", "Pain on breathing in"]
OTHERS = ["Check before surgery", "Cough for some weeks", "Chest pain after a fall", "Yearly check of a smoker"]
CASES, PATIENTS = 200, 140


def blocks(language: str) -> list[str]:
    """The blocks of the page in a language; those of commands and of what they print have none."""
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.M | re.S)


def draw(folder: Path) -> None:
    """The table of the page, as Excel writes it in Europe, and its images; all three inputs predict a little each."""
    rng = np.random.default_rng(1)
    patient = np.sort(rng.permutation(np.arange(CASES) % PATIENTS))
    ill = (rng.random(PATIENTS) < 0.45)[patient]

    def hint(strength: float) -> np.ndarray:
        return rng.random(CASES) < np.where(ill, 0.5 + strength, 0.5 - strength)

    shadow, feverish, inflamed = hint(0.3), hint(0.25), hint(0.28)
    age = (45 + 12 * inflamed + rng.integers(0, 30, CASES)).astype(str)
    crp = np.where(inflamed, rng.gamma(4, 14, CASES), rng.gamma(2, 6, CASES)).round(1).astype(str)
    asked = [f"{rng.choice(SIGNS if hot else OTHERS)}, {number}." for number, hot in enumerate(feverish)]
    table = pd.DataFrame(
        {
            "Patient": [f"{1700 + number:06}" for number in patient],
            "Image": [f"{number:04}.png" for number in range(CASES)],
            "Age": np.where(rng.random(CASES) < 0.08, "?", age),
            "Sex": rng.choice(["F", "M"], CASES),
            "CRP (mg/l)": pd.Series(crp).str.replace(".", ","),
            "Question asked": asked,
            "Treatment": np.where(ill & (rng.random(CASES) < 0.7), "antibiotics", rng.choice(["none", "rest"], CASES)),
            "Diagnosis": np.where(ill, "pneumonia", "no pneumonia"),
        }
    )
    folder.mkdir()
    table.to_csv(folder / "cases.csv", sep=";", index=False)
    rows, columns = np.mgrid[:96, :96]
    (folder / "images").mkdir()
    for file, shaded in zip(table["Image"], shadow, strict=True):
        lungs = 60.0 * ((np.abs(columns - 30) < 14) | (np.abs(columns - 66) < 14)) * (np.abs(rows - 48) < 36)
        spot = 70 * shaded * np.exp(-((rows - 64) ** 2 + (columns - 30) ** 2) / 90)
        pixels = 160 - lungs + spot + rng.normal(0, 12, lungs.shape)
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / "images" / file)


@pytest.fixture(scope="module")
def project(new_project):
    project = new_project(models=None)
    draw(project / "clinic")
    return project


def commands() -> list[list[str]]:
    """The commands of the page, in its order."""
    page = re.sub(r"^```.*?^```", "", PAGE, flags=re.M | re.S)
    return [shlex.split(line) for line in re.findall(r"^    ((?:lungfuse|snakemake) .*)$", page, re.M)]


def missing_lines(shown: str, said: str) -> list[str]:
    """The lines of a block that are not in what a command has said, in order; ... stands for anything."""
    missing, left = [], said
    for line in shown.splitlines():
        found = re.search("^" + re.escape(line).replace(re.escape("..."), ".*") + "$", left, re.M)
        if found is None:
            missing.append(line)
        elif line != "...":
            left = left[found.end() :]
    return missing


def test_a_table_becomes_a_report_by_two_commands(project):
    assert (project / "clinic/cases.csv").read_text().startswith(blocks("csv")[0])
    first, second = commands()
    assert first[0] == "lungfuse"
    code = {"PYTHONPATH": str(project / "workflow"), "COLUMNS": "100"}  # as wide as where nothing is known
    done = run_tool(project, "python", "-m", *first, **code)
    assert done.returncode == 0, done.stdout
    assert missing_lines("".join(blocks("text")), done.stdout) == []
    params = project / "params.yaml"
    assert blocks("yaml")[0] in params.read_text()

    keep_models(params, "clinic", ROWS, folds=2, epochs=1)
    done = run_snakemake(project, *second[3:])
    assert done.returncode == 0, done.stdout
    results = project / "results/clinic"
    assert {*pd.read_csv(results / "comparison.csv")["row"]} == {*ROWS}
    assert (results / "report.html").exists()
    pairs = pd.read_csv(results / "pairs.csv", dtype=str)
    table = pd.read_csv(project / "clinic/cases.csv", sep=";", dtype=str)
    patient = pairs["image_id"].map(dict(zip(table["Image"].str[:4], table["Patient"], strict=True)))
    assert pairs.groupby(patient)["fold"].nunique().max() == 1


def test_every_option_of_the_page_is_one_of_the_command(stage):
    said = stage("init", "--help").stdout
    options = {*re.findall(r"`(--[a-z-]+)", PAGE.partition("## The second command")[0])} - {"--study"}
    assert len(options) > 10
    assert [option for option in sorted(options) if option not in said] == []


def test_the_scores_of_the_page_are_those_of_its_table():
    table = pd.read_csv(ROOT / "docs/results/from-a-table/comparison.csv").set_index("row")
    shown = re.findall(r"^\| (\S+) \| (\.\d+) \((\.\d+)-(\.\d+)\) \| (\.\d+) \|", PAGE, re.M)
    assert len(shown) > 5
    for row, *said in shown:
        found = table.loc[row, ["accuracy", "accuracy_low", "accuracy_high", "auroc"]]
        assert said == [f"{score:.3f}".removeprefix("0") for score in found]
