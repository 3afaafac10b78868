"""Encoded images of any kind to grey or coloured squares."""

import io

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from lungfuse.imaging.dicom import is_dicom, read_dicom
from lungfuse.settings.ingest import Fit, ImageSettings

DECODE_ERRORS = (  # what Pillow raises on bad files
    OSError,
    SyntaxError,
    ValueError,
    NotImplementedError,
    Image.DecompressionBombError,
)


def decode(data: bytes, settings: ImageSettings) -> tuple[np.ndarray, tuple[int, int]]:
    """Decode one image file to grey, or to red, green and blue where the settings say so.

    Whole samples of more than 8 bits are scaled from the least depth that holds the brightest one, so that 12-bit
    images stored in 16 bits stay visible. For a grey array colour becomes luminance, for one with colours grey is three
    times the same; transparency is dropped. An image that is stored turned, as its EXIF data say, is turned back.
    Refused are samples whose black and white are not known, negative ones and fractions, and colours of 16 bits, which
    Pillow cuts to 8.

    Returns uint8 pixels of shape (image_size, image_size), with colours (image_size, image_size, 3), and the source's
    (width, height) in pixels.
    Raises one of `DECODE_ERRORS` when the data is no whole image, or one that is refused.
    """
    with open_image(data) as image:
        deep_colour = ";16" in str(getattr(image, "tile", "")) and not image.mode.startswith("I")
        image.load()
        if deep_colour:
            raise ValueError("has colours of 16 bits; save it as grey, or with 8 bits a colour")
        upright = ImageOps.exif_transpose(image)
        pixels = _to_8_bits(upright, "RGB" if settings.colour else "L")
        return np.asarray(fit_square(pixels, settings)), upright.size


def open_image(data: bytes) -> Image.Image:
    """An image file, not decoded yet unless it is DICOM.

    Raises one of `DECODE_ERRORS` when it is none; what it says is the same in every run.
    """
    if not data:
        raise ValueError("has zero bytes")
    if is_dicom(data):
        return read_dicom(data)
    try:
        return Image.open(io.BytesIO(data))
    except UnidentifiedImageError:
        raise ValueError("is of no image format that is known") from None


def fit_square(image: Image.Image, settings: ImageSettings) -> Image.Image:
    """The image as a square of `image_size`."""
    square = (settings.image_size, settings.image_size)
    match settings.fit:
        case "stretch":
            return image.resize(square, Image.Resampling.BILINEAR)
        case "crop":
            return ImageOps.fit(image, square, Image.Resampling.BILINEAR)
        case "pad":
            return ImageOps.pad(image, square, Image.Resampling.BILINEAR)


def unfit_square(square: Image.Image, size: tuple[int, int], fit: Fit) -> Image.Image:
    """A square that was made of an image by `fit_square`, such as a mask of it, as an image of its (width, height).

    No pixel is mixed with others; what was cut off is 0.
    """
    sides = np.array(size)
    match fit:
        case "stretch":
            return square.resize(size, Image.Resampling.NEAREST)
        case "crop":
            seen = Image.new(square.mode, size)
            place = tuple(np.round((sides - sides.min()) / 2).astype(int).tolist())
            seen.paste(square.resize((min(size), min(size)), Image.Resampling.NEAREST), place)
            return seen
        case "pad":
            held = sides / sides.max() * square.width
            box = [*(square.width - held) / 2, *(square.width + held) / 2]
            return square.resize(size, Image.Resampling.NEAREST, box=tuple(np.clip(box, 0, square.width).tolist()))


def _to_8_bits(image: Image.Image, mode: str) -> Image.Image:
    if image.mode == "F":
        raise ValueError("has samples that are fractions; save it with 8 or 16 bits, from black to white")
    if not image.mode.startswith("I"):
        return image.convert(mode)
    samples = np.asarray(image)
    if samples.min() < 0:
        raise ValueError("has negative samples; save it with 8 or 16 bits, from black to white")
    bits = max(8, int(samples.max()).bit_length())
    return Image.fromarray((samples >> (bits - 8)).astype(np.uint8)).convert(mode)
