import numpy as np
import pandas as pd
import pytest

from lungfuse.errors import UserError
from lungfuse.ingest.split import assign_validation
from lungfuse.settings.ingest import SplitSettings
from lungfuse.settings.rows import Row
from lungfuse.tables.base import columns, read_table
from lungfuse.tables.ingest import Pairs
from lungfuse.tables.training import Predictions
from lungfuse.train.baseline import build, by_fold, main, scorer


@pytest.fixture
def pairs():
    """Sixty pairs whose findings tell the label and whose indication does not."""
    labels = np.arange(60) % 2
    frame = pd.DataFrame({"label": labels, "group": np.arange(60), "fold": np.arange(60) % 3})
    frame["findings"] = [f"study {n}: lungs are {'low' if label else 'clear'}" for n, label in enumerate(labels)]
    frame["indication"] = "cough"
    frame["pair_id"] = frame["report_id"] = frame["image_id"] = [f"P{n}" for n in range(60)]
    return frame.assign(text=frame["findings"], site="", comparison="", impression="")[columns(Pairs)]


def predict(pairs, studies, tmp_path, **row):
    pairs.to_csv(tmp_path / "pairs.csv", index=False)
    validation = assign_validation(pairs, SplitSettings(folds=3, validation=0.25), seed=0)
    validation.to_csv(tmp_path / "validation.csv", index=False)
    main(row=Row(**row), baselines=studies["openi"].baselines, class_weights="balanced", seed=0,
         pairs=tmp_path / "pairs.csv", validation=tmp_path / "validation.csv",
         predictions=tmp_path / "predictions.csv", validated=tmp_path / "validated.csv")  # fmt: skip
    return read_table(tmp_path / "predictions.csv", Predictions)


@pytest.mark.parametrize("model", ["tfidf", "tfidf-logistic"])
def test_a_text_that_tells_the_label_is_learned(pairs, studies, tmp_path, model):
    predictions = predict(pairs, studies, tmp_path, model=model, text="findings")
    assert list(predictions["pair_id"]) == list(pairs["pair_id"])
    assert (predictions["prediction"] == pairs["label"]).mean() > 0.95
    assert ((predictions["score"] >= 0.5) == predictions["prediction"]).all()


def test_the_section_of_the_row_is_the_one_that_is_read(pairs, studies, tmp_path):
    predictions = predict(pairs, studies, tmp_path, model="tfidf", text="indication")
    assert predictions["score"].nunique() <= 3


def test_a_row_with_buckets_hashes_ngrams_and_leaves_nothing_behind(pairs, studies, tmp_path):
    baselines = studies["openi"].baselines
    hashing = {"tfidf": baselines.tfidf.model_copy(update={"buckets": 4096})}
    studies = {"openi": studies["openi"].model_copy(update={"baselines": baselines.model_copy(update=hashing)})}
    predictions = predict(pairs, studies, tmp_path, model="tfidf", text="findings")
    assert (predictions["prediction"] == pairs["label"]).mean() > 0.95
    assert {path.name for path in tmp_path.iterdir()} == {
        "pairs.csv",
        "predictions.csv",
        "validated.csv",
        "validation.csv",
    }


def test_the_majority_class_has_one_answer(pairs, studies, tmp_path):
    pairs.loc[pairs.index[:10], "label"] = 0
    assert set(predict(pairs, studies, tmp_path, model="majority")["prediction"]) == {0}


def test_labels_of_the_test_fold_are_never_seen(studies):
    """With a label that only one fold has learned to spell, the other folds cannot know it."""
    texts = np.array(["alpha", "beta"] * 30)
    labels = np.array([1, 0] * 30)
    folds = np.arange(60) // 20
    labels[folds == 0] = 1 - labels[folds == 0]
    score = scorer(build(Row(model="tfidf", text="findings"), studies["openi"].baselines, "none", 0), texts, labels)
    pairs = pd.DataFrame({"pair_id": range(60), "label": labels, "fold": folds})
    validation = pd.DataFrame({"fold": np.repeat([0, 1, 2], 5), "pair_id": [*range(20, 25), *range(40, 45), *range(5)]})
    first = by_fold(pairs, validation, score)[0].set_index("part")
    right = (first["score"] >= 0.5) == first["label"]
    assert right["test"].mean() == 0
    assert right["validation"].tolist() == [True] * 5


def test_class_weights_move_the_answer_to_the_rare_class(pairs, studies):
    """Eight of sixty are positive, and their findings tell it in two of three."""
    labels = (np.arange(60) < 8).astype(int)
    texts = np.where((labels == 1) & (np.arange(60) % 3 > 0), "lungs are low", "lungs are clear")
    row, everyone = Row(model="tfidf-logistic", text="findings"), np.arange(60)
    means = [
        scorer(build(row, studies["openi"].baselines, weights, 0), texts, labels)(everyone, everyone).mean()
        for weights in ["none", "balanced"]
    ]
    assert means[0] < 0.2 < 0.35 < means[1]


@pytest.mark.parametrize(("model", "buckets"), [("tfidf", None), ("tfidf", 4096), ("tfidf-logistic", None)])
@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ("", r"pairs\.csv: no pair has indication, which a row of model tfidf.* reads"),
        ([f"{n:x}{n:x}" for n in range(100, 160)], "the texts to learn from share no words"),
    ],
    ids=["empty", "no word twice"],
)
def test_texts_that_teach_nothing_are_told(pairs, studies, tmp_path, model, buckets, texts, message):
    openi = studies["openi"]
    words_alone = openi.baselines.tfidf.model_copy(update={"characters": None, "buckets": buckets})
    studies = {
        "openi": openi.model_copy(update={"baselines": openi.baselines.model_copy(update={"tfidf": words_alone})})
    }
    with pytest.raises(UserError, match=message):
        predict(pairs.assign(indication=texts), studies, tmp_path, model=model, text="indication")
