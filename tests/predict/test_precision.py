"""A model that learns in bf16 scores, and encodes texts, in fp32: a text has one score in any batch."""

import numpy as np
import pandas as pd
import pytest
import torch

from lungfuse.encoders.network import TextEncoder
from lungfuse.predict.predictor import Predictor
from lungfuse.train.classifier import Classifier


@pytest.fixture
def halved(monkeypatch) -> list[bool]:
    """Whether bf16 was on at each batch that was encoded or scored."""
    seen: list[bool] = []
    for owner, method in [(Classifier, "predict_step"), (TextEncoder, "tokens")]:
        own = getattr(owner, method)

        def noted(self, *arguments, own=own):
            if not self.training:
                seen.append(torch.is_autocast_enabled("cpu"))
            return own(self, *arguments)

        monkeypatch.setattr(owner, method, noted)
    return seen


def test_scores_and_frozen_texts_are_computed_in_fp32(small, halved):
    learning = {"layers": "frozen", "epochs": 1, "precision": "bf16"}
    config = small.model("text", architecture="text", text="findings", train=learning)
    known = small.train(config).query("part == 'test'").set_index("pair_id")["score"]
    trained = len(halved)
    assert trained and not any(halved)
    cases = pd.DataFrame({"id": known.index, "text": small.pairs.set_index("pair_id").loc[known.index, "findings"]})
    found = pd.concat(Predictor(small.fold(config)).predict(cases)).set_index("id")["score"]
    assert len(halved) > trained and not any(halved)
    np.testing.assert_allclose(found[known.index], known, atol=1e-5)
