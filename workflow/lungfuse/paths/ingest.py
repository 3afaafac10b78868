"""The files from raw data to pairs."""

from pathlib import Path

from lungfuse.datasets import Dataset, audit_columns_of, image_files, load_dataset, report_files
from lungfuse.paths.base import StudyPaths
from lungfuse.paths.names import RAW, raw_files


class IngestPaths(StudyPaths):
    """The files from raw data to pairs."""

    @property
    def raw(self) -> Path:
        return RAW / self.study.raw

    @property
    def _dataset(self) -> Dataset:
        """What reads the raw files."""
        return load_dataset(self.study.dataset, self.study.table)

    @property
    def report_files(self) -> list[Path]:
        return raw_files(self.raw, report_files(self._dataset, self.raw, "structured" in self.study.modalities))

    @property
    def image_files(self) -> list[Path]:
        return raw_files(self.raw, image_files(self._dataset, self.raw))

    @property
    def reports(self) -> Path:
        return self._data("reports") / "reports.csv"

    @property
    def views(self) -> Path:
        return self._data("reports") / "views.csv"

    @property
    def values(self) -> Path:
        """The structured values of each report."""
        return self._data("reports") / "values.csv"

    @property
    def value_columns(self) -> Path:
        """The structured columns of the dataset."""
        return self._data("reports") / "columns.csv"

    @property
    def audited(self) -> list[Path]:
        """The values of those columns that no model may read, where the dataset has some."""
        has = audit_columns_of(self._dataset)
        return [self._data("reports") / "audited.csv"] if has else []

    @property
    def rejected_reports(self) -> Path:
        return self._data("reports") / "rejected.csv"

    @property
    def array(self) -> Path:
        return self._data("images") / "images.npy"

    @property
    def index(self) -> Path:
        return self._data("images") / "index.csv"

    @property
    def rejected_images(self) -> Path:
        return self._data("images") / "rejected.csv"

    @property
    def rejected_inputs(self) -> list[Path]:
        return [self.rejected_reports, *([self.rejected_images] if "image" in self.study.modalities else [])]

    @property
    def candidates(self) -> Path:
        return self._data("pairs") / "candidates.csv"

    @property
    def funnel(self) -> Path:
        return self.results / "funnel.csv"

    @property
    def rejected(self) -> Path:
        return self.results / "rejected.csv"

    @property
    def findings(self) -> Path:
        """What is odd about the cases, severest first."""
        return self.results / "check.csv"

    @property
    def check_scores(self) -> Path:
        """What tells the label by itself."""
        return self.results / "check_scores.csv"

    @property
    def check_cases(self) -> Path:
        """The cases behind findings."""
        return self.results / "check_cases.csv"

    @property
    def check_page(self) -> Path:
        return self.results / "data_check.md"

    @property
    def checked_images(self) -> dict[str, list[Path]]:
        """The images that are checked; none where a study has none."""
        has = "image" in self.study.modalities
        return {"array": [self.array] if has else [], "index": [self.index] if has else []}

    @property
    def pairs(self) -> Path:
        return self.results / "pairs.csv"

    @property
    def structured(self) -> Path:
        """The structured values of each pair, where the study reads them."""
        return self.results / "structured.csv"

    @property
    def structured_columns(self) -> Path:
        """The structured columns of the pairs."""
        return self.results / "columns.csv"

    @property
    def label_columns(self) -> list[str]:
        """The structured columns that the labels are read from; rows do not read them."""
        return list(dict.fromkeys(rule.column for rule in self.study.filter.labels if rule.column))

    @property
    def structured_files(self) -> dict[str, list[Path]]:
        """The values of the structured columns of the pairs, and what they are; none where a study has none."""
        has = "structured" in self.study.modalities
        return {
            "structured": [self.structured] if has else [],
            "structured_columns": [self.structured_columns] if has else [],
        }

    @property
    def validation(self) -> Path:
        """The pairs that each fold's models are validated on."""
        return self.results / "validation.csv"
