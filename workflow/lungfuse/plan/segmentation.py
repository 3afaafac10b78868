"""The jobs of segmenters and masks."""

from pathlib import Path

from lungfuse.datasets import image_files as image_files_of
from lungfuse.files import raw_files
from lungfuse.plan.ingest import IngestPlan
from lungfuse.plan.job import Files, Job, narrowed
from lungfuse.plan.layout import Layout
from lungfuse.plan.names import NOTES
from lungfuse.plan.resolve import segmenters_read, segmenters_used
from lungfuse.settings.comparison import Intervals
from lungfuse.settings.segmentation import PACKAGED_SEGMENTER


def image_files(layout: Layout, segmenter: str) -> Files:
    """What a kind of images is made from: the image array with its index, and masks where it needs them."""
    return layout.image_array | ({"masks": layout.masks(segmenter)["masks"]} if segmenter else {})


class SegmentationPlan(IngestPlan):
    """The jobs of segmenters and masks."""

    @property
    def trained_segmenters(self) -> list[str]:
        return list(self.study.segmentation.segmenters)

    @property
    def segmentation_table(self) -> Path:
        return self.layout.table("segmentation")

    @property
    def region_table(self) -> Path:
        return self.layout.table("regions")

    @property
    def segmenter_tables(self) -> list[Path]:
        """The scores of the segmenters that the study trains, if any."""
        return [self.segmentation_table, self.region_table] if self.trained_segmenters else []

    @property
    def segmenters(self) -> list[str]:
        """The segmenters that models name, or the packaged one."""
        return segmenters_read(self.study)

    @property
    def used_segmenters(self) -> list[str]:
        """The segmenters whose masks models need."""
        return segmenters_used(self.study)

    @property
    def held_out_index(self) -> list[Path]:
        """The index of the annotated images where images of the study are among them, and segmented by what has learned
        from them here; which the packaged segmenter has learned from, this index does not say."""
        own = self.study.raw == self.study.segmentation.annotated.raw
        trained = set(self.used_segmenters) - {PACKAGED_SEGMENTER}
        return [self.layout.annotated["annotated_index"]] if own and trained else []

    @property
    def raw_inputs(self) -> list[Path]:
        """The raw files that the study reads."""
        images = raw_files(self.raw, image_files_of(self.dataset, self.raw)) if self.has_images else []
        masks = self.mask_files if self.trained_segmenters else []
        return list(dict.fromkeys([*self.report_files, *images, *masks]))

    @property
    def raw_notes(self) -> list[Path]:
        """What somebody has written down of how raw files differ from the publisher's."""
        folders = [self.raw, *([self.annotated_raw] if self.trained_segmenters else [])]
        return [path for path in dict.fromkeys(folder / NOTES for folder in folders) if path.exists()]

    def segmenter_files(self, name: str) -> list[Path]:
        files = self.layout.segmenter(name)
        return [files["network"], files["settings"]]

    def segmenter(self, segmenter: str) -> Job:
        segmentation = self.study.segmentation
        settings = {"name": segmenter, "sites": segmentation.segmenters[segmenter], "unet": segmentation.unet}
        settings |= {"fit": segmentation.annotated.fit, "train": segmentation.train, "seed": self.study.seed}
        return Job("segmenter", self.layout.annotated, self.layout.segmenter(segmenter), settings)

    def segmentation_scores(self) -> Job:
        names, study = self.trained_segmenters, self.study
        return Job(
            "segmentation-scores",
            self.layout.annotated,
            {"segmentation_table": self.segmentation_table, "region_table": self.region_table},
            {"mask": study.segmentation.mask, "region": study.segmentation.region}
            | {"intervals": narrowed(Intervals, study.comparison), "seed": study.seed},
            {"segmenters": [self.layout.segmenter_folder(name) for name in names]},
            reads={"segmenter_files": [file for name in names for file in self.segmenter_files(name)]},
        )

    def masks(self, segmenter: str) -> Job:
        segmentation = self.study.segmentation
        return Job(
            "masks",
            self.layout.image_array,
            self.layout.masks(segmenter),
            {"mask": segmentation.mask, "suspicious": segmentation.suspicious},
            {"segmenter": self.layout.segmenter_folder(segmenter)},
            reads={"segmenter_files": self.segmenter_files(segmenter)},
        )
