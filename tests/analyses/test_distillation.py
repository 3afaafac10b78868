import json

import numpy as np
import pytest
from model_configs import model_config
from small_comparison import results_of
from small_fusions import MODELS, drawn

from lungfuse.analyses.distillation import ALONE, compute, draw, recorded, students
from lungfuse.settings.comparison import Intervals

INTERVALS = Intervals(confidence=0.95, resamples=400)
COUNT = 500
STUDENT = model_config("image-distilled", images="raw", parts={"teacher": "early"})
TRAININGS = [("image", 10, 1.5), ("early", 100, 4.0), ("image-distilled", 10, 1.5)]


@pytest.fixture
def results():
    """A student that is better than the same network alone, and worse than its teacher."""
    rng = np.random.default_rng(0)
    label, noise = rng.integers(0, 2, (COUNT, 1)), rng.normal(size=(3, COUNT, 1))
    odds = {"image": 1.0 * label + noise[0], "early": 2.2 * label + noise[1]}
    found = drawn(odds | {"structured": 1.5 * label + noise[0]}, label, trainings=2)
    models = {"image": MODELS["image"], "early": MODELS["early"], "image-distilled": STUDENT}
    return results_of(models, found.joined, pairs=found.pairs)


@pytest.fixture
def settings(tmp_path):
    files = []
    for name, parameters, ms in TRAININGS:
        for fold in range(2):
            files.append(tmp_path / name / f"fold{fold}/settings.json")
            files[-1].parent.mkdir(parents=True)
            took = {"parameters": parameters, "ms_per_case": ms + fold, "seconds_per_epoch": 2.0}
            files[-1].write_text(json.dumps(took))
    return files


def test_a_student_is_compared_with_its_teacher_and_the_same_network_alone(results, settings):
    table = compute(results, settings, INTERVALS, seed=0, timings=True).set_index("compared_with")
    assert list(table["row"]) == ["image", "early"] and set(table["student"]) == {"image-distilled"}
    assert table["gain_low"][ALONE] > 0.02 and table["gain_high"]["teacher"] < -0.02
    np.testing.assert_allclose(table["gain"], table["student_value"] - table["value"], atol=1e-5)
    assert table["parameters"].tolist() == [10, 100] and set(table["student_parameters"]) == {10}
    assert table["ms_per_case"].tolist() == [2.0, 4.5] and table["peak_memory_mb"].isna().all()


def test_what_differs_from_run_to_run_is_left_out_where_a_study_wants_the_same_bytes(settings):
    found = recorded(settings, timings=False)["early"]
    assert found["parameters"] == 100 and np.isnan(found["ms_per_case"]) and np.isnan(found["seconds_per_epoch"])


def test_a_network_of_another_encoder_is_not_the_same():
    small = model_config("image", images="raw", name="other", encoders={"image": "random:vit-tiny"})
    models = [MODELS["early"], small, STUDENT]
    assert students(models) == [(2, 0, "teacher")]


def test_the_figure_has_a_line_a_comparison(results, settings):
    table = compute(results, settings, INTERVALS, seed=0, timings=False)
    labels = [label.get_text() for label in draw(table, "small study").axes[0].get_yticklabels()]
    assert labels == ["image-distilled over image (same network alone)", "image-distilled over early (teacher)"]
    assert draw(table[:0], "small study").axes
