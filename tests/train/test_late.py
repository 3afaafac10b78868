import json

import numpy as np
import pandas as pd
import pytest
from model_configs import model_config
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from small_study import LAYOUT, run_stage

from lungfuse.errors import UserError
from lungfuse.plan.model import main as write_model
from lungfuse.tables.base import read_table, write_table
from lungfuse.tables.ingest import Pairs
from lungfuse.tables.training import FoldPredictions, Predictions, ValidationPredictions
from lungfuse.tasks import load_task

BINARY = {"task": "binary", "labels": ["normal", "lung"]}
CLASSES = {"task": "multiclass", "labels": ["clear", "low", "wide"]}
FINDINGS = {"task": "multilabel", "labels": ["edema", "nodule"]}
INPUTS = {"image": "raw", "text": "findings", "structured": ["age"]}


@pytest.fixture
def pairs(tmp_path, monkeypatch):
    """Ninety pairs in three folds; the test works in their folder."""
    monkeypatch.chdir(tmp_path)
    frame = pd.DataFrame({"label": np.arange(90) % 2, "group": np.arange(90), "fold": np.arange(90) // 2 % 3})
    frame["pair_id"] = frame["report_id"] = frame["image_id"] = [f"P{n:02d}" for n in range(90)]
    return frame.assign(text="", site="", comparison="", indication="", findings="", impression="")


def write_folds(pairs, name, asked, strength, n_seeds=1, seed=0):
    """Scores of a network whose trainings predict the label with a `strength`; the rows of each are shuffled."""
    task, rng, files = load_task(asked["task"], asked["labels"]), np.random.default_rng(seed), []
    for repeat in range(n_seeds):
        blank = np.zeros((len(pairs), len(task.columns("score"))))
        found = task.one_against_rest(task.targets(pairs), blank, blank)
        positive = np.stack([each.label for each in found], axis=1)
        scores = expit(rng.normal(strength * (2 * positive - 1), 1))
        scores = scores / scores.sum(axis=1, keepdims=True) if task.excludes else scores
        for fold in range(3):
            part = np.where(pairs["fold"] == fold, "test", np.where(pairs["fold"] == (fold + 1) % 3, "validation", ""))
            table = pairs.assign(part=part, fold=fold, repeat=repeat)
            table = table.assign(**dict(zip(task.columns("score"), scores.T, strict=True)))[part != ""]
            run = f"{fold}_repeat{repeat}" if repeat else str(fold)
            files.append(LAYOUT.network(name, run)["fold_predictions"])
            files[-1].parent.mkdir(parents=True, exist_ok=True)
            LAYOUT.network(name, run)["weights"].write_text(f"what {name} has learned")
            write_table(table.sample(frac=1, random_state=fold), files[-1], FoldPredictions)
            history = pd.DataFrame({"epoch": [0], "train_loss": [0.7], "validation_loss": [0.6]})
            history.to_csv(LAYOUT.network(name, run)["history"], index=False)
    return files


@pytest.fixture
def folds(pairs):
    """The image scores predict more than the text scores."""
    write_table(pairs, LAYOUT.split["pairs"], Pairs)
    return {
        name: write_folds(pairs, name, BINARY, strength, seed=seed)
        for seed, (name, strength) in enumerate([("image", 2.0), ("text", 0.7)])
    }


def fuse(folds, architecture, asked=BINARY, class_weights="none", n_seeds=1, **more):
    parts = {part: part for part in folds}
    inputs = {part: INPUTS[part] for part in folds}
    own = {"task": asked["task"], "labels": asked["labels"], "class_weights": class_weights} | more
    config = model_config(architecture, name="late", inputs=inputs, parts=parts, **own)
    write_model(config=config, file=LAYOUT.model("late"))
    run_stage("late", {"model": LAYOUT.model("late"), "n_seeds": n_seeds})
    return read_table(LAYOUT.predictions("late")["predictions"], Predictions)


def pool(n_seeds=1):
    write_model(config=model_config("image", images="raw"), file=LAYOUT.model("image"))
    run_stage("pool-folds", {"model": LAYOUT.model("image"), "n_seeds": n_seeds})
    return read_table(LAYOUT.predictions("image")["predictions"], Predictions)


def settings_of(name="late"):
    return json.loads(LAYOUT.late_settings(name).read_text())


def scores_of(files, part="test", kind="score"):
    """Scores of one part of the pairs, by pair."""
    found = pd.concat(map(pd.read_csv, files)).query(f"part == '{part}'").set_index("pair_id")
    return found.filter(regex=f"^{kind}")


def test_pooled_scores_are_the_test_scores_in_the_order_of_the_pairs(folds):
    predictions = pool()
    assert list(predictions["pair_id"]) == [f"P{n:02d}" for n in range(90)]
    expected = scores_of(folds["image"])["score"][predictions["pair_id"]]
    np.testing.assert_allclose(predictions["score"], expected, atol=1e-6)
    validated = read_table(LAYOUT.predictions("image")["validated"], ValidationPredictions)
    assert validated.groupby("fold").size().tolist() == [30, 30, 30], "each fold has its own validation pairs"


def test_a_missing_fold_is_reported(folds):
    last = pd.read_csv(folds["image"][2])
    last[last["part"] == "validation"].to_csv(folds["image"][2], index=False)
    with pytest.raises(UserError, match=r"image\.csv: 60 test scores for 90 pairs"):
        pool()
    assert not LAYOUT.predictions("image")["predictions"].exists()


def test_a_pair_is_predicted_by_its_score_as_it_is_written(folds):
    """.4999996 is written as .5, and a table never says 0 beside that."""
    for file in folds["image"]:
        pd.read_csv(file).assign(score=0.4999996).to_csv(file, index=False)
    found = pool()
    assert set(found["score"]) == {0.5}
    assert set(found["prediction"]) == {1}


def test_late_is_the_mean_of_both_scores(folds):
    image, text = (scores_of(folds[name])["score"] for name in ["image", "text"])
    fused = fuse(folds, "late").set_index("pair_id")["score"]
    np.testing.assert_allclose(fused, ((image + text) / 2)[fused.index], atol=2e-6)


def test_stacking_learns_which_score_to_trust_from_validation_parts_alone(folds):
    stacked = fuse(folds, "late-stacked")
    assert (stacked["prediction"] == stacked["label"]).mean() > 0.85
    kept = settings_of()["folds"][0]["fitted"]["columns"][0]
    assert kept["coefficients"][0] > kept["coefficients"][1] > 0
    validation, test = (
        logit(pd.concat([scores_of(folds[name][:1], part) for name in folds], axis=1))
        for part in ["validation", "test"]
    )
    labels = scores_of(folds["image"][:1], "validation", "label")["label"]
    direct = LogisticRegression().fit(validation.to_numpy(), labels)
    expected = pd.Series(direct.predict_proba(test.to_numpy())[:, 1], test.index)
    np.testing.assert_allclose(stacked.set_index("pair_id")["score"][test.index], expected, atol=2e-6)


def test_the_score_of_a_validation_pair_is_by_weights_that_have_not_learned_from_its_group(folds, pairs):
    """So rows are chosen between, and calibrated, by scores as good as those of new patients."""
    pairs = pairs.assign(group=pairs["group"] // 6)  # three validation pairs of each fold or more are of a group
    write_table(pairs, LAYOUT.split["pairs"], Pairs)

    def validated():
        fuse(folds, "late-stacked")
        found = read_table(LAYOUT.predictions("late")["validated"], ValidationPredictions)
        return found.merge(pairs[["pair_id", "group"]])

    before = validated()
    for file in [file for files in folds.values() for file in files]:
        known = pd.read_csv(file)
        of_group = known["pair_id"].isin(pairs.loc[pairs["group"] == 0, "pair_id"])
        known.assign(label=known["label"].where(~of_group, 1 - known["label"])).to_csv(file, index=False)
    after = validated()
    changed = before["score"] != after["score"]
    assert not changed[before["group"] == 0].any()
    assert changed[before["group"] != 0].mean() > 0.5


def test_an_ensemble_is_selected_by_the_validation_pairs_of_each_fold_alone(folds):
    """With the labels of all test pairs turned round, and their scores drawn anew, the selection is the same."""
    selected, fused = [], []
    for _ in range(2):
        fused.append(fuse(folds, "ensemble"))
        selected.append([fold["fitted"]["shares"] for fold in settings_of()["folds"]])
        rng = np.random.default_rng(0)
        for file in [file for files in folds.values() for file in files]:
            table = pd.read_csv(file)
            tested = table["part"] == "test"
            table.loc[tested, "label"] = 1 - table.loc[tested, "label"]
            table.loc[tested, "score"] = rng.random(tested.sum())
            table.to_csv(file, index=False)
        pairs = read_table(LAYOUT.split["pairs"], Pairs)
        write_table(pairs.assign(label=1 - pairs["label"]), LAYOUT.split["pairs"], Pairs)
    assert selected[0] == selected[1]
    assert np.mean(selected[0], axis=0)[0] > 0.5, "the image, which predicts more, has the larger share"
    assert rank_of(fused[0]) > 0.9


def test_findings_share_the_weight_of_a_part(pairs):
    """A rare one has too few validation pairs for weights of its own."""
    several = pairs.drop(columns="label").assign(label_edema=np.arange(90) % 2, label_nodule=np.arange(90) % 30 == 7)
    several["label_nodule"] = several["label_nodule"].astype(int)
    write_table(several, LAYOUT.split["pairs"], Pairs)
    rows = {
        name: write_folds(several, name, FINDINGS, strength, seed=seed)
        for seed, (name, strength) in enumerate([("image", 2.0), ("text", 0.7)])
    }
    fuse(rows, "late-stacked", FINDINGS, class_weights="balanced")
    for fold in settings_of()["folds"]:
        edema, nodule = fold["fitted"]["columns"]
        assert edema == nodule
        assert edema["coefficients"][0] > edema["coefficients"][1] > 0


def test_a_rare_class_is_found_as_often_as_others_where_both_count_the_same(pairs):
    few = pairs.assign(label=(np.random.default_rng(0).random(len(pairs)) < 0.15).astype(int))
    write_table(few, LAYOUT.split["pairs"], Pairs)
    rows = {name: write_folds(few, name, BINARY, 0.7, seed=seed) for seed, name in enumerate(["image", "text"])}
    found = {}
    for class_weights in ["none", "balanced"]:
        stacked = fuse(rows, "late-stacked", class_weights=class_weights)
        found[class_weights] = stacked.groupby("label")["prediction"].mean()
    assert found["none"][1] < 0.5 < found["balanced"][1]
    assert found["balanced"][0] < 0.5


def test_the_weights_of_pairs_are_those_of_their_class_or_of_each_label():
    task = load_task("multiclass", ["a", "b", "c"])
    targets = np.array([0, 0, 0, 1, 1, 2])[:, None]
    weights = task.pair_weights(targets)
    assert [weights[targets[:, 0] == number, 0].sum() for number in range(3)] == pytest.approx([2, 2, 2])
    assert weights.shape == (6, 3) and (weights == weights[:, :1]).all()
    several = load_task("multilabel", ["a", "b"]).pair_weights(np.array([[1, 0], [0, 0], [0, 1], [0, 0]]))
    assert several.tolist() == [[3, 1], [1, 1], [1, 3], [1, 1]]


def test_the_settings_hold_what_a_prediction_needs(folds):
    fuse(folds, "late")
    kept = settings_of()
    assert (kept["model"]["architecture"], kept["model"]["labels"]) == ("late", ["normal", "lung"])
    assert [fold["parts"] for fold in kept["folds"]] == [
        {"image": f"../image/fold{fold}", "text": f"../text/fold{fold}"} for fold in range(3)
    ]
    assert kept["folds"][0]["calibration"].keys() == {"slope", "intercept"}


@pytest.mark.parametrize("model", ["late", "late-stacked"])
def test_three_parts_of_several_classes_are_fused(pairs, model):
    several = pairs.assign(label=np.arange(90) % 3)
    write_table(several, LAYOUT.split["pairs"], Pairs)
    folds = {
        name: write_folds(several, name, CLASSES, 1.0, seed=seed)
        for seed, name in enumerate(["image", "text", "structured"])
    }
    fused = fuse(folds, model, CLASSES).set_index("pair_id")
    scores = fused[["score_clear", "score_low", "score_wide"]]
    np.testing.assert_allclose(scores.sum(axis=1), 1, atol=3e-6)
    mean = sum(scores_of(files) for files in folds.values()).loc[scores.index] / 3
    assert np.allclose(scores, mean, atol=2e-6) == (model == "late")
    alone = max(
        (scores_of(files).loc[scores.index].to_numpy().argmax(axis=1) == fused["label"]).mean()
        for files in folds.values()
    )
    assert (fused["prediction"] == fused["label"]).mean() > alone


def test_each_repeat_combines_the_same_repeat_of_the_parts(pairs):
    write_table(pairs, LAYOUT.split["pairs"], Pairs)
    image, text = (write_folds(pairs, name, BINARY, 1.0, n_seeds=2, seed=n) for n, name in enumerate(["image", "text"]))
    fused = fuse({"image": image, "text": text}, "late", n_seeds=2)
    assert fused.groupby("repeat").size().tolist() == [90, 90]
    second = fused[fused["repeat"] == 1].set_index("pair_id")["score"]
    expected = (scores_of(image[3:])["score"] + scores_of(text[3:])["score"]) / 2
    np.testing.assert_allclose(second, expected[second.index], atol=2e-6)
    LAYOUT.fold_folder("text", "2_repeat1").joinpath("predictions.csv").write_text(text[2].read_text())
    with pytest.raises(UserError, match=r"text/fold2_repeat1.*: found other pairs, folds, repeats or labels than in"):
        fuse({"image": image, "text": text}, "late", n_seeds=2)


def test_parts_that_do_not_belong_together_are_reported(folds):
    write_table(read_table(LAYOUT.split["pairs"], Pairs)[:-1], LAYOUT.split["pairs"], Pairs)
    with pytest.raises(UserError, match=r"pairs\.csv: lacks P89, which the parts have scored"):
        fuse(folds, "late-stacked")
    first, last = folds["text"][0].read_text(), folds["text"][2].read_text()
    folds["text"][0].write_text(last)
    folds["text"][2].write_text(first)
    with pytest.raises(UserError, match=r"text/fold0.*: found other pairs, folds, repeats .* than in .*image/fold0"):
        fuse(folds, "late")


def test_a_shuffled_part_gives_each_pair_the_score_of_another_one_of_the_fold(folds):
    """With the scores of images shuffled, late is no better than the text, and stacking learns to leave them out."""
    intact, stacked = (fuse(folds, name) for name in ["late", "late-stacked"])
    shuffled = fuse(folds, "late", ablation="shuffled-image")
    ranks = {name: rank_of(table) for name, table in {"intact": intact, "shuffled": shuffled}.items()}
    assert ranks["intact"] > 0.9 > 0.75 > ranks["shuffled"]
    images = pd.concat(read_table(file, FoldPredictions).query("part == 'test'") for file in folds["image"])
    texts = pd.concat(read_table(file, FoldPredictions).query("part == 'test'") for file in folds["text"])
    given = 2 * shuffled.set_index("pair_id")["score"] - texts.set_index("pair_id")["score"]
    for _, fold in images.groupby("fold"):
        np.testing.assert_allclose(np.sort(given[fold["pair_id"]]), np.sort(fold["score"]), atol=1e-5)
    again = fuse(folds, "late-stacked", ablation="shuffled-image")
    assert rank_of(again) < rank_of(stacked)
    weights = [np.ravel(fold["fitted"]["columns"][0]["coefficients"]) for fold in late_folds()]
    assert np.mean([abs(image) < text for image, text in weights]) > 0.5


def rank_of(predictions: pd.DataFrame) -> float:
    return np.mean([roc_auc_score(fold["label"].astype(int), fold["score"]) for _, fold in predictions.groupby("fold")])


def late_folds() -> list[dict]:
    return json.loads(LAYOUT.late_settings("late").read_text())["folds"]
