"""A model may learn from the scores that a trained network, its teacher, gives to pairs it has not learned from."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from model_configs import LABELS, model_config
from scipy.special import logsumexp
from sklearn.metrics import roc_auc_score
from trained_study import READS

from lungfuse.errors import UserError
from lungfuse.ingest.parts import fold_indices, inner_indices
from lungfuse.models.unimodal.image_distilled import loss
from lungfuse.plan.job import flat
from lungfuse.plan.load import load_study
from lungfuse.plan.plan import Plan
from lungfuse.plan.runs import INNER_FOLDS, inner_runs
from lungfuse.predict.predictor import Predictor
from lungfuse.tasks import load_task
from lungfuse.train.networks import loss_of

LEARNING = {"layers": "frozen", "learning_rate": 1e-2}


def taught(small, epochs=1, **entry):
    """A student of a teacher that reads image and text, whose trainings and inner ones of fold 0 are done."""
    inputs = {name: READS[name] for name in ["image", "text"]}
    teacher = small.model("teacher", architecture="early", inputs=inputs, train=LEARNING | {"epochs": epochs})
    for run in ["0", *inner_runs("0")]:
        small.train(teacher, run)
    entry |= {"parts": {"teacher": "teacher"}, "train": LEARNING | {"epochs": epochs}}
    student = small.model("student", architecture="image-distilled", images="raw", **entry)
    return teacher, student


def test_a_student_learns_what_its_teacher_scores_and_predicts_without_it(small):
    """The teacher has learned that every image is of the other class."""
    small.pairs["label"] = 1 - small.pairs["label"]
    small.write()
    teacher, config = taught(small, epochs=12, settings={"weight": 1.0, "temperature": 2.0})
    small.pairs["label"] = 1 - small.pairs["label"]
    small.write()
    for run in ["0", *inner_runs("0")]:
        scores = small.fold(teacher, run) / "predictions.csv"
        table = pd.read_csv(scores)
        table.assign(label=1 - table["label"]).to_csv(scores, index=False)
    test = small.train(config).query("part == 'test'").set_index("pair_id")
    assert roc_auc_score(test["label"], test["score"]) < 0.1
    for run in ["0", *inner_runs("0")]:
        (small.fold(teacher, run) / "model.safetensors").unlink()
    cases = pd.DataFrame({"id": test.index, "image": [str(small.save_png(int(name[1:]))) for name in test.index]})
    found = pd.concat(Predictor(small.fold(config)).predict(cases))["score"]
    np.testing.assert_allclose(found, test["score"], atol=1e-5)


def test_no_score_that_teaches_is_by_a_network_that_has_seen_the_pair_or_the_test_fold(small):
    """Each inner training scores a part of the pairs to learn from, all parts together each pair once, and no other."""
    teacher, _ = taught(small)
    validated = pd.read_csv(small.fold(teacher) / "predictions.csv").query("part == 'validation'")["pair_id"]
    learned = set(small.pairs.query("fold != 0")["pair_id"]) - set(validated)
    scored = []
    for run in inner_runs("0"):
        table = pd.read_csv(small.fold(teacher, run) / "predictions.csv")
        assert set(table.query("part == 'validation'")["pair_id"]) == set(validated), "which choose the epoch"
        scored += list(table.query("part == 'test'")["pair_id"])
    assert sorted(scored) == sorted(learned)


def test_an_inner_training_learns_from_the_others_of_its_part_alone(small):
    """Groups stay together, and what an inner training learns from is not what it scores."""
    pairs = small.pairs.assign(group=small.pairs.index // 2)
    learned, _, test = fold_indices(pairs, pd.DataFrame({"fold": [], "pair_id": []}), 0)
    strata = np.eye(2)[pairs["label"]]
    parts = [inner_indices(pairs, strata, learned, number, INNER_FOLDS, 0) for number in range(INNER_FOLDS)]
    for train, scored in parts:
        assert not set(train) & set(scored) and not {*train, *scored} & set(test)
        assert not set(pairs["group"].iloc[train]) & set(pairs["group"].iloc[scored])
        assert sorted([*train, *scored]) == sorted(learned)


def test_a_student_is_reported_when_a_pair_has_no_score(small):
    teacher, config = taught(small)
    scores = small.fold(teacher, "0_inner1") / "predictions.csv"
    table = pd.read_csv(scores)
    table.drop(table.index[table["part"] == "test"][:1]).to_csv(scores, index=False)
    with pytest.raises(UserError, match=r"teacher has scored \d+ pairs, expected each of the \d+ to learn from once"):
        small.train(config)


@pytest.mark.parametrize("task", ["binary", "multiclass", "multilabel"])
def test_the_loss_is_that_of_the_paper(task):
    """T^2 KL(teacher || student) of softened classes, and the loss of the labels; a weight of 0 leaves the latter."""
    torch.manual_seed(0)
    known, temperature = load_task(task, LABELS[task]), 2.5
    logits, targets = torch.randn(5, known.outputs), torch.randint(0, 2, (5, len(known.columns("label")))).float()
    teacher, weights = known.scores(torch.randn(5, known.outputs)), torch.ones(known.outputs)
    found = {w: loss(logits, targets, known, weights, 0.0, {"teacher": teacher}, temperature, w) for w in (0, 0.4, 1)}
    torch.testing.assert_close(found[0], known.loss(logits, targets, weights, 0.0))
    torch.testing.assert_close(found[0.4], 0.4 * found[1] + 0.6 * found[0])
    own, p = logits.double().numpy(), teacher.double().numpy()
    if task == "binary":
        p = np.hstack([1 - p, p])
    if task == "multilabel":
        own, p = np.stack([0 * own, own], -1), np.stack([1 - p, p], -1)
    soft = [each / temperature - logsumexp(each / temperature, -1, keepdims=True) for each in (np.log(p), own)]
    expected = temperature**2 * (np.exp(soft[0]) * (soft[0] - soft[1])).sum(-1).mean()
    assert found[1].item() == pytest.approx(expected, rel=1e-4)
    itself = torch.stack([torch.zeros(5), torch.logit(teacher[:, 0])], 1) if task == "binary" else teacher.log()
    itself = torch.logit(teacher) if task == "multilabel" else itself
    at_itself = loss(itself, targets, known, weights, 0.0, {"teacher": teacher}, temperature, 1.0)
    assert at_itself.item() == pytest.approx(0, abs=1e-5)


def test_settings_reach_the_loss():
    config = model_config("image-distilled", images="raw", parts={"teacher": "early"}, settings={"weight": 0.25})
    assert loss_of(config).keywords == {"temperature": 3.0, "weight": 0.25}
    assert loss_of(model_config("image", images="raw")) is None


def test_a_training_waits_for_the_inner_ones_of_its_teacher(params):
    """And these for the inner ones of what the teacher starts from."""
    study = params["studies"]["demo"]
    study["models"]["image-distilled"] = {"images": "raw", "parts": {"teacher": "early"}}
    plan = Plan(*load_study(params | {"study": "demo"}))
    read = {str(path) for path in flat(plan.train("image-distilled", "2").needed.values())}
    assert {f"results/demo/models/early/fold{run}/predictions.csv" for run in ["2", *inner_runs("2")]} <= read
    assert not any(path.endswith("early/fold2/model.safetensors") for path in read)
    inner = {str(path) for path in flat(plan.train("early", "2_inner1").needed.values())}
    assert "data/features/demo/image_trained/fold2_inner1/raw/tokens.npy" in inner
    encoded = plan.features("image_trained/fold2_inner1", "raw").needed
    assert encoded["start"].as_posix() == "results/demo/models/image/fold2_inner1/model.safetensors"
    assert set(plan.trainings("image")) > set(inner_runs("0")) and plan.trainings("kv-exchange") == plan.runs("image")
    assert "image-distilled" not in plan.configs["late"].parts.values(), "it is no part unless it is named"
    for parts, problem in [
        ({"teacher": "logistic"}, "teacher: found logistic, which is no network"),
        ({}, "image-distilled learns from a teacher, found none; name a model"),
        ({"teacher": "image-distilled"}, "found image-distilled behind teacher, which learns from another model"),
    ]:
        study["models"]["image-distilled"]["parts"] = parts
        with pytest.raises(UserError, match=rf"models\.image-distilled\.parts: {problem}"):
            load_study(params | {"study": "demo"})


def test_a_training_of_another_teacher_is_another(small, monkeypatch, capsys):
    """Its scores are part of what decides the outcome."""
    teacher, config = taught(small)
    with monkeypatch.context() as killed:
        killed.setattr("lungfuse.train.train.remove_checkpoints", lambda folder: None)
        small.train(config)
    scores = small.fold(teacher, "0_inner1") / "predictions.csv"
    table = pd.read_csv(scores)
    table.assign(score=1 - table["score"]).to_csv(scores, index=False)
    capsys.readouterr()
    small.train(config)
    assert "epoch 0," in capsys.readouterr().out, "it began anew"
    settings = json.loads((small.fold(config) / "settings.json").read_text())
    parameters = [sum(part.numel() for part in network_parts(small, each)) for each in (config, teacher)]
    assert settings["parameters"] == parameters[0] < parameters[1] and settings["ms_per_case"] > 0


def network_parts(small, config):
    """All parameters of a trained network, with its encoders."""
    from lungfuse.predict.network import read_network

    network = read_network(small.fold(config))
    network.load(small.encoder_root)
    parts = [network.module, *network.frozen_encoders.values()]
    return [parameter for part in parts for parameter in part.parameters()]
