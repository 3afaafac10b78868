"""The settings of a study: their types, limits and how they are read from params.yaml.

Values live in params.yaml alone; the models here have no defaults. The JSON schema of params.yaml is made from them.
"""

import difflib
import re
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import pandas as pd
import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from lungfuse.adapters import adapter_names, mask_adapters
from lungfuse.encoders import ENCODERS, encoders_of
from lungfuse.errors import UserError
from lungfuse.files import where_not_utf8


def _distinct(values: list) -> list:
    if twice := [value for value in values if values.count(value) > 1]:
        raise ValueError(f"found {twice[0]} more than once; list each once")
    return values


def _ascending(ngrams: list[int]) -> list[int]:
    if ngrams[0] > ngrams[1]:
        raise ValueError("expected [shortest, longest]")
    return ngrams


Modality = Literal["image", "text"]
Section = Literal["findings", "impression", "indication", "comparison"]
Images = Annotated[str, Field(pattern=r"^(|raw|mask-only|(mask-only|segmented):[a-z0-9]+(-[a-z0-9]+)*)$")]
Precision = Literal["auto", "fp32", "bf16"]
Pooling = Literal["none", "mean"]
ClassWeights = Literal["none", "balanced"]
Ablation = Literal["", "shuffled-image", "shuffled-text"]
ModelName = Literal[
    "majority",
    "tfidf",
    "tfidf-logistic",
    "linear-probe",
    "image",
    "text",
    "early",
    "late",
    "late-stacked",
    "joint",
    "kv-exchange",
    "irene",
]
NetworkName = Literal["densenet121", "densenet169", "densenet201", "vgg19", "nasnetlarge"]
Share = Annotated[float, Field(ge=0, le=1)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
SegmenterName = Annotated[str, Field(pattern=r"^unet-[a-z0-9]+(-[a-z0-9]+)*$")]
RowName = Annotated[str, Field(pattern=r"^[a-z0-9]+([_-][a-z0-9]+)*$")]
Once = AfterValidator(_distinct)
Heading = Annotated[str, Field(min_length=1)]
NgramRange = Annotated[list[Annotated[int, Field(ge=1)]], Field(min_length=2, max_length=2), AfterValidator(_ascending)]

PACKAGED_SEGMENTER = "packaged"
MODELS = set(get_args(ModelName))
BASELINES = {"majority", "tfidf", "tfidf-logistic"}
PROBES = {"linear-probe"}
LATE = {"late", "late-stacked"}
FUSED = {"early", "joint", "kv-exchange", "irene"}
TRAINED = {"image", "text"} | FUSED
INPUTS_OF_MODEL: dict[str, set[Modality]] = {
    "majority": set(),
    "tfidf": {"text"},
    "tfidf-logistic": {"text"},
    "linear-probe": {"image"},
    "image": {"image"},
    "text": {"text"},
    **{model: {"image", "text"} for model in sorted(FUSED | LATE)},
}


class Settings(BaseModel):
    """Settings with no unknown keys and finite numbers."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class LabelRule(Settings):
    """Which reports are of a class, by the part of a major MeSH heading before its first '/'."""

    name: Name
    heading: Heading | Annotated[list[Heading], Field(min_length=1), Once]
    match: Literal["contains", "equals"]

    @property
    def headings(self) -> list[str]:
        """The headings of which a report has one or more."""
        return [self.heading] if isinstance(self.heading, str) else self.heading


class FilterSettings(Settings):
    """Which images and reports become pairs."""

    labels: Annotated[list[LabelRule], Field(min_length=2, max_length=2)]
    balance: Literal["first", "random", "none"]
    text_fields: Annotated[list[Section], Field(min_length=1), Once]

    @field_validator("labels")
    @classmethod
    def two_names(cls, labels: list[LabelRule]) -> list[LabelRule]:
        if labels[0].name == labels[1].name:
            raise ValueError("the two labels need different names")
        return labels


class ImageSettings(Settings):
    """The image array: `image_px` is its height and width in pixels."""

    image_px: Annotated[int, Field(ge=16, le=2048)]
    fit: Literal["pad", "crop", "stretch"]


class SplitSettings(Settings):
    """Cross-validation; about the share `validation` of the training folds is what a fold's models are validated on."""

    folds: Annotated[int, Field(ge=2, le=20)]
    validation: Annotated[float, Field(gt=0, le=0.5)]


class LinearTextSettings(Settings):
    """A linear classifier on TF-IDF of n-grams found in at least `min_df` texts; `c` is the inverse regularisation.

    With `buckets` n-grams are hashed into so many, words and characters apart, and memory does not grow with the number
    of texts; null gives every n-gram a feature of its own.
    """

    words: NgramRange
    characters: NgramRange | None
    min_df: Annotated[int, Field(ge=1)]
    c: Annotated[float, Field(gt=0)]
    buckets: Annotated[int, Field(ge=1024, le=2**26)] | None


class LinearProbeSettings(Settings):
    """A logistic regression on standardised mean tokens of a frozen encoder; `c` is the inverse regularisation."""

    c: Annotated[float, Field(gt=0)]


class BaselineSettings(Settings):
    """The baselines: `tfidf` is a support vector machine, `tfidf_logistic` a logistic regression."""

    tfidf: LinearTextSettings
    tfidf_logistic: LinearTextSettings
    linear_probe: LinearProbeSettings

    def of(self, row: "Row") -> LinearTextSettings | None:
        """Those of the linear classifier of texts that a row is, if it is one."""
        return {"tfidf": self.tfidf, "tfidf-logistic": self.tfidf_logistic}.get(row.model)


class PublishedFigure(Settings):
    """An accuracy somebody else reported for these inputs, and what it rests on."""

    images: Images
    text: Literal[Section, ""]
    accuracy: Share
    basis: str


class ComparisonSettings(Settings):
    """The comparison table: its intervals, the published figures beside them, and whether it tells `timings`.

    Seconds differ from run to run; a table without them is the same to the byte.
    """

    confidence: Annotated[float, Field(gt=0, lt=1)]
    resamples: Annotated[int, Field(ge=100)]
    timings: bool
    published: list[PublishedFigure]


class LeakageSettings(Settings):
    """The audit of the published protocol on these `sections` of the report; none, no audit.

    Splits are drawn anew `draws` times; the model learns for `epochs`.
    """

    sections: Annotated[list[Section], Once]
    draws: Annotated[int, Field(ge=1)]
    epochs: Annotated[int, Field(ge=2)]


class ShortcutSettings(Settings):
    """What little may tell the label by itself, looked for in the sections that are audited for leakage.

    `words` may tell it, besides the names of the labels: whole words or phrases, in any case.
    """

    words: list[Annotated[str, Field(pattern=r"\w")]]


class UNetSettings(Settings):
    """A U-Net: channels of its first level, doubled at each of `depth` levels."""

    width: Annotated[int, Field(ge=8, multiple_of=8)]
    depth: Annotated[int, Field(ge=2, le=7)]
    normalisation: Literal["batch", "group", "none"]


class SegmenterSettings(Settings):
    """Training of a segmenter. `plateau` and `patience` are epochs without a better validation loss after which the
    learning rate is halved and the training ends."""

    epochs: Annotated[int, Field(ge=1)]
    batch: Annotated[int, Field(ge=1)]
    learning_rate: Annotated[float, Field(gt=0)]
    plateau: Annotated[int, Field(ge=1)]
    patience: Annotated[int, Field(ge=1)]
    precision: Precision


class MaskSettings(Settings):
    """Probabilities to masks: those above `threshold`, the largest `components`, widened by `margin`, a share of the
    image's side."""

    threshold: Annotated[float, Field(gt=0, lt=1)]
    components: Annotated[int, Field(ge=1)]
    margin: Annotated[float, Field(ge=0, le=0.2)]


class SuspicionSettings(Settings):
    """Masks beyond these are flagged: shares of the image, difference of the sides, components before cleaning.

    `least_contrast` is a standard deviation of the image in grey levels.
    """

    least_area: Share
    most_area: Share
    most_asymmetry: Share
    most_components: Annotated[int, Field(ge=1)]
    least_contrast: Annotated[float, Field(ge=0)]


class AnnotatedSettings(Settings):
    """X-rays with lung masks: those of `adapter` in data/raw/`raw`, as squares of `image_px` pixels.

    `test` and `validation` are shares of the patients.
    """

    adapter: str
    raw: Name
    image_px: Annotated[int, Field(ge=32, le=1024)]
    fit: Literal["pad", "crop", "stretch"]
    test: Annotated[float, Field(gt=0, lt=0.5)]
    validation: Annotated[float, Field(gt=0, lt=0.5)]

    @field_validator("adapter")
    @classmethod
    def has_masks(cls, adapter: str) -> str:
        return _known_adapter(adapter, mask_adapters())


class SegmentationSettings(Settings):
    """Segmenters by name, each with the hospitals whose annotated X-rays it learns from.

    The images of a study are segmented by those that its rows name; the one called packaged comes with this package.
    """

    annotated: AnnotatedSettings
    unet: UNetSettings
    train: SegmenterSettings
    mask: MaskSettings
    suspicious: SuspicionSettings
    segmenters: dict[SegmenterName, Annotated[list[str], Field(min_length=1), Once]]

    @model_validator(mode="after")
    def unet_fits_image(self) -> "SegmentationSettings":
        step = 2 ** (self.unet.depth - 1)
        if self.annotated.image_px % step:
            raise ValueError(
                f"annotated.image_px: found {self.annotated.image_px}, expected a multiple of {step} "
                f"for a U-Net of depth {self.unet.depth}"
            )
        return self


class PublishedCNN(Settings):
    """Accuracies somebody else reported for a network, one an epoch."""

    network: NetworkName
    raw: list[Share]
    segmented: list[Share]


class CNNSettings(Settings):
    """The convolutional networks of keras.applications that a study trains on each of `arms`, whole, for `epochs`.

    `weights` is imagenet, or random where nothing is to be fetched. The first `folds` are tested, or all.
    """

    networks: Annotated[list[NetworkName], Once]
    arms: Annotated[list[Annotated[Images, Field(min_length=1)]], Once]
    weights: Literal["imagenet", "random"]
    folds: Annotated[int, Field(ge=1)] | None
    epochs: Annotated[int, Field(ge=1)]
    batch: Annotated[int, Field(ge=2)]
    learning_rate: Annotated[float, Field(gt=0)]
    precision: Precision
    published: list[PublishedCNN]

    def tests(self, folds: pd.Series) -> pd.Series:
        """Which pairs are tested, by their folds."""
        return folds < (self.folds or len(folds))


class EncoderSettings(Settings):
    """The encoder of each modality, by its name in `lungfuse.encoders`.

    `pooling` is what is kept of a frozen encoder's tokens for all that reads them: none keeps every token of a pair,
    mean their mean alone. Texts are cut after `max_tokens` tokens, or where null after as many as the text encoder is
    made for.
    """

    image: str
    text: str
    pooling: Pooling
    max_tokens: Annotated[int, Field(ge=3)] | None

    @property
    def text_tokens(self) -> int:
        """After how many tokens texts are cut."""
        return self.max_tokens or ENCODERS[self.text].max_tokens

    def of(self, modalities: set[Modality]) -> dict[Modality, str]:
        """The names of the encoders of these modalities, image first."""
        return {modality: getattr(self, modality) for modality in sorted(modalities)}

    def gives_means(self, train: "TrainSettings") -> bool:
        """Whether a training reads the mean of each pair's tokens instead of all."""
        return self.pooling == "mean" and train.layers == "frozen"

    @field_validator("image", "text")
    @classmethod
    def known(cls, name: str, info: ValidationInfo) -> str:
        known = encoders_of(info.field_name)
        if name not in known:
            raise ValueError(f"no such {info.field_name} encoder; expected one of {', '.join(known)}")
        return name

    @field_validator("max_tokens")
    @classmethod
    def fits_encoder(cls, max_tokens: int | None, info: ValidationInfo) -> int | None:
        text = info.data.get("text")  # absent when it is no encoder
        if max_tokens and text and max_tokens > ENCODERS[text].positions:
            raise ValueError(f"{text} has positions for {ENCODERS[text].positions} tokens; expected no more")
        return max_tokens


class FusionSettings(Settings):
    """What stands on the encoders: tokens of `width`, attention `heads`, `blocks`, a head of `hidden` units."""

    width: Annotated[int, Field(ge=8)]
    heads: Annotated[int, Field(ge=1)]
    blocks: Annotated[int, Field(ge=1, le=24)]
    hidden: Annotated[int, Field(ge=1)]
    dropout: Annotated[float, Field(ge=0, lt=1)]

    @model_validator(mode="after")
    def heads_divide_width(self) -> "FusionSettings":
        if self.width % self.heads:
            raise ValueError(f"width {self.width} is not a multiple of heads {self.heads}")
        return self


class AugmentSettings(Settings):
    """How far images are changed at random where their encoder learns; zeros leave them as they are.

    `rotation` is in degrees, `shift` and `scale` are shares of the image's side, `contrast` is a share of the image's
    own, `brightness` is in grey levels of 255, `gamma` is of the logarithm of the exponent. There is no flip: the heart
    is on the left.
    """

    rotation: Annotated[float, Field(ge=0, le=45)]
    shift: Annotated[float, Field(ge=0, le=0.5)]
    scale: Annotated[float, Field(ge=0, lt=1)]
    contrast: Annotated[float, Field(ge=0, lt=1)]
    brightness: Annotated[float, Field(ge=0, le=255)]
    gamma: Annotated[float, Field(ge=0, le=2)]


class TrainSettings(Settings):
    """Training. `layers` says which layers of the encoders learn: frozen (none), top:<n> or full.

    A model of both inputs starts from the encoders as they come, or from those that the unimodal rows have trained on
    the same fold.

    Rates are those of AdamW at the end of the warm-up; `warmup` is a share of all steps, `patience` a number of epochs,
    `word_dropout` a share of the words. `averaging` is the decay of the running mean of the weights, which is what is
    validated and kept; 0 keeps the weights themselves. `devices` is the number of GPUs that share each batch of a
    training (processes, where there is no GPU).
    """

    start: Literal["encoder", "unimodal"]
    layers: Annotated[str, Field(pattern=r"^(frozen|full|top:[1-9]\d*)$")]
    epochs: Annotated[int, Field(ge=1)]
    batch: Annotated[int, Field(ge=2)]
    learning_rate: Annotated[float, Field(gt=0)]
    encoder_learning_rate: Annotated[float, Field(gt=0)]
    weight_decay: Annotated[float, Field(ge=0)]
    warmup: Share
    clip: Annotated[float, Field(gt=0)]
    label_smoothing: Annotated[float, Field(ge=0, lt=1)]
    patience: Annotated[int, Field(ge=1)]
    augment: AugmentSettings
    word_dropout: Annotated[float, Field(ge=0, lt=1)]
    averaging: Annotated[float, Field(ge=0, lt=1)]
    precision: Precision
    devices: Annotated[int, Field(ge=1)]

    @model_validator(mode="after")
    def devices_share_the_batch(self) -> "TrainSettings":
        if self.batch % self.devices:
            raise ValueError(
                f"batch {self.batch} cannot be shared by {self.devices} devices; make it a multiple of them"
            )
        return self


class Row(Settings):
    """A row of the comparison table: a model, its inputs, and what of `train` is different for it.

    In params.yaml `model` may be left out where the row bears the model's name.
    """

    model: ModelName
    images: Images = ""
    text: Literal[Section, ""] = ""
    ablation: Ablation = ""
    train: dict[str, Any] = {}

    @property
    def label(self) -> str:
        """The model as the comparison table names it."""
        return ":".join(part for part in [self.model, self.ablation] if part)

    @property
    def inputs(self) -> set[Modality]:
        return ({"image"} if self.images else set()) | ({"text"} if self.text else set())

    def reads(self, modality: Modality) -> Images | Section:
        """Which images, or which section of the report."""
        return {"image": self.images, "text": self.text}[modality]

    @property
    def sources(self) -> set[Images | Section]:
        """What it reads of a case: images of a kind, a section of the report."""
        return {source for source in [self.images, self.text] if source}

    def is_part_of(self, fused: "Row") -> bool:
        """Whether this is a unimodal row that reads what a row of both inputs reads."""
        return self.model in ("image", "text") and self.reads(self.model) == fused.reads(self.model) != ""

    @model_validator(mode="after")
    def inputs_fit_model(self) -> "Row":
        needed = INPUTS_OF_MODEL[self.model]
        if self.inputs != needed:
            raise ValueError(
                f"{self.model} takes {_listed(needed) or 'no inputs'}, found {_listed(self.inputs) or 'none'}: "
                "set or remove `images` and `text`"
            )
        if self.ablation and (len(self.inputs) < 2 or self.model in LATE):
            raise ValueError(f"ablation: only a trained model of both inputs can be shuffled, found {self.model}")
        return self


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
        return TrainSettings.model_validate(_overlay(self.train.model_dump(), row.train), strict=True)

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
        return _known_adapter(adapter, adapter_names())

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
                raise ValueError(f"models.{name}: needs {_listed(missing)}, which is not among the modalities")
            try:
                self.train_of(row)
            except ValidationError as error:
                problems = [_problem(f"models.{name}.train", each, TrainSettings) for each in error.errors()]
                raise ValueError("; ".join(problems)) from error
            if row.model in TRAINED:
                self._check_layers(f"models.{name}.train.layers", row)
            combines = row.model in LATE or (row.model in FUSED and self.train_of(row).start == "unimodal")
            if combines and (absent := row.inputs - set(self.parts_of(row))):
                raise ValueError(
                    f"models.{name}: combines unimodal rows, but no row of model {_listed(absent)} has the same input"
                )
            if row.text and row.text not in self.filter.text_fields:
                raise ValueError(f"models.{name}: reads {row.text}, which is not among filter.text_fields")
        return self


def read_params(path: Path) -> dict[str, Any]:
    """The content of params.yaml.

    Raises:
        UserError: the file is missing, is no YAML mapping in UTF-8, or gives a key twice.
    """
    try:
        params = yaml.load(path.read_text(encoding="utf-8"), UniqueKeys)
    except FileNotFoundError:
        raise UserError(f"{path}: not found. Expected the settings; run in the root folder of the project.") from None
    except UnicodeDecodeError:
        raise UserError(f"{path}: {where_not_utf8(path)}") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1
        raise UserError(f"{path}: line {line}: {_meaning_of(error, path.read_text(encoding='utf-8'))}") from error
    except yaml.YAMLError as error:
        raise UserError(f"{path}: is not valid YAML. {error}") from error
    if not isinstance(params, dict):
        raise UserError(f"{path}: found {type(params).__name__}, expected a mapping with {', '.join(TOP_LEVEL)}.")
    return params


class UniqueKeys(yaml.SafeLoader):
    """YAML in which a key that comes twice is an error, where others take the last one in silence."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        seen: dict[str, yaml.ScalarNode] = {}
        for key in [key for key, _ in node.value if isinstance(key, yaml.ScalarNode)]:
            first = seen.setdefault(key.value, key)
            if first is not key:
                problem = f"the key {key.value!r} comes twice, first in line {first.start_mark.line + 1}. Remove one"
                raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
        return super().construct_mapping(node, deep)


def _meaning_of(error: yaml.MarkedYAMLError, text: str) -> str:
    lines = text.splitlines()
    if "\t" in "".join(lines[error.problem_mark.line :][:1]):
        return f"{error.problem}. Indent with spaces, not with tabs."
    for number, content in enumerate(lines, 1):
        if content.startswith(("<<<<<<< ", "=======", ">>>>>>> ")):
            return f"{error.problem}. Line {number} is the mark of a merge that is not finished: {content!r}."
    return f"{error.problem}."


def load_studies(params: dict[str, Any]) -> dict[str, Study]:
    """Every study of `params` by name, each `defaults` overlaid with its own settings.

    Raises:
        UserError: names every wrong key or value, what was found and what is allowed.
    """
    _check_top_level(params)
    problems, studies = [], {}
    for name, own in params["studies"].items():
        try:
            studies[name] = Study.model_validate(_overlay(params["defaults"], own), strict=True)
        except ValidationError as error:
            problems += [_message(problem, name, own) for problem in error.errors()]
    if problems:
        raise UserError("params.yaml:\n  " + "\n  ".join(dict.fromkeys(problems)))
    return studies


def load_study(params: dict[str, Any]) -> tuple[str, Study]:
    """The study that `params` selects, with its name; see `load_studies`."""
    studies = load_studies(params)
    name = params["study"]
    if name not in studies:
        raise UserError(f"params.yaml: study: found {name!r}, expected one of {', '.join(sorted(studies))}.")
    return name, studies[name]


def to_json(settings: Settings | list[Settings]) -> str:
    """Settings as the command line takes them."""
    return TypeAdapter(type(settings)).dump_json(settings).decode()


def params_schema() -> dict[str, Any]:
    """The JSON schema of params.yaml."""
    schema = Study.model_json_schema()
    definitions = schema.pop("$defs")
    sections = [
        name for name in definitions if name.endswith("Settings")
    ]  # mappings, which an overlay may give in part
    for definition in [schema, *(definitions[name] for name in sections)]:
        definition.pop("required")
    definitions["Row"].pop("required")  # a row may bear its model's name
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "params.yaml",
        "type": "object",
        "additionalProperties": False,
        "required": list(TOP_LEVEL),
        "properties": {
            **{key: {"type": JSON_TYPES[kind]} for key, (kind, _) in TOP_LEVEL.items() if kind in JSON_TYPES},
            "defaults": {"$ref": "#/$defs/Study"},
            "studies": {
                "type": "object",
                "propertyNames": {"pattern": STUDY_NAME},
                "additionalProperties": {"$ref": "#/$defs/Study"},
            },
        },
        "$defs": {"Study": schema, **definitions},
    }


TOP_LEVEL = {  # with its type, also in words
    "study": (str, "the name of a study"),
    "dvc_sync": (bool, "true or false"),
    "gpu_software": (bool, "true or false"),
    "container": (str, "the address of an image, or nothing between quotes"),
    "defaults": (dict, "a mapping"),
    "studies": (dict, "a mapping"),
}
JSON_TYPES = {str: "string", bool: "boolean"}
STUDY_NAME = r"^[a-z0-9]+([_-][a-z0-9]+)*$"


def _check_top_level(params: dict[str, Any]) -> None:
    for key in params:
        if key not in TOP_LEVEL:
            raise UserError(
                f"params.yaml: {key}: unknown key{_suggestion(key, TOP_LEVEL)}. Allowed: {', '.join(TOP_LEVEL)}."
            )
    entries = {key: (params.get(key), *expected) for key, expected in TOP_LEVEL.items()}
    if isinstance(params.get("studies"), dict):
        for name in params["studies"]:
            if not isinstance(name, str) or not re.fullmatch(STUDY_NAME, name):
                raise UserError(
                    f"params.yaml: studies: found the name {name!r}, expected lower-case letters and digits with "
                    "single - or _ between them, for folders are called by it."
                )
        entries |= {f"studies.{name}": (own, *TOP_LEVEL["studies"]) for name, own in params["studies"].items()}
    for key, (value, kind, expected) in entries.items():
        if not isinstance(value, kind):
            raise UserError(f"params.yaml: {key}: found {value!r}, expected {expected}.")


def _overlay(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        both_mappings = isinstance(value, dict) and isinstance(below.get(key), dict)
        merged[key] = _overlay(below[key], value) if both_mappings else value
    return merged


def _message(problem: dict[str, Any], study: str, own: dict[str, Any]) -> str:
    location = problem["loc"]
    missing = problem["type"] == "missing"
    held = location[:-1] if missing else location  # what the study itself says of it
    place = f"studies.{study}" if _holds(own, held) and (held or not missing) else "defaults"
    if missing:
        return f"{'.'.join(map(str, [place, *location]))}: missing. Add it to defaults or to studies.{study}."
    return _problem(place, problem, Study) + "."


def _problem(place: str, problem: dict[str, Any], model: type[Settings]) -> str:
    """What is wrong at a place of the settings below `place`, which `model` describes."""
    location = problem["loc"]
    key = ".".join(map(str, [place, *location]))
    if problem["type"] == "extra_forbidden":
        allowed = _fields_at(location[:-1], model)
        return f"{key}: unknown key{_suggestion(location[-1], allowed)}. Allowed: {', '.join(allowed)}"
    message = problem["msg"].removeprefix("Value error, ")
    if isinstance(problem["input"], dict | Settings):
        return f"{key}: {message}"
    return f"{key}: found {problem['input']!r}. {message}"


def _holds(own: Any, location: tuple) -> bool:
    for key in location:
        try:
            own = own[key]
        except (KeyError, IndexError, TypeError):
            return False
    return True


def _fields_at(location: tuple, model: type[Settings]) -> list[str]:
    keys = iter(location)
    for key in keys:
        annotation = model.model_fields[key].annotation
        model = next((part for part in get_args(annotation) if part in Settings.__subclasses__()), annotation)
        if model is not annotation:
            next(keys)  # the name or position of one of several
    return list(model.model_fields)


def _suggestion(key: str, allowed: Any) -> str:
    close = difflib.get_close_matches(str(key), list(allowed), n=1)
    return f" (did you mean {close[0]}?)" if close else ""


def _known_adapter(adapter: str, known: list[str]) -> str:
    if adapter not in known:
        raise ValueError(f"no such adapter; expected one of {', '.join(known)}")
    return adapter


def _listed(inputs: set[Modality]) -> str:
    return " and ".join(sorted(inputs))
