"""Images are checked before they are decoded, and nothing but their pixels is kept."""

import io
import struct
import zlib

import numpy as np
import pytest
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from PIL import Image
from service_cases import image_file

from lungfuse_service.predictions.images import clean_image


def cleaned(sent: ContentFile) -> Image.Image:
    return Image.open(io.BytesIO(clean_image(sent).read()))


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp"])
def test_an_image_keeps_its_pixels_and_loses_all_else(kind):
    exif = Image.Exif()
    exif[0x010E] = "Jane Roe, ward 7"
    exif.get_ifd(0x8825)[1] = "N"
    sent = image_file(kind=kind, mode="RGB", exif=exif)
    before = Image.open(io.BytesIO(sent.read()))
    sent.seek(0)
    data = clean_image(sent).read()
    after = Image.open(io.BytesIO(data))
    assert np.array_equal(np.asarray(before.convert("RGB")), np.asarray(after))
    assert b"Jane" in image_file(kind=kind, mode="RGB", exif=exif).read() and b"Jane" not in data
    assert not after.getexif() and after.format == "PNG"


def test_what_is_behind_the_end_of_an_image_goes():
    sent = ContentFile(image_file().read() + b"<script>alert(1)</script>", "x.png")
    assert b"script" not in clean_image(sent).read()


def test_an_image_that_lies_on_its_side_is_turned():
    exif = Image.Exif()
    exif[0x0112] = 6
    assert cleaned(image_file(64, 48, "jpeg", "RGB", exif=exif)).size == (48, 64)


def test_grey_of_16_bits_stays_so():
    stream = io.BytesIO()
    Image.fromarray(np.arange(64 * 64, dtype=np.uint16).reshape(64, 64) * 15).save(stream, "png")
    after = np.asarray(cleaned(ContentFile(stream.getvalue())))
    assert after.max() == (64 * 64 - 1) * 15


def bomb(width: int, height: int) -> bytes:
    """A small PNG that says it is a huge one."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")


def animated(kind: str) -> bytes:
    first, second = (Image.new("L", (64, 48), grey) for grey in [40, 200])
    stream = io.BytesIO()
    first.save(stream, kind, save_all=True, append_images=[second])
    return stream.getvalue()


def in_its_transparency() -> bytes:
    stream = io.BytesIO()
    picture = Image.linear_gradient("L")
    Image.merge("LA", [Image.new("L", picture.size), picture]).save(stream, "png")
    return stream.getvalue()


MISREAD = {
    "has 2 pages; expected one image": animated("png"),
    "has 2 pages; expected": animated("webp"),
    "has one colour, and its picture in the transparency": in_its_transparency(),
}

WRONG = {
    "nothing": b"",
    "a text": b"hello",
    "a page": b"<!doctype html><script>alert(1)</script>",
    "a drawing with a script": b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
    "an archive": b"PK\x03\x04" + bytes(60),
    "a PDF": b"%PDF-1.7\n" + bytes(60),
    "PostScript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
    "a GIF": image_file(kind="gif").read(),
    "a TIFF": image_file(kind="tiff").read(),
    "a bomb of pixels": bomb(50_000, 50_000),
    "a bomb just below Pillow's limit": bomb(13_000, 13_000),
    "a long line": bomb(2**31 - 1, 1),
    "half of an image": image_file(640, 480).read()[:300],
    "a head alone": image_file().read()[:40],
    "a head of JPEG": b"\xff\xd8\xff\xe0" + bytes(100),
    "too small": image_file(4, 4).read(),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_image_is_refused_in_words(name):
    with pytest.raises(ValidationError) as refused:
        clean_image(ContentFile(WRONG[name], "x.png"))
    assert refused.value.messages[0].endswith((".", "anything."))


@pytest.mark.parametrize("words", MISREAD)
def test_what_predict_refuses_is_refused_in_the_same_words(words):
    with pytest.raises(ValidationError, match=f"This image {words}"):
        clean_image(ContentFile(MISREAD[words], "x.png"))
