"""Encoded images of any kind to grey or coloured squares."""

import io

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from lungfuse.imaging.ambiguous import load_unambiguous
from lungfuse.imaging.dicom import is_bare_dicom, is_dicom, read_dicom
from lungfuse.imaging.markers import FEW, brightest
from lungfuse.settings.ingest import Fit, ImageSettings

DECODE_ERRORS = (  # what Pillow raises on bad files
    OSError,
    SyntaxError,
    ValueError,
    NotImplementedError,
    Image.DecompressionBombError,
)
TIFF_PHOTOMETRIC, WHITE_IS_ZERO = 262, 0  # PhotometricInterpretation, TIFF 6.0
SLIVER = 1 / 8  # of a range of grey values: 32 of 256


def decode(data: bytes, settings: ImageSettings) -> tuple[np.ndarray, tuple[int, int]]:
    """Decode one image file to grey, or to red, green and blue where the settings say so.

    Whole samples of more than 8 bits are scaled from the least depth that holds the brightest ones, so that 12-bit
    images stored in 16 bits stay visible, also with a marker of 65535 on them, which becomes white. Samples in a small
    part of that depth, such as Hounsfield units plus 32768, are spread over black to white. For a grey array
    colour becomes luminance, for one with colours grey is three times the same; transparency is dropped. An image
    that is stored turned, as its EXIF data say, is turned back. Refused are samples whose black and white are not
    known, negative ones and fractions, colours of 16 bits, which Pillow cuts to 8, a picture in the transparency
    alone, and files of several pages or frames.

    Returns uint8 pixels of shape (image_size, image_size), with colours (image_size, image_size, 3), and the source's
    (width, height) in pixels.
    Raises one of `DECODE_ERRORS` when the data is no whole image, or one that is refused.
    """
    with open_image(data) as image:
        white_is_zero = _has_white_at_zero(image)
        load_unambiguous(image)
        upright = ImageOps.exif_transpose(image)
        pixels = _to_8_bits(upright, "RGB" if settings.colour else "L", white_is_zero)
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
        if is_bare_dicom(data):
            return read_dicom(data)
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


def _has_white_at_zero(image: Image.Image) -> bool:
    """Whether 0 is white in a file of deep samples, which Pillow leaves as they are."""
    return image.mode.startswith("I") and getattr(image, "tag_v2", {}).get(TIFF_PHOTOMETRIC) == WHITE_IS_ZERO


def _to_8_bits(image: Image.Image, mode: str, white_is_zero: bool = False) -> Image.Image:
    if image.mode == "F":
        raise ValueError("has samples that are fractions; save it with 8 or 16 bits, from black to white")
    if not image.mode.startswith("I"):
        return image.convert(mode)
    samples = np.asarray(image)
    if samples.min() < 0:
        raise ValueError("has negative samples; save it with 8 or 16 bits, from black to white")
    bits = _depth(samples)
    wide = samples.astype(np.int64)
    if ends := _ends_of_sliver(samples, bits):
        low, high = ends
        wide = (wide - low) * 255 // (high - low)
    else:
        wide >>= bits - 8
    grey = wide.clip(0, 255).astype(np.uint8)
    return Image.fromarray(255 - grey if white_is_zero else grey).convert(mode)


def _ends_of_sliver(samples: np.ndarray, bits: int) -> tuple[int, int] | None:
    """The least and greatest sample, where all are in a sliver of what the bits hold, but for padding of one value."""
    for kept in [samples, samples[samples > samples.min()]] if bits > 8 else []:
        if kept.size:
            low = int(np.quantile(kept, FEW, method="nearest"))
            high = int(brightest(kept[kept >= low]))
            if 0 < high - low < SLIVER * 2**bits:
                return low, high
    return None


def _depth(samples: np.ndarray) -> int:
    """The bits of the samples without those of a marker, and without a few that need one more."""
    bits = max(8, int(brightest(samples)).bit_length())
    while bits > 8 and np.count_nonzero(samples >> (bits - 1)) <= FEW * samples.size:
        bits -= 1
    return bits
