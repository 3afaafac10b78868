"""DICOM files as images."""

import io

import numpy as np
from PIL import Image

from lungfuse.imaging.markers import brightest

MARK = slice(128, 132)
IMPLICIT, EXPLICIT = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"  # transfer syntaxes of files that name none
GREY = {"MONOCHROME1", "MONOCHROME2"}


def is_dicom(data: bytes) -> bool:
    """Whether a file, or its first 132 bytes, begins as DICOM files do."""
    return data[MARK] == b"DICM"


def is_bare_dicom(data: bytes) -> bool:
    """Whether a file begins with an element of DICOM, without the 128 bytes and the mark that should stand before."""
    group, element = int.from_bytes(data[:2], "little"), int.from_bytes(data[2:4], "little")
    return group in (0x0002, 0x0008) and element < 0x0100 and (data[4:6].isupper() or data[6:8] == b"\0\0")


def read_dicom(data: bytes) -> Image.Image:
    """The image of a DICOM file as it is meant to be seen, with 8 bits: grey, or red, green and blue.

    Grey values are those of the modality, in the window or by the table that the file holds, and spread from the least
    to the greatest of them over 0 to 255; MONOCHROME1 is inverted, so that white is bright. Padding is black, whatever
    its value, and a window without a width is none (DICOM PS3.3, C.11.1, C.11.2, C.7.6.3.1.2 and C.7.5.1.1.2).

    Raises:
        ValueError: it is no whole DICOM file, has no image or several, has colours of more than 8 bits, is stored in a
            way that is not known here, or the library pydicom is not installed.
    """
    try:
        import pydicom
    except ImportError:
        raise ValueError("is DICOM, which needs pydicom; install it with pip install 'lungfuse[dicom]'") from None
    try:
        found = pydicom.dcmread(io.BytesIO(data), force=not is_dicom(data))
        if "TransferSyntaxUID" not in found.file_meta:
            found.file_meta.TransferSyntaxUID = pydicom.uid.UID(IMPLICIT if found.original_encoding[0] else EXPLICIT)
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

    padding = _padding(pixels, found)
    if not _has_window(found):
        for name in ["WindowCenter", "WindowWidth"]:
            if name in found:
                del found[name]
    seen = apply_voi_lut(apply_modality_lut(pixels, found), found).astype(np.float32)
    shown = seen[~padding] if not padding.all() else seen
    least, most = shown.min(), shown.max() if _has_window(found) else brightest(shown)
    spread = ((seen - least) * (255 / max(most - least, 1e-6))).clip(0, 255)
    if found.PhotometricInterpretation == "MONOCHROME1":
        spread = 255 - spread
    return Image.fromarray(np.where(padding, 0, spread).round().astype(np.uint8))


def _padding(pixels: np.ndarray, found) -> np.ndarray:
    """Which stored samples stand for no part of the image."""
    value = found.get("PixelPaddingValue")
    if value is None:
        return np.zeros(pixels.shape, bool)
    wide = pixels.astype(np.int64)
    ends = [_as_stored(int(end), pixels.dtype) for end in [value, found.get("PixelPaddingRangeLimit", value)]]
    return (wide >= min(ends)) & (wide <= max(ends))


def _as_stored(value: int, kind: np.dtype) -> int:
    """A value of padding with the sign that samples have, which some devices write otherwise."""
    return int(np.array(value & ((1 << 8 * kind.itemsize) - 1)).astype(f"u{kind.itemsize}").view(kind))


def _has_window(found) -> bool:
    """Whether there is a window, and its width can be used."""
    width = found.get("WindowWidth")
    widths = list(width) if isinstance(width, (list, tuple)) or hasattr(width, "__iter__") else [width]
    return bool(widths) and all(each is not None and float(each) > 0 for each in widths)


def _coloured(pixels: np.ndarray) -> Image.Image:
    if pixels.ndim != 3 or pixels.dtype != np.uint8:
        raise ValueError("has colours of 16 bits or by a palette; save it as grey, or with 8 bits a colour")
    return Image.fromarray(pixels)
