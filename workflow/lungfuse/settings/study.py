"""A study: a dataset with all its settings."""

from typing import Annotated, Any

from pydantic import Field, ValidationError, field_validator, model_validator

from lungfuse.adapters import adapter_names
from lungfuse.encoders import ENCODERS
from lungfuse.settings.base import ClassWeights, Name, Once, Settings, Share, known_adapter_name, listed, overlay
from lungfuse.settings.baselines import BaselineSettings
from lungfuse.settings.cnns import CNNSettings
from lungfuse.settings.comparison import ComparisonSettings, LeakageSettings, ShortcutSettings
from lungfuse.settings.ingest import FilterSettings, ImageSettings, SplitSettings
from lungfuse.settings.problems import problem_in_words
from lungfuse.settings.rows import FUSED, LATE, MODELS, TRAINED, Images, Modality, Row, RowName
from lungfuse.settings.segmentation import PACKAGED_SEGMENTER, SegmentationSettings
from lungfuse.settings.training import EncoderSettings, FusionSettings, TrainSettings


class Study(Settings):
    """A dataset with its settings. `raw` is the folder of its raw files in data/raw.

    Every trained row is trained `repeats` times on each fold, with other seeds. With `class_weights: balanced` both
    classes count the same in what every row minimises, with none each pair does.
    """

    adapter: str
    raw: Name
    modalities: Annotated[list[Modality], Field(min_length=1, max_length=2), Once]
    seed: Annotated[int, Field(ge=0, lt=2**31)]  # with room for a seed of each fold, repeat and draw
    repeats: Annotated[int, Field(ge=1, le=20)]
    class_weights: ClassWeights
    notice: str
    rejected_share: Share
    view: str
    filter: FilterSettings
    images: ImageSettings
    split: SplitSettings
    segmentation: SegmentationSettings
    cnns: CNNSettings
    baselines: BaselineSettings
    encoders: EncoderSettings
    fusion: FusionSettings
    train: TrainSettings
    comparison: ComparisonSettings
    leakage: LeakageSettings
    shortcuts: ShortcutSettings
    models: Annotated[dict[RowName, Row], Field(min_length=1)]

    @property
    def labels(self) -> list[str]:
        """The names of the two classes."""
        return [rule.name for rule in self.filter.labels]

    def rows_of(self, models: set[str]) -> list[str]:
        """The names of the rows whose model is one of `models`."""
        return [name for name, row in self.models.items() if row.model in models]

    @property
    def runs(self) -> list[str]:
        """The trainings of a row, by the names of their folders after `fold`: <k> or <k>_repeat<n>."""
        repeats = ["", *(f"_repeat{repeat}" for repeat in range(1, self.repeats))]
        return [f"{fold}{repeat}" for repeat in repeats for fold in range(self.split.folds)]

    def train_of(self, row: Row) -> TrainSettings:
        """The training settings of a row."""
        return TrainSettings.model_validate(overlay(self.train.model_dump(), row.train), strict=True)

    def reads_means(self, row: Row) -> bool:
        """Whether a trained row reads the mean of each pair's tokens instead of all."""
        return self.encoders.gives_means(self.train_of(row))

    def segmenter_of(self, images: Images) -> str | None:
        """The segmenter whose masks these images need; plain `mask-only` takes the only one that other arms name."""
        if images == "mask-only":
            return self.segmenters[0]
        return images.partition(":")[2] or None

    @property
    def segmenters(self) -> list[str]:
        """The segmenters that arms name, each once in the order of the rows; the packaged one where none is named."""
        named = [images.partition(":")[2] for images in self.arms if ":" in images]
        return list(dict.fromkeys(named)) or [PACKAGED_SEGMENTER]

    @property
    def arms(self) -> list[Images]:
        """The arms of the images that rows and networks read, each once."""
        return list(dict.fromkeys([row.images for row in self.models.values() if row.images] + self.cnns.arms))

    def parts_of(self, row: Row) -> dict[Modality, str]:
        """The unimodal rows that a fused row combines or starts from, by modality; one that is absent is left out."""
        parts = {row_name: part for row_name, part in self.models.items() if part.is_part_of(row)}
        return {part.model: row_name for row_name, part in sorted(parts.items(), key=lambda item: item[1].model)}

    def encoder_source(self, row: Row, modality: Modality, run: str) -> str:
        """Where a row's encoder is from: its name as it comes, or <row>_fold<run> of the row that has trained it."""
        if row.model in FUSED and self.train_of(row).start == "unimodal":
            part = self.parts_of(row)[modality]
            if self.train_of(self.models[part]).layers != "frozen":
                return f"{part}_fold{run}"
        return getattr(self.encoders, modality)

    def _check_layers(self, place: str, row: Row) -> None:
        layers = self.train_of(row).layers
        for encoder in self.encoders.of(row.inputs).values():
            if layers.startswith("top:") and int(layers.removeprefix("top:")) > ENCODERS[encoder].layers:
                raise ValueError(
                    f"{place}: found {layers}, but {encoder} has {ENCODERS[encoder].layers} layers; say full"
                )

    @model_validator(mode="before")
    @classmethod
    def rows_bear_their_models_name(cls, study: Any) -> Any:
        models = study.get("models") if isinstance(study, dict) else None
        if not isinstance(models, dict):
            return study
        named = {
            name: {"model": name} | row if isinstance(row, dict) and name in MODELS else row
            for name, row in models.items()
        }
        return study | {"models": named}

    @field_validator("adapter")
    @classmethod
    def known_adapter(cls, adapter: str) -> str:
        return known_adapter_name(adapter, adapter_names())

    @model_validator(mode="after")
    def segmenters_are_known(self) -> "Study":
        known = [PACKAGED_SEGMENTER, *self.segmentation.segmenters]
        if "mask-only" in self.arms and len(self.segmenters) > 1:
            raise ValueError(f"mask-only: of which segmenter? Say mask-only:<one of {', '.join(self.segmenters)}>")
        for arm in self.arms:
            if (segmenter := self.segmenter_of(arm)) and segmenter not in known:
                raise ValueError(f"{arm}: no segmenter is called {segmenter!r}; expected one of {', '.join(known)}")
        return self

    @model_validator(mode="after")
    def networks_are_tested_on_folds(self) -> "Study":
        if (self.cnns.folds or 1) > self.split.folds:
            raise ValueError(f"cnns.folds: found {self.cnns.folds}, expected at most split.folds, {self.split.folds}")
        return self

    @model_validator(mode="after")
    def models_fit_study(self) -> "Study":
        seen: dict[tuple, str] = {}
        for name, row in self.models.items():
            first = seen.setdefault((row.model, row.images, row.text, row.ablation), name)
            if first != name:
                raise ValueError(f"models.{name}: has the model and inputs of {first}; remove one")
            if missing := row.inputs - set(self.modalities):
                raise ValueError(f"models.{name}: needs {listed(missing)}, which is not among the modalities")
            try:
                self.train_of(row)
            except ValidationError as error:
                problems = [problem_in_words(f"models.{name}.train", each, TrainSettings) for each in error.errors()]
                raise ValueError("; ".join(problems)) from error
            if row.model in TRAINED:
                self._check_layers(f"models.{name}.train.layers", row)
            combines = row.model in LATE or (row.model in FUSED and self.train_of(row).start == "unimodal")
            if combines and (absent := row.inputs - set(self.parts_of(row))):
                raise ValueError(
                    f"models.{name}: combines unimodal rows, but no row of model {listed(absent)} has the same input"
                )
            if row.text and row.text not in self.filter.text_fields:
                raise ValueError(f"models.{name}: reads {row.text}, which is not among filter.text_fields")
        return self
