"""The service on a real PostgreSQL, behind a real nginx with the committed configuration."""

import re
import time

import requests
from served import Served
from service_cases import PASSWORD, image_file

IMAGE = image_file(96, 96).read()


def ask(production: Served, token: str) -> str:
    case = {"model": "small/late-of-networks", "text": "study lungs low", "explained": "on"}
    headers = {"Authorization": f"Bearer {token}"}
    answer = requests.post(
        f"{production.address}/api/predictions", case, files={"image": ("x.png", IMAGE)}, headers=headers
    )
    assert answer.status_code == 202, answer.text
    return answer.json()["id"]


def wait(production: Served, token: str, identifier: str) -> dict:
    headers, end = {"Authorization": f"Bearer {token}"}, time.monotonic() + 120
    while time.monotonic() < end:
        answer = requests.get(f"{production.address}/api/predictions/{identifier}", headers=headers)
        if answer.ok and answer.json()["state"] in ("done", "failed"):
            return answer.json()
        time.sleep(0.5)
    raise AssertionError(production.log.read_text())


def browser_of(production: Served, name: str) -> requests.Session:
    session = requests.Session()
    page = session.get(f"{production.address}/account/log-in").text
    token = re.search(r'csrfmiddlewaretoken" value="(\w+)"', page)[1]
    fields = {"csrfmiddlewaretoken": token, "username": name, "password": PASSWORD}
    assert session.post(f"{production.address}/account/log-in", fields).ok
    return session


def test_images_come_from_nginx_to_their_owner_alone(production):
    ann, _ = (production.sign_up(name, PASSWORD) for name in ["ann", "ben"])
    identifier = ask(production, ann)
    assert wait(production, ann, identifier)["state"] == "done"
    place = f"{production.address}/predictions/{identifier}/image"
    own = browser_of(production, "ann").get(place)
    assert own.content[:4] == b"\x89PNG" and own.headers["Content-Type"] == "image/png"
    assert own.headers["X-Content-Type-Options"] == "nosniff" and "no-store" in own.headers["Cache-Control"]
    assert "X-Accel-Redirect" not in own.headers
    other, nobody = browser_of(production, "ben"), requests.Session()
    assert other.get(place).status_code == 404
    assert nobody.get(place, allow_redirects=False).status_code == 302
    for path in ["/protected/images/", "/protected/images/%s.png", "/protected/../secret_key", "/static/../secret_key",
                 "/static../secret_key", "/protected../secret_key", "/media/images/%s.png"]:  # fmt: skip
        url = production.address + path.replace("%s", identifier)
        sent = requests.Request("GET", url).prepare()
        sent.url = url  # as it is, with its dots
        headers = {
            "X-Accel-Redirect": "/protected/secret_key",
            "X-Original-URL": "/protected/",
            "X-Forwarded-For": "::1",
        }
        sent.headers.update(headers)
        assert other.send(sent).status_code == 404, path
    assert requests.get(f"{production.address}/static/service.css").headers["Content-Type"] == "text/css"


def test_who_asks_cannot_be_forged(production):
    """The wrong passwords of one address are counted together, whatever it says of itself."""
    session, codes = requests.Session(), []
    page = session.get(f"{production.address}/account/log-in").text
    token = re.search(r'csrfmiddlewaretoken" value="(\w+)"', page)[1]
    for number in range(6):
        fields = {"csrfmiddlewaretoken": token, "username": "ann", "password": "wrong"}
        headers = {"X-Forwarded-For": f"10.0.0.{number}", "X-Real-IP": f"10.0.1.{number}"}
        codes.append(session.post(f"{production.address}/account/log-in", fields, headers=headers).status_code)
    assert codes[-1] == 429


def test_a_body_that_is_too_large_stops_at_nginx(production):
    answer = requests.post(f"{production.address}/api/predictions", data=b"x" * 25_000_000)
    assert answer.status_code == 413


def test_a_database_that_crashes_loses_nothing(production, postgres):
    token = production.sign_up("carol", PASSWORD)
    asked = [ask(production, token) for _ in range(3)]
    postgres.kill()
    assert requests.get(f"{production.address}/health").status_code == 500
    postgres.start()
    results = [wait(production, token, identifier) for identifier in asked]
    assert [result["state"] for result in results] == ["done"] * 3
    listed = requests.get(f"{production.address}/api/predictions", headers={"Authorization": f"Bearer {token}"}).json()
    assert sorted(each["id"] for each in listed["predictions"]) == sorted(asked)
