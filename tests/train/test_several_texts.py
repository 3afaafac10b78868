"""Models read two sections of a report, each with a mark of its own, and do without one that is missing."""

import numpy as np
import pandas as pd
import pytest
from small_study import small_study

from lungfuse.predict.predictor import Predictor
from lungfuse.settings.model import ModelSettings

BOTH = ["indication", "findings"]


@pytest.fixture
def study(tmp_path, encoder_root, monkeypatch):
    """The small study with an indication in most cases."""
    monkeypatch.chdir(tmp_path)
    small = small_study(tmp_path, encoder_root)
    small.pairs["indication"] = [f"cough for {n} days" if n % 4 else "" for n in range(60)]
    small.pairs.loc[[7, 24], "findings"] = ""  # the second has neither
    small.write()
    return small


def predicted(study, folder, fold=0):
    predictor = Predictor(folder)
    pairs = study.pairs[study.pairs["fold"] == fold]
    cases = pairs[["pair_id"]].rename(columns={"pair_id": "id"})
    cases = cases.assign(text_indication=pairs["indication"], text_findings=pairs["findings"])
    some = cases[(cases[["text_indication", "text_findings"]] != "").any(axis=1)]
    return predictor, pd.concat(predictor.predict(some)).set_index("id")


def test_a_list_of_sections_is_read_together():
    model = ModelSettings.model_validate({"architecture": "text", "text": BOTH})
    assert model.text == "indication+findings"
    again = ModelSettings.model_validate({"architecture": "text", "inputs": {"text": model.text}})
    assert again.inputs == model.inputs


def test_a_network_reads_both_and_predicts_without_one(study):
    config = study.model(architecture="text", text=BOTH, train={"layers": "frozen", "epochs": 1})
    trained = study.train(config).query("part == 'test'").set_index("pair_id")
    predictor, found = predicted(study, study.fold(config))
    assert [column.name for column in predictor.columns] == ["text_indication", "text_findings"]
    np.testing.assert_allclose(found["score"], trained["score"][found.index], atol=2e-3)
    assert found["missing"]["P07"] == "text_findings" and found["missing"]["P12"] == "text_indication"
    made = sorted(path.parent.name for path in study.folder.glob("**/features/**/tokens.npy"))
    assert made == ["findings", "indication"], "models that read one of them read the same tokens"


def test_counted_words_are_those_of_both(study):
    config = study.model(architecture="tfidf", text=BOTH)
    trained = study.fit(config).set_index("pair_id")
    predictor, found = predicted(study, study.folder / "results/small/models/tfidf/fold0")
    np.testing.assert_allclose(found["score"], trained["score"][found.index], atol=1e-6)
    words = predictor.fold_models[0].models[0][0].get_feature_names_out()
    assert {"cough", "lungs"} <= {word.rpartition("__")[2] for word in words}
