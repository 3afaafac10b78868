"""Segment the lungs in X-rays by hand."""

from pathlib import Path

import numpy as np
from PIL import Image

from lungfuse.errors import UserError
from lungfuse.files import whole_file
from lungfuse.ingest.images import DECODE_ERRORS, decode
from lungfuse.paths import PACKAGED
from lungfuse.segment.segmenter import Segmenter, load_segmenter
from lungfuse.settings import ImageSettings, MaskSettings

SUFFIXES = {".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp"}
MASK = MaskSettings(threshold=0.5, components=2, margin=0.0)


def main(*, image: Path, out: Path, segmenter: Path = PACKAGED, margin: float = MASK.margin) -> None:
    """Write the lung mask of an X-ray, or of each in a folder: 255 in the lungs, 0 elsewhere, of the image's size.

    Parameters
    ----------
    image
        An X-ray, or a folder of them.
    out
        Output: a .png file, or a folder for files of the images' names.
    segmenter
        Folder of a trained segmenter; that of the package when not given.
    margin
        How far a mask is widened, as a share of the image's side.
    """
    images = sorted(path for path in image.iterdir() if path.suffix.lower() in SUFFIXES) if image.is_dir() else [image]
    if not images:
        raise UserError(f"{image}: no image found; expected files that end in {', '.join(sorted(SUFFIXES))}.")
    network = load_segmenter(segmenter)
    settings = MASK.model_copy(update={"margin": margin})
    bad = []
    for path in images:
        try:
            mask = segment_file(path, network, settings)
        except DECODE_ERRORS as error:
            bad.append(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})")
            continue
        with whole_file(out / f"{path.stem}.png" if image.is_dir() else out, "wb") as stream:
            Image.fromarray(mask).save(stream, "png")
    if bad:
        raise UserError(f"{'; '.join(bad[:5])}{'; ...' if len(bad) > 5 else ''}. Expected images; replace them.")


def segment_file(path: Path, segmenter: Segmenter, settings: MaskSettings) -> np.ndarray:
    """The lung mask of an image file: uint8 (height, width) of the image's own size, 255 in the lungs.

    Raises one of `lungfuse.ingest.images.DECODE_ERRORS` when it is no image.
    """
    pixels, size = decode(path.read_bytes(), ImageSettings(image_px=segmenter.image_px, fit="stretch"))
    ((_, mask),) = segmenter.masks(pixels[None], settings)
    return np.asarray(Image.fromarray(mask.astype(np.uint8) * 255).resize(size, Image.Resampling.NEAREST))
