"""A support vector machine on frozen encoders: chosen by held-out groups, kept without pickle, predicting as it did."""

import numpy as np
import pandas as pd
import pytest
from sklearn.svm import SVC
from small_study import small_study

from lungfuse.models.inner_folds import InnerSearch, mean_auroc
from lungfuse.predict.predictor import Predictor
from lungfuse.train.kept import unpacked


@pytest.mark.parametrize("task", ["binary", "multiclass", "multilabel"])
def test_it_reads_any_frozen_encoders_and_predicts_what_it_did(tmp_path, monkeypatch, encoder_root, task):
    monkeypatch.chdir(tmp_path)
    study = small_study(tmp_path, encoder_root, task)
    config = study.model(architecture="svm-probe", inputs={"image": "raw", "text": "findings"})
    known = study.fit(config).set_index("pair_id")
    kept = unpacked(study.fold(config) / "model.skops")
    assert {type(model[-1]) for model in kept} == {SVC}
    pairs = study.pairs[study.pairs["fold"] == 0]
    images = [str(study.save_png(n)) if pairs["image_id"][n] else "" for n in pairs.index]
    cases = pd.DataFrame({"id": pairs["pair_id"], "image": images, "text": pairs["findings"]})
    cases = cases[(cases["image"] != "") | (cases["text"] != "")]
    predictor = Predictor(study.fold(config))
    found = pd.concat(predictor.predict(cases)).set_index("id")
    scores = predictor.task.columns("score")
    np.testing.assert_allclose(found[scores], known.loc[found.index, scores], atol=1e-4)
    if task == "binary":
        assert (known["prediction"] == known["label"]).mean() > 0.9


def rings(groups: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Three points of each group, inside or outside a circle, with noise of the group: features, labels, groups."""
    rng = np.random.default_rng(0)
    labels = np.arange(groups) % 2
    angle = rng.uniform(0, 2 * np.pi, groups)
    centres = (1 + 2 * labels)[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)
    points = np.repeat(centres, 3, axis=0) + rng.normal(scale=0.1, size=(3 * groups, 2))
    return points, np.repeat(labels, 3), np.repeat(np.arange(groups), 3)


def test_the_kernel_is_the_one_that_ranks_held_out_groups_best():
    points, labels, groups = rings(40)
    search = InnerSearch(SVC(), {"kernel": ["linear", "rbf"], "C": [0.1, 10.0]}, 3, 0, mean_auroc)
    assert search.fit(points, labels, groups).best_estimator_.kernel == "rbf"
    shifted = points + 4 * labels[:, None]
    assert search.fit(shifted, labels, groups).best_estimator_.kernel == "linear", "of equals the first"


def test_c_is_chosen_by_groups_and_not_by_pairs():
    """Cases of a group are alike and labels of groups are noise: by pair, what knows a group by heart seems best."""
    rng = np.random.default_rng(0)
    groups, labels = np.repeat(np.arange(60), 4), np.repeat(rng.permutation(60) % 2, 4)
    points = np.repeat(rng.normal(size=(60, 30)), 4, axis=0) + 0.01 * rng.normal(size=(240, 30))
    points[:, 0] += labels
    settings = {"kernel": ["rbf"], "C": [1e-3, 1e3], "gamma": [1e-3, 1.0]}
    by_group, by_pair = (
        InnerSearch(SVC(), settings, 3, 0, mean_auroc).fit(points, labels, each) for each in [groups, np.arange(240)]
    )
    assert by_group.best_estimator_.gamma == 1e-3
    assert by_pair.best_estimator_.gamma == 1.0


def test_the_mean_auroc_is_of_classes_that_are_there():
    points = np.array([[0.0], [1.0], [2.0], [3.0], [4.0], [5.0]])
    machine = SVC(kernel="linear").fit(points, [0, 0, 1, 1, 2, 2])
    assert mean_auroc(machine, points, np.array([0, 0, 1, 1, 2, 2])) > 0.9
    assert mean_auroc(machine, points[:4], np.array([0, 0, 1, 1])) == 1
    assert mean_auroc(machine, points[:1], np.array([0])) == 0.5
