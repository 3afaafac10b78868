"""The real OpenI files, where LUNGFUSE_REAL_DATA says they are."""

import shutil
import tarfile

import numpy as np
import pandas as pd
import pytest
import yaml
from conftest import changed_setting, keep_models, run_snakemake, write_kaggle, write_tgz
from sklearn.metrics import roc_auc_score
from small_study import run_stage

from lungfuse.datasets import openi
from lungfuse.ingest.filter import FilterInputs, select_pairs
from lungfuse.plan.names import PACKAGED
from lungfuse.segment import annotated
from lungfuse.settings.ingest import ImageSettings
from lungfuse.tasks import load_task

BASELINES = ["majority", "tfidf", "tfidf_impression", "tfidf_indication", "tfidf-logistic_indication"]
FUNNEL = {
    "reports": 3955, "images": 7470, "reports with images": 3851, "frontal images": 3818, "lung reports": 558,
    "normal reports": 1379, "normal and lung reports": 1937, "balanced reports": 1116, "pairs": 983,
    "lung pairs": 490, "reports of pairs": 949, "groups of pairs": 741,
}  # fmt: skip


@pytest.fixture(scope="module")
def project(real_data, new_project):
    """A project with the real reports and the eight real images, under the names of the download."""
    project = new_project(models=None)
    keep_models(project / "params.yaml", "openi", ["majority"], folds=5, epochs=1)
    keep_models(project / "params.yaml", "openi-text", BASELINES, folds=5, epochs=1)
    raw = project / "data/raw/openi"
    raw.mkdir(parents=True)
    for name in [*openi.REPORT_FILES, *openi.VALUE_FILES]:
        shutil.copy(real_data / "openi" / name, raw / name)
    images = sorted((real_data / "openi/png").glob("*.png"))
    write_tgz(raw / openi.IMAGES, [(path.name, path.read_bytes()) for path in images])
    return project


def test_real_reports_give_the_known_counts_and_the_known_baselines(project):
    run = run_snakemake(project, "--config", "study=openi-text")
    assert run.returncode == 0, run.stdout
    results = project / "results/openi-text"
    funnel = pd.read_csv(results / "funnel.csv").set_index("step")["count"]
    assert {step: funnel[step] for step in FUNNEL} == FUNNEL
    pairs = pd.read_csv(results / "pairs.csv")
    assert (len(pairs), pairs["label"].sum(), pairs["report_id"].nunique(), pairs["group"].nunique()) == (
        983,
        490,
        949,
        741,
    )
    assert pairs.groupby("group")["fold"].nunique().max() == 1
    table = pd.read_csv(results / "comparison.csv").set_index(["model", "text"])
    assert table.loc[("tfidf", "findings"), "accuracy"] >= 0.970
    assert table.loc[("tfidf", "findings"), "auroc"] >= 0.995
    assert table.loc[("tfidf-logistic", "indication"), "accuracy"] == pytest.approx(0.57, abs=0.02)
    own = table[["n_own_text", "positives_own_text"]].loc["tfidf"]
    assert own.to_dict("index") == {
        "findings": {"n_own_text": 983, "positives_own_text": 490},
        "impression": {"n_own_text": 398, "positives_own_text": 327},
        "indication": {"n_own_text": 553, "positives_own_text": 289},
    }
    page = " ".join((results / "comparison.md").read_text().split())
    assert "582 impression texts and 412 indication texts also occur word for word in a training fold" in page


def test_the_kaggle_edition_gives_the_same_pairs(real_data, studies, tmp_path):
    """It has the reports with images and the images with a projection alone; from there on every count is the same."""
    library, study = tmp_path / "library", studies["openi-text"]
    library.mkdir()
    for name in openi.REPORT_FILES:
        shutil.copy(real_data / "openi" / name, library / name)
    write_tgz(library / openi.IMAGES, [])
    found = []
    for raw in [library, write_kaggle(library, tmp_path / "kaggle")]:
        read = openi.read_reports(raw)
        asked = load_task(study.task, study.labels), ["text"], study.view, study.filter, study.seed
        pairs, steps, _ = select_pairs(FilterInputs(read.reports, read.views, read.values, None), *asked)
        found.append((pairs.drop(columns="automatic"), steps.set_index("step")))
    (pairs, steps), (kaggle_pairs, kaggle_steps) = found
    pd.testing.assert_frame_equal(kaggle_pairs, pairs)
    assert kaggle_steps["count"][:3].to_dict() == {"reports": 3851, "images": 7466, "images with a view": 7466}
    pd.testing.assert_frame_equal(kaggle_steps[3:], steps[3:])
    assert {step: kaggle_steps["count"][step] for step in FUNNEL} == FUNNEL | {"reports": 3851, "images": 7466}


def test_every_pair_has_its_real_image_and_the_age_of_its_patient(real_data, studies, tmp_path):
    """The real images are in the folder of the Kaggle edition, the reports in the library's archive."""
    study, raw = studies["openi"], tmp_path / "openi"
    (raw / openi.KAGGLE_IMAGES).mkdir(parents=True)
    for name in [*openi.REPORT_FILES, *openi.VALUE_FILES]:
        shutil.copy(real_data / "openi" / name, raw / name)
    with tarfile.open(real_data / "openi/frontal-256px.tar") as images:
        for member in images:
            name = member.name.replace(".jpg", ".png")
            (raw / openi.KAGGLE_IMAGES / name).write_bytes(images.extractfile(member).read())
    names = ["reports", "views", "values", "value_columns", "rejected_reports", "audited", "index", "rejected_images"]
    files = {name: tmp_path / f"{name}.csv" for name in [*names, "candidates", "funnel", "rejected"]}
    run_stage("reports", dataset="openi", raw=raw, **{name: files[name] for name in names[:6]})
    run_stage("images", dataset="openi", raw=raw, view=study.view, images=ImageSettings(image_size=16, fit="pad"),
        views=files["views"], array=tmp_path / "images.npy", **{name: files[name] for name in names[6:]})  # fmt: skip
    asked = {name: getattr(study, name) for name in ["task", "modalities", "view", "filter", "seed"]}
    rejected = [files["rejected_reports"], files["rejected_images"]]
    read = ["reports", "views", "values", "index", "candidates", "funnel", "rejected"]
    run_stage("filter", **asked, **{name: files[name] for name in read}, rejected_inputs=rejected)
    funnel = pd.read_csv(files["funnel"]).set_index("step")["count"]
    assert {step: funnel[step] for step in FUNNEL} == FUNNEL and funnel["with a readable image"] == 983
    reasons = pd.read_csv(files["rejected"]).set_index("id")["reason"]
    missing, pairs = reasons.index[reasons == "not in the raw images"], pd.read_csv(files["candidates"])
    assert len(missing) == 24 and not set(missing) & set(pairs["image_id"])
    age = pairs["report_id"].map(pd.read_csv(files["values"]).set_index("report_id")["age"])
    assert age.notna().all() and age.between(17, 100).all()
    assert roc_auc_score(pairs["label"], age) == pytest.approx(0.76, abs=0.01)


def test_the_rule_equals_finds_the_539_reports_of_the_exact_term(project):
    with changed_setting(project / "params.yaml", "defaults", "filter", "labels", 1, "match", to="equals"):
        run = run_snakemake(project, "--config", "study=openi-text", "--", "results/openi-text/funnel.csv")
    assert run.returncode == 0, run.stdout
    assert "lung reports,539" in (project / "results/openi-text/funnel.csv").read_text()


def test_real_images_are_decoded_and_the_missing_ones_are_named(project):
    run = run_snakemake(project)
    assert run.returncode == 1
    assert "981 of 983 pairs have no readable image" in run.stdout
    index = pd.read_csv(project / "data/images/openi/index.csv")
    array = np.load(project / "data/images/openi/images.npy", mmap_mode="r")
    assert array.shape == (5, 64, 64)
    assert (index["width"] == 512).all()
    assert array.reshape(5, -1).std(axis=1).min() > 20
    rejected = pd.read_csv(project / "results/openi/rejected.csv")
    assert (rejected["reason"] == "not in the raw images").sum() == 3818 - 5
    funnel = pd.read_csv(project / "results/openi/funnel.csv").set_index("step")["count"]
    assert funnel["lung pairs"] == 2


def test_frozen_features_predict_tuberculosis_on_the_real_x_rays_of_two_hospitals(real_data, new_project):
    project = new_project(models=None)
    shutil.copytree(real_data / "lung-masks/CXR_png", project / "data/raw/tb/CXR_png")
    params = yaml.safe_load((project / "params.yaml").read_text())
    del params["studies"]["tb"]["segmentation"]
    params["studies"]["tb"]["models"] = {"linear-probe": {"images": "raw"}}
    (project / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    run = run_snakemake(project, "--config", "study=tb")
    assert run.returncode == 0, run.stdout
    results = project / "results/tb"
    assert pd.read_csv(results / "funnel.csv").set_index("step")["count"]["pairs"] == 704
    pairs = pd.read_csv(results / "pairs.csv")
    assert pairs.groupby("site")["label"].sum().to_dict() == {"Montgomery": 58, "Shenzhen": 287}
    assert pairs.groupby(["site", "fold", "label"]).size().unstack("fold").apply(np.ptp, axis=1).max() <= 1
    probe = pd.read_csv(results / "comparison.csv").set_index("model").loc["linear-probe"]
    assert probe["accuracy"] >= 0.82
    assert probe["auroc"] >= 0.90
    assert set(pd.read_csv(results / "sites.csv")["site"]) == {"Montgomery", "Shenzhen"}


def test_the_packaged_segmenter_finds_the_lungs_of_patients_it_has_not_learned_from(real_data, studies, tmp_path):
    tb = studies["tb"]
    files = {"images": "images.npy", "masks": "masks.npy", "index": "index.csv"}
    files = {f"annotated_{name}": tmp_path / file for name, file in files.items()}
    annotated.main(
        annotated=tb.segmentation.annotated, annotated_raw=real_data / "lung-masks", seed=tb.seed,
        rejected_share=tb.rejected_share,
        outputs=annotated.Outputs(**files, rejected_annotations=tmp_path / "rejected.csv"),
    )  # fmt: skip
    run_stage("segmentation-scores", mask=tb.segmentation.mask, region="lungs", intervals=tb.comparison, seed=tb.seed,
        segmenters=[PACKAGED], region_table=tmp_path / "regions.csv",
        segmentation_table=tmp_path / "segmentation.csv", **files)  # fmt: skip
    table = pd.read_csv(tmp_path / "segmentation.csv")
    assert table.groupby("source")["n"].first().to_dict() == {"Montgomery": 21, "Shenzhen": 85}
    assert (table["dice"] >= 0.95).all(), table
