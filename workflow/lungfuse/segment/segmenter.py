"""Trained segmenters: their files, and what they see in images, such as lungs."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from pydantic import ValidationError

from lungfuse.errors import UserError
from lungfuse.plan.names import PACKAGED, SEGMENTER, TRAINED_SETTINGS
from lungfuse.segment.clean import clean
from lungfuse.segment.keras_engine import dtype_of
from lungfuse.segment.unet import build_unet
from lungfuse.settings.base import Precision
from lungfuse.settings.ingest import Fit
from lungfuse.settings.segmentation import PACKAGED_SEGMENTER, MaskSettings, UNetSettings

BATCH = 16
LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)  # of ITU-R BT.601, as Pillow has it


@dataclass(frozen=True)
class Segmenter:
    """A U-Net that was trained on images of `image_size`, which became squares by `fit`."""

    network: keras.Model
    image_size: int
    fit: Fit

    def probabilities(self, images: np.ndarray) -> Iterator[np.ndarray]:
        """The probability of lung, or what else was marked, at each pixel: float32 (height, width) of image by image.

        The images are uint8 (image, height, width), or with colours at the end, of which the luminance is read.
        Images of another size than that of the training are resized to it, and the probabilities back. Memory use does
        not grow with the number of images.
        """
        for start in range(0, len(images), BATCH):
            batch = grey(np.asarray(images[start : start + BATCH]))[..., None].astype(np.float32) / 255
            seen = self.network.predict_on_batch(resized(batch, self.image_size))
            yield from resized(seen, batch.shape[1])[..., 0]

    def masks(self, images: np.ndarray, settings: MaskSettings) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Each image's probabilities and its clean mask, bool of the same shape."""
        for probability in self.probabilities(images):
            yield probability, clean(probability, settings)


def grey(images: np.ndarray) -> np.ndarray:
    """Images (B, y, x), grey already or in colour with an axis of red, green and blue at the end, as luminance."""
    return images if images.ndim == 3 else images @ LUMINANCE


def resized(images: np.ndarray, px: int) -> np.ndarray:
    """Square images (B, y, x, 1) at another size."""
    if images.shape[1] == px:
        return images
    return keras.ops.convert_to_numpy(keras.ops.image.resize(images, (px, px), "bilinear", antialias=True))


def load_segmenter(folder: Path, precision: Precision = "auto") -> Segmenter:
    """The segmenter in a folder that the stage `segmenter` made; the word packaged stands for that of the package.

    Raises:
        UserError: the folder holds none, or a damaged one.
    """
    if str(folder) == PACKAGED_SEGMENTER:
        folder = PACKAGED
    path = folder / TRAINED_SETTINGS
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
        fit = settings["fit"]
        network = build_unet(settings["image_size"], UNetSettings.model_validate(settings["unet"]), dtype_of(precision))
    except (FileNotFoundError, NotADirectoryError, KeyError, TypeError) as error:
        found = "not found" if isinstance(error, OSError) else "is none of a segmenter"
        raise UserError(
            f"{path}: {found}. Expected the folder of a trained segmenter, such as "
            "results/demo/segmenters/unet-shenzhen, or the word packaged."
        ) from error
    except (OSError, ValidationError, ValueError) as error:
        raise UserError(f"{path}: cannot be used ({error}). Copy the folder anew, or train it again.") from error
    weights = folder / SEGMENTER
    try:
        network.load_weights(weights)
    except Exception as error:  # Keras raises what it meets: of the zip file, of HDF5, of shapes
        found = "cannot be loaded" if weights.is_file() else "not found"
        reason = next(iter(str(error).splitlines()), "")
        raise UserError(
            f"{weights}: {found} ({reason}). Expected the weights of the U-Net that {TRAINED_SETTINGS} beside it "
            "describes: copy the folder anew, or train the segmenter again."
        ) from error
    if not all(np.isfinite(weight).all() for weight in network.get_weights()):
        raise UserError(
            f"{weights}: holds values that are not finite (NaN or infinity): the training went astray, or the file is "
            "damaged. Copy it anew, or train the segmenter again."
        )
    return Segmenter(network, settings["image_size"], fit)
