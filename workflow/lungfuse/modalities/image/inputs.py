"""The images of pairs in batches, and how they are changed at random in training."""

from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from lungfuse.files import read_array
from lungfuse.modalities.data_files import DataFiles, Source
from lungfuse.modalities.image import sources, variant_of
from lungfuse.modalities.image.variants import ABSENT, VariantImages, image_rows, variant_images
from lungfuse.modalities.several import together
from lungfuse.settings.training import AugmentSettings, TrainSettings
from lungfuse.tables.base import read_table
from lungfuse.tables.ingest import ImageIndex


@dataclass(frozen=True)
class ImageSource:
    """uint8 images, (image, height, width) or with colours at the end, and the row of each pair in them, or `ABSENT`.

    A batch holds `pixels`, (B, height, width) or (B, height, width, 3), and where pairs lack theirs `present`, (B,).
    """

    images: "np.ndarray | VariantImages | Stacked"
    rows: np.ndarray
    fitted: list[dict] = field(default_factory=list)

    @property
    def lengths(self) -> np.ndarray:
        return np.zeros(len(self.rows), int)

    def batch(self, positions: list[int]) -> dict[str, Tensor]:
        rows = self.rows[positions]
        present = rows != ABSENT
        pixels = np.asarray(self.images[np.where(present, rows, 0)])
        if present.all():
            return {"pixels": torch.from_numpy(pixels)}
        pixels = pixels * present.reshape(-1, *[1] * (pixels.ndim - 1)).astype(np.uint8)
        return {"pixels": torch.from_numpy(pixels), "present": torch.from_numpy(present)}

    def reordered(self, order: np.ndarray) -> "ImageSource":
        return replace(self, rows=self.rows[order])

    def dropped(self) -> "ImageSource":
        return replace(self, rows=np.full_like(self.rows, ABSENT))

    def fit(self, train_indices: np.ndarray) -> "ImageSource":
        return self


def read(data_files: DataFiles, choice: str) -> Source:
    """A variant of the images, in the order of the pairs; of several images a case a source each.

    Raises:
        UserError: the image array is shorter than its index, or lacks the image of a pair.
    """
    return together(_read_one(data_files, each) for each in sources(choice))


def _read_one(data_files: DataFiles, choice: str) -> ImageSource:
    rows = image_rows(data_files.pairs, read_table(data_files.index, ImageIndex), choice)
    images, masks = (path and read_array(path, rows.max() + 1) for path in [data_files.array, data_files.masks])
    return ImageSource(variant_images(variant_of(choice), images, masks), rows)


@dataclass(frozen=True)
class Stacked:
    """The images of two arrays, those of the second behind those of the first."""

    first: np.ndarray | VariantImages
    second: np.ndarray | VariantImages

    def __getitem__(self, rows: np.ndarray) -> np.ndarray:
        """uint8 (row, height, width), or with colours at the end."""
        found = [self.first[row] if row < len(self.first) else self.second[row - len(self.first)] for row in rows]
        return np.stack([np.asarray(image) for image in found])


def one_after_the_other(first: ImageSource, second: ImageSource) -> ImageSource:
    """The cases of two sources."""
    moved = np.where(second.rows == ABSENT, ABSENT, second.rows + len(first.images))
    return ImageSource(Stacked(first.images, second.images), np.concatenate([first.rows, moved]))


def augment(batch: dict[str, Tensor], settings: TrainSettings) -> dict[str, Tensor]:
    """Turn, move, scale and expose each image a little."""
    return batch | {"pixels": change(batch["pixels"], settings.augment)}


def change(pixels: Tensor, settings: AugmentSettings) -> Tensor:
    """Images changed at random.

    (B, height, width), or with colours at the end, uint8 or float in [0, 255], to float of the same shape and range.
    """
    count, device = len(pixels), pixels.device

    def uniform(limit: float) -> Tensor:
        return (torch.rand(count, device=device) * 2 - 1) * limit

    angle, scale = uniform(np.deg2rad(settings.rotation)), 1 + uniform(settings.scale)
    cos, sin = angle.cos() * scale, angle.sin() * scale
    x, y = uniform(settings.shift), uniform(settings.shift)
    affine = torch.stack([cos, -sin, x, sin, cos, y], dim=1).view(-1, 2, 3)
    grey = pixels.ndim == 3
    images = pixels[:, None].float() if grey else pixels.float().movedim(-1, 1)  # (B, channel, height, width)
    grid = functional.affine_grid(affine, list(images.shape), align_corners=False)
    # Bilinear sampling would blur what is learned from, but not what is predicted; and these networks see sharpness.
    images = functional.grid_sample(images, grid, mode="bicubic", align_corners=False).clamp(0, 255)
    mean = images.mean((1, 2, 3), keepdim=True)
    contrast, brightness = ((1 + uniform(settings.contrast)), uniform(settings.brightness))
    images = ((images - mean) * _of_image(contrast) + mean + _of_image(brightness)).clamp(0, 255)
    if settings.gamma:
        images = 255 * (images / 255) ** _of_image(uniform(settings.gamma).exp())
    return images[:, 0] if grey else images.movedim(1, -1)


def _of_image(values: Tensor) -> Tensor:
    return values.view(-1, 1, 1, 1)
