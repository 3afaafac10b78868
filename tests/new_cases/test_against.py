"""A trained model against others on cases whose classes are known."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from model_configs import model_config
from sklearn.metrics import roc_auc_score

from lungfuse.command_line import app
from lungfuse.errors import UserError
from lungfuse.new_cases.against import verdicts_of
from lungfuse.stages import call
from lungfuse.tasks import load_task

BINARY = load_task("binary", ["normal", "lung"])
EARLY = model_config("early", images="raw", text="findings")
IMAGE, TEXT = model_config("image", images="raw"), model_config("tfidf", text="findings")
AGE = model_config("logistic", structured=["age"])


def verdicts(sharpness: dict[str, float], models: list, count: int = 400, groups: int = 400) -> pd.DataFrame:
    """Verdicts on drawn cases, by how much the score of each model knows of the class."""
    rng = np.random.default_rng(0)
    known = pd.DataFrame({"label": np.arange(count) % 2, "group": np.arange(count) % groups})
    noise = rng.normal(size=count)
    scores = [
        pd.DataFrame({"score": known["label"] * each + noise + 0.3 * rng.normal(size=count)})
        for each in sharpness.values()
    ]
    return verdicts_of(BINARY, dict(zip(sharpness, models, strict=True)), known, scores).set_index("against")


def test_a_model_that_ranks_cases_better_than_each_of_its_parts_is_better():
    found = verdicts({"early": 2.0, "image": 1.0, "tfidf": 0.2}, [EARLY, IMAGE, TEXT])
    assert list(found.index) == ["image", "tfidf", "all"]
    assert set(found["word"]) == {"better"} and set(found["model"]) == {"early"}
    assert found["gain"]["all"] == found["gain"].min() == found["gain"]["image"]
    assert found["p"]["all"] == found["p"].max() and found["gain_low"]["all"] > 0
    assert (found["gain_low"] < found["gain"]).all() and (found["gain"] < found["gain_high"]).all()
    assert set(found["n"]) == {400} and set(found["effective_groups"]) == {400.0} and set(found["margin"]) == {0.02}


def test_a_model_is_worse_where_it_is_beaten_and_equivalent_within_the_margin():
    found = verdicts({"image": 1.0, "tfidf": 2.0, "logistic": 1.0}, [IMAGE, TEXT, AGE], count=8000, groups=8000)
    assert found["word"].to_dict() == {"tfidf": "worse", "logistic": "equivalent"}, "and none of them is a part"


def test_intervals_and_p_of_several_models_hold_for_all_of_them_at_once():
    alone = verdicts({"early": 1.2, "image": 1.0}, [EARLY, IMAGE]).loc["image"]
    several = verdicts({"early": 1.2, "image": 1.0, "tfidf": 0.9}, [EARLY, IMAGE, TEXT]).loc["image"]
    assert several["gain"] == alone["gain"] and several["p"] == alone["p"]
    assert several["gain_low"] < alone["gain_low"] and several["p_corrected"] > alone["p_corrected"]


def test_the_error_is_that_of_delong_and_cases_of_a_group_count_together():
    rng, count = np.random.default_rng(1), 300
    known = pd.DataFrame({"label": rng.integers(0, 2, count), "group": np.arange(count)})
    scores = [pd.DataFrame({"score": known["label"] * each + rng.normal(size=count)}) for each in (1.0, 0.8)]
    models = {"early": EARLY, "image": IMAGE}
    once = verdicts_of(BINARY, models, known, scores).iloc[0]
    aurocs = [roc_auc_score(known["label"], each["score"]) for each in scores]
    assert once["gain"] == pytest.approx(aurocs[0] - aurocs[1], abs=1e-6)
    twice = verdicts_of(BINARY, models, pd.concat([known] * 2, ignore_index=True), [
        pd.concat([each] * 2, ignore_index=True) for each in scores
    ]).iloc[0]  # fmt: skip
    assert twice["n"] == 600 and twice["groups"] == 300
    assert twice[["gain", "gain_low", "gain_high", "p"]].tolist() == pytest.approx(
        once[["gain", "gain_low", "gain_high", "p"]].tolist(), abs=2e-4
    )


def test_cases_of_unknown_class_do_not_count():
    rng = np.random.default_rng(1)
    known = pd.DataFrame({"label": np.arange(100.0) % 2, "group": np.arange(100)})
    scores = [pd.DataFrame({"score": rng.random(100)}) for _ in range(2)]
    models = {"early": EARLY, "image": IMAGE}
    some = verdicts_of(BINARY, models, known.assign(label=known["label"].where(known["group"] < 60)), scores)
    assert some["n"][0] == 60
    pd.testing.assert_frame_equal(some, verdicts_of(BINARY, models, known[:60], [each[:60] for each in scores]))


def test_fewer_than_twenty_effective_groups_have_no_interval():
    found = verdicts({"early": 2.0, "image": 0.2}, [EARLY, IMAGE], groups=19)
    assert set(found["word"]) == {"inconclusive"} and found["gain"].min() > 0.1
    assert found[["gain_low", "gain_high", "p", "p_corrected"]].isna().all(axis=None)


@pytest.fixture
def against(trained, tmp_path):
    """Predict cases of the test fold with a model of both inputs against others, from a table with their classes."""

    def predict(*others: Path | str, cases: pd.DataFrame | None = None, task: str = "binary", **changes) -> None:
        study = trained(task)
        cases = study.cases() if cases is None else cases
        cases = cases.assign(truth=np.array(study.predictor("early").labels)[_labels(study, cases)])
        cases.to_csv(tmp_path / "cases.csv", index=False)
        folders = [study.fold(other) if isinstance(other, str) else other for other in others]
        given = {"model": study.fold("early"), "cases": tmp_path / "cases.csv", "truth": "truth", "against": folders}
        call("predict", given | {"out": tmp_path / "out.csv"} | changes)

    return predict


def _labels(study, cases: pd.DataFrame) -> np.ndarray:
    return study.small.pairs.set_index("pair_id").loc[cases["id"], "label"].to_numpy()


def test_models_are_compared_on_a_table_of_cases(trained, tmp_path, capsys):
    study = trained()
    cases = study.cases()
    cases.assign(truth=_labels(study, cases)).to_csv(tmp_path / "cases.csv", index=False)
    options = ["--model", study.fold("early"), "--against", study.fold("image"), study.fold("tfidf")]
    options += ["--cases", tmp_path / "cases.csv", "--truth", "truth", "--out", tmp_path / "out.csv"]
    app(["predict", *map(str, options)], result_action="return_value")
    assert set(pd.read_csv(tmp_path / "out.csv")["model"]) == {"early"}
    scores = pd.read_csv(tmp_path / "out.scores.csv").set_index(["model", "metric"])["value"]
    found = pd.read_csv(tmp_path / "out.verdict.csv").set_index("against")
    assert list(found.index) == ["image", "tfidf", "all"] and set(found["n"]) == {20}
    for other in ["image", "tfidf"]:
        gain = scores["early", "auroc"] - scores[other, "auroc"]
        assert found["gain"][other] == pytest.approx(gain, abs=2e-6)
    said = capsys.readouterr().out
    assert "| early   | tfidf" in said and "The models are fixed" in said


def test_models_of_several_classes_are_compared_by_the_mean_over_the_classes(against, trained, tmp_path):
    against("tfidf", task="multiclass", cases=trained("multiclass").cases().query("text != ''"))
    scores = pd.read_csv(tmp_path / "out.scores.csv").set_index(["model", "metric"])["value"]
    gain = scores["early", "auroc"] - scores["tfidf", "auroc"]
    assert pd.read_csv(tmp_path / "out.verdict.csv")["gain"][0] == pytest.approx(gain, abs=2e-6)


def test_models_of_one_name_are_reported_by_their_folders(against, trained, tmp_path):
    study = trained()
    against(study.fold("early", "1"), "tfidf")
    found = pd.read_csv(tmp_path / "out.verdict.csv")
    assert list(found["against"]) == [str(study.fold("early", "1")), str(study.fold("tfidf"))]


def test_models_that_cannot_be_compared_are_refused_before_the_work(against, trained, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.nn.Module, "load_state_dict", None)
    other = trained("multiclass").fold("tfidf")
    with pytest.raises(UserError, match=rf"{other}: is of the task multiclass with the labels normal, small, large,"):
        against(other)
    with pytest.raises(UserError, match=r"early/fold0: is given twice, expected different models"):
        against("early")
    cases = trained().cases()
    cases.loc[3, "text"] = ""
    with pytest.raises(UserError, match=r"tfidf/fold0: reads text, but 1 cases have no text, 'P0\d' first"):
        against("image", "tfidf", cases=cases)
    with pytest.raises(UserError, match=r"logistic/fold0: .*cases\.csv: no column age"):
        against("logistic", cases=cases.drop(columns="age"))
    one_class = trained().cases().iloc[::2]
    with pytest.raises(UserError, match=r"cases\.csv: column truth: all known cases are of one class"):
        against("image", cases=one_class)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cases.csv"]


def test_a_comparison_takes_a_table_with_classes_and_overwrites_no_model(against, trained):
    with pytest.raises(
        UserError,
        match=r"--against: compares models on cases whose classes are known\. Add --cases, a table of cases, and",
    ):
        against("tfidf", truth=None)
    with pytest.raises(UserError, match=r"out\.csv: is what is read, or in the model's folder"):
        against("tfidf", out=trained().fold("tfidf") / "out.csv")
