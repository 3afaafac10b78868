"""Images that users send: checked, and written anew without anything but their pixels."""

import io
import warnings

import pydicom
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import UploadedFile
from PIL import Image, ImageOps, UnidentifiedImageError

from lungfuse.imaging.ambiguous import AmbiguousImageError, load_unambiguous
from lungfuse.imaging.dicom import is_dicom, read_dicom

FORMATS = ["PNG", "JPEG", "WEBP"]
KEPT_MODES = {"1": "L", "L": "L", "I;16": "I;16", "I;16B": "I;16", "I": "I;16", "LA": "L", "P": "RGB", "PA": "RGB"}
LEAST_SIDE = 16
EXPECTED = "Send a PNG, JPEG, WebP or DICOM."
HEAD, DEFLATED = 2048, b"1.2.840.10008.1.2.1.99"  # of a DICOM file: where its transfer syntax is named, and one of them


def clean_image(sent: UploadedFile) -> ContentFile:
    """The pixels of an image, upright, as a PNG: no EXIF data, place, profile or comment, and nothing behind its end.

    Grey stays grey, with 8 or 16 bits, and colours stay colours.

    Raises:
        ValidationError: it is no image, of another format, animated, too large, too small or damaged.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = _dicom(sent) if is_dicom(_head(sent)) else _picture(sent)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _too_many_pixels() from None
    except UnidentifiedImageError:
        raise ValidationError(f"This is no image that can be read. {EXPECTED}") from None
    except AmbiguousImageError as error:
        raise ValidationError(f"This image {error}.") from None
    except (OSError, SyntaxError, ValueError, EOFError, OverflowError, MemoryError, NotImplementedError):
        raise ValidationError(f"This image is damaged. {EXPECTED}") from None
    stream = io.BytesIO()
    image.save(stream, "png", compress_level=1)
    return ContentFile(stream.getvalue(), "image.png")


def _picture(sent: UploadedFile) -> Image.Image:
    with Image.open(sent, formats=FORMATS) as opened:
        _check_size(*opened.size)
        load_unambiguous(opened)
        return _pixels(ImageOps.exif_transpose(opened))


def _dicom(sent: UploadedFile) -> Image.Image:
    """The image of a DICOM file, in the window that the file holds."""
    data = sent.read()
    if DEFLATED in data[:HEAD]:
        raise ValueError("deflated: its size is known only when all of it is unpacked")
    try:
        about = pydicom.dcmread(io.BytesIO(data), stop_before_pixels=True, specific_tags=["Rows", "Columns"])
        rows, columns = int(about.Rows), int(about.Columns)
    except Exception:  # what pydicom raises on a broken file is of many kinds
        raise ValueError("no whole DICOM file") from None
    _check_size(columns, rows)
    return read_dicom(data)


def _head(sent: UploadedFile) -> bytes:
    head = sent.read(132)
    sent.seek(0)
    return head


def _check_size(width: int, height: int) -> None:
    """Before anything is decoded."""
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
