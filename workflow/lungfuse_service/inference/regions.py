"""The region of an image that its study has a segmenter for, such as the lungs, as outlines."""

import json
from contextlib import suppress
from pathlib import Path

import contourpy
import numpy as np
from django.conf import settings
from PIL import Image
from scipy.ndimage import gaussian_filter

from lungfuse.errors import UserError
from lungfuse.imaging.decode import unfit_square
from lungfuse.imaging.image_files import read_image
from lungfuse.plan.layout import Layout
from lungfuse.plan.names import PACKAGED, TRAINED_SETTINGS
from lungfuse.predict.segmenters import segmenter_in
from lungfuse.settings.ingest import ImageSettings
from lungfuse.settings.segmentation import PACKAGED_SEGMENTER, MaskSettings
from lungfuse_service.catalogue.models import Study

MASK = MaskSettings(threshold=0.5, components=2, margin=0.0)
REGION = "lungs"  # what all segmenters of the project have learned
LONGEST = 512  # pixels of the side of a mask whose outline is drawn
SOFTNESS = 0.006  # of its edge, as a share of that side: outlines are no finer than what the segmenter sees
SMALLEST = 0.02  # share of an image that two lungs have at least


def region_of(study: Study, image: Path) -> dict | None:
    """The outlines of the region in an image, lines of points (x, y) as shares of its width and height, and the share
    of the image within; None where the study has no segmenter, or it finds nothing.

    Raises:
        UserError: the segmenter is damaged, or the image cannot be read.
    """
    if not study.segmenter or not settings.REGIONS:
        return None
    mask = _mask(_folder(study), image)
    if mask.mean() < SMALLEST:
        return None
    height, width = mask.shape
    edges = gaussian_filter(np.pad(mask, 1).astype(np.float32), SOFTNESS * max(mask.shape))
    lines = contourpy.contour_generator(z=edges).lines(0.5)
    shares = [np.round((line - 0.5) / (width, height), 4).clip(0, 1).tolist() for line in lines]
    return {"name": REGION, "segmenter": study.segmenter, "lines": shares, "share": round(float(mask.mean()), 4)}


def start_segmenters() -> None:
    """Start the processes of all studies' segmenters; of one that is damaged the first job says so."""
    for study in Study.objects.exclude(segmenter="") if settings.REGIONS else []:
        with suppress(UserError):
            segmenter_in(_folder(study).resolve())


def _folder(study: Study) -> Path:
    own = settings.PROJECT / Layout(study.name).results / "segmenters" / study.segmenter
    return PACKAGED if study.segmenter == PACKAGED_SEGMENTER else own


def _mask(folder: Path, image: Path) -> np.ndarray:
    """Where the region is, bool (y, x), of the shape of the image."""
    known = json.loads((folder / TRAINED_SETTINGS).read_text(encoding="utf-8"))
    seen = ImageSettings(image_size=known["image_size"], fit=known["fit"])
    pixels, size = read_image(image, seen)
    (mask,) = segmenter_in(folder.resolve()).masks(pixels[None], MASK)
    smooth = Image.fromarray(mask.astype(np.uint8) * 255).resize((LONGEST, LONGEST), Image.Resampling.BICUBIC)
    scale = min(1.0, LONGEST / max(size))
    shown = tuple(max(1, round(side * scale)) for side in size)
    return np.asarray(unfit_square(smooth, shown, known["fit"])) > 127
