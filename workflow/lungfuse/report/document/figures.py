"""Figures as parts of a page: SVG whose ids are its own, without what a page does not need."""

import base64
import io
import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from markupsafe import Markup
from PIL import Image

SVG, XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
KEPT = {"svg", "g", "path", "text", "tspan", "use", "defs", "clipPath", "rect", "image", "line", "circle", "polygon"}
KEPT |= {"ellipse", "polyline", "linearGradient", "stop", "title", "desc"}
HREF = f"{{{XLINK}}}href"
POINTS = {"d", "x", "y", "points", "x1", "x2", "y1", "y2", "width", "height"}
LONG = re.compile(r"(\d\.\d{2})\d+")
FONT = re.compile(r"font-family:[^;]*;?\s*")
FONT_SHORTHAND = re.compile(r"(font:[^;]*?\d(?:px|pt))\s[^;]*")
REFERENCE = re.compile(r"url\(#([^)]+)\)")
WHITE, NOTHING = "fill: #ffffff", "rotate(-0 "
PICTURE = "data:image/png;base64,"
QUALITY, COLOURS = 88, 256  # of a picture as JPEG, or with transparent places


def inlined(path: Path, prefix: str, alt: str) -> Markup:
    """A figure as SVG for a page; `prefix` begins its ids, `alt` says what it shows."""
    root = ElementTree.fromstring(path.read_text(encoding="utf-8"))
    names = {old: f"{prefix}-{number}" for number, old in enumerate(dict.fromkeys(references(root)))}
    body = "".join(text for child in root for text in written(child, names))
    width, height = root.get("viewBox", "0 0 468 300").split()[2:]
    return Markup(
        '<svg role="img" aria-label="{}" viewBox="0 0 {} {}" style="aspect-ratio:{}/{}" data-figure="{}" '
        'xmlns="http://www.w3.org/2000/svg">{}</svg>'
    ).format(alt, width, height, width, height, prefix, Markup(body))


def references(root: Element) -> Iterator[str]:
    """The ids that elements refer to."""
    for element in root.iter():
        for name, value in element.attrib.items():
            yield from REFERENCE.findall(value)
            if name in ("href", HREF) and value.startswith("#"):
                yield value[1:]


def written(element: Element, names: dict[str, str]) -> Iterator[str]:
    """An element and all in it as SVG; groups that say nothing are left out, and their content is kept."""
    tag = element.tag.removeprefix(f"{{{SVG}}}")
    if tag not in KEPT or is_background(element):
        return
    attributes = dict(attributes_of(element, names))
    text = str(Markup.escape(element.text.strip() if element.text else "")) if tag in ("text", "tspan") else ""
    inside = "".join(part for child in element for part in written_with_tail(child, names, tag))
    if tag in ("g", "defs") and not inside:
        return
    if tag == "g" and not attributes:
        yield inside
        return
    said = "".join(f' {name}="{Markup.escape(value)}"' for name, value in attributes.items())
    yield f"<{tag}{said}>{text}{inside}</{tag}>" if text or inside else f"<{tag}{said}/>"


def written_with_tail(child: Element, names: dict[str, str], parent: str) -> Iterator[str]:
    yield from written(child, names)
    if child.tail and parent in ("text", "tspan") and child.tail.strip():
        yield str(Markup.escape(child.tail))


def is_background(element: Element) -> bool:
    """Whether it is the white of a figure or of its axes, which a page has itself."""
    return element.get("style") == WHITE and element.tag == f"{{{SVG}}}path"


def attributes_of(element: Element, names: dict[str, str]) -> Iterator[tuple[str, str]]:
    """What a page needs of the attributes of an element, with ids renamed."""
    for name, value in element.attrib.items():
        if name == "id":
            if value in names:
                yield name, names[value]
        elif name in ("href", HREF):
            yield "href", linked(value, names)
        elif name.startswith(("on", "{")) or (name == "transform" and value.startswith(NOTHING)):
            continue
        else:
            yield name, shortened(name, REFERENCE.sub(lambda found: f"url(#{names[found[1]]})", value))


def shortened(name: str, value: str) -> str:
    """An attribute in few letters: points to a hundredth, and the page's own font."""
    if name in POINTS:
        return LONG.sub(r"\1", " ".join(value.split()))
    if name == "style":
        return (
            LONG.sub(r"\1", FONT_SHORTHAND.sub(r"\1 sans-serif", FONT.sub("", value)))
            .replace("; ", ";")
            .replace(": ", ":")
        )
    return value


def linked(value: str, names: dict[str, str]) -> str:
    """What an element shows: another one of the figure, or a picture in it; nothing from elsewhere."""
    if value.startswith("#"):
        return f"#{names[value[1:]]}"
    return smaller(value) if value.startswith(PICTURE) else ""


def smaller(picture: str) -> str:
    """A picture as JPEG, or in 256 colours where something shows through it, if that is smaller."""
    encoded = "".join(picture.removeprefix(PICTURE).split())
    pixels, found = Image.open(io.BytesIO(base64.b64decode(encoded))).convert("RGBA"), io.BytesIO()
    opaque = pixels.getextrema()[3][0] == 255
    if opaque:
        pixels.convert("RGB").save(found, "JPEG", quality=QUALITY, optimize=True)
    else:
        pixels.quantize(COLOURS, method=Image.Quantize.FASTOCTREE).save(found, "PNG", optimize=True)
    made = base64.b64encode(found.getvalue()).decode()
    return min(f"data:image/{'jpeg' if opaque else 'png'};base64,{made}", PICTURE + encoded, key=len)
