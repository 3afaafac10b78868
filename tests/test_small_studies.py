"""The studies of params.yaml at about a hundredth of their size: synthetic images, tiny encoders, few models.

What a model of a study predicts for new cases is what the study's own predictions are, for every task, with all tokens
of frozen encoders and with their mean.
"""

import json
import re
import shutil
from collections.abc import Sequence
from contextlib import chdir
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from conftest import keep_models, run_snakemake
from drawn_tables import LESIONS, write_covid, write_findings, write_pad, write_skin
from PIL import Image

from lungfuse.files import sha256
from lungfuse.ingest.labels import headings_of
from lungfuse.plan.load import load_study
from lungfuse.plan.names import PARAMS
from lungfuse.plan.plan import Plan
from lungfuse.predict.predictor import Predictor
from lungfuse.settings.params import read_params

FUSED = ["image", "text", "structured", "early"]
BEFORE_READING = ["logistic", "image", "text_indication", "structured", "kv-exchange_text-age"]
BEFORE_READING += [
    "image_without-labels",
    "kv-exchange_indication-age",
    "kv-exchange_indication-age_shuffled-structured",
]
PER_LABEL = ["per_label.csv", "verdict.csv"]
ASKED = ["comparison.csv", "ablations.csv", "shortcuts.csv", "provenance.csv", "model_card.md"]


@pytest.fixture
def project(new_project, drawn_raw):
    project = new_project(models=None)
    shutil.copytree(drawn_raw, project / "data/raw/openi")
    return project


def test_image_indication_and_age_are_held_against_their_parts_and_the_device_against_all(project):
    keep_models(project / "params.yaml", "openi", BEFORE_READING, folds=2, epochs=1, audited=["indication"])
    pre_train_on_another_collection(project)
    run = run_snakemake(project, "--", *(f"results/openi/{name}" for name in ASKED))
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
    learned = json.loads((results / "pretrained/vit-tiny/settings.json").read_text())
    assert {"tb Montgomery normal", "tb Shenzhen tuberculosis"} < {*learned["headings"]} and learned["learned"] > 0
    assert set(learned["labels"]) == {"normal", "lung"}
    without = json.loads((results / "pretrained/vit-tiny-without-labels/settings.json").read_text())
    assert without["headings"] == [name for name in learned["headings"] if name not in learned["labels"]]
    assert without["learned"] < learned["learned"] and without["labels"] == {}
    for model, start in {"image": "vit-tiny", "image_without-labels": "vit-tiny-without-labels"}.items():
        settings = json.loads((results / f"models/{model}/fold0/settings.json").read_text())
        assert settings["starts"] == {"image": f"../../../pretrained/{start}/model.safetensors"}
    card = " ".join((results / "model_card.md").read_text().split())
    assert "among them the labels of this study: normal (" in card and "among them no label of this study" in card
    said = pd.read_csv(results / "provenance.csv", keep_default_na=False)
    assert {"command", "commit", "version", "machine", "raw file", "table"} == set(said["what"])
    kept = said[said["what"] == "table"].set_index("name")["sha256"]
    assert kept["comparison.csv"] == sha256(results / "comparison.csv") and len(kept) > len(ASKED)
    assert said.loc[said["name"] == "trainings", "value"].str.fullmatch(r".* cores?, .*: \d+ trainings").all()


def pre_train_on_another_collection(project: Path) -> None:
    """Let the study openi pre-train on drawn X-rays of two hospitals beside its own, every second with tuberculosis."""
    images = project / "data/raw/tb/CXR_png"
    images.mkdir(parents=True)
    rng = np.random.default_rng(2)
    for number in range(12):
        pixels = rng.integers(0, 255, (8, 8), np.uint8).repeat(9, 0).repeat(8, 1)
        Image.fromarray(pixels).save(images / f"{['CHNCXR', 'MCUCXR'][number // 6]}_{number:04}_{number % 2}.png")
    params = yaml.safe_load((project / "params.yaml").read_text())
    sets = {"tb": {"dataset": "nlm_tb", "view": "Frontal", "min_images": 2}}
    params["studies"]["openi"]["pretraining"]["sets"] = sets
    (project / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))


def test_the_published_study_is_planned_with_the_encoders_of_the_thesis(project, studies):
    run = run_snakemake(project, "-n", "--quiet", "host", "--config", "study=openi-published")
    assert run.returncode == 0, run.stdout
    assert "data/encoders/vit-base/model.safetensors" in run.stdout
    assert "data/encoders/bert-base/model.safetensors" in run.stdout
    trained = Plan("openi-published", studies["openi-published"]).of_stage("train")
    assert int(re.search(r"^train +(\d+)", run.stdout, re.M)[1]) == 5 * len(trained)


def run_small(new_project, study: str, models: list[str], write, tables: Sequence[str] = (), **arguments) -> Path:
    """Run a study on synthetic raw files up to its comparison and other tables; returns the folder of its results."""
    project = new_project(models=None)
    write(project / "data/raw" / study.partition("-")[0], **arguments)
    keep_models(project / "params.yaml", study, models, folds=2, epochs=1)
    asked = [f"results/{study}/{table}" for table in ["comparison.csv", *tables]]
    run = run_snakemake(project, "--config", f"study={study}", "--", *asked)
    assert run.returncode == 0, run.stdout
    results = project / "results" / study
    assert set(pd.read_csv(results / "comparison.csv")["row"]) == set(models)
    return results


def predicts_its_own(project: Path, study: str, *models: str) -> None:
    """Whether each model gives the cases of the first fold the scores that the study has of them."""
    plan = Plan(*load_study(read_params(project / PARAMS) | {"study": study}))
    with chdir(project):
        cases = cases_of_fold(plan)
        for name in models:
            predictor = Predictor(plan.layout.model_folder(name))
            if len(predictor.fold_models) > 1:
                predictor.fold_models = predictor.fold_models[:1]
            columns = predictor.task.columns("score")
            found = pd.concat(predictor.predict(cases)).set_index("id")[columns]
            known = pd.read_csv(plan.layout.predictions(name)["predictions"], dtype={"pair_id": str})
            known = known.set_index("pair_id")
            np.testing.assert_allclose(found, known.loc[found.index, columns], atol=1e-5, err_msg=name)


def cases_of_fold(plan: Plan) -> pd.DataFrame:
    """The cases of the first fold, as files of images, texts and values."""
    pairs = pd.read_csv(plan.layout.split["pairs"], dtype=str, keep_default_na=False).query("fold == '0'")
    index = pd.read_csv(plan.layout.images["index"], dtype={"image_id": str}).set_index("image_id")["row"]
    images = np.load(plan.layout.images["array"], mmap_mode="r")
    folder = Path("cases")
    folder.mkdir(exist_ok=True)
    for name in pairs["image_id"]:
        Image.fromarray(images[index[name]]).save(folder / f"{name}.png")
    text = pairs[plan.configs["text"].text] if "text" in plan.configs else ""
    cases = pd.DataFrame({"id": pairs["pair_id"], "image": [f"cases/{name}.png" for name in pairs["image_id"]]})
    structured = pd.read_csv(plan.layout.structured["structured"], dtype=str, keep_default_na=False)
    return cases.assign(text=text).merge(structured, left_on="id", right_on="pair_id").drop(columns="pair_id")


def test_fourteen_findings_are_predicted_from_image_text_and_age(new_project, studies):
    study = studies["openi-findings"]
    headings = [heading for rule in study.filter.labels for heading in headings_of(rule)]
    models = ["majority", "tfidf", "image", "text", "late", "early"]
    results = run_small(new_project, "openi-findings", models, write_findings, PER_LABEL, headings=headings)
    per_label = pd.read_csv(results / "per_label.csv")
    assert list(per_label["label"].unique()) == study.labels and len(study.labels) == 14
    assert (per_label["positives"] > 0).all()
    assert list(pd.read_csv(results / "verdict.csv")["inputs"]) == ["image + findings"]
    predicts_its_own(results.parents[1], "openi-findings", "tfidf", "late", "early")


def test_outcomes_of_covid_are_predicted_where_they_are_known(new_project):
    results = run_small(new_project, "covid", FUSED, write_covid, PER_LABEL)
    known = pd.read_csv(results / "per_label.csv").query("row == 'early'").set_index("label")["n"]
    assert known["intubated"] < known["icu"]
    notes = pd.read_csv(results / "pairs.csv", keep_default_na=False)
    trained = json.loads((results / "models/text/fold0/settings.json").read_text())
    assert "intubat" in trained["model"]["redact_terms"], "predict leaves the same sentences out"
    assert notes["notes"].str.contains("ICU").any() and not notes["notes_redacted"].str.contains("ICU").any()


def test_the_date_gives_covid_away_among_other_pneumonias(new_project):
    project = new_project(models=None)
    write_covid(project / "data/raw/covid")
    page = "results/covid-pneumonia/data_check.md"
    assert run_snakemake(project, "--config", "study=covid-pneumonia", "--", page).returncode == 0
    assert "sources: date." in (project / page).read_text()


def test_photographs_of_a_patient_stay_together_and_one_kind_of_model_reads_parts_and_all(new_project):
    classical = ["linear_image", "linear_structured", "linear", "linear_shuffled-image"]
    models = ["majority", "image", "structured", "late", "late_shuffled-image", *classical]
    results = run_small(new_project, "pad", models, write_pad, ["ablations.csv"])
    pairs = pd.read_csv(results / "pairs.csv", keep_default_na=False)
    assert pairs["group"].nunique() == 72 < len(pairs)
    changes = pd.read_csv(results / "ablations.csv").set_index(["row", "change"])["changed"]
    assert changes["linear", "shuffled-image"] == "linear_shuffled-image"
    assert changes["late", "shuffled-image"] == "late_shuffled-image"
    predicts_its_own(results.parents[1], "pad", "linear")


@pytest.mark.parametrize(
    ("study", "found"),
    [("pad-gaps", "missing: smoke"), ("pad-biopsed", "giveaway: biopsed"), ("pad-by-image", "patients: unknown")],
)
def test_what_leaks_in_a_study_is_found_before_it_is_trained(new_project, study, found):
    project = new_project(models=None)
    write_pad(project / "data/raw/pad")
    page = f"results/{study}/data_check.md"
    assert run_snakemake(project, "--config", f"study={study}", "--", page).returncode == 0
    assert f"{found}." in (project / page).read_text()


def test_skin_lesions_are_split_by_lesion_cut_out_and_in_colour(new_project):
    models = ["linear-probe_segmented", "logistic", "image", "structured", "early"]
    results = run_small(new_project, "skin", models, write_skin, ["segmentation.csv", "per_label.csv"])
    pairs = pd.read_csv(results / "pairs.csv", keep_default_na=False)
    assert pairs.groupby("group")["fold"].nunique().max() == 1 and pairs["group"].nunique() < len(pairs)
    assert set(pd.read_csv(results / "per_label.csv")["label"]) == set(LESIONS)
    assert "balanced_accuracy" in pd.read_csv(results / "comparison.csv")
    lesions = pd.read_csv(results / "segmentation.csv")
    assert set(lesions["source"]) == {"HAM10000"} and lesions["dice"].max() > 0.3
    predicts_its_own(results.parents[1], "skin", "linear-probe_segmented", "early")
