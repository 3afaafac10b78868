"""Where every file of a study lies, from the root folder of the project."""

import os
from dataclasses import dataclass
from pathlib import Path

from lungfuse.adapters import MaskAdapter, load_adapter, load_mask_adapter
from lungfuse.compare.contrasts import contrasts
from lungfuse.encoders import CONFIG, TOKENIZER, WEIGHTS
from lungfuse.settings.base import Images, Section
from lungfuse.settings.rows import TRAINED
from lungfuse.settings.segmentation import PACKAGED_SEGMENTER
from lungfuse.settings.study import Study

PARAMS = Path("params.yaml")
RAW = Path("data/raw")
SCHEMA = Path("workflow/schemas/params.schema.json")
ENCODER_ROOT = Path("data/encoders")
FEATURE_TOKENS, FEATURE_INDEX = "tokens.npy", "index.csv"
TRAINED_SETTINGS, HISTORY = "settings.json", "history.csv"
SEGMENTER = "model.keras"
ESTIMATOR, FOLD_PREDICTIONS = "model.skops", "predictions.csv"
MASKS = "masks.npy"
CNN_WEIGHTS = "network.weights.h5"
MANIFEST = "manifest.csv"
DRAWN = {"demo-masks"}  # raw folders whose content the workflow makes, with a manifest of it
PACKAGED = Path(__file__).resolve().parent / "segment" / PACKAGED_SEGMENTER


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
        return raw_files(self.raw, load_adapter(self.study.adapter).REPORT_FILES)

    @property
    def image_files(self) -> list[Path]:
        return raw_files(self.raw, load_adapter(self.study.adapter).IMAGE_FILES)

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
    def annotated_raw(self) -> Path:
        return RAW / self.study.segmentation.annotated.raw

    @property
    def mask_files(self) -> list[Path]:
        if self.annotated_raw.name in DRAWN:
            return [self.annotated_raw / MANIFEST]
        return raw_files(self.annotated_raw, self._mask_adapter.MASK_FILES)

    @property
    def drawn_mask_folders(self) -> list[Path]:
        """The folders that a manifest stands for; their dates say nothing."""
        drawn = self.annotated_raw.name in DRAWN
        return [self.annotated_raw / name for name in self._mask_adapter.MASK_FILES] if drawn else []

    @property
    def _mask_adapter(self) -> MaskAdapter:
        return load_mask_adapter(self.study.segmentation.annotated.adapter)

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
        """The index of the annotated X-rays where images of the study are among them, and segmented by what has learned
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
        """The segmenters whose masks an arm needs."""
        found = map(self.study.segmenter_of, self.study.arms)
        return list(dict.fromkeys(filter(None, found)))

    def arm_files(self, images: Images) -> dict[str, list[Path]]:
        """What an arm of images is made from: the image array with its index, and masks where it needs them."""
        segmenter = self.study.segmenter_of(images)
        masks = {"masks": [self.masks(segmenter)]} if segmenter else {}
        return {"images": [self.array, self.index]} | masks

    def cnn_weights(self, network: str) -> dict[str, Path]:
        """The weights a network starts from, and where they are from."""
        folder = ENCODER_ROOT / f"{network}_{self.study.cnns.weights}"
        return {"weights": folder / CNN_WEIGHTS, "source": folder / CONFIG}

    def cnn(self, network: str, arm: str) -> Path:
        return self.models / network / arm

    def cnn_predictions(self, network: str, arm: str) -> Path:
        return self.cnn(network, arm) / "predictions.csv"

    @property
    def all_cnn_predictions(self) -> list[Path]:
        """Those of every network on every arm, network by network."""
        cnns = self.study.cnns
        return [self.cnn_predictions(network, slug(arm)) for network in cnns.networks for arm in cnns.arms]

    @property
    def cnn_sources(self) -> list[Path]:
        return [self.cnn_weights(network)["source"] for network in self.study.cnns.networks]

    @property
    def cnn_table(self) -> Path:
        return self.results / "cnn_comparison.csv"

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
    def validation(self) -> Path:
        """The pairs that each fold's models are validated on."""
        return self.results / "validation.csv"

    @property
    def calibration_table(self) -> Path:
        return self.results / "calibration.csv"

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
    def attention_rows(self) -> list[str]:
        """The rows whose attention can be drawn: those that read every token."""
        rows = {row: self.study.models[row] for row in self.study.rows_of({"kv-exchange"})}
        return [name for name, row in rows.items() if not row.ablation and not self.study.reads_means(row)]

    @property
    def all_predictions(self) -> list[Path]:
        """The predictions of every row of the comparison table."""
        return [self.predictions(row) for row in self.study.models]

    @property
    def all_validated(self) -> list[Path]:
        """The scores of every row on validation pairs."""
        return [self.validated(row) for row in self.study.models]

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
            (self.sites_table, load_adapter(self.study.adapter).SITES),
        ]
        return [table for table, condition in wanted if condition]

    @property
    def table_names(self) -> list[str]:
        return [table.stem for table in self.tables]

    @property
    def figures(self) -> Path:
        return self.results / "figures"

    def figure(self, name: str) -> Path:
        return self.figures / f"{name}.svg"

    @property
    def table_figures(self) -> list[str]:
        """The names of the figures that are drawn from tables."""
        curves = ["roc_calibration"] if any(row.inputs for row in self.study.models.values()) else []
        histories = ["curves"] if self.histories else []
        tables = [name for name in self.table_names if name != self.calibration_table.stem]
        return ["funnel", "distributions", "comparison", *curves, "confusion", *tables, *histories]

    @property
    def picture_figures(self) -> list[str]:
        """The names of the figures that show images of the study."""
        if "image" not in self.study.modalities:
            return []
        fused = any(len(self.study.parts_of(row)) == 2 for row in self.study.models.values() if not row.ablation)
        return ["examples", *(["disagreements"] if fused else []), *(f"masks_{name}" for name in self.used_segmenters)]

    @property
    def mask_files_shown(self) -> dict[str, list[Path]]:
        """The masks of the study with their quality, by segmenter."""
        masks = [self.masks(segmenter) for segmenter in self.used_segmenters]
        return {"masks": masks, "qualities": [self.mask_quality(segmenter) for segmenter in self.used_segmenters]}

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
        return ["data_card", "model_card", "comparison", *self.table_names, "settings", "run_times"]

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

    @property
    def logs(self) -> Path:
        return Path("logs") / self.name

    @property
    def encoder_root(self) -> Path:
        return ENCODER_ROOT

    def encoder(self, name: str, modality: str) -> dict[str, Path]:
        """The files of an encoder by what they hold; a text encoder has a tokenizer."""
        files = {"config": CONFIG, "weights": WEIGHTS} | ({"tokenizer": TOKENIZER} if modality == "text" else {})
        return {key: self.encoder_root / name / file for key, file in files.items()}

    @property
    def used_tokenizer(self) -> list[Path]:
        """That of the text encoder, where a row reads text with it."""
        read = any(self.study.models[row].text for row in self.study.rows_of(TRAINED))
        return [self.encoder(self.study.encoders.text, "text")["tokenizer"]] if read else []

    def features(self, source: str, reads: str) -> Path:
        """The folder of the tokens that an encoder makes of the images or section it reads.

        `source` is the name of an encoder, or <row>_fold<run> of the row that has trained it.
        """
        return self._data("features") / source / slug(reads)

    def feature_files(self, source: str, reads: str) -> list[Path]:
        return [self.features(source, reads) / name for name in [FEATURE_TOKENS, FEATURE_INDEX]]

    def feature_inputs(self, source: str, modality: str, reads: str) -> dict[str, list[Path]]:
        """What the features of an encoder are made from, besides the pairs."""
        name = getattr(self.study.encoders, modality)
        inputs = {"encoder": list(self.encoder(name, modality).values())}
        if modality == "image":
            inputs |= self.arm_files(reads)
        if source != name:
            row, run = source.rsplit("_fold", 1)
            inputs["start"] = [self.model(row, run) / WEIGHTS]
        return inputs

    def training_inputs(self, row: str, run: str) -> dict[str, list[Path]]:
        """What a training reads besides the pairs: features where the encoders are frozen, else what encoders read."""
        spec = self.study.models[row]
        frozen = self.study.train_of(spec).layers == "frozen"
        inputs: dict[str, list[Path]] = {}
        for modality in sorted(spec.inputs):
            source = self.study.encoder_source(spec, modality, run)
            files = self.feature_inputs(source, modality, spec.reads(modality))
            if frozen:
                features = {f"{modality}_features": self.feature_files(source, spec.reads(modality))}
                files = features | {kind: files[kind] for kind in files if kind == "start"}
            if modality == "image" and (segmenter := self.study.segmenter_of(spec.images)):
                files |= {"mask_settings": [self.mask_settings(segmenter)]}
            for kind in files:
                inputs.setdefault(kind, []).extend(files[kind])
        return inputs

    def late_inputs(self, row: str) -> list[Path]:
        """The scores of the rows that a late fusion combines: those of the first part in each training, then the next.

        A part that is fitted once a fold stands there in every repeat, where another part is trained repeatedly.
        """
        parts = list(self.study.parts_of(self.study.models[row]).values())
        trained = set(self.study.rows_of(TRAINED))
        runs = self.study.runs if trained & set(parts) else self.fold_names
        return [
            self.model(part, run if part in trained else run.partition("_")[0]) / FOLD_PREDICTIONS
            for part in parts
            for run in runs
        ]

    @property
    def fold_names(self) -> list[str]:
        """The folds by the names of their folders after `fold`."""
        return [str(fold) for fold in range(self.study.split.folds)]

    def structured_inputs(self, row: str) -> dict[str, Path]:
        """The structured columns of the pairs, where a row reads some."""
        reads = bool(self.study.models[row].structured)
        return {"structured": self.structured, "columns": self.structured_columns} if reads else {}

    def probe_inputs(self, row: str) -> dict[str, list[Path]]:
        """What a probe reads besides the pairs: features, and how the masks of its images were made."""
        spec = self.study.models[row]
        encoders = self.study.encoders_of(spec).of(spec.inputs)
        files = [self.feature_files(name, spec.inputs[modality]) for modality, name in encoders.items()]
        segmenter = self.study.segmenter_of(spec.images)
        masks = {"mask_settings": [self.mask_settings(segmenter)]} if segmenter else {}
        return {"features": [file for each in files for file in each]} | masks

    def estimator_files(self, row: str) -> list[Path]:
        """What is kept of a row that is no network: its model, settings and scores of each fold."""
        names = [ESTIMATOR, TRAINED_SETTINGS, FOLD_PREDICTIONS]
        return [self.model(row, fold) / name for fold in self.fold_names for name in names]

    @property
    def trainings(self) -> list[Path]:
        """What each training took, for the rows that are trained."""
        return self._of_trainings(TRAINED_SETTINGS)

    @property
    def histories(self) -> list[Path]:
        """The epochs of each training, for the rows that are trained."""
        return self._of_trainings(HISTORY)

    @property
    def models(self) -> Path:
        return self.results / "models"

    def model(self, row: str, run: str) -> Path:
        """The folder of a training: `run` is one of `Study.runs`."""
        return self.models / row / f"fold{run}"

    def trained_files(self, row: str) -> list[Path]:
        """What is needed to predict with a trained row: its weights and settings, and those of its encoders."""
        files = []
        for run in self.study.runs:
            spec = self.study.models[row]
            files += [self.model(row, run) / name for name in [WEIGHTS, TRAINED_SETTINGS]]
            for modality in sorted(spec.inputs):
                source = self.study.encoder_source(spec, modality, run)
                made_from = self.feature_inputs(source, modality, spec.reads(modality))
                files += made_from["encoder"] + made_from.get("start", [])
        return list(dict.fromkeys(files))

    def late_settings(self, row: str) -> Path:
        """The weights of a late fusion, and where its parts are."""
        return self.models / row / TRAINED_SETTINGS

    def predictions(self, row: str) -> Path:
        return self.results / "predictions" / f"{row}.csv"

    def validated(self, row: str) -> Path:
        """The scores of a row on validation pairs."""
        return self.results / "validated" / f"{row}.csv"

    def _of_trainings(self, name: str) -> list[Path]:
        return [self.model(row, run) / name for row in self.study.rows_of(TRAINED) for run in self.study.runs]

    def _data(self, kind: str) -> Path:
        return Path("data") / kind / self.name


def slug(reads: Images | Section) -> str:
    """What a model reads, as part of a file's name."""
    return reads.replace(":", "_")


def raw_files(raw: Path, names: list[str]) -> list[Path]:
    """Files of a raw folder; a folder is given by its files, so that a change of any of them is seen."""
    paths = [raw / name for name in names]
    return [file for path in paths for file in (sorted(path.iterdir()) if path.is_dir() else [path])]
