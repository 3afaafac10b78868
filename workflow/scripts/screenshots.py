"""Open a report in headless Chromium, look at everything it shows, and save a screenshot of each part.

python workflow/scripts/screenshots.py results/demo/report.html screenshots/

Fails when the browser reports an error, when a figure is blank or a table empty, when a link leads nowhere, or when the
page is wider than its window. `--dark` and `--width` choose how it is looked at.
"""

import argparse
import io
import shutil
import sys
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Error, Locator, Page, sync_playwright

WIDTH, HEIGHT = 1366, 900
LEAST_INK = 0.005  # share of pixels that differ from the background
LOST = """
[...document.querySelectorAll('a[href^="#"]')].map(link => link.getAttribute('href').slice(1))
  .filter(name => !document.getElementById(decodeURIComponent(name)))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("report", type=Path)
    parser.add_argument("folder", type=Path, help="where screenshots go")
    parser.add_argument("--dark", action="store_true", help="as a reader sees it who prefers dark pages")
    parser.add_argument("--width", type=int, default=WIDTH, help="of the window, in pixels")
    arguments = parser.parse_args()
    problems, seen = look_through(arguments.report, arguments.folder, arguments.width, arguments.dark)
    print(*seen, sep="\n")
    if problems:
        sys.exit("\n".join(problems))


def find_browser() -> str | None:
    """The Chromium or Chrome of this machine."""
    return next(filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome"])), None)


def look_through(report: Path, folder: Path, width: int = WIDTH, dark: bool = False) -> tuple[list[str], list[str]]:
    """Problems of a report, and the sections and parts of it that were seen."""
    folder.mkdir(parents=True, exist_ok=True)
    problems: list[str] = []
    seen: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=["--no-sandbox"])
        page = browser.new_page(
            viewport={"width": width, "height": HEIGHT},
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
        )
        page.set_default_timeout(10_000)
        page.on("pageerror", lambda error: problems.append(f"error of the page: {error}"))
        page.on("console", lambda said: problems.append(f"console: {said.text}") if said.type == "error" else None)
        page.on("requestfailed", lambda request: problems.append(f"not loaded: {request.url[:80]}"))
        try:
            page.goto(report.resolve().as_uri())
            _look_at_all(page, folder, problems, seen)
        except Error as error:
            problems.append(f"the page cannot be used: {error.message.splitlines()[0]}")
        browser.close()
    return problems, seen


def _look_at_all(page: Page, folder: Path, problems: list[str], seen: list[str]) -> None:
    page.screenshot(path=folder / "answer.png")
    problems += [f"{name}: a link leads nowhere" for name in page.evaluate(LOST)]
    for section in page.locator("section:has(> h2)").all():
        title = section.locator("h2").first.inner_text()
        section.locator("h2").first.scroll_into_view_if_needed()
        parts = section.locator("> .part").all()
        if not parts:
            seen.append(title)
            section.screenshot(path=folder / f"{section.locator('h2').first.get_attribute('id')}.png")
        for part in parts:
            name = part.get_attribute("id")
            part.scroll_into_view_if_needed()
            part.screenshot(path=folder / f"{name}.png")
            problems += [f"{name}: {found}" for found in _problems_of(part)]
            seen.append(f"{title}: {part.locator('h3').first.inner_text()}")
    if (width := page.evaluate("document.documentElement.scrollWidth")) > page.viewport_size["width"]:
        problems.append(f"the page is {width} pixels wide, more than its window")


def _problems_of(part: Locator) -> list[str]:
    """What is wrong with the figures and tables of a part."""
    found = [
        "a table has no rows" for table in part.locator("table.data").all() if not table.locator("tbody tr").count()
    ]
    for figure in part.locator("figure svg").all():
        pixels = np.asarray(Image.open(io.BytesIO(figure.screenshot())).convert("L")).astype(int)
        ink = (np.abs(pixels - np.median(pixels)) > 30).mean()
        found += [] if ink > LEAST_INK else [f"a figure is blank ({ink:.2%} ink)"]
        found += [] if figure.get_attribute("aria-label") else ["a figure has no text for who cannot see it"]
    return found


if __name__ == "__main__":
    main()
