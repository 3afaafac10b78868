"""An estimator with inner folds is one file: it is given the groups of the pairs, and what it has chosen is kept."""

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import GroupKFold
from trained_study import READS

from lungfuse.predict.predictor import Predictor
from lungfuse.train.kept import unpacked

SEARCHED_PROBE = '''
"""A support vector machine on mean tokens, regularised as does best on held-out patients."""

from sklearn.impute import SimpleImputer
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

REQUIRED, OPTIONAL, MIN_INPUTS = [], ["image", "text"], 1
GROUPED = True
SETTINGS = {"folds": {"description": "inner folds", "type": "integer", "minimum": 2, "default": 3}}


def build(class_weight, seed, folds):
    mean = SimpleImputer(strategy="constant", fill_value=0, keep_empty_features=True)
    probe = make_pipeline(StandardScaler(), mean, SVC(class_weight=class_weight))
    return GridSearchCV(probe, {"svc__C": [0.001, 1.0]}, cv=GroupKFold(folds))
'''


@pytest.fixture
def seen(new_part, monkeypatch) -> list[np.ndarray]:
    """The groups that inner folds were made of."""
    new_part("lungfuse.models.probe", "searched_probe", SEARCHED_PROBE)
    found, split = [], GroupKFold.split

    def noted(folds, X, y=None, groups=None):  # noqa: N803
        found.append(groups)
        return split(folds, X, y, groups)

    monkeypatch.setattr(GroupKFold, "split", noted)
    return found


def test_a_probe_that_searches_is_fitted_by_groups_and_predicts(small, seen):
    small.pairs["group"] //= 2
    small.write()
    config = small.model(
        "searched-probe", architecture="searched-probe", inputs={name: READS[name] for name in ["image", "text"]}
    )
    predictions = small.fit(config).set_index("pair_id")
    assert len(seen) == 6, "with the validation pairs and without, in three folds"
    assert all(
        np.isin(groups, small.pairs["group"][small.pairs["fold"] != fold // 2]).all()
        for fold, groups in enumerate(seen)
    )
    kept = unpacked(small.fold(config) / "model.skops")
    assert [step for step, _ in kept[0].steps] == ["standardscaler", "simpleimputer", "svc"]
    tested = small.pairs[small.pairs["fold"] == 0]
    cases = pd.DataFrame({"id": tested["pair_id"], "image": [str(small.save_png(n)) for n in tested.index]})
    found = pd.concat(Predictor(small.fold(config)).predict(cases.assign(text=tested["findings"]))).set_index("id")
    np.testing.assert_allclose(found["score"], predictions["score"][found.index], atol=1e-5)
    assert (predictions["prediction"] == predictions["label"]).mean() > 0.9
