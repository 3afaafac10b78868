"""The pages, as a browser without JavaScript sees them."""

import io
import json
import re
import uuid
import zipfile

import pytest
from django.conf import settings
from django.test import Client, override_settings
from service_cases import PASSWORD, image_file

from lungfuse_service.accounts.models import User
from lungfuse_service.jobs.models import Job, State
from lungfuse_service.predictions.models import Overlay, Prediction, Result

ASK = "/models/chest/early_all"
NOT_FOR_DIAGNOSIS = "Not for diagnosis"


@pytest.fixture
def browser(ann, client_of) -> Client:
    return client_of(ann)


def given(**fields) -> dict:
    return {"image": image_file(), "text": "Clear.", "values.age": "71", "values.sex": "F", "explained": "on"} | fields


def test_a_user_signs_up_logs_out_and_logs_in():
    client = Client()
    wanted = {"username": "eve", "password1": PASSWORD, "password2": PASSWORD}
    assert b"for those who understand" in client.post("/account/sign-up", wanted).content
    assert client.post("/account/sign-up", wanted | {"understood": "on"}).headers["Location"] == "/"
    assert b"History" in client.get("/").content
    client.post("/account/log-out")
    assert b"Log in" in client.get("/").content
    assert client.post("/account/log-in", {"username": "eve", "password": PASSWORD}).status_code == 302


def test_no_one_signs_up_where_it_is_closed():
    with override_settings(SIGN_UP=False):
        assert Client().get("/account/sign-up").status_code == 404


def test_a_name_is_locked_after_five_wrong_passwords_for_that_address_alone(ann):
    client, wrong = Client(), {"username": "ann", "password": "wrong"}
    answers = [client.post("/account/log-in", wrong).status_code for _ in range(6)]
    assert answers == [200, 200, 200, 200, 429, 429]
    right = {"username": "ann", "password": PASSWORD}
    assert client.post("/account/log-in", right).status_code == 429
    assert client.post("/account/log-in", right, REMOTE_ADDR="10.0.0.9").status_code == 302


def test_the_pages_about_studies_are_for_everyone(model, results):
    home = Client().get("/").content.decode()
    assert "early_all" in home and "AUROC" in home and "0.91" in home and "synthetic, not patients" in home
    assert "+9.2 points" in home and "better" in home
    verdicts = Client().get("/verdicts").content.decode()
    assert "+9.2 points (+4.0 to +15.8)" in verdicts and "image + findings" in verdicts
    card = Client().get("/studies/chest/card").content.decode()
    assert "No &lt;b&gt;other&lt;/b&gt; one." in card and "<td>tfidf</td>" in card and "style=" not in card
    report = Client().get("/studies/chest/report")
    assert b"<title>Report" in b"".join(report.streaming_content)
    assert report.headers["Content-Security-Policy"].startswith("sandbox allow-scripts")


def test_verdicts_of_studies_without_models_are_shown_too(results, tmp_path):
    (tmp_path / "docs/results/skin").mkdir(parents=True)
    (results / "verdict.csv").rename(tmp_path / "docs/results/skin/verdict.csv")
    assert "skin" in Client().get("/verdicts").content.decode()


def test_the_form_of_a_model_asks_for_what_it_reads_and_shows_its_limits(model, results, browser):
    page = browser.get(ASK).content.decode()
    labels = re.findall(r"<label for=\"[^\"]+\">([^<]+)", page)
    assert labels[:4] == ["Image", "Text of the report", "age (years)", "sex"]
    assert "learned from 18 to 90" in page and ">not known<" in page
    assert "No &lt;b&gt;other&lt;/b&gt; one." in page and "AUROC" in page


def test_a_case_is_accepted_and_waits_for_the_worker(model, browser):
    answer = browser.post(ASK, given())
    prediction = Prediction.objects.get()
    assert answer.headers["Location"] == f"/predictions/{prediction.id}"
    assert (prediction.text, prediction.values) == ("Clear.", {"age": "71", "sex": "F"})
    assert prediction.job.state == State.QUEUED and (settings.MEDIA_ROOT / prediction.image.name).exists()
    waiting = browser.get(answer.headers["Location"]).content.decode()
    assert "at work" in waiting and 'http-equiv="refresh"' in waiting
    state = browser.get(f"/predictions/{prediction.id}/state").json()
    assert state == {"state": "queued", "ended": False, "ahead": 0}


@pytest.mark.parametrize("left", ["image", "text", "values.age"])
def test_any_part_may_be_missing(model, browser, left):
    one = {name: value for name, value in given().items() if name in (left, "explained")}
    assert browser.post(ASK, one).status_code == 302
    prediction = Prediction.objects.get()
    assert (bool(prediction.image), prediction.text, prediction.values) == {
        "image": (True, "", {}),
        "text": (False, "Clear.", {}),
        "values.age": (False, "", {"age": "71"}),
    }[left]


def test_nothing_at_all_is_refused(model, browser):
    answer = browser.post(ASK, {"explained": "on", "text": "  "})
    assert answer.status_code == 400 and b"can say nothing of nothing" in answer.content
    assert not Prediction.objects.exists()


@pytest.mark.parametrize(("typed", "kept"), [("71", "71"), ("71,5", "71.5"), (" 71.5 ", "71.5"), ("1e2", "100")])
def test_a_number_is_typed_as_people_type_it(model, browser, typed, kept):
    assert browser.post(ASK, {"values.age": typed}).status_code == 302
    assert Prediction.objects.get().values == {"age": kept}


@pytest.mark.parametrize("typed", ["old", "nan", "inf", "1e999", "0x10", "1_0; DROP TABLE", "-1e13", "1" * 400])
def test_what_is_no_number_is_refused(model, browser, typed):
    answer = browser.post(ASK, {"values.age": typed})
    assert answer.status_code == 400 and not Prediction.objects.exists()
    assert b"Enter a number" in answer.content


def test_a_request_that_is_sent_twice_is_one_prediction(model, browser):
    key = re.search(r'name="key" value="([^"]+)"', browser.get(ASK).content.decode())[1]
    places = {browser.post(ASK, given(key=key)).headers["Location"] for _ in range(3)}
    assert len(places) == 1 and Prediction.objects.count() == Job.objects.count() == 1
    browser.post(ASK, given(key=str(uuid.uuid4())))
    assert Prediction.objects.count() == 2


def test_a_quota_of_what_waits_and_of_a_day(model, browser, ann):
    with override_settings(MOST_WAITING=2, MOST_A_DAY=3):
        answers = [browser.post(ASK, given()).status_code for _ in range(3)]
        assert answers == [302, 302, 429]
        Job.objects.update(state=State.DONE)
        assert browser.post(ASK, given()).status_code == 302
        Job.objects.update(state=State.DONE)
        for prediction in Prediction.objects.all():
            browser.post(f"/predictions/{prediction.id}/delete")
        answer = browser.post(ASK, given())
        assert answer.status_code == 429 and b"3 times within a day" in answer.content, "deleting gives none back"


def test_a_result_says_what_it_means_and_where_its_numbers_come_from(answered, ann, browser):
    prediction = answered(ann)
    page = browser.get(prediction.get_absolute_url()).content.decode()
    for said in [">lung</h1>", "86 %", "Of 41 cases of the study", "88 %", "lungs outlined", "passes 6 of 9 checks"]:
        assert said in page
    assert "questions.0.classes.1.probability" in page
    assert page.count("<polygon") == 2 and '<rect class="box"' not in page
    image = browser.get(f"{prediction.get_absolute_url()}/image")
    assert image.headers["Content-Type"] == "image/png" and b"".join(image.streaming_content)[:4] == b"\x89PNG"
    assert browser.get(f"{prediction.get_absolute_url()}/overlays/grad-cam").content[:4] == b"\x89PNG"
    assert browser.get(f"{prediction.get_absolute_url()}/overlays/none").status_code == 404


def test_a_region_of_one_part_is_boxed(answered, ann, browser):
    region = {"name": "lesion", "segmenter": "unet-lesions", "lines": [[[0.1, 0.2], [0.4, 0.2], [0.4, 0.8]]]}
    region |= {"share": 0.09, "boxes": [[0.1, 0.2, 0.3, 0.6]]}
    page = browser.get(answered(ann, region=region).get_absolute_url()).content.decode()
    assert '<rect class="box" x="10.0" y="20.0" width="30.0" height="60.0"/>' in page
    assert "lesion outlined" in page and "The outline of the lesion encloses 9 % of the image." in page


def test_too_uncertain_to_say_is_an_answer(answered, ann, browser):
    prediction = answered(ann)
    result = prediction.result
    result.outcome["questions"][0]["classes"][0]["in_set"] = True
    result.save()
    assert ">Too uncertain to say</h1>" in browser.get(prediction.get_absolute_url()).content.decode()
    assert "Too uncertain to say" in browser.get("/predictions").content.decode()


def test_a_failure_says_why(asked, ann, browser):
    prediction = asked(ann)
    Job.objects.update(state=State.FAILED, problem="The worker was ended.")
    page = browser.get(prediction.get_absolute_url()).content.decode()
    assert "The worker was ended." in page and "Ask again" in page


def test_history_shows_ones_own_and_deletes_it(answered, ann, ben, client_of, browser):
    own, other = answered(ann), answered(ben)
    page = browser.get("/predictions").content.decode()
    assert str(own.id) in page and str(other.id) not in page
    path = settings.MEDIA_ROOT / own.image.name
    assert path.exists()
    assert browser.post(f"/predictions/{own.id}/delete").headers["Location"] == "/predictions"
    assert not path.exists() and not Prediction.objects.filter(pk=own.pk).exists()
    assert Result.objects.count() == 1 and Overlay.objects.count() == 2, "those of the other"


def test_export_has_everything_of_one_user(answered, ann, ben, browser):
    own, other = answered(ann), answered(ben)
    packed = zipfile.ZipFile(io.BytesIO(b"".join(browser.get("/predictions/export").streaming_content)))
    names = packed.namelist()
    assert {f"{own.id}/image.png", f"{own.id}/grad-cam.png", "predictions.json"} <= set(names)
    assert not any(str(other.id) in name for name in names)
    (record,) = json.loads(packed.read("predictions.json"))["predictions"]
    assert record["result"]["predicted"] == ["lung"] and record["report"][0]["sources"]


def test_an_account_goes_with_everything_in_it_and_only_with_its_password(answered, ann, browser):
    path = settings.MEDIA_ROOT / answered(ann).image.name
    assert browser.post("/account/", {"password": "wrong"}).status_code == 400
    assert User.objects.filter(pk=ann.pk).exists()
    browser.post("/account/", {"password": PASSWORD})
    assert not User.objects.filter(pk=ann.pk).exists() and not Prediction.objects.exists() and not path.exists()


def test_every_page_says_that_it_is_not_for_diagnosis(model, results, answered, asked, ann, browser):
    done, waiting = answered(ann), asked(ann)
    pages = ["/", "/verdicts", "/studies/chest/card", ASK, "/predictions", "/account/", "/api/", "/nowhere"]
    pages += [done.get_absolute_url(), waiting.get_absolute_url()]
    for page in pages:
        assert NOT_FOR_DIAGNOSIS in browser.get(page).content.decode(), page
    for page in ["/account/log-in", "/account/sign-up"]:
        assert NOT_FOR_DIAGNOSIS in Client().get(page).content.decode(), page


def test_the_operator_sees_jobs_and_not_cases(answered, ann, client_of):
    answered(ann)
    root = User.objects.create_superuser("root", password=PASSWORD)
    page = client_of(root).get("/admin/jobs/job/").content.decode()
    assert "predict" in page and NOT_FOR_DIAGNOSIS.lower() in page.lower()
    assert client_of(root).get("/admin/predictions/prediction/").status_code == 404
