"""Where every file of a study lies, from the root folder of the project."""

from dataclasses import dataclass
from pathlib import Path

from lungfuse.adapters import load_adapter
from lungfuse.encoders import CONFIG, TOKENIZER, WEIGHTS
from lungfuse.settings import FUSED, TRAINED, Modality, Study

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

    @property
    def encoder_root(self) -> Path:
        return Path("data/encoders")

    def encoder(self, name: str, modality: Modality) -> dict[str, Path]:
        """The files of an encoder by what they hold; a text encoder has a tokenizer."""
        files = {"config": CONFIG, "weights": WEIGHTS} | ({"tokenizer": TOKENIZER} if modality == "text" else {})
        return {key: self.encoder_root / name / file for key, file in files.items()}

    def image_inputs(self, row: str) -> list[Path]:
        """The image array and its index, for a row that reads images."""
        return [self.array, self.index] if "image" in self.study.rows[row].inputs else []

    def encoder_inputs(self, row: str) -> list[Path]:
        """The files of the encoders that a row stands on."""
        names = self.study.encoders.of(self.study.rows[row].inputs)
        return [path for modality, name in names.items() for path in self.encoder(name, modality).values()]

    def start_inputs(self, row: str, fold: str) -> list[Path]:
        """The weights of the unimodal rows from which a fused row starts, if it does."""
        spec = self.study.rows[row]
        if spec.model not in FUSED or self.study.train_of(spec).start != "unimodal":
            return []
        return [self.model(part, fold) / WEIGHTS for part in self.study.parts_of(spec)]

    def late_inputs(self, row: str) -> list[list[Path]]:
        """The scores of each fold, of the image row and of the text row that a late fusion combines."""
        parts = self.study.parts_of(self.study.rows[row])
        return [
            [self.model(part, fold) / "predictions.csv" for fold in range(self.study.split.folds)] for part in parts
        ]

    @property
    def trainings(self) -> list[Path]:
        """What each training took, for the rows that are trained."""
        folds = range(self.study.split.folds)
        return [self.model(row, fold) / "settings.json" for row in self.study.rows_of(TRAINED) for fold in folds]

    def model(self, row: str, fold: int | str) -> Path:
        return self.results / "models" / row / f"fold{fold}"

    def predictions(self, row: str) -> Path:
        return self.results / "predictions" / f"{row}.csv"

    def _data(self, kind: str) -> Path:
        return Path("data") / kind / self.name
