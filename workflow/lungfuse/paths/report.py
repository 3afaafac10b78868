"""What the report shows."""

from pathlib import Path

from lungfuse.paths.comparison import ComparisonPaths


class ReportPaths(ComparisonPaths):
    """What the report shows."""

    @property
    def figures(self) -> Path:
        return self.results / "figures"

    def figure(self, name: str) -> Path:
        return self.figures / f"{name}.svg"

    @property
    def table_figures(self) -> list[str]:
        """The names of the figures that are drawn from tables."""
        read = any(row.inputs for row in self.study.models.values())
        curves = ["roc_calibration"] if read and self.study.asks.two_classes else []
        confusion = ["confusion"] if self.study.asks.exclusive else []
        histories = ["curves"] if self.histories else []
        tables = [name for name in self.table_names if name != self.calibration_table.stem]
        return ["funnel", "distributions", "comparison", *curves, *confusion, *tables, *histories]

    @property
    def picture_figures(self) -> list[str]:
        """The names of the figures that show images of the study."""
        if "image" not in self.study.modalities:
            return []
        rows = [row for row in self.study.models.values() if not row.ablation]
        read = [{modality for part in rows if part.is_part_of(row) for modality in part.inputs} for row in rows]
        fused = any(len(row.inputs) > 1 and found == set(row.inputs) for row, found in zip(rows, read, strict=True))
        return ["examples", *(["disagreements"] if fused else []), *(f"masks_{name}" for name in self.used_segmenters)]

    @property
    def data_card(self) -> Path:
        return self.results / "data_card.md"

    @property
    def model_card(self) -> Path:
        return self.results / "model_card.md"

    @property
    def pages(self) -> Path:
        """The folder of what the report shows as text."""
        return self.results / "pages"

    @property
    def page_names(self) -> list[str]:
        return ["data_check", "data_card", "model_card", "comparison", *self.table_names, "settings", "run_times"]

    def page(self, name: str) -> Path:
        return self.pages / f"{name}.html"

    @property
    def shown(self) -> list[Path]:
        """What the report shows."""
        attention = [f"attention_{row}" for row in self.attention_rows]
        figures = [*map(self.figure, [*self.table_figures, *self.picture_figures, *attention])]
        tables = [self.comparison_table, *self.tables, *self.mask_files_shown["qualities"]]
        return [*figures, *map(self.page, self.page_names), *tables]

    @property
    def report(self) -> Path:
        return self.results / "report.html"
