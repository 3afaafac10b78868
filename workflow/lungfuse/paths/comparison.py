"""The tables that say how good the rows are."""

from pathlib import Path

from lungfuse.compare.contrasts import contrasts, fused_inputs
from lungfuse.paths.cnns import CNNPaths
from lungfuse.settings.rows import Row


class ComparisonPaths(CNNPaths):
    """The tables that say how good the rows are."""

    @property
    def calibration_table(self) -> Path:
        return self.results / "calibration.csv"

    @property
    def per_label_table(self) -> Path:
        return self.results / "per_label.csv"

    @property
    def missing_table(self) -> Path:
        return self.results / "missing.csv"

    @property
    def verdict_table(self) -> Path:
        return self.results / "verdict.csv"

    @property
    def more_scores(self) -> dict[str, Path]:
        """The tables that the comparison makes for some studies alone."""
        several = not self.study.asks.two_classes
        lacking = any(self._may_lack(row) for row in self.study.models.values() if not row.ablation)
        fuses = bool(fused_inputs(list(self.study.models.values())))
        wanted = {"verdict_table": fuses, "per_label_table": several, "missing_table": lacking}
        return {name: getattr(self, name) for name, condition in wanted.items() if condition}

    def _may_lack(self, row: Row) -> bool:
        """Whether a pair may lack what a row reads: filters see to the required modalities and the first section."""
        required = {"image", "text"} if self.study.filter.required is None else set(self.study.filter.required)
        other_section = bool(row.text) and row.text != self.study.filter.text_fields[0]
        return other_section or "structured" in row.inputs or not set(row.inputs) <= required

    @property
    def ablations_table(self) -> Path:
        return self.results / "ablations.csv"

    @property
    def leakage_table(self) -> Path:
        return self.results / "leakage.csv"

    @property
    def words_table(self) -> Path:
        return self.results / "words.csv"

    @property
    def shortcuts_table(self) -> Path:
        return self.results / "shortcuts.csv"

    @property
    def sites_table(self) -> Path:
        return self.results / "sites.csv"

    @property
    def comparison_table(self) -> Path:
        return self.results / "comparison.csv"

    @property
    def comparison_page(self) -> Path:
        return self.results / "comparison.md"

    @property
    def metrics(self) -> Path:
        return self.results / "metrics.json"

    @property
    def tables(self) -> list[Path]:
        """The tables that the study's settings ask for, besides those that every study has."""
        wanted = [
            (self.ablations_table, contrasts(list(self.study.models.values()))),
            (self.calibration_table, any(row.inputs for row in self.study.models.values())),
            (self.segmentation_table, self.study.segmentation.segmenters),
            (self.cnn_table, self.study.cnns.networks),
            (self.leakage_table, self.study.leakage.sections),
            (self.words_table, self.study.leakage.sections),
            (self.shortcuts_table, self.study.leakage.sections),
            (self.sites_table, self._dataset.SITES),
        ]
        return [*(table for table, condition in wanted if condition), *self.more_scores.values()]

    @property
    def table_names(self) -> list[str]:
        return [table.stem for table in self.tables]
