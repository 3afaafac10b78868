"""The pictures of an answer: the region outlined in the image, and what each method says over it."""

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from lungfuse_service.predictions.models import Prediction
from lungfuse_service.predictions.result_page import only_box

LONGEST = 1280  # pixels of a side, as much as Telegram shows
OUTLINE = (255, 211, 77)  # as on the page of a result
MOST_LETTERS = 1024  # of a caption


@dataclass(frozen=True)
class Picture:
    """A JPEG with its caption."""

    data: bytes
    caption: str


def pictures_of(prediction: Prediction) -> list[Picture]:
    """The image with its region, then with each explanation; none where neither is known of it."""
    if not prediction.image:
        return []
    outcome = prediction.result.outcome
    with Image.open(prediction.image.path) as opened:
        base = eight_bits(opened)
    base.thumbnail((LONGEST, LONGEST))
    found = [_outlined(base, outcome["region"])] if outcome.get("region") else []
    overlays = {each.method: bytes(each.png) for each in prediction.result.overlays.all()}
    methods = (outcome.get("explanation") or {}).get("methods", [])
    return found + [_covered(base, overlays[each["name"]], each) for each in methods if each["name"] in overlays]


def eight_bits(image: Image.Image) -> Image.Image:
    """An image with 8 bits a colour; of one with 16 bits the whole range that it uses."""
    if not image.mode.startswith("I"):
        return image.convert("RGB")
    values = np.asarray(image, np.float32)
    low, high = values.min(), values.max()
    return Image.fromarray(((values - low) * (255 / max(high - low, 1))).astype(np.uint8)).convert("RGB")


def _outlined(base: Image.Image, region: dict) -> Picture:
    drawn, width = base.copy(), max(2, max(base.size) // 300)
    pen = ImageDraw.Draw(drawn)
    for line in region["lines"]:
        points = [(x * base.width, y * base.height) for x, y in [*line, line[0]]]
        pen.line(points, OUTLINE, width, "curve")
    if box := only_box(region):
        left, top, across, down = box
        corners = [left * base.width, top * base.height, (left + across) * base.width, (top + down) * base.height]
        pen.rectangle(corners, outline=OUTLINE, width=width)
    return Picture(_jpeg(drawn), f"The {region['name']} outlined: {100 * region['share']:.0f} % of the image.")


def _covered(base: Image.Image, png: bytes, method: dict) -> Picture:
    with Image.open(io.BytesIO(png)) as opened:
        cover = opened.convert("RGBA").resize(base.size, Image.Resampling.BICUBIC)
    drawn = Image.alpha_composite(base.convert("RGBA"), cover).convert("RGB")
    checks = f"{method['checks']} checks" if method["checks"] else "not checked"
    says = f"{method['title']} ({checks}). {method['caption']} It shows what the model used, not what is there."
    return Picture(_jpeg(drawn), says[:MOST_LETTERS])


def _jpeg(image: Image.Image) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "jpeg", quality=90)
    return stream.getvalue()
