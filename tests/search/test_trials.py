"""What a search keeps of its trials, when it ends one early, and that it never looks at a test pair."""

import json

import numpy as np
import pandas as pd
import pytest
from conftest import truncate
from small_search import RATES, STRUCTURED, propose, run_search, search_of, try_out
from small_study import LAYOUT, run_stage, small_study

from lungfuse.errors import UserError
from lungfuse.predict.predictor import Predictor
from lungfuse.search.trials import Outcome, Trial, best_of, falls_behind, medians, read_outcome, read_trials, validated
from lungfuse.settings.search import Interval
from lungfuse.tasks import load_task

TFIDF = {"architecture": "tfidf", "text": "findings"}
LOGISTIC = {"architecture": "logistic", "structured": ["age", "sex"]}
C = {"settings.c": Interval(low=1e-3, high=1e2, log=True, whole=False)}
MODELS = {"estimator": TFIDF | {"search": search_of(C)}, "network": STRUCTURED | {"search": search_of(RATES)}}
BINARY = load_task("binary", ["normal", "lung"])


def trials(*curves, pruned=()):
    return [Trial(None, Outcome(value=0.5, curve=curve, pruned=n in pruned)) for n, curve in enumerate(curves)]


def test_medians_are_of_enough_trainings_that_were_not_pruned():
    curves = [[0.5, 0.6, 0.9], [0.6, 0.7], [0.7, 0.8], [0.8, 0.9]]
    assert medians(trials(*curves)) == pytest.approx([0.65, 0.75])
    assert medians(trials(*curves, pruned=[0])) == []
    assert medians(trials(*curves, [0.0, 0.0], pruned=[4])) == pytest.approx([0.65, 0.75])


@pytest.mark.parametrize(
    ("curve", "behind"),
    [([0.1], False), ([0.1, 0.2], True), ([0.9, 0.2], False), ([0.1, 0.8], False), ([0.1, 0.2, 0.3, 0.4], False)],
)
def test_a_training_falls_behind_by_its_best_epoch_after_the_first(curve, behind):
    assert falls_behind(curve, [0.5, 0.6, 0.7]) is behind


def test_the_first_of_the_best_trials_is_taken_and_no_pruned_one():
    found = [Outcome(value=0.7), Outcome(value=0.8), Outcome(value=0.8), Outcome(curve=[0.99], pruned=True)]
    assert best_of([Trial(n, each) for n, each in enumerate(found)]).config == 1


def test_a_metric_that_is_not_defined_is_reported():
    with pytest.raises(UserError, match=r"the 3 validation pairs have one class alone"):
        validated(BINARY, np.ones((3, 1)), np.full((3, 1), 0.5), "auroc")


def test_a_damaged_outcome_is_named(tmp_path):
    file = tmp_path / "outcome.json"
    file.write_text(Outcome(value=0.5).model_dump_json())
    truncate(file)
    with pytest.raises(
        UserError, match=r"(?s)outcome\.json: is damaged or of another version.*Delete it and run again"
    ):
        read_outcome(file)


@pytest.mark.parametrize("kind", MODELS)
def test_what_wins_is_what_is_trained_and_predicts(small, kind):
    """Two searches of three folds: settings differ by fold, the training of the fold has the score of the trial."""
    config, runs = small.model("searched", **MODELS[kind]), ("0", "1", "2")
    best = run_search(small, config, runs)
    assert len({str(each.point) for each in best}) > 1
    for run in runs if kind == "network" else []:
        run_stage("train", {"model": LAYOUT.best("searched", run), "run": run})
    scores = small.finish(config)
    for run, each in zip(runs, best, strict=True):
        settings = json.loads((small.fold(config, run) / "settings.json").read_text())["model"]
        assert settings["point"] == each.point and "search" not in settings
        outcomes = [
            json.loads(path.read_text())["value"] for path in LAYOUT.search("searched", run).glob("*/outcome.json")
        ]
        known = pd.read_csv(small.fold(config, run) / "predictions.csv").query("part == 'validation'")
        value = validated(BINARY, BINARY.targets(known), BINARY.of("score", known), "auroc")
        assert value == max(outcomes)
    cases = pd.DataFrame({"id": small.pairs["pair_id"], "text": small.pairs["findings"]})
    cases = cases.merge(small.structured, left_on="id", right_on="pair_id").drop(columns="pair_id")
    cases = cases[["id", "text"] if kind == "estimator" else ["id", "age", "sex"]]
    found = pd.concat(Predictor(small.folder / LAYOUT.model_folder("searched")).predict(cases))
    assert len(found) == len(scores) == 60


def test_inputs_are_shuffled_in_the_networks_that_each_fold_has_found(small):
    """Networks of other widths, which would not load as the study says them."""
    inputs = {"architecture": "early", "text": "findings", "structured": ["age"]}
    search, short = search_of({"fusion.width": [8, 24]}, rounds=1, width=2), {"layers": "frozen", "epochs": 1}
    config, runs = small.model("early", **inputs, search=search, train=short), ("0", "1", "2")
    small.features(config, "text")
    for run, best in zip(runs, run_search(small, config, runs), strict=True):
        assert best.fusion["width"] in (8, 24) and config.fusion["width"] == 16
        run_stage("train", {"model": LAYOUT.best("early", run), "run": run})
    small.finish(config)
    run_stage("permute", {"model": LAYOUT.model("early")})
    assert set(pd.read_csv(LAYOUT.permuted("early"))["modality"].fillna("")) == {"", "text", "structured"}


@pytest.mark.parametrize("kind", MODELS)
def test_no_test_pair_is_read_by_a_search(small, kind):
    """The labels of the test pairs are turned round, and nothing changes; those of others are, and it does.

    They are drawn by lot, so that scores move with every pair that is learned from.
    """
    config, rng = small.model("searched", **MODELS[kind]), np.random.default_rng(0)
    small.pairs["label"] = rng.permutation(small.pairs["label"])
    small.write()

    def search():
        run_search(small, config)
        return [path.read_text() for path in sorted(LAYOUT.search("searched", "0").glob("*/outcome.json"))]

    before, tested = search(), small.pairs["fold"] == 0
    small.pairs["label"] = small.pairs["label"].where(~tested, 1 - small.pairs["label"])
    small.write()
    assert search() == before
    small.pairs["label"] = rng.permutation(small.pairs["label"])
    small.write()
    assert search() != before


@pytest.fixture
def far_ahead(small):
    """A search whose first round is better than what any second one can be."""
    config = small.model("searched", **STRUCTURED, search=search_of(RATES, width=4))
    propose(config)
    for trial in range(4):
        file = LAYOUT.outcome("searched", "0", 0, trial)
        file.parent.mkdir()
        file.write_text(Outcome(value=1.0, curve=[1.0, 1.1, 1.1]).model_dump_json())
    propose(config, number=1)
    return config


def test_a_training_that_falls_behind_ends_early(far_ahead):
    outcome = Outcome.model_validate_json(try_out(far_ahead, "0", 1, 0))
    assert outcome.pruned and outcome.value is None
    assert len(outcome.curve) == 2, "the first epoch decides nothing"


def test_a_search_may_do_without_pruning(small, far_ahead):
    small.model("searched", **STRUCTURED, search=search_of(RATES, width=4, prune=False))
    outcome = Outcome.model_validate_json(try_out(far_ahead, "0", 1, 0))
    assert not outcome.pruned and len(outcome.curve) == 3


def test_a_trial_that_is_killed_after_it_was_pruned_does_not_go_on(far_ahead, monkeypatch, capsys):
    with monkeypatch.context() as killed:
        killed.setattr("lungfuse.search.train_trial.remove_checkpoints", lambda folder: None)
        before = try_out(far_ahead, "0", 1, 0)
    LAYOUT.outcome("searched", "0", 1, 0).unlink()
    capsys.readouterr()
    assert try_out(far_ahead, "0", 1, 0) == before
    assert "epoch" not in capsys.readouterr().out
    assert not list(LAYOUT.outcome("searched", "0", 1, 0).parent.glob("*.ckpt"))


def test_proposals_of_a_wider_search_before_are_removed(small):
    wide = small.model("searched", **TFIDF, search=search_of(C, width=4, rounds=1))
    run_search(small, wide)
    run_search(small, small.model("searched", **TFIDF, search=search_of(C, width=2, rounds=1)))
    left = sorted(path.name for path in LAYOUT.search("searched", "0").iterdir())
    assert left == ["best.json", "round0_trial0", "round0_trial0.json", "round0_trial1", "round0_trial1.json"]


@pytest.mark.parametrize("model", [STRUCTURED | {"search": search_of(RATES)}, LOGISTIC | {"search": search_of(C)}])
def test_a_search_for_a_model_of_numbers_compares_by_their_order(tmp_path, encoder_root, monkeypatch, model):
    monkeypatch.chdir(tmp_path)
    small = small_study(tmp_path, encoder_root, "regression")
    small.pairs["label"] = small.pairs["label"].clip(20.5, 79.5)
    small.write()
    search = model["search"].model_copy(update={"metric": "concordance"})
    config = small.model("searched", **(model | {"search": search}))
    (best,) = run_search(small, config)
    (trial,) = [each for each in read_trials(config, "0", search.rounds) if each.config == best]
    assert 0.5 < trial.outcome.value <= 1
