"""An architecture may ask for a trained network by a role, and learn from what it scores."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score
from trained_study import READS

from lungfuse.errors import UserError
from lungfuse.plan.job import flat
from lungfuse.plan.load import load_study
from lungfuse.plan.model import read_model
from lungfuse.plan.plan import Plan
from lungfuse.predict.predictor import Predictor
from lungfuse.train.networks import score_all

STUDENT = '''
"""A model of images that learns what a teacher with more inputs scores (Hinton et al., 2015)."""

from torch.nn.functional import binary_cross_entropy

from lungfuse.layers.blocks import Unimodal

REQUIRED, ROLES = ["image"], ["teacher"]
FUSION = ["hidden", "dropout"]

build = Unimodal


def loss(logits, targets, task, class_weights, label_smoothing, part_scores):
    return binary_cross_entropy(task.scores(logits), part_scores["teacher"])
'''


@pytest.fixture
def student(new_part):
    new_part("lungfuse.models.unimodal", "student", STUDENT)


def test_a_student_learns_what_its_teacher_scores_and_predicts_without_it(small, student):
    """The teacher has learned that every image is of the other class."""
    small.pairs["label"] = 1 - small.pairs["label"]
    small.write()
    inputs = {name: READS[name] for name in ["image", "text"]}
    learning = {"layers": "frozen", "epochs": 12, "learning_rate": 1e-2}
    teacher = small.model("teacher", architecture="early", inputs=inputs, train=learning)
    small.train(teacher)
    small.pairs["label"] = 1 - small.pairs["label"]
    small.write()
    config = small.model("student", architecture="student", images="raw", parts={"teacher": "teacher"}, train=learning)
    test = small.train(config).query("part == 'test'").set_index("pair_id")
    assert roc_auc_score(test["label"], test["score"]) < 0.1
    (small.fold(teacher) / "model.safetensors").unlink()
    cases = pd.DataFrame({"id": test.index, "image": [str(small.save_png(int(name[1:]))) for name in test.index]})
    found = pd.concat(Predictor(small.fold(config)).predict(cases))["score"]
    np.testing.assert_allclose(found, test["score"], atol=1e-5)


def test_the_scores_of_all_pairs_are_those_of_the_training(trained, monkeypatch):
    study = trained("multilabel")
    monkeypatch.chdir(study.small.folder)
    for name in ["kv-exchange", "image"]:
        folder = study.fold(name)
        config = read_model(study.small.file(study.config(name)))
        validated = set(pd.read_csv(folder / "predictions.csv").query("part == 'validation'")["pair_id"])
        learned = (study.small.pairs["fold"] != 0) & ~study.small.pairs["pair_id"].isin(validated)
        found = score_all(config, "0", study.small.pairs, np.flatnonzero(learned))
        known = study.scores(name)
        places = study.small.pairs.reset_index().set_index("pair_id")["index"][known.index]
        np.testing.assert_allclose(found[places], known[["score_small", "score_large"]], atol=1e-5)


def test_a_training_waits_for_its_teacher_and_is_done_again_with_it(params, student):
    study = params["studies"]["demo"]
    study["models"]["student"] = {"images": "raw", "parts": {"teacher": "early"}}
    plan = Plan(*load_study(params | {"study": "demo"}))
    read = {str(path) for path in flat(plan.train("student", "2").needed.values())}
    teacher = {str(path) for path in flat(plan.train("early", "2").needed.values())}
    assert "results/demo/models/early/fold2/model.safetensors" in read
    assert teacher - read == set(), "what the teacher reads is read again"
    study["models"]["student"]["parts"] = {"teacher": "logistic"}
    with pytest.raises(UserError, match=r"models\.student\.parts: teacher: found logistic, which is no network"):
        load_study(params | {"study": "demo"})
    study["models"]["student"]["parts"] = {}
    with pytest.raises(
        UserError, match=r"models\.student\.parts: student learns from a teacher, found none; name a model"
    ):
        load_study(params | {"study": "demo"})


def test_a_training_of_another_teacher_is_another(small, student, monkeypatch, capsys):
    """Its weights are part of what decides the outcome."""
    learning = {"layers": "frozen", "epochs": 1}
    teacher = small.model("teacher", architecture="image", images="raw", train=learning)
    small.train(teacher)
    config = small.model("student", architecture="student", images="raw", parts={"teacher": "teacher"}, train=learning)
    with monkeypatch.context() as killed:
        killed.setattr("lungfuse.train.train.remove_checkpoints", lambda folder: None)
        small.train(config)
    small.train(small.model("teacher", architecture="image", images="raw", train=learning, seed=1))
    capsys.readouterr()
    small.train(config)
    assert "epoch 0," in capsys.readouterr().out, "it began anew"
