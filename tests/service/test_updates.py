"""Confirmed cases and updates, on pages and by the API; what the gate lets through is in test_gate and test_retrain."""

import uuid

import pytest
from described_api import check
from django.conf import settings
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.test import Client
from service_cases import image_file

from lungfuse_service.accounts.models import ApiToken, User
from lungfuse_service.catalogue.models import TrainedModel
from lungfuse_service.jobs.claims import claim_next, finish, release
from lungfuse_service.jobs.models import Job, State
from lungfuse_service.predictions.models import Prediction
from lungfuse_service.updates.actions import activate, learned_from, start_update, waiting_for
from lungfuse_service.updates.management.commands import trainer
from lungfuse_service.updates.models import ConfirmedCase, Update

PAGE = "/models/chest/early_all/update"
SHOWN = {"gain": 0.004, "gain_low": -0.006, "gain_high": 0.014, "margin": 0.02, "word": "equivalent", "before": 0.84,
         "after": 0.844, "cases": 20, "groups": 20, "added": 0.83, "added_low": 0.7, "added_high": 0.92}  # fmt: skip


@pytest.fixture
def keeper(ann) -> User:
    """Ann, who may update models."""
    ContentType.objects.clear_cache()
    of_updates = ContentType.objects.get_for_model(Update)
    ann.user_permissions.add(Permission.objects.get_or_create(codename="add_update", content_type=of_updates)[0])
    return User.objects.get(pk=ann.pk)


def given(**fields) -> dict:
    return {"text": "Lungs are clear.", "values.age": "71", "label": "normal", "patient": "p1"} | fields


@pytest.fixture
def confirmed(model, keeper):
    """Twenty confirmed cases of as many patients."""
    return [
        ConfirmedCase.objects.create(
            user=keeper, study=model.study, name=model.name, patient=f"p{n}", values={"age": str(40 + n)},
            truth={"normal": n % 2, "lung": 1 - n % 2},
        )
        for n in range(20)
    ]  # fmt: skip


def accepted(update: Update) -> TrainedModel:
    """What the trainer leaves of an update that the gate lets through."""
    base = update.base
    made = TrainedModel.objects.create(
        study=base.study, name=base.name, sha256="cd" * 32, architecture="early", columns=base.columns, folds=3,
        project=f"updates/{update.id}", active=False,
    )  # fmt: skip
    update.made, update.verdict = made, {"accepted": True, "refusals": [], "shown": SHOWN}
    update.save()
    Job.objects.update(state=State.DONE)
    activate(made)
    return made


def test_without_the_right_nothing_is_shown_or_changed(model, ann, client_of, confirmed, ben):
    for user in [None, ben]:
        client = client_of(user) if user else Client()
        expected = 403 if user else 302
        for path in ["", "/start", f"/versions/{model.pk}", f"/cases/{confirmed[0].pk}/delete"]:
            assert client.post(PAGE + path).status_code == expected
        assert client.get(PAGE).status_code == expected
    token = {"Authorization": f"Bearer {ApiToken.renew(ben)}"}
    for path in ["confirmed-cases", "updates"]:
        answer = Client().post(f"/api/{path}", {"model": "chest/early_all"}, headers=token)
        assert answer.status_code == 403
        check(answer, f"/api/{path}", "post")
    assert ConfirmedCase.objects.count() == 20 and not Update.objects.exists()


def test_a_case_is_added_once_without_the_names_in_its_image(model, keeper, client_of):
    key = str(uuid.uuid4())
    for _ in range(2):
        answer = client_of(keeper).post(PAGE, given(image=image_file(), key=key))
        assert answer.status_code == 302
    case = ConfirmedCase.objects.get()
    assert (case.truth, case.patient) == ({"normal": 1, "lung": 0}, "p1") and case.values == {"age": "71"}
    assert case.image.name == f"confirmed/{case.id}.png"
    case.delete()
    assert not (settings.MEDIA_ROOT / f"confirmed/{case.id}.png").exists()


@pytest.mark.parametrize(
    "wrong", [{"label": ""}, {"label": "healthy"}, {"values.age": "old"}, {"text": "", "values.age": ""}]
)
def test_a_case_that_is_not_whole_is_refused(model, keeper, client_of, wrong):
    assert client_of(keeper).post(PAGE, given(**wrong)).status_code == 400
    assert not ConfirmedCase.objects.exists()


def test_of_several_labels_each_may_be_unknown(model, keeper, client_of):
    model.study.task = "multilabel"
    model.study.save()
    fields = {name: value for name, value in given().items() if name != "label"}
    assert client_of(keeper).post(PAGE, fields).status_code == 400
    assert client_of(keeper).post(PAGE, fields | {"labels.lung": "yes"}).status_code == 302
    assert ConfirmedCase.objects.get().truth == {"normal": None, "lung": 1}


def test_an_update_needs_cases_of_twenty_patients_and_runs_alone(model, keeper, client_of, confirmed):
    client = client_of(keeper)
    confirmed[0].delete()
    assert "Cases of 19 patients wait" in client.post(f"{PAGE}/start", follow=True).content.decode()
    confirmed[1].pk = confirmed[1].key = uuid.uuid4()
    confirmed[1].patient = ""
    confirmed[1].save(force_insert=True)
    assert "The update has started" in client.post(f"{PAGE}/start", follow=True).content.decode()
    assert "is under way" in client.post(f"{PAGE}/start", follow=True).content.decode()
    (update,) = Update.objects.all()
    assert update.cases.count() == 20 and claim_next() == [], "the worker leaves it to the trainer"


def test_a_new_version_has_learned_from_the_cases_and_one_click_goes_back(model, keeper, client_of, confirmed, asked):
    before = asked(keeper)
    update = start_update(keeper, model)
    made = accepted(update)
    assert learned_from(made).count() == 20 and not waiting_for(made).exists()
    client = client_of(keeper)
    page = client.get(PAGE).content.decode()
    assert "accepted" in page and "+0.4 points" in page and "-0.6 to +1.4" in page and model.sha256[:12] in page
    client.post(f"{PAGE}/versions/{model.pk}")
    assert TrainedModel.objects.get(active=True) == model
    assert waiting_for(model).count() == 20, "this version has not learned from them"
    client.post(f"{PAGE}/versions/{made.pk}")
    assert TrainedModel.objects.get(active=True) == made
    assert Prediction.objects.get(pk=before.pk).model.sha256 == model.sha256


def test_the_next_update_learns_from_all_cases_again(model, keeper, confirmed):
    made = accepted(start_update(keeper, model))
    for n in range(20):
        ConfirmedCase.objects.create(user=keeper, study=model.study, name=model.name, patient=f"q{n}", truth={})
    assert start_update(keeper, made).cases.count() == 40


def test_versions_whose_files_were_replaced_are_not_offered(model, keeper, client_of):
    newer = TrainedModel.objects.create(
        study=model.study, name=model.name, sha256="ef" * 32, architecture="early", columns=[], folds=3, active=False
    )
    assert client_of(keeper).post(f"{PAGE}/versions/{model.pk}").status_code == 404
    assert client_of(keeper).post(f"{PAGE}/versions/{newer.pk}").status_code == 302


def test_why_an_update_was_refused_is_shown_and_its_cases_wait_again(model, keeper, client_of, confirmed):
    update = start_update(keeper, model)
    refusal = {"kind": "leak", "text": "The column age predicts lung by itself."}
    update.verdict = {"accepted": False, "refusals": [refusal], "shown": {}}
    update.save()
    Job.objects.update(state=State.DONE)
    page = client_of(keeper).get(PAGE).content.decode()
    assert "refused" in page and "The column age predicts lung by itself." in page and "20 cases to learn from" in page
    assert client_of(keeper).post(f"{PAGE}/cases/{confirmed[0].pk}/delete").status_code == 302
    assert waiting_for(model).count() == 19


def test_a_program_adds_cases_and_updates(model, keeper, confirmed):
    token = {"Authorization": f"Bearer {ApiToken.renew(keeper)}"}
    client = Client()
    added = client.post("/api/confirmed-cases", given(model="chest/early_all"), headers=token)
    assert added.status_code == 201
    check(added, "/api/confirmed-cases", "post")
    for wrong in [{"model": "chest/other"}, {"model": "chest/early_all", "label": "x"}, {"values.crp": "3"}]:
        answer = client.post("/api/confirmed-cases", given(model="chest/early_all") | wrong, headers=token)
        assert answer.status_code == 400
        check(answer, "/api/confirmed-cases", "post")
    waiting = client.get("/api/confirmed-cases?model=chest/early_all", headers=token)
    check(waiting, "/api/confirmed-cases", "get")
    assert len(waiting.json()["cases"]) == 21
    started = client.post("/api/updates", {"model": "chest/early_all"}, headers=token)
    assert started.status_code == 202
    check(started, "/api/updates", "post")
    again = client.post("/api/updates", {"model": "chest/early_all"}, headers=token)
    assert again.status_code == 409
    check(again, "/api/updates", "post")
    accepted(Update.objects.get())
    ended = client.get(started.headers["Location"], headers=token)
    check(ended, "/api/updates/{update_id}", "get")
    assert ended.json()["state"] == "accepted" and ended.json()["made_sha256"] == "cd" * 32
    assert client.get(f"/api/updates/{uuid.uuid4()}", headers=token).status_code == 404


def test_what_is_kept_for_updates_is_exported_and_goes_with_the_account(model, keeper, confirmed):
    update = start_update(keeper, model)
    keeper.delete()
    assert not ConfirmedCase.objects.exists()
    update.refresh_from_db()
    assert update.job is None and update.state == State.FAILED


def test_a_trainer_that_is_asked_to_stop_leaves_its_job_to_the_next(model, keeper, confirmed, monkeypatch):
    start_update(keeper, model)

    def asked_to_stop(jobs: list[Job]) -> None:
        raise SystemExit

    monkeypatch.setattr(trainer, "run", asked_to_stop)
    call_command("trainer")
    job = Job.objects.get()
    assert (job.state, job.attempts) == (State.QUEUED, 0)
    (claimed,) = claim_next(kind="retrain")
    assert finish(claimed)
    release(claimed)
    assert Job.objects.get().state == State.DONE, "what has ended is not queued again"
