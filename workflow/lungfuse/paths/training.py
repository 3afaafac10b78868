"""The files of encoders, features and trained rows."""

from pathlib import Path

from lungfuse.encoders import CONFIG, TOKENIZER, WEIGHTS
from lungfuse.modalities import encoded
from lungfuse.paths.names import (
    ENCODER_ROOT,
    ESTIMATOR,
    FEATURE_INDEX,
    FEATURE_TOKENS,
    FOLD_PREDICTIONS,
    HISTORY,
    TRAINED_SETTINGS,
    slug,
)
from lungfuse.paths.segmentation import SegmentationPaths
from lungfuse.settings.rows import TRAINED, Row
from lungfuse.settings.study import PRETRAINED


class TrainingPaths(SegmentationPaths):
    """The files of encoders, features and trained rows."""

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

        `source` is one of `Study.encoder_source`.
        """
        return self._data("features") / source / slug(reads)

    def feature_files(self, source: str, reads: str) -> list[Path]:
        return [self.features(source, reads) / name for name in [FEATURE_TOKENS, FEATURE_INDEX]]

    def encoder_of(self, source: str) -> str:
        """The name of the encoder that makes features; see `features`."""
        row, trained, _ = source.rpartition("_fold")
        if not trained:
            return source.removesuffix(PRETRAINED)
        spec = self.study.models[row]
        return getattr(self.study.encoders_of(spec), spec.modalities[0])

    def feature_inputs(self, source: str, modality: str, reads: str) -> dict[str, list[Path]]:
        """What the features of an encoder are made from, besides the pairs."""
        name = self.encoder_of(source)
        inputs = {"encoder": list(self.encoder(name, modality).values())}
        if modality == "image":
            inputs |= self.variant_files(reads)
        if source.endswith(PRETRAINED):
            inputs["start"] = [self.pretrained(name) / WEIGHTS]
        elif source != name:
            row, run = source.rsplit("_fold", 1)
            inputs["start"] = [self.model(row, run) / WEIGHTS]
        return inputs

    def pretrained(self, encoder: str) -> Path:
        """The folder of an image encoder that has learned from other patients."""
        return self.results / "pretrained" / encoder

    def training_inputs(self, row: str, run: str) -> dict[str, list[Path]]:
        """What a training reads besides the pairs: features where the encoders are frozen, else what encoders read."""
        spec = self.study.models[row]
        frozen = self.study.train_of(spec).layers == "frozen"
        inputs: dict[str, list[Path]] = self.columns_of(spec)
        for modality in encoded(spec.inputs):
            source, reads = self.study.encoder_source(spec, modality, run), spec.inputs[modality]
            files = self.feature_inputs(source, modality, reads)
            if frozen:
                features = {f"{modality}_features": self.feature_files(source, reads)}
                files = features | {kind: files[kind] for kind in files if kind == "start"}
            if modality == "image" and (segmenter := self.study.segmenter_of(spec.images)):
                files |= {"mask_settings": [self.mask_settings(segmenter)]}
            for kind in files:
                inputs.setdefault(kind, []).extend(files[kind])
        return inputs

    def columns_of(self, row: Row) -> dict[str, list[Path]]:
        """The structured columns of the pairs and their kinds, where a row reads some."""
        return {"structured": [self.structured], "columns": [self.structured_columns]} if row.structured else {}

    def late_inputs(self, row: str) -> list[Path]:
        """The scores of the rows that a late fusion combines: those of the first part in each training, then the next.

        A part that is fitted once a fold stands there in every repeat, where another part is trained repeatedly.
        """
        parts = list(self.study.parts_of(self.study.models[row]).values())
        trained = set(self.study.rows_of(TRAINED))
        runs = self.study.runs_of(self.study.models[row]) if trained & set(parts) else self.fold_names
        return [
            self.model(part, run if part in trained else run.partition("_")[0]) / FOLD_PREDICTIONS
            for part in parts
            for run in runs
        ]

    @property
    def fold_names(self) -> list[str]:
        """The folds by the names of their folders after `fold`."""
        return [str(fold) for fold in range(self.study.split.folds)]

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
        spec = self.study.models[row]
        for run in self.study.runs_of(spec):
            files += [self.model(row, run) / name for name in [WEIGHTS, TRAINED_SETTINGS]]
            for modality in encoded(spec.inputs):
                source = self.study.encoder_source(spec, modality, run)
                made_from = self.feature_inputs(source, modality, spec.inputs[modality])
                files += made_from["encoder"] + made_from.get("start", [])
        return list(dict.fromkeys(files))

    def fold_predictions(self, row: str) -> list[Path]:
        """The scores of each training of a row."""
        return [self.model(row, run) / FOLD_PREDICTIONS for run in self.study.runs_of(self.study.models[row])]

    def late_settings(self, row: str) -> Path:
        """The weights of a late fusion, and where its parts are."""
        return self.models / row / TRAINED_SETTINGS

    def predictions(self, row: str) -> Path:
        return self.results / "predictions" / f"{row}.csv"

    def validated(self, row: str) -> Path:
        """The scores of a row on validation pairs."""
        return self.results / "validated" / f"{row}.csv"

    @property
    def all_predictions(self) -> list[Path]:
        """The predictions of every row of the comparison table."""
        return [self.predictions(row) for row in self.study.models]

    @property
    def all_validated(self) -> list[Path]:
        """The scores of every row on validation pairs."""
        return [self.validated(row) for row in self.study.models]

    @property
    def attention_rows(self) -> list[str]:
        """The rows whose attention can be drawn: those that read every token."""
        rows = {row: self.study.models[row] for row in self.study.rows_of(["fusion"])}
        return [
            name
            for name, row in rows.items()
            if row.model == "kv-exchange"
            and {"image", "text"} <= set(row.inputs)
            and not row.ablation
            and not self.study.reads_means(row)
        ]

    def _of_trainings(self, name: str) -> list[Path]:
        rows = {row: self.study.models[row] for row in self.study.rows_of(TRAINED)}
        return [self.model(row, run) / name for row, spec in rows.items() for run in self.study.runs_of(spec)]
