"""Each repeat has folds of its own, and its trainings predict what the tables say of the pairs that they test."""

import numpy as np
import pandas as pd
import pytest
from small_study import LAYOUT

from lungfuse.errors import UserError
from lungfuse.predict.predictor import Predictor
from lungfuse.tables.base import read_table
from lungfuse.tables.ingest import Folds

BOTH = {"text": "findings", "structured": ["age", "sex"]}
PARTS = {"text": "tfidf", "structured": "logistic"}


@pytest.fixture
def fitted(small):
    """Two estimators and their late fusion, each in two repeats; returns the out-of-fold predictions of each."""
    found = {}
    for name, entry in {"tfidf": {"text": "findings"}, "logistic": {"structured": ["age", "sex"]}}.items():
        found[name] = small.finish(small.model(name, architecture=name, n_seeds=2, **entry))
    late = small.model("late", architecture="late-stacked", parts=PARTS, **BOTH)
    return found | {"late": small.finish(late, n_seeds=2)}


@pytest.mark.parametrize("name", ["tfidf", "logistic", "late"])
def test_every_training_gives_its_out_of_fold_scores_again_on_the_folds_of_its_repeat(small, fitted, name):
    folds = read_table(LAYOUT.split["fold_table"], Folds)
    known = fitted[name].merge(folds, on=["pair_id", "repeat"], suffixes=("", "_drawn"))
    assert len(known) == 120 and (known["fold"] == known["fold_drawn"]).all()
    cases = small.pairs[["pair_id", "findings"]].merge(small.structured, on="pair_id")
    cases = cases.rename(columns={"pair_id": "id", "findings": "text"})
    predictor = Predictor(LAYOUT.model_folder(name))
    assert len(predictor.fold_models) == 6
    for number, training in enumerate(predictor.fold_models):
        predictor.fold_models = [training]
        of_fold = fitted[name][fitted[name]["repeat"] * 3 + fitted[name]["fold"] == number].set_index("pair_id")
        found = pd.concat(predictor.predict(cases)).set_index("id").loc[of_fold.index]
        np.testing.assert_allclose(found["score"], of_fold["score"], atol=2e-6)
        np.testing.assert_allclose(found["probability"], of_fold["probability"], atol=2e-6)


def test_a_late_fusion_takes_no_part_of_another_repeat(small, fitted):
    """A part of repeat 0 has learned from pairs that are tested in repeat 1."""
    first, second = (LAYOUT.fold_folder("tfidf", run) for run in ["1", "1_repeat1"])
    for file in second.iterdir():
        file.write_bytes((first / file.name).read_bytes())
    with pytest.raises(UserError, match=r"fold1_repeat1, which is not fold 1 of repeat 1 of tfidf"):
        Predictor(LAYOUT.model_folder("late"))
