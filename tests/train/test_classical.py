"""Classical models of several inputs: what they read, how they choose, what ablations change, what they predict."""

import numpy as np
import pandas as pd
import pytest
from small_study import small_study
from trained_study import READS

from lungfuse.models.inner_folds import InnerSearch
from lungfuse.models.side_by_side import UnitScaler, side_by_side
from lungfuse.predict.predictor import Predictor
from lungfuse.train.kept import unpacked

KINDS = ["linear", "boosted"]
SMALL = {"linear": {"c": [1.0, 10.0]}, "boosted": {"iterations": [10, 30], "min_leaf": 3, "components": 4}}


def fitted(study, architecture: str, *modalities: str, **entry):
    inputs = {name: READS[name] for name in modalities}
    config = study.model("model", architecture=architecture, inputs=inputs, settings=SMALL[architecture], **entry)
    return config, study.fit(config).set_index("pair_id")


def right(predictions: pd.DataFrame) -> float:
    return (predictions["prediction"] == predictions["label"]).mean()


@pytest.mark.parametrize("architecture", KINDS)
@pytest.mark.parametrize("modalities", [["image"], ["text"], ["structured"], ["image", "text", "structured"]])
def test_the_same_kind_of_model_reads_one_input_or_all(small, architecture, modalities):
    _, predictions = fitted(small, architecture, *modalities)
    assert right(predictions) > 0.9


@pytest.mark.parametrize("architecture", KINDS)
def test_new_cases_of_which_some_lack_inputs_get_the_scores_of_the_table(
    tmp_path, monkeypatch, encoder_root, architecture
):
    monkeypatch.chdir(tmp_path)
    study = small_study(tmp_path, encoder_root, "multilabel")
    config, predictions = fitted(study, architecture, "image", "text", "structured")
    pairs = study.pairs[study.pairs["fold"] == 0]
    images = [str(study.save_png(n)) if pairs["image_id"][n] else "" for n in pairs.index]
    cases = pd.DataFrame({"id": pairs["pair_id"], "image": images, "text": pairs["findings"]})
    cases = cases.join(study.structured[["age", "sex"]])
    assert {"image", "text", "age"} <= {*cases.columns[(cases == "").any()]}, "each input is lacking somewhere"
    predictor = Predictor(study.fold(config))
    found = pd.concat(predictor.predict(cases)).set_index("id")
    scores = predictor.task.columns("score")
    np.testing.assert_allclose(found[scores], predictions.loc[found.index, scores], atol=1e-5)
    sex = next(column for column in predictor.columns if column.name == "sex")
    assert sex.categories == ["F", "M"]


def test_what_is_kept_is_the_estimator_that_inner_folds_chose(small):
    config, _ = fitted(small, "linear", "text", "structured")
    kept = unpacked(small.fold(config) / "model.skops")[0]
    assert [step for step, _ in kept.steps] == ["columntransformer", "logisticregression"]
    assert kept[-1].C in SMALL["linear"]["c"]


@pytest.mark.parametrize("architecture", KINDS)
def test_a_shuffled_or_dropped_input_predicts_nothing(small, architecture):
    """Sex predicts nothing of the label: without the image this model is at chance."""
    columns = {"inputs": {"image": "raw", "structured": ["sex"]}, "settings": SMALL[architecture]}
    for ablation in ["shuffled-image", "dropped-image"]:
        config = small.model(architecture=architecture, name="ablated", ablation=ablation, **columns)
        assert right(small.fit(config)) < 0.7
    cases = pd.DataFrame({"id": ["a"], "sex": ["F"]})
    assert np.isfinite(pd.concat(Predictor(small.fold(config)).predict(cases))["score"]).all()


class Noted:
    """Labels that one of two regularisations can learn."""

    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(40), 3)
    labels = np.repeat(np.arange(40) % 2, 3)
    features = rng.normal(size=(120, 60)) + np.repeat(rng.normal(size=(40, 60)), 3, axis=0) * 5 + labels[:, None] * 0.5


def test_inner_folds_keep_groups_together_and_choose_by_the_loss_of_held_out_ones():
    from sklearn.linear_model import LogisticRegression

    search = InnerSearch(LogisticRegression(max_iter=1000), {"C": [1e-4, 1e3]}, 3, 0)
    for known, held in search._splits(Noted.labels, Noted.groups):
        assert not set(Noted.groups[known]) & set(Noted.groups[held])
    assert search.fit(Noted.features, Noted.labels, Noted.groups).best_estimator_.C == 1e-4
    by_row = search.fit(Noted.features, Noted.labels, np.arange(120)).best_estimator_.C
    assert by_row == 1e3, "where rows of a group stand on both sides, what knows them by heart seems best"


def test_a_class_of_one_group_is_learned_without_a_search():
    from sklearn.linear_model import LogisticRegression

    labels = (Noted.groups == 0).astype(int)
    found = InnerSearch(LogisticRegression(), {"C": [0.5, 1.0]}, 3, 0).fit(Noted.features, labels, Noted.groups)
    assert found.best_estimator_.C == 0.5


def test_inputs_of_many_and_of_few_features_are_of_one_length():
    wide, narrow = np.random.default_rng(0).normal(size=(2, 50, 200))
    for each in [wide, narrow[:, :2]]:
        assert np.square(UnitScaler().fit_transform(each)).sum(1).mean() == pytest.approx(1)
    means, texts = {"image": wide[:, :1], "text": narrow[:, :2]}, np.array(["a"] * 50)
    names = ["image:0", "text:0", "text:1", "text:", "age"]
    assert list(side_by_side(means, texts, pd.DataFrame({"age": [1.0] * 50}))) == names
