import numpy as np
import pandas as pd
import pytest

from lungfuse.analyses import shortcuts, words
from lungfuse.analyses.shortcuts import in_steps, masked
from lungfuse.settings.comparison import Intervals, ShortcutSettings
from lungfuse.tables.base import columns, write_table
from lungfuse.tables.ingest import Pairs, Values

FILLER = ["the", "heart", "is", "of", "usual", "size", "and", "shape", "with", "no", "effusion", "seen", "on", "view"]


@pytest.fixture
def look(tmp_path):
    """Look for shortcuts in texts of random words, with one that predicts the label and one that names it.

    Half of the ill have no indication, most ill are from one hospital, and more of them were seen late.
    """
    rng = np.random.default_rng(0)
    label = rng.integers(0, 2, 300)
    texts = []
    for each in label:
        said = list(rng.choice(FILLER, 8))
        said += ["flattened"] * (rng.random() < (0.7 if each else 0.1))
        said += ["Lung", "disease"] * (rng.random() < (0.4 if each else 0.0))
        texts.append(" ".join(rng.permutation(said)) + ".")
    pairs = pd.DataFrame({"label": label, "findings": texts, "text": texts, "group": np.arange(300)})
    pairs["indication"] = np.where((label == 1) & (rng.random(300) < 0.5), "", "cough")
    pairs["site"] = np.where(rng.random(300) < np.where(label, 0.8, 0.2), "north", "south")
    pairs["pair_id"] = pairs["image_id"] = pairs["report_id"] = [f"P{n}" for n in range(300)]
    pairs = pairs.assign(fold=np.arange(300) % 5, comparison="", impression="")
    write_table(pairs[columns(Pairs)], tmp_path / "pairs.csv", Pairs)

    audited = pd.DataFrame({"report_id": pairs["report_id"], "maker": rng.choice(["A", "B", ""], 300), "empty": ""})
    audited["study_date"] = (2010 + rng.random(300) + np.where(label, 0.5, 0)).round(2).astype(str)
    write_table(audited, tmp_path / "audited.csv", Values, others=list(audited)[1:])

    def run(listed: list[str], sections=("findings", "indication"), **more) -> tuple[pd.DataFrame, pd.DataFrame]:
        asked = {"pairs": tmp_path / "pairs.csv", "sections": list(sections), "labels": ["normal", "lung"], "seed": 0}
        asked |= {"shortcuts": ShortcutSettings(words=listed), "intervals": Intervals(confidence=0.95, resamples=200)}
        of_words = words.compute(**asked).set_index(["text", "kind"])
        return of_words, shortcuts.compute(**asked, **more).set_index(["text", "reads"])

    return run


def test_the_most_telling_words_come_first_with_how_they_predict(look):
    found, _ = look(listed=["lung disease"])
    predictive = found.loc[("findings", "telling")].set_index("word")
    assert set(predictive.index[:3]) == {"flattened", "lung", "disease"}
    flattened = predictive.loc["flattened"]
    assert flattened["auroc_low"] > 0.7 and flattened["share_positive"] == pytest.approx(0.7, abs=0.1)
    assert (predictive["n"] < 300).all(), "measured on pairs they were not chosen on"
    fillers = predictive[~predictive.index.isin(["flattened", "lung", "disease"])]
    assert (fillers["auroc_low"] < 0.5).mean() > 0.7 and (fillers["auroc_high"] > 0.5).mean() > 0.7
    named = found.loc[("findings", "named")].set_index("word")
    assert list(named.index) == ["normal", "lung", "lung disease"]
    assert named.loc["normal", "texts"] == 0 and named.loc["normal", "auroc"] == 0.5
    assert named.loc["lung", "share_negative"] == 0 and 0.3 < named.loc["lung", "share_positive"] < 0.5


def test_scores_fall_as_words_are_masked(look):
    _, scores = look(listed=["flattened"])
    auroc = scores.loc["findings", "auroc"]
    assert auroc["words"] > 0.8
    assert auroc["words, the most telling masked too"] < auroc["words, those that name a label masked"] < auroc["words"]
    assert auroc["words, the most telling masked too"] < 0.6


def test_the_hospital_and_whether_there_is_a_text_predict_by_themselves(look):
    _, scores = look(listed=[])
    assert scores.loc[("", "the hospital"), "auroc"] == pytest.approx(0.8, abs=0.06)
    assert scores.loc[("indication", "whether there is a text"), "auroc"] == pytest.approx(0.75, abs=0.06)
    assert ("findings", "whether there is a text") not in scores.index, "every pair has findings"


def test_what_is_known_of_the_device_is_scored_though_no_model_reads_it(look, tmp_path):
    _, scores = look(listed=[], sections=["findings"], audited=tmp_path / "audited.csv")
    found = scores.loc[""]["auroc"]
    assert list(found.index) == [
        "the hospital", "acquisition: maker", "acquisition: study date", "acquisition: all of these",
    ], "a column without values is not scored"  # fmt: skip
    assert found["acquisition: maker"] == pytest.approx(0.5, abs=0.08)
    assert found["acquisition: study date"] > 0.75 and found["acquisition: all of these"] > 0.75


def test_many_numbers_are_read_in_steps_and_few_as_they_are():
    dates = pd.Series([f"{year:.2f}" for year in np.linspace(2010, 2012, 100)] + [""])
    assert in_steps(dates).nunique() == 11 and in_steps(dates).iloc[-1] == ""
    assert in_steps(pd.Series(["0.15", "0.143", "", "0.15"])).tolist() == ["0.15", "0.143", "", "0.15"]


def test_a_section_without_words_has_no_scores(look):
    found, scores = look(listed=[], sections=["impression"])
    assert (found["texts"] == 0).all()
    assert list(scores.index) == [("", "the hospital")]


def test_whole_words_and_phrases_are_masked():
    texts = pd.Series(["lung lung lungs lung disease", "no disease"])
    assert masked(texts, ["lung", "lung disease"]).tolist() == ["lungs", "no disease"]
