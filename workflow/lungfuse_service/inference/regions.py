"""The region of an image that its study has a segmenter for, such as the lungs or a lesion: outlines and boxes."""

import json
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

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
from lungfuse.segment.boxes import boxes_of
from lungfuse.settings.ingest import ImageSettings
from lungfuse.settings.segmentation import PACKAGED_SEGMENTER, MaskSettings
from lungfuse.tables.base import read_table
from lungfuse.tables.regions import Regions
from lungfuse_service.catalogue.models import Study

LONGEST = 512  # pixels of the side of a mask whose outline is drawn
SOFTNESS = 0.006  # of its edge, as a share of that side: outlines are no finer than what the segmenter sees
SMALLEST = 0.01  # share of an image that each component has at least, on average


class Marked(NamedTuple):
    """What a segmenter marks, and of how many components at most."""

    region: str
    components: int

    @property
    def settings(self) -> MaskSettings:
        return MaskSettings(threshold=0.5, components=self.components, margin=0.0)


LUNGS = Marked("lungs", 2)  # of the packaged segmenter


def region_of(study: Study, image: Path) -> dict | None:
    """The region in an image: outlines, lines of points (x, y), and boxes (left, top, width, height) of its components,
    both as shares of the image's width and height, and the share of the image within; None where the study has no
    segmenter, or it finds nothing.

    Raises:
        UserError: the segmenter is damaged, or the image cannot be read.
    """
    if not study.segmenter or not settings.REGIONS:
        return None
    marked = _marked(study)
    mask = _mask(_folder(study), image, marked.settings)
    if mask.mean() < SMALLEST * marked.components:
        return None
    height, width = mask.shape
    edges = gaussian_filter(np.pad(mask, 1).astype(np.float32), SOFTNESS * max(mask.shape))
    lines = contourpy.contour_generator(z=edges).lines(0.5)
    shares = [np.round((line - 0.5) / (width, height), 4).clip(0, 1).tolist() for line in lines]
    boxes = np.round(boxes_of(mask) / (width, height, width, height), 4).tolist()
    share = round(float(mask.mean()), 4)
    return {"name": marked.region, "segmenter": study.segmenter, "lines": shares, "boxes": boxes, "share": share}


def start_segmenters() -> None:
    """Start the processes of all studies' segmenters; of one that is damaged the first job says so."""
    for study in Study.objects.exclude(segmenter="") if settings.REGIONS else []:
        with suppress(UserError):
            segmenter_in(_folder(study).resolve())


def _marked(study: Study) -> Marked:
    table = settings.PROJECT / Layout(study.name).table("regions")
    if study.segmenter == PACKAGED_SEGMENTER or not table.exists():
        return LUNGS
    rows = read_table(table, Regions)  # one a source of its images
    known = rows.loc[rows["segmenter"] == study.segmenter, ["region", "components"]]
    return Marked(**known.iloc[0].to_dict()) if len(known) else LUNGS


def _folder(study: Study) -> Path:
    own = settings.PROJECT / Layout(study.name).results / "segmenters" / study.segmenter
    return PACKAGED if study.segmenter == PACKAGED_SEGMENTER else own


def _mask(folder: Path, image: Path, how: MaskSettings) -> np.ndarray:
    """Where the region is, bool (y, x), of the shape of the image."""
    known = json.loads((folder / TRAINED_SETTINGS).read_text(encoding="utf-8"))
    seen = ImageSettings(image_size=known["image_size"], fit=known["fit"])
    pixels, size = read_image(image, seen)
    (mask,) = segmenter_in(folder.resolve()).masks(pixels[None], how)
    smooth = Image.fromarray(mask.astype(np.uint8) * 255).resize((LONGEST, LONGEST), Image.Resampling.BICUBIC)
    scale = min(1.0, LONGEST / max(size))
    shown = tuple(max(1, round(side * scale)) for side in size)
    return np.asarray(unfit_square(smooth, shown, known["fit"])) > 127
