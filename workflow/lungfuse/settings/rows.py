"""A row of the comparison table."""

from typing import Annotated, Any, Literal, get_args

from pydantic import Field, model_validator

from lungfuse.settings.base import Images, Modality, Settings, listed
from lungfuse.settings.ingest import Section

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
RowName = Annotated[str, Field(pattern=r"^[a-z0-9]+([_-][a-z0-9]+)*$")]
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


class Row(Settings):
    """A row of the comparison table: a model, its inputs, and what of `train` is different for it.

    In params.yaml `model` may be left out where the row bears the model's name.
    """

    model: ModelName
    images: Images = ""
    text: Literal[Section, ""] = ""
    ablation: Ablation = ""
    train: dict[str, Any] = Field(default={})

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
                f"{self.model} takes {listed(needed) or 'no inputs'}, found {listed(self.inputs) or 'none'}: "
                "set or remove `images` and `text`"
            )
        if self.ablation and (len(self.inputs) < 2 or self.model in LATE):
            raise ValueError(f"ablation: only a trained model of both inputs can be shuffled, found {self.model}")
        return self
