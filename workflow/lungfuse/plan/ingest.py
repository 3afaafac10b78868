"""The jobs from raw files to pairs."""

from functools import cached_property
from pathlib import Path
from typing import Any

from lungfuse import registry
from lungfuse.added_cases import KEPT, with_added
from lungfuse.datasets import (
    Dataset,
    audit_columns_of,
    dataset_module,
    image_files,
    load_dataset,
    load_mask_dataset,
    report_files,
)
from lungfuse.datasets.table import sections_of
from lungfuse.files import raw_files
from lungfuse.plan.job import Job, narrowed
from lungfuse.plan.layout import Layout
from lungfuse.plan.names import MANIFEST, RAW, SYNTHETIC
from lungfuse.plan.resolve import choices_read
from lungfuse.settings.base import UNKNOWN
from lungfuse.settings.check import CheckLimits
from lungfuse.settings.ingest import SplitSettings
from lungfuse.settings.study import Study
from lungfuse.settings.table import TableSettings, TableSource
from lungfuse.tasks import task_module, task_spec

FINDINGS = "lungfuse.check.findings"


class IngestPlan:
    """The jobs of the study `name` that lead from raw files to pairs, and what they are about."""

    def __init__(self, name: str, study: Study):
        self.name, self.study, self.layout = name, study, Layout(name)

    @property
    def raw(self) -> Path:
        return RAW / self.study.raw

    @cached_property
    def dataset(self) -> Dataset:
        """What reads the raw files."""
        return with_added(load_dataset(self.study.dataset, self.study.table), self.study.added)

    @property
    def task(self) -> str:
        """The module of the task."""
        return task_module(self.study.task)

    @property
    def two_classes(self) -> bool:
        return task_spec(self.study.task).two_classes

    @property
    def classes(self) -> bool:
        """Whether pairs are of classes or have labels, and are not asked for a number."""
        return task_spec(self.study.task).classes

    @property
    def exclusive(self) -> bool:
        """Whether a pair is of one class."""
        return task_spec(self.study.task).exclusive

    @property
    def has_images(self) -> bool:
        return "image" in self.study.modalities

    @property
    def has_columns(self) -> bool:
        return "structured" in self.study.modalities

    @property
    def report_files(self) -> list[Path]:
        return raw_files(self.raw, report_files(self.dataset, self.raw, self.has_columns))

    @property
    def question(self) -> dict[str, Any]:
        """What the study asks of a pair."""
        return {"task": self.study.task, "labels": self.study.labels}

    @property
    def heading(self) -> dict[str, str]:
        """What stands above tables and figures."""
        return {"title": self.name, "notice": ". ".join(filter(None, [self.study.notice, of_groups(self.study.split)]))}

    @property
    def data(self) -> dict[str, Any]:
        """The raw files, and what reads them."""
        added = {"added": self.study.added} if self.study.added else {}
        return {"dataset": self.study.dataset, "table": self._table_read, "raw": self.raw} | added

    @property
    def _table_read(self) -> TableSettings | None:
        """What decides how a table is read."""
        return as_read(with_split(self.study.table, self.study.split)) if self.study.table else None

    def download(self, file: str) -> Job:
        place = RAW / self.study.dataset / file
        return Job("download", outputs={"file": place}, settings={"dataset": self.study.dataset})

    def draw(self) -> Job:
        demo, masks = RAW / "demo", RAW / "demo-masks"
        outputs = {"reports_archive": demo / "NLMCXR_reports.tgz", "images_archive": demo / "NLMCXR_png.tgz"}
        outputs |= {"projections": demo / "indiana_projections.csv", "patients": demo / "patients.csv"}
        outputs |= {"evidence_table": demo / "evidence.csv", "evidence_archive": demo / "evidence.tgz"}
        return Job("draw", outputs=outputs, options={"lung_masks": masks})

    def reports(self) -> Job:
        outputs = self.layout.reports
        if audit_columns_of(self.dataset):
            outputs |= {"audited": self.layout.audited}
        return Job(
            "reports",
            reads={"files": self.report_files},
            outputs=outputs,
            settings=self.data,
            parts=(dataset_module(self.study.dataset),),
        )

    def images(self) -> Job:
        return Job(
            "images",
            inputs={"views": self.layout.reports["views"]},
            reads={"files": raw_files(self.raw, image_files(self.dataset, self.raw))},
            outputs=self.layout.images,
            settings=self.data | {"view": self.study.view, "images": self.study.images},
            parts=(dataset_module(self.study.dataset),),
        )

    def filter(self) -> Job:
        reports, images, study = self.layout.reports, self.layout.images, self.study
        inputs = {name: reports[name] for name in ["reports", "views", "values"]}
        rejected = [reports["rejected_reports"], *([images["rejected_images"]] if self.has_images else [])]
        inputs |= {"index": images["index"] if self.has_images else [], "rejected_inputs": rejected}
        inputs |= {"array": images["array"]} if "image" in study.filter.group_by else {}
        settings = {name: getattr(study, name) for name in ["task", "modalities", "view", "filter", "seed"]}
        return Job("filter", inputs, self.layout.candidates, settings, parts=(self.task,))

    def data_check(self) -> Job:
        study, reports = self.study, self.layout.reports
        inputs = self.layout.candidates | {key: path for key, path in reports.items() if key != "rejected_reports"}
        settings = {
            "task": study.task,
            "filter": study.filter,
            "reads": choices_read(study),
            "folds": study.split.folds,
        }
        return Job(
            "data-check",
            inputs | (self.layout.image_array if self.has_images else {}),
            self.layout.data_check,
            self.heading | settings | {"limits": narrowed(CheckLimits, study.check)},
            parts=(self.task, *finding_modules()),
        )

    def split(self) -> Job:
        study, layout = self.study, self.layout
        inputs = layout.candidates | {name: layout.reports[name] for name in ["values", "value_columns"]}
        settings = {name: getattr(study, name) for name in ["modalities", "split", "seed", "rejected_share"]}
        settings |= self.question | {"label_columns": label_columns(study), "allow": study.check.allow}
        kept = {key: self.raw / study.added / name for key, name in KEPT.items()} if study.added else {}
        return Job(
            "split",
            inputs | kept | {"findings": layout.data_check["findings"]},
            layout.split | (layout.structured if self.has_columns else {}),
            settings,
            parts=(self.task,),
        )

    def annotated(self) -> Job:
        study, annotated = self.study, self.study.segmentation.annotated
        mapped = annotated.dataset == "table"
        return Job(
            "annotated",
            reads={"files": self.mask_files},
            outputs=self.layout.annotated | {"rejected_annotations": self.layout.rejected_annotations},
            settings={"annotated": annotated, "table": self._table_read if mapped else None}
            | {"annotated_raw": self.annotated_raw, "seed": study.seed, "rejected_share": study.rejected_share},
            parts=(dataset_module(annotated.dataset),),
        )

    @property
    def annotated_raw(self) -> Path:
        return RAW / self.study.segmentation.annotated.raw

    @property
    def mask_files(self) -> list[Path]:
        synthetic = self.annotated_raw.name in SYNTHETIC
        return [self.annotated_raw / MANIFEST] if synthetic else raw_files(self.annotated_raw, self._mask_folders)

    @property
    def synthetic_mask_folders(self) -> list[Path]:
        """The folders that a manifest stands for; their dates say nothing."""
        synthetic = self.annotated_raw.name in SYNTHETIC
        return [self.annotated_raw / name for name in self._mask_folders] if synthetic else []

    @property
    def _mask_folders(self) -> list[str]:
        return load_mask_dataset(self.study.segmentation.annotated.dataset, self.study.table).MASK_FILES


def finding_modules() -> list[str]:
    """The modules of the data check, which finds them by name."""
    return [registry.module_of(FINDINGS, name) for name in registry.names(FINDINGS)]


def label_columns(study: Study) -> list[str]:
    """The structured columns that the labels are read from; no model reads them."""
    return list(dict.fromkeys(rule.column for rule in study.filter.labels if rule.column))


def of_groups(split: SplitSettings) -> str:
    """What all tables and figures say of a split that may have groups on both sides."""
    return "" if split.groups == "refused" else "By a given split, which may have a patient in training and test"


def with_split(table: TableSettings, split: SplitSettings) -> TableSettings:
    """A mapping with the column that the study's split is read from."""
    return table.model_copy(update={"own_split": split.heading})


def as_read(table: TableSettings) -> TableSettings:
    """A mapping without what the report alone says, so that it makes nothing run again: the notes on the source, and
    when inputs are known."""
    undated = {"known": UNKNOWN}
    texts = {name: text.model_copy(update=undated) for name, text in sections_of(table).items()}
    columns = {name: column.model_copy(update=undated) for name, column in table.columns.items()}
    source = TableSource(name=table.source.name)
    return table.model_copy(update={"texts": texts, "columns": columns, "source": source})
