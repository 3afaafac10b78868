"""Whether images have colours, by a few of them."""

import io

import numpy as np
from PIL import Image

from lungfuse.image_lookup import ImageFiles

LOOKED_AT = 24
LEAST_DIFFERENCE = 8.0  # of the channels of a pixel, out of 255
MAX_BYTES = 64 << 20


def mostly_coloured(images: ImageFiles) -> bool:
    """Whether most of some images, spread over all, have colours."""
    step = max(1, len(images.files) // LOOKED_AT)
    found = [_is_coloured(member.data) for member in images.read(images.files[::step], MAX_BYTES) if member.data]
    known = [one for one in found if one is not None]
    return sum(known) > len(known) / 2


def _is_coloured(data: bytes) -> bool | None:
    """None where the file cannot be read as an image."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            if image.mode in ("1", "L", "LA", "I", "F") or image.mode.startswith("I;16"):
                return False
            image.draft("RGB", (64, 64))
            pixels = np.asarray(image.convert("RGB").resize((64, 64)), dtype=float)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return None
    return float((pixels.max(axis=2) - pixels.min(axis=2)).mean()) > LEAST_DIFFERENCE
