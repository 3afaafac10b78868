"""Images that users send: checked, and written anew without anything but their pixels."""

import io
import warnings

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import UploadedFile
from PIL import Image, ImageOps, UnidentifiedImageError

FORMATS = ["PNG", "JPEG", "WEBP"]
KEPT_MODES = {"1": "L", "L": "L", "I;16": "I;16", "I;16B": "I;16", "I": "I;16", "LA": "L", "P": "RGB", "PA": "RGB"}
LEAST_SIDE = 16
EXPECTED = "Send a PNG, JPEG or WebP."


def clean_image(sent: UploadedFile) -> ContentFile:
    """The pixels of an image, upright, as a PNG: no EXIF data, place, profile or comment, and nothing behind its end.

    Grey stays grey, with 8 or 16 bits, and colours stay colours.

    Raises:
        ValidationError: it is no image, of another format, too large, too small or damaged.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(sent, formats=FORMATS) as opened:
                _check_size(opened)
                image = _pixels(ImageOps.exif_transpose(opened))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _too_many_pixels() from None
    except UnidentifiedImageError:
        raise ValidationError(f"This is no image that can be read. {EXPECTED}") from None
    except (OSError, SyntaxError, ValueError, EOFError, OverflowError, MemoryError, NotImplementedError):
        raise ValidationError(f"This image is damaged. {EXPECTED}") from None
    stream = io.BytesIO()
    image.save(stream, "png", compress_level=1)
    return ContentFile(stream.getvalue(), "image.png")


def _check_size(image: Image.Image) -> None:
    """Before anything is decoded."""
    width, height = image.size
    if width * height > settings.MOST_PIXELS:
        raise _too_many_pixels()
    if min(width, height) < LEAST_SIDE:
        raise ValidationError(f"This image has {width} x {height} pixels, too few to see anything.")


def _pixels(image: Image.Image) -> Image.Image:
    mode = KEPT_MODES.get(image.mode, "RGB")
    converted = image if image.mode == mode else image.convert(mode)
    return Image.frombytes(mode, converted.size, converted.tobytes())


def _too_many_pixels() -> ValidationError:
    return ValidationError(f"This image has more than {settings.MOST_PIXELS // 1000**2} million pixels.")
