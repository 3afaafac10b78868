import json

import pandas as pd
import pytest

from lungfuse.predict.predictor import Predictor


@pytest.mark.parametrize("layers", ["top:1", "frozen"])
def test_a_model_that_was_trained_on_cut_texts_reads_no_more_of_a_new_one(small, layers):
    train = {"layers": layers, "epochs": 1}
    config = small.model("cut", architecture="text", text="findings", max_tokens=6, train=train)
    small.train(config)
    assert json.loads((small.fold(config) / "settings.json").read_text())["model"]["max_tokens"] == 6
    texts = ["study lungs low and wide", "study lungs low and", "study lungs low"]
    cases = pd.DataFrame({"id": ["longer", "long", "short"], "text": texts})
    longer, long, short = pd.concat(Predictor(small.fold(config)).predict(cases))["score"]
    assert longer == pytest.approx(long, abs=1e-6), "the fifth word is the seventh token"
    assert long != pytest.approx(short, abs=1e-6)
