"""Updates of a model by the workflow: of a small study of a table, once by Snakemake and else by its stages alone."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from django.test import override_settings
from ward import AFTER, BEFORE, CLASSES, COLUMNS, draw, make

from lungfuse.added_cases import read_added
from lungfuse.settings.ingest import LabelRule
from lungfuse_service.catalogue.models import TrainedModel
from lungfuse_service.inference import retrain
from lungfuse_service.inference.catalogue import find_models
from lungfuse_service.inference.update_project import folder_of, said
from lungfuse_service.jobs import tasks
from lungfuse_service.jobs.claims import claim_next
from lungfuse_service.jobs.models import State
from lungfuse_service.predictions.models import Prediction, Result
from lungfuse_service.predictions.submit import Case, submit
from lungfuse_service.updates.actions import activate, start_update
from lungfuse_service.updates.models import ConfirmedCase, Update


@pytest.fixture
def model(ward) -> TrainedModel:
    with override_settings(PROJECT=ward):
        find_models()
        yield TrainedModel.objects.get(active=True)


@pytest.fixture
def by_stages(monkeypatch) -> None:
    """The stages of the workflow without Snakemake."""

    def run_workflow(folder: Path, target: Path) -> None:
        make(folder, AFTER if "predictions" in str(target) else BEFORE)

    monkeypatch.setattr(retrain, "run_workflow", run_workflow)


def confirm(user, model: TrainedModel, cases: pd.DataFrame) -> None:
    for number, case in cases.reset_index(drop=True).iterrows():
        ConfirmedCase.objects.create(
            user=user, study=model.study, name=model.name, patient=f"new{number}",
            values={name: f"{case[name]:g}" for name in COLUMNS},
            truth={name: int(case["outcome"] == name) for name in CLASSES},
        )  # fmt: skip


def update(user, model: TrainedModel) -> Update:
    """An update of a model, done as the trainer does it."""
    found = start_update(user, model)
    tasks.run(claim_next(kind="retrain"))
    return Update.objects.get(pk=found.pk)


def predicted(user, model: TrainedModel) -> dict:
    prediction = submit(user, model, Case(values={"crp": "1.5", "age": "0.3"}), explained=False)
    tasks.work.call_local()
    job = Prediction.objects.get(pk=prediction.pk).job
    assert job.state == State.DONE, job.problem
    return Result.objects.get(prediction=prediction).outcome


def test_a_good_update_becomes_active_by_the_workflow_itself_and_one_click_goes_back(model, ann):
    confirm(ann, model, draw(60, 1))
    done = update(ann, model)
    assert done.state == "accepted", (done.verdict, done.job.problem)
    made = TrainedModel.objects.get(active=True)
    assert made == done.made and made.sha256 != model.sha256 and made.score["n"] == 240
    shown = done.verdict["shown"]
    assert -shown["margin"] < shown["gain_low"] <= shown["gain"] <= shown["gain_high"]
    assert (shown["cases"], shown["groups"]) == (60, 60)
    new, old = predicted(ann, made), predicted(ann, model)
    assert (new["made_by"]["sha256"], old["made_by"]["sha256"]) == (made.sha256, model.sha256)
    assert new["questions"] != old["questions"] and new["coverage"]
    activate(model)
    find_models()
    assert TrainedModel.objects.get(active=True) == model, "a restart of the worker keeps the choice"


def test_the_folds_of_the_study_stay_and_added_patients_are_kept_apart(model, ann, by_stages, ward):
    confirm(ann, model, draw(60, 1))
    twins = list(ConfirmedCase.objects.all()[:2])
    ConfirmedCase.objects.filter(pk__in=[each.pk for each in twins]).update(patient="p7")
    done = update(ann, model)
    assert done.state == "accepted", (done.verdict, done.job.problem)
    before, after = (
        pd.read_csv(folder / "results/ward/pairs.csv", dtype=str).set_index("pair_id")
        for folder in (ward, folder_of(done))
    )
    assert len(after) == len(before) + 60
    assert (after.loc[before.index, "fold"] == before["fold"]).all()
    added = after.drop(before.index)
    assert set(added["fold"].value_counts()) <= {19, 20, 21}
    assert set(after.loc[[f"{each.pk}" for each in twins], "fold"]) == {before.loc["case14", "fold"]}
    cases = read_added(folder_of(done) / "data/raw/ward/confirmed/cases.csv")
    assert len(cases) == 60 and set(cases["value.outcome"]) == set(CLASSES)


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("labels", lambda cases: cases.assign(outcome=np.roll(cases["outcome"].sort_values(), 30)[::-1])),
        ("leak", lambda cases: cases.assign(pulse=np.where(cases["outcome"] == "sick", 3.0, -3.0))),
    ],
)
def test_a_bad_update_changes_nothing_and_leaves_nothing(model, ann, by_stages, kind, change):
    cases = draw(60, 2)
    confirm(ann, model, change(cases))
    done = update(ann, model)
    assert done.state == "refused" and kind in {each["kind"] for each in done.verdict["refusals"]}
    assert TrainedModel.objects.get() == model and model.active
    assert not folder_of(done).exists() and done.job.state == State.DONE


def test_cases_of_the_study_under_other_names_are_refused(model, ann, by_stages, ward):
    confirm(ann, model, pd.read_csv(ward / "data/raw/ward/cases.csv")[:40])
    done = update(ann, model)
    assert [each["kind"] for each in done.verdict["refusals"]] == ["duplicates"]


def test_an_update_whose_base_was_replaced_meanwhile_does_not_become_active(model, ann, by_stages, monkeypatch):
    confirm(ann, model, draw(60, 1))
    judged = retrain.judge

    def meanwhile(*arguments):
        TrainedModel.objects.filter(pk=model.pk).update(active=False)
        return judged(*arguments)

    monkeypatch.setattr(retrain, "judge", meanwhile)
    done = update(ann, model)
    assert (done.state, done.job.problem) == (State.FAILED, retrain.MEANWHILE)
    assert TrainedModel.objects.count() == 1 and not folder_of(done).exists()


def test_what_keeps_a_study_from_being_updated_is_said(model, ann, by_stages, ward):
    confirm(ann, model, draw(40, 1))
    TrainedModel.objects.update(name="other")
    ConfirmedCase.objects.update(name="other")
    done = update(ann, TrainedModel.objects.get())
    assert done.state == State.FAILED and "other" in done.job.problem


def test_the_reason_of_a_failed_workflow_is_shown(tmp_path):
    (tmp_path / "logs/ward").mkdir(parents=True)
    (tmp_path / "logs/ward/split.log").write_text("240 rows\nlungfuse: folds.csv: new0 joins two folds.\n")
    assert retrain.reason_of(tmp_path) == "folds.csv: new0 joins two folds."


def test_labels_are_said_as_the_rules_of_the_study_read_them():
    by_words = [LabelRule(name="a", column="x", positive=["yes"], negative=["no"]),
                LabelRule(name="b", column="y", positive=["1"])]  # fmt: skip
    assert said({"a": 0, "b": 1}, by_words) == {"major": "none of these", "value.x": "no", "value.y": "1"}
    assert said({"a": None, "b": 0}, by_words) == {"major": "none of these", "value.y": "none of these"}
    of_one = [LabelRule(name=name, column="outcome", positive=[name]) for name in CLASSES]
    assert said({"healthy": 0, "sick": 1}, of_one) == {"major": "none of these", "value.outcome": "sick"}
    headings = [LabelRule(name="normal", heading="normal"), LabelRule(name="lung", heading=["Lung", "Chest"])]
    assert said({"normal": 0, "lung": 1}, headings) == {"major": "Lung"}
