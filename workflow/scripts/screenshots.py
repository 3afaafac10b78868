"""Open a report in headless Chromium, look at everything it shows, and save a screenshot of each.

python workflow/scripts/screenshots.py results/demo/report.html screenshots/

Fails when the browser reports an error, or when a figure or page is missing or blank.
"""

import argparse
import io
import re
import shutil
import sys
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Error, Page, sync_playwright

WINDOW = {"width": 1366, "height": 768}
LEAST_INK = 0.005  # share of pixels that differ from the background
IMAGES = {"image/svg+xml", "image/png", "image/jpeg"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("report", type=Path)
    parser.add_argument("folder", type=Path, help="where screenshots go")
    arguments = parser.parse_args()
    problems, seen = look_through(arguments.report, arguments.folder)
    print(*seen, sep="\n")
    if problems:
        sys.exit("\n".join(problems))


def find_browser() -> str | None:
    """The Chromium or Chrome of this machine."""
    return next(filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome"])), None)


def look_through(report: Path, folder: Path) -> tuple[list[str], list[str]]:
    """Problems of a report, and what of it was seen, as "category: what is shown"."""
    folder.mkdir(parents=True, exist_ok=True)
    problems: list[str] = []
    seen: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=["--no-sandbox"])
        page = browser.new_page(viewport=WINDOW)
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
    page.wait_for_selector("nav li")
    page.screenshot(path=folder / "workflow.png")
    for category in page.evaluate("Object.keys(categories).sort()"):
        for path in page.evaluate("name => Object.values(categories[name]).flat()", category):
            found = _look_at(page, category, path, folder)
            problems += [f"{path}: {found}"] if found else []
            seen.append(f"{category}: {page.evaluate('path => results[path].labels.shows', path)}")
    page.evaluate("app.setView({navbarMode: 'menu', content: 'stats'})")
    for chart in ["#runtimes", "#timeline"]:
        page.wait_for_selector(f"{chart} canvas, {chart} svg")
    page.screenshot(path=folder / "statistics.png")


def _look_at(page: Page, category: str, path: str, folder: Path) -> str:
    """Go to a result as a reader would, save what is seen, and say what is wrong with it."""
    result = page.evaluate("path => results[path]", path)
    page.evaluate("app.setView({navbarMode: 'menu'})")
    page.locator("nav").get_by_text(category, exact=True).click()
    line = page.locator("tr", has=page.get_by_text(result["labels"]["shows"], exact=True)).last
    view = line.locator("a").first
    if result["mime_type"] not in IMAGES | {"text/html"}:
        return "" if (view.get_attribute("href") or "").startswith("data:") else "cannot be downloaded"
    view.click()
    line.locator("a").last.click()  # its caption
    if not page.locator("nav .prose").inner_text().strip():
        return "has no caption"
    picture = folder / f"{re.sub('[^a-z0-9]+', '_', category.lower())}_{Path(path).stem}{Path(path).suffix[1:]}.png"
    try:
        if result["mime_type"] == "text/html":
            return _problem_of_page(page, picture)
        return _problem_of_figure(page, path, picture)
    except Error as error:
        return f"is not shown ({error.message.splitlines()[0]})"


def _problem_of_page(page: Page, picture: Path) -> str:
    frame = page.wait_for_selector("iframe", timeout=5000).content_frame()
    frame.wait_for_selector("h1", timeout=5000)
    page.screenshot(path=picture)
    return "" if len(frame.inner_text("body")) > 40 else "has no text"


def _problem_of_figure(page: Page, path: str, picture: Path) -> str:
    shown = "path => [...document.images].find(image => image.complete && image.src == results[path].data_uri)"
    image = page.wait_for_function(shown, arg=path, timeout=5000).as_element()
    if not image.evaluate("image => image.naturalWidth"):
        return "cannot be drawn"
    page.screenshot(path=picture)
    top = image.evaluate("image => image.getBoundingClientRect().top + image.closest('.overflow-auto').scrollTop")
    if top < 0:
        return f"begins {-top:.0f} pixels above what can be scrolled to"
    pixels = np.asarray(Image.open(io.BytesIO(image.screenshot())).convert("L")).astype(int)
    ink = (np.abs(pixels - np.median(pixels)) > 30).mean()
    return "" if ink > LEAST_INK else f"is blank ({ink:.2%} ink)"


if __name__ == "__main__":
    main()
