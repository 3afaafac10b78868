import numpy as np
import pandas as pd
import pytest
from PIL import Image

from lungfuse.adapters import openi
from lungfuse.demo.chest import draw_frontal
from lungfuse.demo.draw import main, plan_studies
from lungfuse.demo.evidence import NORMAL_VOLUME, best_accuracy, draw_evidence


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    return draw(tmp_path_factory.mktemp("demo"))


def draw(folder, seed=1):
    main(
        reports_archive=folder / openi.REPORTS,
        images_archive=folder / openi.IMAGES,
        projections=folder / openi.PROJECTIONS,
        lung_masks=folder / "lung-masks",
        studies=60,
        masks=4,
        seed=seed,
    )
    return folder


def test_the_openi_adapter_reads_the_drawn_files(drawn):
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
        pixels, mask = draw_frontal(np.random.default_rng(0), volume, 0, 96)
        assert pixels[mask].mean() < 0.6 * pixels[~mask & (pixels > 60)].mean()
        areas.append(mask.mean())
    assert areas[0] < 0.8 * areas[1] < 0.8 * areas[2]


def test_the_best_accuracy_leaves_room_for_fusion():
    best = best_accuracy()
    assert best["image"] == pytest.approx(0.80, abs=0.01)
    assert best["text"] == pytest.approx(0.85, abs=0.01)
    assert best["both"] == pytest.approx(0.93, abs=0.01)


def test_the_best_accuracy_agrees_with_a_simulation():
    rng = np.random.default_rng(0)
    right = {"image": 0, "text": 0, "both": 0}
    for label in ["normal", "lung"]:
        for _ in range(4000):
            evidence = draw_evidence(rng, label)
            drawn = abs(evidence.volume - NORMAL_VOLUME[0]) > 0.17
            decisions = {"image": drawn, "text": evidence.written, "both": drawn or evidence.written}
            for what, positive in decisions.items():
                right[what] += positive == (label == "lung")
    for what, best in best_accuracy().items():
        assert right[what] / 8000 == pytest.approx(best, abs=0.012), what
