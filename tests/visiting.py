"""A browser window on the service, at the width of a telephone or of a desk.

LUNGFUSE_SCREENSHOTS=<folder> keeps a picture of each page.
"""

import os
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, expect
from service_cases import PASSWORD

SIZES = {"telephone": (390, 844), "desk": (1366, 900)}
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


class Visit:
    """A browser window on the service, in which nothing may go wrong unseen."""

    def __init__(self, browser: Browser, address: str, size: str, with_axe: bool = True, **options):
        self.page: Page = browser.new_page(base_url=address, **options)
        self.with_axe, self.problems, self.seen = with_axe, [], 0
        self.resize(size)
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("console", self.hear)

    def resize(self, size: str) -> None:
        width, height = SIZES[size]
        self.page.set_viewport_size({"width": width, "height": height})
        self.size = size

    def hear(self, said: ConsoleMessage) -> None:
        """Of errors; that a form was refused is none."""
        if said.type == "error" and "(Bad Request)" not in said.text:
            self.problems.append(said.text)

    def look(self, name: str) -> None:
        """See that a page can be used by everybody, in the light and in the dark, and fits the window."""
        for scheme in ["light", "dark"]:
            self.page.emulate_media(color_scheme=scheme)
            assert self.violations() == [], f"{name}, {scheme}"
            self.keep(f"{name}-{scheme}")
        self.page.emulate_media(color_scheme="light")
        too_wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert self.page.evaluate(too_wide) == 0, f"{name} is wider than the window"
        assert "Not for diagnosis" in self.page.inner_text("body")
        assert self.problems == [], name

    def violations(self) -> list[tuple[str, str, str]]:
        """What axe finds on the page: rule, element and what to do."""
        found = Axe().run(self.page, options=RULES).response["violations"] if self.with_axe else []
        return [(each["id"], each["nodes"][0]["html"][:200], each["nodes"][0]["failureSummary"]) for each in found]

    def keep(self, name: str) -> None:
        if folder := os.environ.get("LUNGFUSE_SCREENSHOTS"):
            self.seen += 1
            self.page.screenshot(path=Path(folder) / f"{self.size}-{self.seen:02}-{name}.png", full_page=True)

    def sign_up(self, name: str) -> None:
        self.page.goto("/account/sign-up")
        self.page.get_by_label("Username").fill(name)
        self.page.get_by_label("Password", exact=True).fill(PASSWORD)
        self.page.get_by_label("Password confirmation").fill(PASSWORD)
        self.page.get_by_label("I understand").check()
        self.page.get_by_role("button", name="Sign up").click()
        expect(self.page.get_by_role("link", name="History")).to_be_visible()
