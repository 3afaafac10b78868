"""Segment images by hand: the lungs in X-rays, or what another segmenter has learned."""

from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image
from pydantic import ValidationError

from lungfuse.errors import UserError
from lungfuse.files import atomic_write, check_writable
from lungfuse.imaging.decode import unfit_square
from lungfuse.imaging.image_files import UnreadableImageError, check_image, images_in, read_image, refuse
from lungfuse.plan.names import PACKAGED
from lungfuse.segment.segmenter import Segmenter, load_segmenter
from lungfuse.settings.ingest import ImageSettings
from lungfuse.settings.segmentation import MaskSettings

MASK = MaskSettings(threshold=0.5, components=2, margin=0.0)


def main(
    *,
    image: Path,
    out: Path,
    segmenter: Path = PACKAGED,
    components: int = MASK.components,
    margin: float = MASK.margin,
) -> None:
    """Write the mask of an image, or of each in a folder: 255 in the lungs, 0 elsewhere, of the image's size.

    Parameters
    ----------
    image
        An X-ray, or what else the segmenter has learned from, or a folder of them.
    out
        Output: a .png file, or a folder for files of the images' names; never what is read.
    segmenter
        Folder of a trained segmenter; that of the package, which finds lungs, when not given.
    components
        How many parts a mask keeps, the largest ones: two lungs, but one lesion.
    margin
        How far a mask is widened, as a share of the image's side.
    """
    try:
        settings = MaskSettings.model_validate(MASK.model_dump() | {"components": components, "margin": margin})
    except ValidationError as error:
        wrong = error.errors()[0]
        raise UserError(f"--{wrong['loc'][0]}: found {wrong['input']:g}. {wrong['msg']}.") from error
    masks = mask_files(image, out)
    network = load_segmenter(segmenter)
    bad, empty = [], []
    for path, mask_file in masks.items():
        try:
            mask = segment_file(path, network, settings)
        except UnreadableImageError as problem:
            bad.append(problem)
            continue
        if not mask.any():
            empty.append(path)
        with atomic_write(mask_file, "wb") as stream:
            Image.fromarray(mask).save(stream, "png")
    if empty:
        print(f"nothing found in {len(empty):,} of {len(masks):,} images, {empty[0]} first: their masks are black")
    refuse(bad)


def mask_files(image: Path, out: Path) -> dict[Path, Path]:
    """The file of the mask of each X-ray, by that of the X-ray.

    Raises:
        UserError: there is no X-ray, or a mask would take the place of one or of another mask, or cannot be written.
    """
    if image.is_dir():
        images = images_in(image)
        if out.exists() and not out.is_dir():
            raise UserError(f"{out}: is a file, expected a folder for the masks of the images in {image}.")
        masks = {path: out / f"{path.stem}.png" for path in images}
    else:
        check_image(image)
        masks = {image: out / f"{image.stem}.png" if out.is_dir() else out}
        if masks[image].suffix.lower() != ".png":
            raise UserError(f"{out}: found a name that ends in {out.suffix!r}, expected .png.")
    mask, times = Counter(masks.values()).most_common(1)[0]
    if times > 1:
        same = " and ".join(str(path) for path in masks if masks[path] == mask)
        raise UserError(f"{mask}: would be the mask of {same}. Rename one of them, or segment them one by one.")
    read = {path.resolve() for path in masks}
    for mask in masks.values():
        if mask.resolve() in read:
            raise UserError(f"{mask}: is an X-ray that is read. Name another file or folder for the masks.")
    check_writable(mask)
    return masks


def segment_file(path: Path, segmenter: Segmenter, settings: MaskSettings) -> np.ndarray:
    """The lung mask of an image file: uint8 (height, width) of the image's own size, 255 in the lungs.

    Of an image that is no square, the segmenter sees what it saw in training; what that cuts off is not segmented.

    Raises:
        UnreadableImageError: it is no image.
    """
    pixels, size = read_image(path, ImageSettings(image_size=segmenter.image_size, fit=segmenter.fit))
    ((_, mask),) = segmenter.masks(pixels[None], settings)
    return np.asarray(unfit_square(Image.fromarray(mask.astype(np.uint8) * 255), size, segmenter.fit))
