"""DICOM files as images."""

import io

import numpy as np
from PIL import Image

MARK = slice(128, 132)
GREY = {"MONOCHROME1", "MONOCHROME2"}


def is_dicom(data: bytes) -> bool:
    """Whether a file, or its first 132 bytes, begins as DICOM files do."""
    return data[MARK] == b"DICM"


def read_dicom(data: bytes) -> Image.Image:
    """The image of a DICOM file as it is meant to be seen, with 8 bits: grey, or red, green and blue.

    Grey values are those of the modality, in the window or by the table that the file holds, and spread from the least
    to the greatest of them over 0 to 255; MONOCHROME1 is inverted, so that white is bright (DICOM PS3.3, C.11.1, C.11.2
    and C.7.6.3.1.2).

    Raises:
        ValueError: it is no whole DICOM file, has no image or several, has colours of more than 8 bits, is stored in a
            way that is not known here, or the library pydicom is not installed.
    """
    try:
        import pydicom
    except ImportError:
        raise ValueError("is DICOM, which needs pydicom; install it with pip install 'lungfuse[dicom]'") from None
    try:
        found = pydicom.dcmread(io.BytesIO(data))
        if "PixelData" not in found:
            raise ValueError("is DICOM without an image")
        if (frames := int(found.get("NumberOfFrames") or 1)) > 1:
            raise ValueError(f"has {frames} frames; expected one image, so save each frame as a file")
        pixels = found.pixel_array
        return _grey(pixels, found) if found.PhotometricInterpretation in GREY else _coloured(pixels)
    except ValueError:
        raise
    except Exception as error:  # what pydicom raises on a broken file is of many kinds
        raise ValueError(f"cannot be read as DICOM ({type(error).__name__}: {error})") from error


def _grey(pixels: np.ndarray, found) -> Image.Image:
    from pydicom.pixels import apply_modality_lut, apply_voi_lut

    seen = apply_voi_lut(apply_modality_lut(pixels, found), found).astype(np.float32)
    least, most = seen.min(), seen.max()
    spread = (seen - least) * (255 / max(most - least, 1e-6))
    if found.PhotometricInterpretation == "MONOCHROME1":
        spread = 255 - spread
    return Image.fromarray(spread.round().astype(np.uint8))


def _coloured(pixels: np.ndarray) -> Image.Image:
    if pixels.ndim != 3 or pixels.dtype != np.uint8:
        raise ValueError("has colours of 16 bits or by a palette; save it as grey, or with 8 bits a colour")
    return Image.fromarray(pixels)
