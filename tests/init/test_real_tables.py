"""covid-chestxray, HAM10000 and tuberculosis X-rays become studies by `init` and their mapping alone."""

import re
from pathlib import Path

import pandas as pd
import pytest
import yaml
from conftest import run_snakemake, run_tool


@pytest.fixture(scope="module")
def project(new_project):
    return new_project(models=None)


def init(project: Path, name: str, *arguments: object) -> dict:
    """Run `lungfuse init` in a project; returns the entry, made cheap."""
    code = {"PYTHONPATH": str(project / "workflow")}
    command = ["python", "-m", "lungfuse", "init", "--name", name, "--no-check", *map(str, arguments)]
    done = run_tool(project, *command, **code)
    assert done.returncode == 0, done.stdout
    params = project / "params.yaml"
    content = yaml.safe_load(params.read_text())
    entry = content["studies"][name]
    entry["images"] = entry.get("images", {}) | {"image_size": 16}
    params.write_text(yaml.safe_dump(content, sort_keys=False))
    return entry


def made(project: Path, name: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The pairs of a study with their folds, after its data check, and what the check finds."""
    results = f"results/{name}"
    done = run_snakemake(project, "--config", f"study={name}", "--", f"{results}/pairs.csv")
    assert done.returncode == 0, done.stdout
    return pd.read_csv(project / results / "pairs.csv", dtype=str), pd.read_csv(project / results / "check.csv")


def read_by_rows(entry: dict) -> set[str]:
    return {column for row in entry["models"].values() for column in row.get("structured", [])}


def test_outcomes_of_covid_are_many_labels(project, real_data):
    covid = real_data / "covid"
    entry = init(
        project, "covid-outcomes", "--table", covid / "metadata.csv", "--images", covid / "images",
        "--label", "went_icu", "intubated", "survival",
    )  # fmt: skip
    table = entry["table"]
    assert (table["patient"], table["image"], table["view"]) == ("patientid", "filename", "view")
    assert (table["group_by"], table["rows"]) == (["doi"], {"modality": ["X-ray"]})
    assert [(rule["positive"], rule["negative"]) for rule in entry["filter"]["labels"]] == [(["Y"], ["N"])] * 3
    assert {"age", "sex", "offset"} < read_by_rows(entry)
    assert not {"went_icu", "intubated", "survival", "intubation_present"} & read_by_rows(entry)
    pairs, findings = made(project, "covid-outcomes")
    assert len(pairs) > 250
    assert pairs["label_went-icu"].isna().any()
    names = pd.read_csv(covid / "metadata.csv", dtype=str).drop_duplicates("filename")
    of_image = dict(zip(names["filename"].map(lambda name: Path(name).stem), names["patientid"], strict=True))
    patient = pairs["image_id"].map(of_image)
    assert patient.notna().all()
    assert pairs.groupby(patient)["fold"].nunique().max() == 1
    assert {"classes", "giveaway", "missing"} <= {*findings["kind"]}


def test_covid_against_others_is_another_question(project, real_data):
    covid = real_data / "covid"
    entry = init(
        project, "covid-finding", "--table", covid / "metadata.csv", "--images", covid / "images",
        "--label", "finding", "--positive", "COVID-19",
    )  # fmt: skip
    other, positive = entry["filter"]["labels"]
    assert positive["positive"] == ["COVID-19", "COVID-19, ARDS"]
    assert {"SARS", "No Finding"} < {*other["positive"]}
    assert "todo" in entry["table"]["missing"]
    pairs, _ = made(project, "covid-finding")
    assert pairs["label"].value_counts()["1"] > 300


def test_lesions_of_ham10000_are_kept_together_and_dx_type_is_read_by_no_row(project, real_data):
    skin = real_data / "skin"
    images = [skin / f"HAM10000_images_part_{part}.zip" for part in (1, 2)]
    entry = init(project, "ham", "--table", skin / "HAM10000_metadata.csv", "--images", *images, "--label", "dx")
    assert entry["task"] == "multiclass"
    assert len(entry["filter"]["labels"]) == 7
    assert entry["images"]["colour"]
    assert entry["table"]["group_by"] == ["lesion_id"]
    assert read_by_rows(entry) == {"age", "sex", "localization"}
    assert "dx_type" in entry["table"]["columns"]
    pairs, findings = made(project, "ham")
    lesion = pd.read_csv(skin / "HAM10000_metadata.csv").set_index("image_id")["lesion_id"]
    assert len(pairs) == len(lesion)
    assert pairs.groupby(pairs["image_id"].map(lesion))["fold"].nunique().max() == 1
    assert findings["subject"].str.contains("dx_type").any()


def test_tuberculosis_is_a_table_of_two_columns(project, real_data):
    images = real_data / "lung-masks/CXR_png"
    names = sorted(path.stem for path in images.glob("*.png"))
    rows = [f"{name},{re.search(r'[01]$', name)[0]}\n" for name in names]
    (project / "tb.csv").write_text("name,tuberculosis\n" + "".join(rows))
    entry = init(project, "tb-table", "--table", "tb.csv", "--images", images)
    assert [*entry["models"]] == ["majority", "linear-probe", "image"]
    pairs, findings = made(project, "tb-table")
    assert pairs["label"].value_counts().to_dict() == {"0": 359, "1": 345}
    assert not (findings["severity"] == "stop").any()
