"""Everything that a study consists of."""

import os
from pathlib import Path

from lungfuse import registry
from lungfuse.datasets import dataset_module
from lungfuse.encoders import encoder_modules
from lungfuse.plan.analyses import AnalysisPlan
from lungfuse.plan.comparison import MODALITIES
from lungfuse.plan.job import Files, Job
from lungfuse.plan.report_items import SECTIONS, ReportItem, ReportPart

PAGES, MASKS = "lungfuse.report.pages", "lungfuse.report.masks"
DOCUMENT = Path(os.path.relpath(registry.file_of("lungfuse.report.document").parent))
TEMPLATES = sorted(path for suffix in ["css", "csv", "html", "js"] for path in DOCUMENT.rglob(f"*.{suffix}"))
OF_MODEL_CARD = ["per_label", "ablations", "sites"]  # the analyses whose tables it shows


class Plan(AnalysisPlan):
    """Everything that a study consists of: its models, its files, and its jobs by the names of their stages."""

    def draw_masks(self, segmenter: str) -> Job:
        masks = self.layout.masks(segmenter)
        return Job(
            "draw-masks",
            self.layout.image_array | {name: masks[name] for name in ["masks", "quality"]},
            {"figure": self.layout.figure(f"masks_{segmenter}")},
            self.heading,
        )

    @property
    def pages_shown(self) -> dict[str, ReportItem]:
        """The pages of the report, and the place of each, but those of analyses."""
        pages = registry.declared_by(PAGES)["PAGES"].items()
        return {name: ReportItem(*place) for name, place in pages if name != "segmentation" or self.trained_segmenters}

    def pages(self) -> Job:
        layout, cards = self.layout, {name: self.layout.results / f"{name}.md" for name in ["data_card", "model_card"]}
        inputs: Files = {name: layout.table(name) for name in ["funnel", "rejected"]}
        inputs |= {"comparison_table": self.comparison_table, "comparison_page": layout.comparison_page}
        inputs |= {"check_page": layout.data_check["check_page"]}
        inputs |= {"segmentation_table": self.segmentation_table if self.trained_segmenters else []}
        inputs |= {f"{name}_table": layout.table(name) for name in OF_MODEL_CARD if name in self.analyses}
        encoders = [module for name in self.encoders for module in encoder_modules(name)]
        inputs |= {"pretrained": [layout.pretrained(name)["settings"] for name in self.pretrainings]}
        return Job(
            "pages",
            inputs | {"tokenizer": self.tokenizer} | self.structured,
            cards,
            self.results | {"settings": self.study},
            {"logs": layout.logs, "pages": layout.pages},
            (dataset_module(self.study.dataset), self.task, *MODALITIES, *encoders),
            self.predicted,
            {f"{name}_page": layout.page(name) for name in self.pages_shown},
        )

    @property
    def tokenizer(self) -> Path | list[Path]:
        """That of the study's text encoder, where a network reads text with it."""
        name = self.study.encoders.text
        read = any(config.train and config.encoders.get("text") == name for config in self.configs.values())
        return self.layout.encoder(name, "text")["tokenizer"] if read else []

    def masks_item(self, segmenter: str) -> ReportItem:
        """Where the masks of a segmenter appear in the report."""
        return ReportItem(*registry.declared_by(MASKS)["MASKS"]).of(segmenter)

    def quality_item(self, segmenter: str) -> ReportItem:
        """Where the quality of the masks of a segmenter appears in the report."""
        return ReportItem(*registry.declared_by(MASKS)["QUALITY"]).of(segmenter)

    def is_table(self, page: Path) -> bool:
        """Whether a page of the report is a table of the study."""
        return page.stem in ["comparison", "regions", "segmentation"] or page.stem not in self.pages_shown

    @property
    def shown(self) -> list[Path]:
        """What the report shows."""
        layout = self.layout
        made = [path for name, spec in self.analyses.items() for path in layout.analysis(name, spec.kind).values()]
        figures = [f"explanation_{model}" for model in self.explained]
        figures += [f"masks_{name}" for name in self.used_segmenters]
        qualities = [layout.masks(name)["quality"] for name in self.used_segmenters]
        pages = [layout.page(name) for name in self.pages_shown]
        tables = [self.comparison_table, *self.segmenter_tables]
        return [*made, *map(layout.figure, figures), *pages, *tables, *qualities]

    @property
    def report_parts(self) -> list[ReportPart]:
        """The parts of the report, in their order."""
        layout = self.layout
        tables = {path.stem: path for path in [self.comparison_table, *self.segmenter_tables]}
        pages = {"data_check": layout.data_check["check_page"]} | self.pages().outputs
        found = {name: ReportPart(name, item, page=pages.get(name)) for name, item in self.pages_shown.items()}
        for name, spec in self.analyses.items():
            files = layout.analysis(name, spec.kind)
            found[name] = ReportPart(name, spec.item, files.get("figure"), files.get("table", tables.get(name)))
        pictured = self.study.share == "all"
        for name in map("explanation_{}".format, self.explained) if pictured else []:
            item = self.explanation_of(name.removeprefix("explanation_"))
            found[name] = ReportPart(name, item, layout.figure(name))
        for name in self.used_segmenters if pictured else []:
            quality = layout.masks(name)["quality"]
            found[f"masks_{name}"] = ReportPart(
                f"masks_{name}", self.masks_item(name), layout.figure(f"masks_{name}"), quality
            )
        return sorted(found.values(), key=lambda part: part.item.place)

    def document(self) -> Job:
        """The report: one page of HTML."""
        parts = self.report_parts
        shown = {name: self.layout.table(name) for name in ["funnel", "check"]}
        return Job(
            "document",
            shown | {"comparison": self.comparison_table, "models": list(map(self.layout.model, self.configs))},
            {"document": self.layout.report},
            self.heading | {"settings": self.study, "parts": parts},
            {"logs": self.layout.logs, "provenance": self.layout.workflow_report.name},
            (dataset_module(self.study.dataset), self.task),
            {"shown": [path for part in parts for path in part.files], "templates": TEMPLATES},
        )

    def heading_of(self, item: ReportItem) -> str:
        """The section of an item with its number among those that this study has."""
        items = [*(spec.item for spec in self.analyses.values()), *self.pages_shown.values()]
        items += [self.explanation_item] if self.explained else []
        items += map(self.masks_item, self.used_segmenters)
        sections = {each.section for each in items}
        number = 1 + [name for name in SECTIONS if name in sections].index(item.section)
        return f"{number:02d} {item.section}"  # the viewer sorts them as text
