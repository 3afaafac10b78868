"""A study: a dataset with all its settings."""

from typing import Annotated, Any

from pydantic import Field, field_validator, model_validator

from lungfuse import tasks
from lungfuse.datasets import audit_columns_of, dataset_names, load_dataset
from lungfuse.modalities import modality_names
from lungfuse.models import model_names
from lungfuse.settings.base import (
    ClassWeights,
    Images,
    Name,
    Once,
    SeedCount,
    Settings,
    Share,
    known_dataset_name,
    listed,
    overlay,
)
from lungfuse.settings.check import CheckSettings
from lungfuse.settings.cnns import CNNSettings
from lungfuse.settings.comparison import ComparisonSettings, LeakageSettings, ShortcutSettings
from lungfuse.settings.fit import check_row, check_settings
from lungfuse.settings.ingest import FilterSettings, ImageSettings, SplitSettings
from lungfuse.settings.rows import TRAINED, Row, RowName
from lungfuse.settings.segmentation import PACKAGED_SEGMENTER, SegmentationSettings
from lungfuse.settings.table import TableSettings
from lungfuse.settings.training import EncoderSettings, FusionSettings, PretrainingSettings, TrainSettings

PRETRAINED = "_pretrained"  # behind the name of an encoder, which has no underscore


class Study(Settings):
    """A dataset with its settings. `raw` is the folder of its raw files in data/raw.

    `table` says what the columns of the table mean, where the dataset is `table`.

    Every trained row is trained `n_seeds` times on each fold, with other seeds, unless it says otherwise. With
    `class_weights: balanced` both classes count the same in what every row minimises, with none each pair does.
    """

    dataset: str
    raw: Name
    table: TableSettings | None = None
    task: str
    modalities: Annotated[list[str], Field(min_length=1), Once]
    seed: Annotated[int, Field(ge=0, lt=2**31)]  # with room for a seed of each fold, repeat and draw
    n_seeds: SeedCount
    class_weights: ClassWeights
    notice: str
    rejected_share: Share
    view: str
    filter: FilterSettings
    images: ImageSettings
    check: CheckSettings
    split: SplitSettings
    segmentation: SegmentationSettings
    cnns: CNNSettings
    encoders: EncoderSettings
    fusion: FusionSettings
    train: TrainSettings
    pretraining: PretrainingSettings
    comparison: ComparisonSettings
    leakage: LeakageSettings
    shortcuts: ShortcutSettings
    models: Annotated[dict[RowName, Row], Field(min_length=1)]

    @property
    def asks(self) -> tasks.TaskSpec:
        """What its task declares."""
        return tasks.declared(self.task)

    @property
    def labels(self) -> list[str]:
        """The names of the classes, or of the labels."""
        return [rule.name for rule in self.filter.labels]

    @property
    def reads(self) -> dict[str, list[str]]:
        """What rows read, by modality: kinds of images, sections, structured columns; each once, sorted."""
        found: dict[str, set[str]] = {name: set() for name in self.modalities}
        for row in self.models.values():
            for name, choice in row.inputs.items():
                found[name] |= {choice} if isinstance(choice, str) else set(choice)
        return {name: sorted(read) for name, read in found.items()}

    def rows_of(self, kinds: list[str]) -> list[str]:
        """The names of the rows whose model is of one of these kinds."""
        return [name for name, row in self.models.items() if row.kind in kinds]

    def n_seeds_of(self, row: Row) -> int:
        """How often a network is trained on each fold."""
        return row.n_seeds or self.n_seeds

    def runs_of(self, row: Row) -> list[str]:
        """The trainings of a row, by the names of their folders after `fold`: <k> or <k>_repeat<n>."""
        repeats = ["", *(f"_repeat{repeat}" for repeat in range(1, self.n_seeds_of(row)))]
        return [f"{fold}{repeat}" for repeat in repeats for fold in range(self.split.folds)]

    @property
    def runs(self) -> list[str]:
        """The trainings of the rows that are trained most often."""
        return self.runs_of(max(self.models.values(), key=self.n_seeds_of))

    def train_of(self, row: Row) -> TrainSettings:
        """The training settings of a row."""
        return TrainSettings.model_validate(overlay(self.train.model_dump(), row.train), strict=True)

    def reads_means(self, row: Row) -> bool:
        """Whether a trained row reads the mean of each pair's tokens instead of all."""
        return self.encoders.gives_means(self.train_of(row))

    def segmenter_of(self, images: Images) -> str | None:
        """The segmenter whose masks these images need; plain `mask-only` takes the only one that others name."""
        if images == "mask-only":
            return self.segmenters[0]
        return images.partition(":")[2] or None

    def redact_terms_of(self, row: Row) -> list[str]:
        """The words whose sentences the text of a row lacks."""
        text = self.table.sections.get(row.text) if self.table else None
        return text.redact_terms if text else []

    @property
    def segmenters(self) -> list[str]:
        """The segmenters that variants name, each once in the order of the rows; the packaged one where none is."""
        named = [images.partition(":")[2] for images in self.image_variants if ":" in images]
        return list(dict.fromkeys(named)) or [PACKAGED_SEGMENTER]

    @property
    def image_variants(self) -> list[Images]:
        """The variants of the images that rows and networks read, each once."""
        return list(dict.fromkeys([row.images for row in self.models.values() if row.images] + self.cnns.variants))

    @property
    def audit_columns(self) -> list[str]:
        """The structured columns of the dataset that no row may read."""
        return audit_columns_of(load_dataset(self.dataset, self.table))

    def encoders_of(self, row: Row) -> EncoderSettings:
        """The encoders of a row."""
        return EncoderSettings.model_validate(self.encoders.model_dump() | row.encoders, strict=True)

    def parts_of(self, row: Row) -> dict[str, str]:
        """The rows that a row combines or starts from, by modality in order; one that is absent is left out."""
        found = {}
        for name, part in self.models.items():
            if part.is_part_of(row) and self._encodes_alike(part, row):
                found.setdefault(part.modalities[0], name)
        return {modality: name for modality in row.modalities if (name := (found | row.parts).get(modality))}

    def encoder_source(self, row: Row, modality: str, run: str) -> str:
        """Where a row's encoder is from: its name as it comes, that with `PRETRAINED` behind it, or <row>_fold<run> of
        the row that has trained it."""
        start, name = self.train_of(row).init_from, getattr(self.encoders_of(row), modality)
        if row.kind == "fusion" and start == "unimodal":
            part = self.parts_of(row)[modality]
            train = self.train_of(self.models[part])
            if train.layers != "frozen":
                return f"{part}_fold{run}"
            start = train.init_from
        return f"{name}{PRETRAINED}" if start == "pretrained" and modality == "image" else name

    @property
    def pretrained(self) -> list[str]:
        """The image encoders from which rows start after they were pre-trained."""
        rows = [self.models[name] for name in self.rows_of(TRAINED)]
        starts = {self.encoder_source(row, "image", "0") for row in rows if row.images}
        return sorted(start.removesuffix(PRETRAINED) for start in starts if start.endswith(PRETRAINED))

    @property
    def pretrain(self) -> TrainSettings:
        """The training settings of the pre-training."""
        return TrainSettings.model_validate(overlay(self.train.model_dump(), self.pretraining.train), strict=True)

    def _encodes_alike(self, part: Row, row: Row) -> bool:
        own, other = (self.encoders_of(each).of(part.inputs) for each in [part, row])
        return own == other

    @model_validator(mode="before")
    @classmethod
    def rows_bear_their_models_name(cls, study: Any) -> Any:
        models = study.get("models") if isinstance(study, dict) else None
        if not isinstance(models, dict):
            return study
        known = model_names()
        named = {
            name: {"model": name} | row if isinstance(row, dict) and name in known else row
            for name, row in models.items()
        }
        return study | {"models": named}

    @field_validator("dataset")
    @classmethod
    def known_dataset(cls, dataset: str) -> str:
        return known_dataset_name(dataset, dataset_names())

    @model_validator(mode="after")
    def table_is_of_its_dataset(self) -> "Study":
        if (self.dataset == "table") != (self.table is not None):
            raise ValueError(
                f"table: the dataset is {self.dataset}; the dataset table, and no other, needs a mapping of the columns"
            )
        return self

    @model_validator(mode="after")
    def masks_are_of_the_table(self) -> "Study":
        annotated = self.segmentation.annotated
        if annotated.dataset == "table" and not (self.table and self.table.masks and annotated.raw == self.raw):
            raise ValueError(
                f"segmentation.annotated: found the dataset table with raw {annotated.raw}; it is that of a study of a "
                "table that names masks, with the study's own raw folder"
            )
        return self

    @model_validator(mode="after")
    def segmenters_are_known(self) -> "Study":
        known = [PACKAGED_SEGMENTER, *self.segmentation.segmenters]
        if "mask-only" in self.image_variants and len(self.segmenters) > 1:
            raise ValueError(f"mask-only: of which segmenter? Say mask-only:<one of {', '.join(self.segmenters)}>")
        for variant in self.image_variants:
            if (segmenter := self.segmenter_of(variant)) and segmenter not in known:
                raise ValueError(f"{variant}: no segmenter is called {segmenter!r}; expected one of {', '.join(known)}")
        return self

    @model_validator(mode="after")
    def networks_are_tested_on_folds(self) -> "Study":
        if (self.cnns.folds or 1) > self.split.folds:
            raise ValueError(f"cnns.folds: found {self.cnns.folds}, expected at most split.folds, {self.split.folds}")
        return self

    @model_validator(mode="after")
    def labels_fit_task(self) -> "Study":
        if self.task not in tasks.task_names():
            raise ValueError(f"task: found {self.task!r}, expected one of {', '.join(tasks.task_names())}")
        least, most, count = self.asks.least, self.asks.most, len(self.filter.labels)
        if count < least or (most and count > most):
            expected = str(least) if least == most else f"{least} or more"
            raise ValueError(f"filter.labels: found {count}, expected {expected} for the task {self.task}")
        if not self.asks.exclusive and self.filter.balance != "none":
            raise ValueError("filter.balance: pairs with several labels cannot be balanced; say none")
        return self

    @model_validator(mode="after")
    def audits_are_of_two_classes(self) -> "Study":
        if self.leakage.sections and not self.asks.two_classes:
            raise ValueError(
                f"leakage.sections: found {listed(self.leakage.sections)}; leakage and shortcuts are measured for two "
                f"classes alone, not for the task {self.task}. Say []"
            )
        return self

    @model_validator(mode="after")
    def modalities_are_known(self) -> "Study":
        if unknown := set(self.modalities) - set(modality_names()):
            raise ValueError(f"modalities: found {listed(unknown)}, expected some of {', '.join(modality_names())}")
        if missing := set(self.filter.required or []) - set(self.modalities):
            raise ValueError(f"filter.required: needs {listed(missing)}, which is not among the modalities")
        return self

    @model_validator(mode="after")
    def pretraining_is_a_training(self) -> "Study":
        check_settings("pretraining.train", TrainSettings, lambda: self.pretrain)
        return self

    @model_validator(mode="after")
    def models_fit_study(self) -> "Study":
        seen: dict[str, str] = {}
        for name, row in self.models.items():
            check_row(self, f"models.{name}", row)
            same = row.model_copy(update={"train": {}, "parts": {}, "encoders": self.encoders_of(row).of(row.inputs)})
            first = seen.setdefault(same.model_dump_json(), name)
            if first != name:
                raise ValueError(f"models.{name}: has the model, inputs and encoders of {first}; remove one")
        return self
