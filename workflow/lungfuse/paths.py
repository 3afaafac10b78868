"""Where every file of a study lies, from the root folder of the project."""

from dataclasses import dataclass
from pathlib import Path

from lungfuse.adapters import load_adapter
from lungfuse.settings import Study

PARAMS = Path("params.yaml")
RAW = Path("data/raw")
SCHEMA = Path("workflow/schemas/params.schema.json")


@dataclass(frozen=True)
class Paths:
    """The files of one study, by the names that stages use for their inputs and outputs."""

    name: str
    study: Study

    @property
    def raw(self) -> Path:
        return RAW / self.study.raw

    @property
    def report_files(self) -> list[Path]:
        return [self.raw / file for file in load_adapter(self.study.adapter).REPORT_FILES]

    @property
    def image_files(self) -> list[Path]:
        return [self.raw / file for file in load_adapter(self.study.adapter).IMAGE_FILES]

    @property
    def reports(self) -> Path:
        return self._data("reports") / "reports.csv"

    @property
    def views(self) -> Path:
        return self._data("reports") / "views.csv"

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
    def results(self) -> Path:
        return Path("results") / self.name

    @property
    def funnel(self) -> Path:
        return self.results / "funnel.csv"

    @property
    def rejected(self) -> Path:
        return self.results / "rejected.csv"

    @property
    def pairs(self) -> Path:
        return self.results / "pairs.csv"

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
    def funnel_figure(self) -> Path:
        return self.results / "figures" / "funnel.svg"

    @property
    def comparison_figure(self) -> Path:
        return self.results / "figures" / "comparison.svg"

    @property
    def report(self) -> Path:
        return self.results / "report.html"

    @property
    def logs(self) -> Path:
        return Path("logs") / self.name

    def predictions(self, row: str) -> Path:
        return self.results / "predictions" / f"{row}.csv"

    def _data(self, kind: str) -> Path:
        return Path("data") / kind / self.name
