"""The files of segmenters, masks and variants."""

import os
from pathlib import Path

from lungfuse.datasets import MaskDataset, load_mask_dataset
from lungfuse.paths.ingest import IngestPaths
from lungfuse.paths.names import (
    DRAWN,
    MANIFEST,
    MASKS,
    PACKAGED,
    PACKAGED_SEGMENTER,
    RAW,
    SEGMENTER,
    TRAINED_SETTINGS,
    raw_files,
)
from lungfuse.settings.base import Images


class SegmentationPaths(IngestPaths):
    """The files of segmenters, masks and variants."""

    @property
    def annotated_raw(self) -> Path:
        return RAW / self.study.segmentation.annotated.raw

    @property
    def mask_files(self) -> list[Path]:
        if self.annotated_raw.name in DRAWN:
            return [self.annotated_raw / MANIFEST]
        return raw_files(self.annotated_raw, self._mask_dataset.MASK_FILES)

    @property
    def drawn_mask_folders(self) -> list[Path]:
        """The folders that a manifest stands for; their dates say nothing."""
        drawn = self.annotated_raw.name in DRAWN
        return [self.annotated_raw / name for name in self._mask_dataset.MASK_FILES] if drawn else []

    @property
    def _mask_dataset(self) -> MaskDataset:
        return load_mask_dataset(self.study.segmentation.annotated.dataset, self.study.table)

    @property
    def annotated_images(self) -> Path:
        return self._data("annotated") / "images.npy"

    @property
    def annotated_masks(self) -> Path:
        return self._data("annotated") / "masks.npy"

    @property
    def annotated_index(self) -> Path:
        return self._data("annotated") / "index.csv"

    @property
    def judged_index(self) -> list[Path]:
        """The index of the annotated images where images of the study are among them, and segmented by what has learned
        from them here; which the packaged segmenter has learned from, this index does not say."""
        own = self.study.raw == self.study.segmentation.annotated.raw
        trained = set(self.used_segmenters) - {PACKAGED_SEGMENTER}
        return [self.annotated_index] if own and trained else []

    @property
    def rejected_annotations(self) -> Path:
        return self._data("annotated") / "rejected.csv"

    def segmenter(self, name: str) -> Path:
        """The folder of a segmenter."""
        return Path(os.path.relpath(PACKAGED)) if name == PACKAGED_SEGMENTER else self.results / "segmenters" / name

    def segmenter_files(self, name: str) -> list[Path]:
        return [self.segmenter(name) / file for file in [SEGMENTER, TRAINED_SETTINGS]]

    @property
    def segmentation_table(self) -> Path:
        return self.results / "segmentation.csv"

    def masks(self, segmenter: str) -> Path:
        return self._data("masks") / segmenter / MASKS

    def mask_settings(self, segmenter: str) -> Path:
        """How the masks of a segmenter were made."""
        return self._data("masks") / segmenter / TRAINED_SETTINGS

    def mask_quality(self, segmenter: str) -> Path:
        return self.results / "masks" / f"{segmenter}.csv"

    @property
    def used_segmenters(self) -> list[str]:
        """The segmenters whose masks a variant needs."""
        found = map(self.study.segmenter_of, self.study.image_variants)
        return list(dict.fromkeys(filter(None, found)))

    def variant_files(self, images: Images) -> dict[str, list[Path]]:
        """What a variant of images is made from: the image array with its index, and masks where it needs them."""
        segmenter = self.study.segmenter_of(images)
        masks = {"masks": [self.masks(segmenter)]} if segmenter else {}
        return {"images": [self.array, self.index]} | masks

    @property
    def mask_files_shown(self) -> dict[str, list[Path]]:
        """The masks of the study with their quality, by segmenter."""
        masks = [self.masks(segmenter) for segmenter in self.used_segmenters]
        return {"masks": masks, "qualities": [self.mask_quality(segmenter) for segmenter in self.used_segmenters]}
