"""Encoders, what stands on them, and how both are trained."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from lungfuse.settings.base import Name, Precision, Settings, Share
from lungfuse.settings.table import TableSettings

Pooling = Literal["none", "mean"]


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
    """Training. `layers` says which layers of the encoders learn, and how: frozen (none), top:<n>, full,
    lora:<rank>, or what else `lungfuse.tuning` has.

    A model starts from the encoders as they come, or from the image encoder as the pre-training left it, which has
    learned the study's own labels of other patients too, or all but these. A model of several inputs may also start
    from those that the unimodal models have trained on the same fold.

    Rates are those of AdamW at the end of the warm-up; `warmup` is a share of all steps, `patience` a number of epochs,
    `word_dropout` a share of the words, `modality_dropout` the chance with which each input of a case but one is left
    out, where a model reads several. `ema_decay` is the decay of the running mean of the weights, which is what is
    validated and kept; 0 keeps the weights themselves. `devices` is the number of GPUs that share each batch of a
    training (processes, where there is no GPU).
    """

    init_from: Literal["encoder", "pretrained", "pretrained-without-labels", "unimodal"]
    layers: str
    epochs: Annotated[int, Field(ge=1)]
    batch_size: Annotated[int, Field(ge=2)]
    learning_rate: Annotated[float, Field(gt=0)]
    encoder_learning_rate: Annotated[float, Field(gt=0)]
    weight_decay: Annotated[float, Field(ge=0)]
    warmup: Share
    gradient_clip: Annotated[float, Field(gt=0)]
    label_smoothing: Annotated[float, Field(ge=0, lt=1)]
    patience: Annotated[int, Field(ge=1)]
    modality_dropout: Annotated[float, Field(ge=0, lt=1)]
    augment: AugmentSettings
    word_dropout: Annotated[float, Field(ge=0, lt=1)]
    ema_decay: Annotated[float, Field(ge=0, lt=1)]
    precision: Precision
    devices: Annotated[int, Field(ge=1)]

    @model_validator(mode="after")
    def devices_share_the_batch(self) -> "TrainSettings":
        if self.batch_size % self.devices:
            raise ValueError(
                f"batch_size {self.batch_size} cannot be shared by {self.devices} devices; make it a multiple of them"
            )
        return self


class LabelledImages(Settings):
    """Images of another collection, whose raw files are in a folder of data/raw, with their labels.

    `label` names the structured column whose words are learned; without it headings of the reports are. A word is
    learned that `min_images` have. `table` says what the columns of the table mean, where the dataset is `table`.
    """

    dataset: str = "table"
    table: TableSettings | None = None
    view: str = "any"
    label: str = ""
    min_images: Annotated[int, Field(ge=2)] = 40

    @model_validator(mode="after")
    def table_is_of_its_dataset(self) -> "LabelledImages":
        if (self.dataset == "table") != (self.table is not None):
            raise ValueError(f"table: the dataset is {self.dataset}; the dataset table, and no other, needs a mapping")
        return self


class PretrainingSettings(Settings):
    """What image encoders learn before models start from them: the headings of reports of other patients.

    A heading is learned that at least `min_reports` of their reports have. `sets` are further collections of labelled
    images, by the folders of their raw files. `train` is laid over the settings of the study's training.
    """

    sets: dict[Name, LabelledImages]
    min_reports: Annotated[int, Field(ge=2)]
    train: dict[str, Any]
