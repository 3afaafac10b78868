"""A row of the comparison table: a model, what it reads, and what is different for it."""

from typing import Annotated, Any

from pydantic import Field, model_validator

from lungfuse.errors import UserError
from lungfuse.modalities import in_order, load_modality, modality_names
from lungfuse.models import ModelSpec, declared, kind_of, model_names
from lungfuse.settings.base import SeedCount, Settings, listed

RowName = Annotated[str, Field(pattern=r"^[a-z0-9]+([_-][a-z0-9]+)*$")]
Choice = str | list[str]
TRAINED = ["unimodal", "fusion"]  # kinds of models that are networks, trained fold by fold
ENCODING = [*TRAINED, "probe", "late"]  # kinds of models that read what encoders make
SHORTHANDS = {"images": "image", "text": "text", "structured": "structured"}
CHANGES = ["shuffled", "dropped"]


class Row(Settings):
    """A row of the comparison table: a model, its inputs, and what of the study's settings is different for it.

    `inputs` holds what it reads of each modality; `images`, `text` and `structured` are short for its entries. In
    params.yaml `model` may be left out where the row bears the model's name. `ablation` takes a modality away:
    shuffled-<modality> gives each pair that of another, dropped-<modality> leaves it out as if no pair had it.
    `encoders` and `train` are laid over those of the study, `settings` are the model's own. `parts` names the rows that
    it combines or starts from, by modality, where they are not those that read the same. `n_seeds` is how often it is
    trained on each fold, where that is not as often as the study says.
    """

    model: str
    inputs: dict[str, Choice] = Field(default={})
    ablation: str = ""
    encoders: dict[str, str] = Field(default={})
    train: dict[str, Any] = Field(default={})
    settings: dict[str, Any] = Field(default={})
    parts: dict[str, RowName] = Field(default={})
    n_seeds: SeedCount | None = Field(default=None, exclude=True)  # one training is the same however many there are

    @property
    def kind(self) -> str:
        """That of its model."""
        return kind_of(self.model)

    @property
    def declared(self) -> ModelSpec:
        return declared(self.model)

    @property
    def label(self) -> str:
        """The model as the comparison table names it."""
        return ":".join(part for part in [self.model, self.ablation] if part)

    @property
    def modalities(self) -> list[str]:
        """What it reads, in the order of the modalities."""
        return in_order(self.inputs)

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

    @property
    def sources(self) -> set[str]:
        """The single things that it reads of a case."""
        return {
            f"{name} {source}" for name, choice in self.inputs.items() for source in load_modality(name).sources(choice)
        }

    @property
    def named(self) -> dict[str, str]:
        """The row as tables name it: model, images, text and structured columns."""
        return {"model": self.label, "images": self.images, "text": self.text, "structured": " ".join(self.structured)}

    def is_part_of(self, other: "Row") -> bool:
        """Whether this is a unimodal row that reads what another reads of its modality."""
        same = all(other.inputs.get(modality) == choice for modality, choice in self.inputs.items())
        return self.kind == "unimodal" and same and len(other.inputs) > 1

    @model_validator(mode="before")
    @classmethod
    def inputs_by_modality(cls, row: Any) -> Any:
        if not isinstance(row, dict):
            return row
        short = {SHORTHANDS[key]: row[key] for key in SHORTHANDS if row.get(key)}
        inputs = row.get("inputs", {})
        if isinstance(inputs, dict):
            if twice := set(short) & set(inputs):
                raise ValueError(f"inputs: says {listed(twice)}, as do images, text or structured; say it once")
            said = {modality: key for key, modality in SHORTHANDS.items() if modality in short}
            inputs = {
                name: _checked(name, choice, said.get(name, f"inputs.{name}"))
                for name, choice in (inputs | short).items()
            }
        return {key: value for key, value in row.items() if key not in SHORTHANDS} | {"inputs": inputs}

    @model_validator(mode="after")
    def inputs_fit_model(self) -> "Row":
        if self.model not in model_names():
            raise ValueError(f"model: found {self.model!r}, expected one of {', '.join(model_names())}")
        spec = self.declared
        if not spec.takes(set(self.inputs)):
            raise ValueError(
                f"{self.model} takes {spec.in_words()}, found {listed(self.inputs) or 'none'}: set or remove "
                "`images`, `text` and `structured`"
            )
        spec.check(self.settings)
        if self.ablation:
            change, _, modality = self.ablation.partition("-")
            if change not in CHANGES or modality not in self.inputs:
                raise ValueError(
                    f"ablation: found {self.ablation}, expected {' or '.join(f'{each}-' for each in CHANGES)} and one "
                    f"of {', '.join(self.modalities)}"
                )
            if len(self.inputs) < 2 or self.kind != "fusion":
                raise ValueError(
                    f"ablation: only a trained model of several inputs can be shuffled, found {self.model}"
                )
        return self


def _checked(modality: str, choice: Any, place: str) -> Choice:
    if modality not in modality_names():
        raise ValueError(f"inputs: found {modality!r}, expected some of {', '.join(modality_names())}")
    try:
        return load_modality(modality).check(choice)
    except (ValueError, UserError) as error:
        raise ValueError(f"{place}: found {choice!r}, {error}") from error
