"""Open a report in headless Chromium, look at everything it shows, and save a screenshot of each part.

python workflow/scripts/screenshots.py results/demo/report.html screenshots/

Fails when the browser reports an error, when a figure is blank or a table empty, when a link leads nowhere, or when the
page is wider than its window. `--dark` and `--width` choose how it is looked at.
"""

import argparse
import io
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Error, Page, sync_playwright

WIDTH, HEIGHT = 1366, 900
SLICE = 3000  # pixels of the page that are looked at at once
LEAST_INK = 0.005  # share of pixels that differ from the background
LOST = """
[...document.querySelectorAll('a[href^="#"]')].map(link => link.getAttribute('href').slice(1))
  .filter(name => !document.getElementById(decodeURIComponent(name)))
"""
LOOKED_AT = """
[...document.querySelectorAll('section:has(> h2)')].flatMap(section => {
  const box = element => {
    const {x, y, width, height} = element.getBoundingClientRect();
    return [x, y + scrollY, width, height];
  };
  const title = section.querySelector('h2').textContent, parts = [...section.querySelectorAll(':scope > .part')];
  const seen = (name, place, within) => ({
    name, place, box: box(within),
    figures: [...within.querySelectorAll('figure svg')].map(
      svg => ({box: box(svg), said: svg.getAttribute('aria-label')})
    ),
    empty: [...within.querySelectorAll('table.data')].filter(table => !table.tBodies[0].rows.length).length,
  });
  if (!parts.length) return [seen(section.querySelector('h2').id, title, section)];
  return parts.map(part => seen(part.id, `${title}: ${part.querySelector('h3').textContent}`, part));
})
"""
STILL = """
.part { content-visibility: visible !important; }
.contents { position: static !important; height: auto !important; }
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
    page.add_style_tag(content=STILL)
    width = page.evaluate("document.documentElement.scrollWidth")
    if width > page.viewport_size["width"]:
        problems.append(f"the page is {width} pixels wide, more than its window")
    found, whole = page.evaluate(LOOKED_AT), _picture(page)
    for each in found:
        cut(whole, each["box"]).save(folder / f"{each['name']}.png")
        problems += [f"{each['name']}: {wrong}" for wrong in _problems_of(each, whole)]
        seen.append(each["place"])


def _picture(page: Page) -> Image.Image:
    """The whole page, looked at slice by slice: a browser draws no more than so much at once."""
    width, height = page.evaluate("[innerWidth, document.documentElement.scrollHeight]")
    page.set_viewport_size({"width": width, "height": SLICE})
    whole = Image.new("RGB", (width, height))
    for top in range(0, height, SLICE):
        page.evaluate("top => scrollTo({top, behavior: 'instant'})", top)
        place = round(page.evaluate("scrollY"))
        whole.paste(Image.open(io.BytesIO(page.screenshot())), (0, place))
    return whole


def cut(whole: Image.Image, box: list[float]) -> Image.Image:
    """What of a picture lies in a box of x, y, width and height."""
    x, y, width, height = map(round, box)
    return whole.crop((max(0, x), y, min(whole.width, x + max(1, width)), min(whole.height, y + max(1, height))))


def _problems_of(part: dict, whole: Image.Image) -> Iterator[str]:
    """What is wrong with the figures and tables of a part."""
    if part["empty"]:
        yield "a table has no rows"
    for figure in part["figures"]:
        pixels = np.asarray(cut(whole, figure["box"]).convert("L")).astype(int)
        ink = (np.abs(pixels - np.median(pixels)) > 30).mean()
        if ink <= LEAST_INK:
            yield f"a figure is blank ({ink:.2%} ink)"
        if not figure["said"]:
            yield "a figure has no text for who cannot see it"


if __name__ == "__main__":
    main()
