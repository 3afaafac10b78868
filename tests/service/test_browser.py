"""The pages in a browser, at the widths of a telephone and of a desk: from sign-up to deletion, with axe at each step.

LUNGFUSE_SCREENSHOTS=<folder> keeps a picture of each page, see tests/visiting.py.
"""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from service_cases import PASSWORD, image_file
from visiting import SIZES, Visit

PATIENCE = 120_000  # milliseconds until the worker has loaded PyTorch
ASK = "/models/small/late-of-networks"


def ask(page: Page, image: Path | None = None, text: str = "", **values: str) -> None:
    page.goto(ASK)
    if image:
        page.get_by_label("Image", exact=True).set_input_files(image)
    page.get_by_label("Text of the report").fill(text)
    for label, value in values.items():
        page.get_by_label(label).fill(value)
    page.get_by_role("button", name="Ask the model").click()


@pytest.fixture
def chest(tmp_path) -> Path:
    (tmp_path / "chest.png").write_bytes(image_file(96, 80).read())
    return tmp_path / "chest.png"


@pytest.mark.parametrize("on", ["served", "production"])
@pytest.mark.parametrize("size", SIZES)
def test_from_sign_up_to_deletion(browser, request, on, size, chest):
    visit = Visit(browser, request.getfixturevalue(on).address, size, with_axe=on == "served")
    page = visit.page
    page.goto("/account/sign-up")
    visit.look("sign-up")
    visit.sign_up(f"ann-{size}")
    visit.look("models")
    page.get_by_role("link", name="late-of-networks").click()
    visit.look("ask")
    page.get_by_label("Image", exact=True).set_input_files(chest)
    expect(page.locator(".preview")).to_be_visible()
    page.get_by_label("Text of the report").fill("study 3 lungs low")
    page.get_by_label("age (years)").fill("old")
    page.get_by_role("button", name="Ask the model").click()
    expect(page.get_by_text("Enter a number.")).to_be_visible()
    visit.look("wrong")
    page.get_by_label("Image", exact=True).set_input_files(chest)
    page.get_by_label("age (years)").fill("63,5")
    page.get_by_role("button", name="Ask the model").click()
    expect(page.get_by_role("heading", name="What you gave")).to_be_visible(timeout=PATIENCE)
    visit.look("result")
    for method in ["Grad-CAM", "Occlusion", "Integrated gradients"]:
        page.get_by_label(method, exact=True).check()
        expect(page.get_by_alt_text(f"What {method} says")).to_be_visible()
        expect(page.locator(".stamp:visible")).to_have_count(1)
    page.get_by_label("Image alone").check()
    expect(page.locator(".frame .overlay:visible")).to_have_count(0)
    expect(page.get_by_text("63.5", exact=True)).to_be_visible()
    page.get_by_role("link", name="History").first.click()
    visit.look("history")
    page.get_by_role("button", name="Delete the prediction").click()
    expect(page.get_by_text("Nothing yet.")).to_be_visible()
    page.goto("/verdicts")
    visit.look("verdicts")
    page.goto("/api/")
    visit.look("api")
    page.goto("/account/")
    page.get_by_role("button", name="Make a new token").click()
    expect(page.locator("code.token")).to_be_visible()
    visit.look("account")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Delete everything").click()
    expect(page.get_by_text("everything in it is deleted")).to_be_visible()
    page.goto("/account/log-in")
    visit.look("log-in")


def test_without_javascript_the_result_comes_too(browser, served, chest):
    visit = Visit(browser, served.address, "telephone", java_script_enabled=False)
    visit.sign_up("no-script")
    ask(visit.page, chest)
    expect(visit.page.get_by_role("heading", name="What you gave")).to_be_visible(timeout=PATIENCE)
    visit.page.get_by_label("Occlusion", exact=True).check()
    expect(visit.page.get_by_alt_text("What Occlusion says")).to_be_visible()


def test_by_the_keyboard_alone(browser, served):
    visit = Visit(browser, served.address, "desk")
    visit.sign_up("keys")
    page = visit.page
    page.goto(ASK)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    reached = []
    for _ in range(12):
        reached.append(page.evaluate("document.activeElement.name || document.activeElement.textContent.trim()"))
        page.keyboard.press("Tab")
    wanted = ["image", "text", "values.age", "values.sex", "explained", "Ask the model"]
    assert [name for name in reached if name in wanted] == wanted


def test_an_image_is_dropped(browser, served):
    visit = Visit(browser, served.address, "desk")
    visit.sign_up("drops")
    page = visit.page
    page.goto(ASK)
    data = page.evaluate_handle(
        """bytes => { const all = new DataTransfer();
        all.items.add(new File([new Uint8Array(bytes)], 'x.png', {type: 'image/png'})); return all; }""",
        list(image_file().read()),
    )
    page.locator(".drop").dispatch_event("drop", {"dataTransfer": data})
    expect(page.locator(".preview")).to_be_visible()
    assert page.evaluate("document.querySelector('input[type=file]').files.length") == 1
