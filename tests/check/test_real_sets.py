"""What the check finds in real sets, whose oddities are known, and that it raises no alarm in one that is sound."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from small_check import found_in, rule, study

from lungfuse.check.findings import finding_names
from lungfuse.check.univariate import pure_words, univariate_auroc
from lungfuse.datasets import nlm_tb
from lungfuse.settings.ingest import LabelRule

SIDE = 64
OUTCOMES = [
    LabelRule(name="died", column="survival", positive=["N"], negative=["Y"]),
    LabelRule(name="icu", column="went_icu", positive=["Y"], negative=["N"]),
    LabelRule(name="intubated", column="intubated", positive=["Y"], negative=["N"]),
]
NUMBERS = dict.fromkeys(["age", "offset", "temperature", "pO2_saturation"], "number")


def decoded(path: Path) -> tuple[np.ndarray, tuple[int, int]]:
    with Image.open(path) as image:
        return np.asarray(image.convert("L").resize((SIDE, SIDE), Image.Resampling.BOX)), image.size


def stops(data) -> list[str]:
    found = {f"{kind} {subject}": each for kind in finding_names() for subject, each in found_in(data, kind).items()}
    return [name for name, finding in found.items() if finding.severity == "stop"]


@pytest.fixture(scope="module")
def covid(real_data) -> pd.DataFrame:
    table = pd.read_csv(real_data / "covid/metadata.csv", dtype=str, keep_default_na=False)
    there = table["filename"].map(lambda name: (real_data / "covid/images" / name).exists())
    return table[(table["modality"] == "X-ray") & there & ~table["filename"].duplicated()].reset_index(drop=True)


@pytest.fixture(scope="module")
def x_rays(covid, real_data) -> dict:
    images, sizes = zip(*(decoded(real_data / "covid/images" / name) for name in covid["filename"]), strict=True)
    return {"images": np.stack(images), "sizes": sizes, "kinds": NUMBERS}


@pytest.fixture(scope="module")
def reports(covid) -> pd.DataFrame:
    named = {
        "patientid": "patient",
        "location": "site",
        "date": "date",
        "clinical_notes": "notes",
        "view": "projection",
    }
    return covid[[*named]].rename(columns=named)


def test_the_704_x_rays_of_two_hospitals_raise_no_alarm(real_data):
    collection = nlm_tb.read_reports(real_data / "lung-masks")
    found = collection.reports.drop(columns=["report_id", "patient", "image_id", "view"])
    paths = [real_data / "lung-masks/CXR_png" / f"{name}.png" for name in collection.views["image_id"]]
    images, sizes = zip(*map(decoded, paths), strict=True)
    rules = [rule("normal"), rule("tuberculosis", positive="Tuberculosis")]
    said = pd.DataFrame({"outcome": found["major"]})
    data = study(found, said, rules, {"image": ["raw"]}, images=np.stack(images), sizes=sizes)
    assert len(data.cases) == 704
    for kind in finding_names():
        assert {finding.severity for finding in found_in(data, kind).values()} <= {"note"}, kind


def test_covid_notes_name_the_outcome_and_the_projection_predicts_it(covid, reports, x_rays):
    asked = covid[[*NUMBERS, "sex", "survival", "went_icu", "intubated"]]
    reads = {"image": ["raw"], "text": ["notes"], "structured": ["age", "sex", "offset"]}
    data = study(reports, asked, OUTCOMES, reads, task="multilabel", **x_rays)
    assert stops(data) == []
    notes = found_in(data, "giveaway")["notes: names of labels"]
    assert notes.severity == "warning"
    assert "died (30% of died, else 0%)" in notes.found
    view = found_in(data, "sources")["view"]
    assert view.severity == "warning"
    assert "(projection) alone predicts intubated" in view.found
    assert "survival nothing" in found_in(data, "classes")["unlabelled"].found


def test_covid_dates_and_sources_predict_the_disease_and_rows_without_one_are_named(covid, reports, x_rays):
    disease = covid["finding"].mask(covid["finding"].str.startswith("COVID"), "COVID-19")
    words = sorted(set(disease) - {"COVID-19", "todo", ""})
    rules = [LabelRule(name="other", column="finding", positive=words), rule("covid", "finding", "COVID-19")]
    asked = covid[[*NUMBERS, "sex"]].assign(finding=disease)
    data = study(reports, asked, rules, {"image": ["raw"], "text": ["notes"]}, **x_rays)
    assert "todo (66)" in found_in(data, "classes")["unlabelled"].found
    sources = found_in(data, "sources")
    assert {subject for subject, finding in sources.items() if finding.severity == "warning"} >= {"site", "date"}
    assert "several cases" in found_in(data, "patients")
    assert stops(data) == []


@pytest.mark.parametrize("known", [True, False])
def test_how_skin_lesions_were_confirmed_gives_them_away_and_lesions_are_repeated(real_data, known):
    table = pd.read_csv(real_data / "skin/HAM10000_metadata.csv", dtype=str, keep_default_na=False)
    rules = [rule(name, "dx") for name in sorted(table["dx"].unique())]
    lesions = table[["lesion_id"]].set_axis(["patient"], axis=1) if known else pd.DataFrame(index=table.index)
    asked = table[["dx", "dx_type", "age", "sex", "localization"]]
    columns = ["dx_type", "age", "sex", "localization"]
    data = study(lesions, asked, rules, {"structured": columns}, {"age": "number"}, task="multiclass")
    assert stops(data) == ["giveaway dx_type"]
    assert "follow_up (2,932 cases, 36.8%, all nv)" in found_in(data, "giveaway")["dx_type"].found
    assert ("several cases" if known else "unknown") in found_in(data, "patients")


def test_a_biopsy_gives_skin_cancer_away_and_so_do_the_gaps_of_columns_that_are_filled_for_biopsies(real_data):
    table = pd.read_csv(real_data / "pad/metadata.csv", dtype=str, keep_default_na=False).replace("UNK", "")
    rules = [rule(name.lower(), "diagnostic", name) for name in sorted(table["diagnostic"].unique())]
    filled = ["region", "itch", "grew", "hurt", "changed", "bleed", "elevation"]
    columns = [*filled, "smoke", "biopsed"]
    asked = {"structured": columns}
    patients = table[["patient_id"]].set_axis(["patient"], axis=1)
    data = study(patients, table[["diagnostic", *columns]], rules, asked, task="multiclass")
    found = found_in(data, "giveaway")
    warned = {name for name, finding in found.items() if finding.severity == "warning"}
    assert warned == {"biopsed"}
    assert "none of the 325 cases of bcc, mel and scc has False (158 by chance)" in found["biopsed"].found
    gaps = {name for name, finding in found_in(data, "missing").items() if finding.severity == "warning"}
    assert gaps == {"smoke"}
    assert stops(data) == []


def test_one_column_by_itself_as_a_new_study_asks_of_it(real_data):
    table = pd.read_csv(real_data / "skin/HAM10000_metadata.csv", dtype=str, keep_default_na=False)
    words = pure_words(table["dx_type"], table["dx"], table["lesion_id"])
    assert [(word.word, word.label) for word in words] == [("follow_up", "nv"), ("confocal", "bkl")]
    assert univariate_auroc(table["age"], "number", table["dx"], table["lesion_id"]) == pytest.approx(0.69, abs=0.03)
