import numpy as np
import pandas as pd
import pytest
from PIL import Image

from lungfuse.datasets import demo, openi
from lungfuse.demo.chest import draw_frontal
from lungfuse.demo.draw import RawFiles, main, plan_studies
from lungfuse.demo.evidence import (
    AGE_MEAN,
    AGE_SD,
    LOG_CRP_MEAN,
    LOG_CRP_SD,
    NORMAL_VOLUME,
    SIGNS,
    best_accuracy,
    draw_evidence,
    draw_patient,
)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    return draw(tmp_path_factory.mktemp("demo"))


def draw(folder, seed=1):
    files = RawFiles(
        reports_archive=folder / openi.REPORTS,
        images_archive=folder / openi.IMAGES,
        projections=folder / openi.PROJECTIONS,
        patients=folder / demo.PATIENTS,
        evidence_table=folder / "evidence.csv",
        evidence_archive=folder / "evidence.tgz",
    )
    main(files=files, lung_masks=folder / "lung-masks", studies=60, masks=4, seed=seed)
    return folder


def test_the_openi_dataset_reads_the_drawn_files(drawn):
    collection = openi.read_reports(drawn)
    assert len(collection.reports) == 60
    assert set(collection.views["view"]) == {"Frontal", "Lateral", ""}
    assert {member.stem for member in openi.read_images(drawn)} == set(collection.views["image_id"])


def test_the_demo_holds_all_that_the_filters_must_handle():
    studies = plan_studies(np.random.default_rng([2, 0]), 900)
    views = pd.Series([tuple(study.views.values()) for study in studies])
    findings = pd.Series([study.wording.findings for study in studies])
    assert (views == ("Frontal", "Lateral")).sum() > 400
    assert views.map(lambda views: views.count("Frontal") == 2).sum() > 20
    assert (views == ()).sum() > 10
    assert (findings == "").sum() > 30
    assert findings[findings != ""].duplicated().sum() > 70
    assert {study.label for study in studies} == {"normal", "lung", "other"}


def test_evidence_is_known_where_a_sign_of_lung_disease_is_drawn_or_written():
    studies = plan_studies(np.random.default_rng([2, 0]), 900)
    for study in studies:
        assert study.wording.evidence in study.wording.findings or not study.wording.findings
        assert bool(study.wording.evidence) == study.evidence.written
        assert study.evidence.drawn == (abs(study.evidence.volume - NORMAL_VOLUME[0]) > 0.18) or study.label != "lung"


def test_the_same_seed_draws_the_same_bytes(drawn, tmp_path):
    draw(tmp_path)
    for path in drawn.rglob("*"):
        if path.is_file():
            assert path.read_bytes() == (tmp_path / path.relative_to(drawn)).read_bytes(), path.name


def test_masks_have_the_names_and_the_depth_of_the_public_set(drawn):
    names = sorted(path.relative_to(drawn / "lung-masks").as_posix() for path in (drawn / "lung-masks").rglob("*.png"))
    assert names == [
        *[f"CXR_png/{name}.png" for name in ["CHNCXR_0001_1", "CHNCXR_0002_0", "MCUCXR_0003_1", "MCUCXR_0004_0"]],
        *[
            f"masks/{name}.png"
            for name in ["CHNCXR_0001_1_mask", "CHNCXR_0002_0_mask", "MCUCXR_0003_1", "MCUCXR_0004_0"]
        ],
    ]
    assert Image.open(drawn / "lung-masks" / names[4]).mode == "1"


def test_the_lungs_are_dark_and_grow_with_the_volume():
    areas = []
    for volume in (0.74, 1.0, 1.26):
        pixels, mask, _ = draw_frontal(np.random.default_rng(0), volume, 0, 96)
        assert pixels[mask].mean() < 0.6 * pixels[~mask & (pixels > 60)].mean()
        areas.append(mask.mean())
    assert areas[0] < 0.8 * areas[1] < 0.8 * areas[2]


def test_the_demo_dataset_reads_what_is_known_of_the_patients(drawn):
    collection = demo.read_reports(drawn)
    values = collection.values
    assert list(values["report_id"]) == list(collection.reports["report_id"])
    assert pd.to_numeric(values["age"]).between(1, 110).mean() > 0.8
    assert set(values["sex"]) == {"F", "M"}
    assert 0 < (values["crp"] == "").sum() < 30
    assert {member.stem for member in demo.read_images(drawn)} == set(collection.views["image_id"])


def test_the_best_accuracy_leaves_room_for_fusion():
    best = best_accuracy()
    assert best["image"] == pytest.approx(0.80, abs=0.01)
    assert best["text"] == pytest.approx(0.85, abs=0.01)
    assert best["image + text"] == pytest.approx(0.93, abs=0.01)
    assert best["structured"] == pytest.approx(0.80, abs=0.01)
    assert best["image + text + structured"] == pytest.approx(0.95, abs=0.01)


def test_the_best_accuracy_agrees_with_a_simulation():
    rng = np.random.default_rng(0)
    right = dict.fromkeys(best_accuracy(), 0)
    for label in ["normal", "lung"]:
        for _ in range(4000):
            evidence, patient = draw_evidence(rng, label), draw_patient(rng, label)
            for what in right:
                seen = what.split(" + ")
                for_lung = of_signs(evidence, seen) + (of_patient(patient) if "structured" in seen else 0)
                right[what] += (for_lung > 0) == (label == "lung")
    for what, best in best_accuracy().items():
        assert right[what] / 8000 == pytest.approx(best, abs=0.012), what


def of_signs(evidence, seen):
    """The log likelihood ratio of the signs that are seen; lungs are too small or too large 17 % off the normal."""
    drawn = abs(evidence.volume - NORMAL_VOLUME[0]) > 0.17
    tables = [SIGNS[label] for label in ["lung", "normal"]]
    if "image" not in seen:
        tables = [np.tile(table.sum(axis=0), (2, 1)) for table in tables]
    if "text" not in seen:
        tables = [np.tile(table.sum(axis=1)[:, None], 2) for table in tables]
    return np.log(tables[0] / tables[1])[int(drawn), int(evidence.written)]


def of_patient(patient):
    """The log likelihood ratio of age and CRP where they are known."""
    total = 0.0
    for value, mean, spread in [
        (patient["age"] and float(patient["age"]), AGE_MEAN, AGE_SD),
        (patient["crp"] and np.log(max(float(patient["crp"]), 0.05)), LOG_CRP_MEAN, LOG_CRP_SD),
    ]:
        if value != "":
            total += (mean["lung"] - mean["normal"]) / spread**2 * (value - (mean["lung"] + mean["normal"]) / 2)
    return total
