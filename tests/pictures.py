"""Make the pictures of the page and of the bot in the README: python tests/pictures.py [--study demo] [--out docs]

A drawn X-ray is submitted to a trained model of the study, on the page in Chromium, and to the bot by the double of
Telegram's Bot API. What the bot has sent is shown below each other, as a chat would show it.
"""

import argparse
import base64
import io
import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from pathlib import Path

import numpy as np
from conftest import ROOT
from PIL import Image
from playwright.sync_api import Browser, expect, sync_playwright
from screenshots import find_browser
from served import serving
from telegram_double import TOKEN, Call, TelegramDouble, telegram_double
from visiting import Visit

from lungfuse.demo.chest import draw_frontal

TEXT, VALUES = "The lungs are low in volume. The heart is enlarged.", {"age": "71", "crp": "38", "sex": "F"}
PATIENCE = 600  # seconds
SHOWN = ("sendMessage", "sendPhoto", "sendMediaGroup")
CHAT = """<!doctype html><style>
body { margin: 0; padding: 16px; background: #dfe7ee; font: 15px/1.4 "DejaVu Sans", sans-serif; width: 388px }
div { background: white; border-radius: 12px; padding: 8px 12px; margin: 0 40px 8px 0; white-space: pre-wrap }
div.own { background: #e2f6d3; margin: 0 0 8px 40px } img { width: 100%; border-radius: 8px; display: block }
</style>"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--study", default="demo")
    parser.add_argument("--model", default="early_all")
    parser.add_argument("--project", type=Path, default=ROOT, help="whose results/ has the models")
    parser.add_argument("--out", type=Path, default=ROOT / "docs")
    arguments = parser.parse_args()
    image = io.BytesIO()
    Image.fromarray(draw_frontal(np.random.default_rng(7), volume=0.8, opacities=1, px=512).pixels).save(image, "png")
    with telegram_double() as double, tempfile.TemporaryDirectory() as folder, chromium() as browser:
        settings = {"TELEGRAM_TOKEN": TOKEN, "TELEGRAM_API": double.address}
        with serving(arguments.project, Path(folder) / "service", **settings) as served:
            page = on_the_page(
                browser, served.address, f"/models/{arguments.study}/{arguments.model}", image.getvalue()
            )
            keep(page, arguments.out / "service.png")
            chat = in_a_chat(browser, double, f"{arguments.study}/{arguments.model}", image.getvalue())
            keep(chat, arguments.out / "bot.png")


def keep(picture: bytes, file: Path) -> None:
    """Write a picture in 256 colours, a third of its size."""
    Image.open(io.BytesIO(picture)).convert("RGB").quantize(256).save(file, optimize=True)


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=["--no-sandbox"])
        yield browser
        browser.close()


def on_the_page(browser: Browser, address: str, model: str, image: bytes) -> bytes:
    """The result of a case on the page, as PNG."""
    visit = Visit(browser, address, "desk")
    visit.sign_up("reader")
    page = visit.page
    page.goto(model)
    page.get_by_label("Image", exact=True).set_input_files({"name": "x.png", "mimeType": "image/png", "buffer": image})
    page.get_by_label("Text of the report").fill(TEXT)
    for name, value in VALUES.items():
        field = page.locator(f'[name="values.{name}"]')
        field.select_option(value) if field.evaluate("each => each.tagName") == "SELECT" else field.fill(value)
    page.get_by_role("button", name="Ask the model").click()
    expect(page.get_by_role("heading", name="What you gave")).to_be_visible(timeout=1000 * PATIENCE)
    page.get_by_label("Occlusion", exact=True).check()
    expect(page.get_by_alt_text("What Occlusion says")).to_be_visible()
    return page.screenshot()


def in_a_chat(browser: Browser, double: TelegramDouble, model: str, image: bytes) -> bytes:
    """What is said with the bot about the same case, as PNG."""
    reader = {"id": 7, "is_bot": False, "first_name": "Ann"}
    double.update(callback_query={"id": "1", "from": reader, "chat_instance": "1", "data": model})
    until(lambda: double.sent("sendMessage"))
    before = len(double.sent(*SHOWN))
    caption = "\n".join([TEXT, *(f"{name}: {value}" for name, value in VALUES.items())])
    double.photo(image, caption=caption)
    until(lambda: double.sent("sendMediaGroup"))
    answered = double.sent(*SHOWN)[before:]
    own = f'<div class="own">{as_image(image)}{escape(caption)}</div>'
    page = browser.new_page(viewport={"width": 420, "height": 1290})
    page.set_content(CHAT + own + "".join(f"<div>{each}</div>" for call in answered for each in shown(call)))
    return page.screenshot()  # as far as the region; explanations follow


def shown(call: Call) -> list[str]:
    """The messages of a call as HTML."""
    if call.method == "sendMessage":
        return [escape(call.values["text"])]
    media = json.loads(call.values.get("media", "[]")) or [{"media": call.values["photo"]} | call.values]
    return [
        as_image(call.files[each["media"].removeprefix("attach://")]) + escape(each.get("caption", ""))
        for each in media
    ]


def as_image(data: bytes) -> str:
    return f'<img src="data:image/png;base64,{base64.b64encode(data).decode()}">'


def until(happened) -> None:
    end = time.monotonic() + PATIENCE
    while not happened():
        if time.monotonic() > end:
            raise TimeoutError("the bot has not answered")
        time.sleep(0.1)


if __name__ == "__main__":
    main()
