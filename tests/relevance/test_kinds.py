"""Trained models of every kind are explained as the networks that they are."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest
import torch

from lungfuse.errors import UserError
from lungfuse.modalities.new_cases import Batch
from lungfuse.predict.cases import frame_of
from lungfuse.predict.segmenters import segmenter_in
from lungfuse.relevance.folds import batch_cases
from lungfuse.relevance.methods import method, method_names

NETWORKS = ["image", "text", "structured", "early", "irene", "kv-exchange-full", "of-trained", "of-means"]


def batch_of(study, predictor) -> Batch:
    """The first four pairs of the study as new cases."""
    pairs = study.small.pairs.iloc[:4]
    cases = pd.DataFrame({"id": pairs["pair_id"], "image": [str(study.small.save_png(row)) for row in range(4)]})
    cases = cases.assign(text=pairs["findings"], age=["54", "", "61", "30"], sex=["F", "M", "", "F"])
    predictor.load()
    return Batch(frame_of(cases, predictor.columns), predictor.encoder_root, Counter(), segmenter_in)


@pytest.mark.parametrize("name", [*NETWORKS, "linear-probe", "late-of-networks", "ensemble-of-networks"])
def test_what_is_explained_scores_cases_as_the_model_does(trained, name):
    study = trained()
    predictor = study.predictor(name)
    (fold,) = predictor.fold_models
    batch = batch_of(study, predictor)
    found = batch_cases(fold, batch, np.ones(4, int))
    case, _ = found.case([0, 1, 2, 3])
    with torch.no_grad():
        scores = found.network.task.scores(found.network(case)).numpy()
    np.testing.assert_allclose(scores, fold.score(batch), atol=1e-4)


def test_a_model_that_is_no_network_cannot_be_explained(trained):
    predictor = trained().predictor("tfidf")
    predictor.load()
    with pytest.raises(UserError, match="is a model of tfidf, which is no network"):
        batch_cases(predictor.fold_models[0], batch_of(trained(), predictor), np.ones(4, int))


def test_an_ensemble_whose_parts_share_an_input_cannot_be_explained(trained):
    predictor = trained().predictor("ensemble")
    with pytest.raises(UserError, match="several of its parts read the image"):
        batch_cases(predictor.fold_models[0], batch_of(trained(), predictor), np.ones(4, int))


@pytest.mark.parametrize("name", ["linear-probe", "late-of-networks"])
def test_every_method_explains_a_probe_and_a_late_fusion(trained, name):
    study = trained()
    predictor = study.predictor(name)
    batch = batch_of(study, predictor)
    found = batch_cases(predictor.fold_models[0], batch, np.ones(4, int))
    case, target = found.case([0, 1])
    for each in map(method, method_names()):
        relevance = each.explain(found.network, case, target)
        assert all(values.isfinite().all() for values in relevance.values()), each.name
        assert any((values != 0).any() for values in relevance.values()) or not each.explains(found.network.modalities)
        if each.sums == "change" and set(relevance) == set(found.network.modalities):
            with torch.no_grad():
                neutral = case.at(found.network.neutral(case))
                whole, nothing = (found.network.logit(found.network(of), target) for of in [case, neutral])
            total = sum(values.flatten(1).sum(1) for values in relevance.values())
            torch.testing.assert_close(total, whole - nothing, rtol=0.02, atol=0.01)
