"""The page of updates in a browser, from a confirmed case to one click back, with axe at both widths."""

import threading
from collections.abc import Iterator
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import pytest
from django.conf import settings
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.core.wsgi import get_wsgi_application
from django.db import connections
from django.test import Client
from playwright.sync_api import expect
from visiting import SIZES, Visit

from lungfuse_service.catalogue.models import TrainedModel
from lungfuse_service.jobs.models import Job, State
from lungfuse_service.updates.actions import activate
from lungfuse_service.updates.models import ConfirmedCase, Update

SHOWN = {"gain": 0.004, "gain_low": -0.006, "gain_high": 0.014, "margin": 0.02, "word": "equivalent", "before": 0.84,
         "after": 0.844, "cases": 21, "groups": 21, "added": 0.83, "added_low": 0.7, "added_high": 0.92}  # fmt: skip
REFUSAL = "The column age predicts lung by itself with AUROC 0.99 in the added cases, 0.61 in the study."


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class Quiet(WSGIRequestHandler):
    def log_message(self, *arguments) -> None:
        pass


@pytest.fixture
def address() -> Iterator[str]:
    """The pages of this process."""
    with make_server("127.0.0.1", 0, get_wsgi_application(), Server, Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()
    connections.close_all()


def end(update: Update, **verdict) -> None:
    update.verdict = {"refusals": [], "shown": {}} | verdict
    update.save()
    Job.objects.update(state=State.DONE)


@pytest.mark.parametrize("size", SIZES)
def test_from_a_confirmed_case_to_another_version_and_back(browser, address, size, model, ann):
    ContentType.objects.clear_cache()
    of_updates = ContentType.objects.get_for_model(Update)
    ann.user_permissions.add(Permission.objects.get_or_create(codename="add_update", content_type=of_updates)[0])
    for n in range(20):
        ConfirmedCase.objects.create(
            user=ann, study=model.study, name=model.name, patient=f"p{n}", values={"age": str(40 + n)},
            text="Lungs are clear." * (n % 3), truth={"normal": n % 2, "lung": 1 - n % 2},
        )  # fmt: skip
    client = Client()
    client.force_login(ann)
    visit = Visit(browser, address, size)
    page = visit.page
    cookie = {"name": settings.SESSION_COOKIE_NAME, "value": client.cookies["sessionid"].value, "url": address}
    page.context.add_cookies([cookie])
    page.goto("/models/chest/early_all")
    page.get_by_role("link", name="Add confirmed cases").click()
    page.get_by_label("Text of the report").fill("Lungs are hyperexpanded.")
    page.get_by_role("button", name="Add the case").click()
    expect(page.locator(":invalid").first).to_be_attached()
    page.get_by_label("What it was found to be").select_option("lung")
    page.get_by_label("Code of the patient").fill("p77")
    page.get_by_role("button", name="Add the case").click()
    expect(page.get_by_role("heading", name="21 cases to learn from")).to_be_visible()
    page.get_by_text("The cases", exact=True).click()
    visit.look("update-cases")
    page.get_by_role("button", name="Train with these cases").click()
    expect(page.get_by_text("An update is under way.")).to_be_visible()
    end(Update.objects.get(), accepted=False, refusals=[{"kind": "leak", "text": REFUSAL}])
    expect(page.get_by_text(REFUSAL)).to_be_visible()
    page.get_by_role("button", name="Train with these cases").click()
    expect(page.get_by_text("An update is under way.")).to_be_visible()
    update = Update.objects.first()
    update.made = TrainedModel.objects.create(
        study=model.study, name=model.name, sha256="cd" * 32, architecture="early", columns=model.columns, folds=3,
        project=f"updates/{update.id}", active=False, score=model.score | {"auroc": 0.914},
    )  # fmt: skip
    activate(update.made)
    end(update, accepted=True, shown=SHOWN)
    expect(page.get_by_text("+0.4 points (-0.6 to +1.4)")).to_be_visible()
    visit.look("update-accepted")
    page.get_by_role("button", name=f"Make version {model.sha256[:12]} active").click()
    expect(page.get_by_text(f"Version {model.sha256[:12]} is active.")).to_be_visible()
    assert TrainedModel.objects.get(active=True) == model
