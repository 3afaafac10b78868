"""Retraining in a browser on PostgreSQL and nginx: the right is given, the workflow trains, one click goes back.

Each step is done at the width of a telephone, and its page is looked at at that of a desk too.
"""

from collections.abc import Iterator

import pytest
import requests
from playwright.sync_api import Page, expect
from production import behind_nginx
from served import Served
from service_cases import PASSWORD
from visiting import SIZES, Visit
from ward import COLUMNS, draw

PATIENCE = 180_000  # milliseconds in which the workflow trains
OPERATOR = {"DJANGO_SUPERUSER_USERNAME": "operator", "DJANGO_SUPERUSER_PASSWORD": PASSWORD}


@pytest.fixture
def clinic(ward, postgres, tmp_path) -> Iterator[Served]:
    """The service of a study that may be trained again, with an operator."""
    with behind_nginx(ward, tmp_path, postgres.another("ward")) as served:
        served.manage("createsuperuser", "--noinput", "--email", "operator@example.org", **OPERATOR)
        yield served


def give_the_right(page: Page, user: str) -> None:
    """Let the operator give a user the right to update models, on the pages of the admin."""
    page.goto("/admin/")
    page.get_by_label("Username").fill("operator")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("link", name="Users").first.click()
    page.get_by_role("link", name=user, exact=True).click()
    page.locator("#id_user_permissions_from").select_option(label="Updates | update | Can add update")
    page.locator("#id_user_permissions_add").click()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("was changed successfully")).to_be_visible()


def look_at_every_width(visit: Visit, name: str) -> None:
    for size in reversed(SIZES):  # the last is that of a telephone
        visit.resize(size)
        visit.look(name)


def test_an_update_is_trained_accepted_and_taken_back(browser, clinic):
    token = clinic.sign_up("ann", PASSWORD)
    operator = Visit(browser, clinic.address, "telephone")
    give_the_right(operator.page, "ann")
    operator.keep("admin")
    *cases, last = draw(60, 1).to_dict("records")
    for number, case in enumerate(cases):
        fields = {"model": "ward/logistic", "patient": f"new{number}", "label": case["outcome"]}
        fields |= {f"values.{name}": str(case[name]) for name in COLUMNS}
        headers = {"Authorization": f"Bearer {token}"}
        assert requests.post(f"{clinic.address}/api/confirmed-cases", fields, headers=headers).status_code == 201

    visit = Visit(browser, clinic.address, "telephone")
    page = visit.page
    page.goto("/account/log-in")
    page.get_by_label("Username").fill("ann")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.goto("/models/ward/logistic")
    page.get_by_role("link", name="Add confirmed cases").click()
    for name in COLUMNS:
        page.get_by_label(name).fill(str(last[name]))
    page.get_by_label("What it was found to be").select_option(last["outcome"])
    page.get_by_label("Code of the patient").fill("new59")
    page.get_by_role("button", name="Add the case").click()
    expect(page.get_by_role("heading", name="60 cases to learn from")).to_be_visible()
    look_at_every_width(visit, "update-cases")
    page.get_by_role("button", name="Train with these cases").click()
    expect(page.get_by_text("60 cases of 60 patients")).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_role("heading", name="accepted")).to_be_visible()
    look_at_every_width(visit, "update-trained")
    page.get_by_role("button", name="Make version").click()
    expect(page.get_by_text("is active.")).to_be_visible()
    expect(page.get_by_role("heading", name="60 cases to learn from")).to_be_visible()
