"""A model of a study: its entry in params.yaml, and the file with all its settings."""

from typing import Annotated, Any

from pydantic import Field, model_validator

from lungfuse.settings.base import ClassWeights, Precision, SeedCount, Settings
from lungfuse.settings.ingest import ImageSettings
from lungfuse.settings.search import SearchConfig, SearchSettings
from lungfuse.settings.table import TableReading
from lungfuse.settings.training import Pooling, TrainSettings
from lungfuse.words import joined

ModelName = Annotated[str, Field(pattern=r"^[a-z0-9]+([_-][a-z0-9]+)*$")]
Choice = str | list[str]
SHORTHANDS = {"images": "image", "text": "text", "structured": "structured"}
CHANGES = ["shuffled", "dropped"]
EXPECTED = "a text, or a list of texts"
SEVERAL = "+"  # between the sections that a model reads together


class ModelInputs(Settings):
    """What a model is, and what it reads of a case: a kind of images, a section, structured columns, by modality."""

    architecture: str
    inputs: dict[str, Choice] = Field(default={})
    ablation: str = ""

    @property
    def images(self) -> str:
        """The kind of images it reads, or nothing."""
        return self.inputs.get("image", "")

    @property
    def text(self) -> str:
        """The section it reads, or nothing."""
        return self.inputs.get("text", "")

    @property
    def structured(self) -> list[str]:
        """The structured columns it reads."""
        return self.inputs.get("structured", [])

    @property
    def changed(self) -> str:
        """The modality that an ablation takes away, or nothing."""
        return self.ablation.partition("-")[2]


class ModelSettings(ModelInputs):
    """A model: its architecture, its inputs, and what of the study's settings is different for it.

    `images`, `text` and `structured` are short for entries of `inputs`. In params.yaml `architecture` may be left out
    where the model is named after it. `ablation` takes a modality away: shuffled-<modality> gives each case that of
    another, dropped-<modality> leaves it out as if no case had it. `encoders` and `train` are laid over those of the
    study, `settings` are the architecture's own. `parts` names the models that it combines or starts from, by their
    role: the modality they read, unless the architecture has other roles. Where it is not said, a unimodal model that
    reads the same has the role. `n_seeds` is how often it is trained, each time with a new seed and new folds, where
    that is not as often as the study says. Where it is `explained`, the report shows what it decides by. `search` looks
    for settings in each fold.
    """

    encoders: dict[str, Any] = Field(default={})
    train: dict[str, Any] = Field(default={})
    settings: dict[str, Any] = Field(default={})
    parts: dict[str, ModelName] = Field(default={})
    n_seeds: SeedCount | None = None
    explained: bool = False
    search: SearchSettings | None = None

    @model_validator(mode="before")
    @classmethod
    def inputs_by_modality(cls, entry: Any) -> Any:
        if not isinstance(entry, dict):
            return entry
        short = {SHORTHANDS[key]: entry[key] for key in SHORTHANDS if key in entry}
        for key in SHORTHANDS:
            if key in entry and not _is_choice(entry[key]):
                raise ValueError(f"{key}: found {entry[key]!r}, expected {EXPECTED}; leave it out where it is not read")
        inputs = entry.get("inputs", {})
        if isinstance(inputs, dict):
            if twice := set(short) & set(inputs):
                raise ValueError(f"inputs: {joined(twice)} is given twice, here and by its short form; give it once")
            inputs = inputs | short
            if isinstance(images := inputs.get("image"), list):
                raise ValueError(
                    f"images: found {images}, expected one kind of images; raw@<view>+<view> reads several"
                )
            if isinstance(inputs.get("structured"), str):
                inputs["structured"] = [inputs["structured"]]
            texts = inputs.get("text")
            if isinstance(texts, list) and texts and _is_choice(texts):
                inputs["text"] = SEVERAL.join(texts)
        return {key: value for key, value in entry.items() if key not in SHORTHANDS} | {"inputs": inputs}


def _is_choice(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, list) and all(isinstance(each, str) for each in value))


class ModelConfig(ModelInputs):
    """All that decides what a model learns, and nothing else: the content of results/<study>/models/<model>.json.

    What it does not read is absent. `inputs` are in the order of the modalities. `encoders` names the encoder of each
    modality that has one; `paired` what is read of modalities in training alone, nothing where their encoder reads
    prompts and no pair; `sources` where each starts: its name, `<encoder>_pretrained`,
    `<encoder>_pretrained-without-labels`, or `<model>_fold{run}` of the model that has trained it. `fusion` holds the
    keys of the study's `fusion` that its architecture reads. Words of `redact_terms` begin words whose sentences its
    text lacks. `n_seeds` is that of an estimator, all of whose trainings are one job, where it has several. `table` is
    how the table of the study is read. Where settings are searched for, `search` says how, and the settings beside it
    train nothing: each fold has a file of its own, whose `point` says what of its settings was found.
    """

    name: ModelName
    study: str
    task: str
    labels: list[str]
    seed: int
    class_weights: ClassWeights
    folds: int
    settings: dict[str, Any] = Field(default={})
    parts: dict[str, ModelName] = Field(default={})
    encoders: dict[str, str] = Field(default={})
    paired: dict[str, str] = Field(default={})
    sources: dict[str, str] = Field(default={})
    pooling: Pooling = "none"
    max_tokens: int | None = None
    precision: Precision | None = None
    image_settings: ImageSettings | None = None
    segmenter: str = ""
    redact_terms: list[str] = Field(default=[])
    fusion: dict[str, int | float] = Field(default={})
    train: TrainSettings | None = None
    table: TableReading | None = None
    n_seeds: SeedCount | None = None
    search: SearchConfig | None = None
    point: dict[str, Any] = Field(default={})

    @property
    def read_in_training(self) -> dict[str, Choice]:
        """What a training reads of the pairs, by modality: the inputs, and what is paired with them."""
        return self.inputs | {name: choice for name, choice in self.paired.items() if choice}
