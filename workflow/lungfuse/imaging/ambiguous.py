"""Image files of which Pillow shows only a part."""

import numpy as np
from PIL import Image

SEVERAL_PAGES = {"AVIF", "GIF", "PNG", "TIFF", "WEBP"}  # and frames; the second picture of a JPEG is a preview


class AmbiguousImageError(ValueError):
    """An image holds more than one picture, or a picture that Pillow drops; the message goes on after its name."""


def load_unambiguous(image: Image.Image) -> None:
    """Read the pixels of an opened image.

    Raises what Pillow raises when it is damaged, and `AmbiguousImageError` when Pillow would show something else than
    it holds, for it has several pages or frames, colours of 16 bits, or a picture in the transparency alone.
    """
    deep_colour = ";16" in str(getattr(image, "tile", "")) and not image.mode.startswith("I")
    _check_pages(image)
    image.load()
    if deep_colour:
        raise AmbiguousImageError("has colours of 16 bits; save it as grey, or with 8 bits a colour")
    _check_transparency(image)


def _check_pages(image: Image.Image) -> None:
    """Refuse a file of several pages or frames of one size; smaller ones are previews."""
    pages = getattr(image, "n_frames", 1) if image.format in SEVERAL_PAGES else 1
    if pages < 2:
        return
    size = image.size
    image.seek(1)
    same = image.size == size
    image.seek(0)
    if same:
        raise AmbiguousImageError(f"has {pages} pages; expected one image, so save each page as a file")


def _check_transparency(image: Image.Image) -> None:
    """Refuse one colour with a picture in its transparency: whether that is dark or bright is not known."""
    if image.mode.startswith("I") or not image.has_transparency_data:
        return
    samples = np.asarray(image.convert("RGBA"))
    alpha = samples[..., 3]
    if np.ptp(alpha) and not np.ptp(samples[alpha > 0, :3], axis=0).any():
        raise AmbiguousImageError(
            "has one colour, and its picture in the transparency; save it without, from black to white"
        )
