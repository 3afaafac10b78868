"""The API does what its description says."""

import uuid

import pytest
from described_api import check
from django.test import Client
from django.urls import get_resolver
from jsonschema import Draft202012Validator
from service_cases import image_file

from lungfuse_service.accounts.models import ApiToken
from lungfuse_service.api.openapi import document
from lungfuse_service.predictions.models import Prediction


@pytest.fixture
def bearer(ann) -> dict:
    return {"Authorization": f"Bearer {ApiToken.renew(ann)}"}


def given(**fields) -> dict:
    return {"model": "chest/early_all", "image": image_file(), "text": "Clear.", "values.age": "71"} | fields


def test_the_description_is_served_and_its_schemas_are_valid():
    served = Client().get("/api/openapi.json").json()
    assert served == document() and served["openapi"].startswith("3.1")
    for schema in served["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    served_paths = {f"/api/{path}".replace("<uuid:prediction_id>", "{id}") for path in api_paths()}
    served_paths = {path.replace("<uuid:update_id>", "{update_id}") for path in served_paths}
    assert set(served["paths"]) == served_paths


def api_paths() -> list[str]:
    (api,) = (each for each in get_resolver().url_patterns if str(each.pattern) == "api/")
    return [str(each.pattern) for each in api.url_patterns if each.name not in ("api", "openapi")]


def test_a_program_asks_waits_and_deletes(model, bearer, answered, ann):
    client = Client(enforce_csrf_checks=True)
    accepted = client.post("/api/predictions", given(), headers=bearer)
    assert accepted.status_code == 202
    check(accepted, "/api/predictions", "post")
    place = accepted.headers["Location"]
    waiting = client.get(place, headers=bearer)
    check(waiting, "/api/predictions/{id}", "get")
    assert waiting.json()["state"] == "queued" and "result" not in waiting.json()
    done = client.get(f"/api/predictions/{answered(ann).id}", headers=bearer)
    check(done, "/api/predictions/{id}", "get")
    assert done.json()["result"]["predicted"] == ["lung"] and done.json()["report"]
    check(client.get("/api/predictions", headers=bearer), "/api/predictions", "get")
    assert client.delete(place, headers=bearer).status_code == 204
    assert client.get(place, headers=bearer).status_code == 404


def test_models_say_what_they_read(model, bearer):
    answer = Client().get("/api/models", headers=bearer)
    check(answer, "/api/models", "get")
    (found,) = answer.json()["models"]
    assert found["model"] == "chest/early_all" and [each["name"] for each in found["reads"]] == model.reads


def test_the_same_key_is_the_same_prediction(model, bearer):
    key = str(uuid.uuid4())
    answers = [Client().post("/api/predictions", given(key=key), headers=bearer).json()["id"] for _ in range(3)]
    assert len(set(answers)) == 1 and Prediction.objects.count() == 1


WRONG = {
    "no model": {"model": ""},
    "a model that is not there": {"model": "chest/other"},
    "a path": {"model": "../../etc/passwd"},
    "a field that the model does not read": {"values.crp": "3"},
    "no number": {"values.age": "old"},
    "no category": {"values.sex": "robot"},
    "no key": {"key": "1"},
    "no image": {"image": image_file(kind="gif")},
    "a text that is too long": {"text": "x" * 20_001},
    "NUL": {"text": "a\0b"},
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_named(model, bearer, name):
    answer = Client().post("/api/predictions", given(**WRONG[name]), headers=bearer)
    assert answer.status_code == 400
    check(answer, "/api/predictions", "post")
    assert not Prediction.objects.exists()


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Bearer x", "Basic YTpi", "bearer {token}", "{token}"])
def test_without_a_token_nothing_is_answered(model, ann, client_of, header):
    token = ApiToken.renew(ann)
    headers = {"Authorization": header.format(token=token)} if header else {}
    for client in [Client(), client_of(ann)]:
        answer = client.get("/api/predictions", headers=headers)
        assert answer.status_code == 401
        check(answer, "/api/predictions", "get")


def test_a_new_token_ends_the_one_before_and_only_digests_are_kept(ann):
    before, after = ApiToken.renew(ann), ApiToken.renew(ann)
    assert Client().get("/api/models", headers={"Authorization": f"Bearer {before}"}).status_code == 401
    assert Client().get("/api/models", headers={"Authorization": f"Bearer {after}"}).status_code == 200
    assert after not in str(ApiToken.objects.values())


def test_a_token_of_a_user_who_was_shut_out_opens_nothing(ann, bearer):
    ann.is_active = False
    ann.save()
    assert Client().get("/api/models", headers=bearer).status_code == 401


def test_what_is_anothers_is_not_there(answered, ben, bearer):
    place = f"/api/predictions/{answered(ben).id}"
    for method in [Client().get, Client().delete]:
        assert method(place, headers=bearer).status_code == 404
    assert Prediction.objects.count() == 1
