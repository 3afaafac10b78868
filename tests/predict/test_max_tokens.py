import json

import pandas as pd
import pytest
from small_study import SETTINGS

from lungfuse.predict.predictor import Predictor
from lungfuse.settings.rows import Row


def test_a_row_that_was_trained_on_cut_texts_reads_no_more_of_a_new_one(small, tmp_path):
    encoders = SETTINGS["encoders"].model_copy(update={"max_tokens": 6})
    row = Row(model="text", text="findings")
    small.train(tmp_path / "text/fold0", row, files={"encoders": encoders}, epochs=1)
    assert json.loads((tmp_path / "text/fold0/settings.json").read_text())["encoders"]["max_tokens"] == 6
    texts = ["study lungs low and wide", "study lungs low and", "study lungs low"]
    cases = pd.DataFrame({"id": ["longer", "long", "short"], "image": "", "text": texts})
    longer, long, short = pd.concat(Predictor(tmp_path / "text/fold0", small.encoder_root).predict(cases))["score"]
    assert longer == pytest.approx(long, abs=1e-6), "the fifth word is the seventh token"
    assert long != pytest.approx(short, abs=1e-6)
