"""DICOM files as images."""

import io
import re

import numpy as np
from PIL import Image

from lungfuse.imaging.markers import FEW, brightest

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
    its value. A table or window that shows nothing, or has no width, is none: the next one counts, or the range of the
    values (DICOM PS3.3, C.11.1, C.11.2, C.7.6.3.1.2 and C.7.5.1.1.2).

    Raises:
        ValueError: it is no whole DICOM file, has no image or several, has colours of more than 8 bits, becomes one
            value when it is rescaled, is stored in a way that is not known here, or needs a library that is not
            installed, which is named.
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
        _check_decoder(found.file_meta.TransferSyntaxUID)
        pixels = found.pixel_array
        return _grey(pixels, found) if found.PhotometricInterpretation in GREY else _coloured(pixels)
    except ValueError:
        raise
    except Exception as error:  # what pydicom raises on a broken file is of many kinds
        raise ValueError(f"cannot be read as DICOM ({type(error).__name__}: {error})") from error


def _check_decoder(syntax) -> None:
    """Refuse a compression that no library here can read, if one exists for it."""
    from pydicom.pixels import get_decoder

    try:
        decoder = get_decoder(syntax)
    except NotImplementedError:
        return
    if not decoder.is_available:
        packages = sorted({*re.findall(r"pylibjpeg[a-z-]*", " ".join(decoder.missing_dependencies))})
        raise ValueError(f"is DICOM in {syntax.name}; install a decoder with pip install {' '.join(packages)}")


def _grey(pixels: np.ndarray, found) -> Image.Image:
    from pydicom.pixels import apply_modality_lut

    padding = _padding(pixels, found)
    kept = ~padding if not padding.all() else padding
    values = apply_modality_lut(pixels, found)
    if np.ptp(pixels[kept]) and not np.ptp(values[kept]):
        cause = "table of the modality" if "ModalityLUTSequence" in found else f"RescaleSlope {found.RescaleSlope:g}"
        raise ValueError(f"has one value alone after its {cause}; correct that in the file")
    windows = _windows(found, values[kept])
    seen = _as_meant(values, found, kept, windows).astype(np.float32)
    shown = seen[kept]
    least, most = shown.min(), shown.max() if windows else brightest(shown)
    spread = ((seen - least) * (255 / max(most - least, 1e-6))).clip(0, 255)
    if found.PhotometricInterpretation == "MONOCHROME1":
        spread = 255 - spread
    return Image.fromarray(np.where(padding, 0, spread).round().astype(np.uint8))


def _as_meant(values: np.ndarray, found, kept: np.ndarray, windows: list[int]) -> np.ndarray:
    """Values by the first table of the file that does not make one of all, or in the first of its windows, if any."""
    from pydicom.pixels import apply_voi, apply_windowing

    for place, table in enumerate(found.get("VOILUTSequence") or []):
        if "LUTData" in table and np.ptp((seen := apply_voi(values, found, place))[kept]):
            return seen
    return apply_windowing(values, found, windows[0]) if windows else values


def _windows(found, values: np.ndarray) -> list[int]:
    """The places of the windows of the file that have a width, and in which more than a few of its values lie."""
    least_width = 1 if found.get("VOILUTFunction", "LINEAR") == "LINEAR" else 1e-6
    usable, most = [], (1 - FEW) * values.size
    pairs = zip(_listed(found, "WindowCenter"), _listed(found, "WindowWidth"), strict=False)
    for place, (center, width) in enumerate(pairs):
        if {center, width} & {None, ""} or width < least_width:
            continue
        outside = np.count_nonzero(values <= center - width / 2), np.count_nonzero(values >= center + width / 2)
        if max(outside) < most:
            usable.append(place)
    return usable


def _listed(found, name: str) -> list:
    value = found.get(name)
    return [*value] if hasattr(value, "__iter__") else [value]


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


def _coloured(pixels: np.ndarray) -> Image.Image:
    if pixels.ndim != 3 or pixels.dtype != np.uint8:
        raise ValueError("has colours of 16 bits or by a palette; save it as grey, or with 8 bits a colour")
    return Image.fromarray(pixels)
