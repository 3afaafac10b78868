"""Hostile requests: none gets in, none breaks anything, each gets a clear answer.

Each is sent by ben, who has logged in and bears a token, with ann's prediction there for the taking.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from django.conf import settings
from django.http import HttpResponse
from django.test import Client, override_settings
from service_cases import PASSWORD, image_file

from lungfuse_service.accounts.models import ApiToken, User
from lungfuse_service.jobs.models import Job
from lungfuse_service.predictions.models import Prediction

ASK, API = "/models/chest/early_all", "/api/predictions"
SCRIPT = "<script>alert(1)</script>"
LOG_IN = {"username": "ben", "password": PASSWORD}
FORM, PARTS = "application/x-www-form-urlencoded", "multipart/form-data"


@dataclass
class Scene:
    """What a hostile request meets: ben's browser and token, nobody's browser, and ann's prediction."""

    ben: Client
    nobody: Client
    strict: Client
    token: dict
    theirs: Prediction

    def ask(self, **fields) -> HttpResponse:
        return self.ben.post(ASK, {"text": "Clear."} | fields)

    def api(self, **fields) -> HttpResponse:
        return self.nobody.post(API, {"model": "chest/early_all", "text": "Clear."} | fields, headers=self.token)


@pytest.fixture
def scene(model, results, answered, ann, ben, client_of) -> Scene:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(ben)
    token = {"Authorization": f"Bearer {ApiToken.renew(ben)}"}
    return Scene(client_of(ben), Client(), strict, token, answered(ann))


def named(name: str):
    """An image with the name of a file that means harm."""
    file = image_file()
    file.name = name
    return file


def sent(content: bytes, name: str = "x.png"):
    file = image_file()
    file.file.seek(0)
    file.file.truncate()
    file.file.write(content)
    file.file.seek(0)
    file.name = name
    return file


Hostile = Callable[[Scene], HttpResponse]
THEIRS = "/predictions/{}"
REFUSED: dict[str, tuple[Hostile, set[int]]] = {
    # what is another's
    "another's result": (lambda s: s.ben.get(f"/predictions/{s.theirs.id}"), {404}),
    "another's image": (lambda s: s.ben.get(f"/predictions/{s.theirs.id}/image"), {404}),
    "another's overlay": (lambda s: s.ben.get(f"/predictions/{s.theirs.id}/overlays/grad-cam"), {404}),
    "another's progress": (lambda s: s.ben.get(f"/predictions/{s.theirs.id}/state"), {404}),
    "another's report": (lambda s: s.ben.get(f"/predictions/{s.theirs.id}/report.dcm"), {404}),
    "another's report by token": (lambda s: s.nobody.get(f"{API}/{s.theirs.id}/report.dcm", headers=s.token), {404}),
    "another's deletion": (lambda s: s.ben.post(f"/predictions/{s.theirs.id}/delete"), {404}),
    "another's record": (lambda s: s.nobody.get(f"{API}/{s.theirs.id}", headers=s.token), {404}),
    "another's deletion by token": (lambda s: s.nobody.delete(f"{API}/{s.theirs.id}", headers=s.token), {404}),
    "a result without log-in": (lambda s: s.nobody.get(f"/predictions/{s.theirs.id}"), {302}),
    "an image without log-in": (lambda s: s.nobody.get(f"/predictions/{s.theirs.id}/image"), {302}),
    "an export without log-in": (lambda s: s.nobody.get("/predictions/export"), {302}),
    "an id that is none": (lambda s: s.ben.get("/predictions/1"), {404}),
    "an id of SQL": (lambda s: s.ben.get("/predictions/1' OR '1'='1"), {404}),
    "an id that nobody has": (lambda s: s.ben.get(f"/predictions/{uuid.uuid4()}"), {404}),
    "another user's name at the key": (lambda s: s.ask(key=str(s.theirs.key), user="1", user_id="1"), {302}),
    # the operator's pages
    "the admin": (lambda s: s.ben.get("/admin/"), {302}),
    "the admin's users": (lambda s: s.ben.get("/admin/accounts/user/"), {302}),
    "a user made by force": (lambda s: s.ben.post("/admin/accounts/user/add/", {"username": "x"}), {302}),
    "a job changed": (lambda s: s.ben.post(f"/admin/jobs/job/{s.theirs.job_id}/change/", {"state": "done"}), {302}),
    # paths
    "a path upward": (lambda s: s.ben.get("/static/../../etc/passwd"), {404}),
    "a path upward, in code": (lambda s: s.ben.get("/static/%2e%2e/%2e%2e/etc/passwd"), {404}),
    "a report of a path": (lambda s: s.ben.get("/studies/..%2f..%2fetc/report"), {404}),
    "a card of a path": (lambda s: s.ben.get("/studies/../card"), {404}),
    "a model of a path": (lambda s: s.ben.get("/models/..%2f../passwd"), {404}),
    "an overlay of a path": (lambda s: s.ben.get(f"/predictions/{s.theirs.id}/overlays/..%2f..%2fx"), {404}),
    "a NUL in a path": (lambda s: s.ben.get("/models/chest/early_all%00"), {404}),
    "the secret key": (lambda s: s.ben.get("/media/secret_key"), {404}),
    "the images without asking": (lambda s: s.ben.get(f"/media/images/{s.theirs.id}.png"), {404}),
    # forms that other pages send
    "a case without the form's token": (lambda s: s.strict.post(ASK, {"text": "Clear."}), {403}),
    "a deletion without the form's token": (lambda s: s.strict.post(f"/predictions/{s.theirs.id}/delete"), {403}),
    "an account deleted without it": (lambda s: s.strict.post("/account/", {"password": PASSWORD}), {403}),
    "a log-out without the form's token": (lambda s: s.strict.post("/account/log-out"), {403}),
    "a deletion by a link": (lambda s: s.ben.get(f"/predictions/{s.theirs.id}/delete"), {405}),
    "a log-out by a link": (lambda s: s.ben.get("/account/log-out"), {405}),
    "a token by a link": (lambda s: s.ben.get("/account/token"), {405}),
    "the API by a cookie": (lambda s: s.ben.post(API, {"model": "chest/early_all", "text": "Clear."}), {401}),
    "a token in the address": (lambda s: s.nobody.get(API + "?token=" + s.token["Authorization"][7:]), {401}),
    # headers
    "another host": (lambda s: s.ben.get("/", headers={"Host": "evil.example"}), {400}),
    "another host by a proxy": (lambda s: s.nobody.get("/predictions", headers={"X-Forwarded-Host": "evil"}), {302}),
    "a file by X-Accel-Redirect": (lambda s: s.ben.get("/", headers={"X-Accel-Redirect": "/etc/passwd"}), {200}),
    "a method by a header": (lambda s: s.ben.post("/verdicts", headers={"X-HTTP-Method-Override": "DELETE"}), {405}),
    "a next page elsewhere": (lambda s: s.nobody.post("/account/log-in", LOG_IN | {"next": "https://evil/"}), {302}),
    # bodies
    "a body of negative length": (lambda s: s.ben.post(ASK, {"text": "x"}, CONTENT_LENGTH="-1"), {413}),
    "a body that is too large": (lambda s: s.ask(image=sent(bytes(3 * 1024**2))), {413}),
    "a body that is too large by token": (lambda s: s.api(image=sent(bytes(3 * 1024**2))), {413}),
    "many fields": (lambda s: s.ask(**{f"a{n}": "1" for n in range(300)}), {400}),
    "many files": (lambda s: s.ask(**{f"f{n}": image_file() for n in range(3)}), {400}),
    "a text without end": (lambda s: s.ask(text="x" * 30_000), {400}),
    "a text of megabytes": (lambda s: s.ask(text="x" * 1_500_000), {400}),
    "a form cut in the middle": (lambda s: s.ben.post(ASK, b"--a\r\nContent-Di", f"{PARTS}; boundary=a"), {400}),
    "a form without a boundary": (lambda s: s.ben.post(ASK, b"x", PARTS), {400}),
    "JSON in place of a form": (lambda s: s.nobody.post(API, b"{}", "application/json", headers=s.token), {400}),
    "an encoding that there is not": (lambda s: s.ben.generic("POST", ASK, b"a=b", FORM + "; charset=no"), {302, 400}),
    # images
    "a page as an image": (lambda s: s.ask(image=sent(f"<html>{SCRIPT}".encode())), {400}),
    "a drawing with a script": (lambda s: s.ask(image=sent(f"<svg>{SCRIPT}</svg>".encode(), "x.svg")), {400}),
    "an empty image": (lambda s: s.ask(image=sent(b""), text=""), {400}),
    "a text for an image": (lambda s: s.ask(image="hello", text=""), {400}),
    # values
    "no number": (lambda s: s.ask(**{"values.age": "1; DROP TABLE accounts_user"}), {400}),
    "a number without end": (lambda s: s.ask(**{"values.age": "9" * 100_000}), {400}),
    "a category that there is not": (lambda s: s.ask(**{"values.sex": SCRIPT}), {400}),
    "a key that is none": (lambda s: s.ask(key="' OR 1=1 --"), {400}),
    "a field that nobody asked for": (lambda s: s.api(**{"values.__class__": "1"}), {400}),
    "a model that is a list": (lambda s: s.nobody.post(API, {"model": ["chest", "early_all"]}, headers=s.token), {400}),
    # accounts
    "a name that is taken": (lambda s: sign_up(s, username="ann"), {400}),
    "a name that looks the same": (lambda s: sign_up(s, username="ＡＮＮ".casefold()), {400}),  # noqa: RUF001
    "a name of HTML": (lambda s: sign_up(s, username=SCRIPT), {400}),
    "a name without end": (lambda s: sign_up(s, username="x" * 200), {400}),
    "a password that everyone has": (lambda s: sign_up(s, password1="password1", password2="password1"), {400}),
    "an operator by sign-up": (lambda s: sign_up(s, username="eve", is_staff="on", is_superuser="on"), {302}),
}  # fmt: skip


def sign_up(scene: Scene, **fields) -> HttpResponse:
    wanted = {"username": "new", "password1": PASSWORD, "password2": PASSWORD, "understood": "on"}
    return scene.nobody.post("/account/sign-up", wanted | fields)


@pytest.mark.parametrize("name", REFUSED)
def test_a_hostile_request_gets_nothing_and_a_clear_answer(scene, name):
    send, expected = REFUSED[name]
    scene.nobody.raise_request_exception = scene.ben.raise_request_exception = False
    with override_settings(MOST_BYTES=2 * 1024**2):
        answer = send(scene)
    assert answer.status_code in expected
    body = b"" if answer.streaming else answer.content
    assert SCRIPT.encode() not in body and b"Traceback" not in body and str(settings.FOLDER).encode() not in body
    if answer.status_code == 302:
        assert answer.headers["Location"].startswith("/")
    elif answer.status_code not in (200, 405):
        assert b"problem" in body or b"<h1>" in body, "it says what is wrong"
    assert Prediction.objects.filter(pk=scene.theirs.pk, user__username="ann").exists()
    assert (settings.MEDIA_ROOT / scene.theirs.image.name).exists()
    assert not User.objects.filter(is_staff=True).exists()
    assert not Job.objects.exclude(pk=scene.theirs.job_id).exclude(user__username="ben").exists()


def test_there_are_sixty():
    assert len(REFUSED) >= 60


@pytest.mark.parametrize(
    "name", ["../../evil.png", "/etc/passwd", "x.php", "a\0b.png", "x" * 500 + ".png", "CON", ".htaccess", SCRIPT]
)
def test_no_name_of_a_file_is_kept(scene, name):
    assert scene.ask(image=named(name)).status_code == 302
    newest = Prediction.objects.filter(user__username="ben").get()
    assert newest.image.name == f"images/{newest.id}.png"
    assert {path.name for path in settings.MEDIA_ROOT.rglob("*.png")} == {f"{newest.id}.png", f"{scene.theirs.id}.png"}


def test_a_text_of_html_is_shown_as_it_is(scene, answered, ben):
    prediction = answered(ben)
    Prediction.objects.filter(pk=prediction.pk).update(text=SCRIPT, values={"age": SCRIPT})
    explanation = prediction.result.outcome["explanation"] | {"words": [SCRIPT] * 4}
    prediction.result.outcome["explanation"] = explanation
    prediction.result.save()
    page = scene.ben.get(prediction.get_absolute_url()).content.decode()
    assert SCRIPT not in page and "&lt;script&gt;" in page


@pytest.mark.parametrize("page", ["/", "/account/log-in", "/api/", "/nowhere", "/api/models"])
def test_every_answer_bears_its_headers(scene, page):
    found = scene.nobody.get(page).headers
    assert "default-src 'none'" in found["Content-Security-Policy"] and "unsafe" not in found["Content-Security-Policy"]
    assert found["X-Content-Type-Options"] == "nosniff" and found["X-Frame-Options"] == "DENY"
    assert found["Referrer-Policy"] == "same-origin" and "no-store" in found["Cache-Control"]


def test_cookies_are_of_the_service_alone(scene):
    scene.nobody.get("/account/log-in")
    answer = scene.nobody.post("/account/log-in", {"username": "ben", "password": PASSWORD})
    for cookie in answer.cookies.values():
        assert cookie["httponly"] and cookie["samesite"] == "Lax"


def test_no_secret_is_in_the_log(scene, caplog):
    token = scene.token["Authorization"][7:]
    scene.nobody.post("/account/log-in", {"username": "ben", "password": "a secret of mine"})
    scene.nobody.get(f"{API}/x", headers=scene.token)
    scene.nobody.post(API, {"model": "no"}, headers=scene.token)
    said = caplog.text
    assert "a secret of mine" not in said and token not in said and settings.SECRET_KEY not in said
