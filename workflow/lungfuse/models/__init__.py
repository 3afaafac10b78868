"""The architectures of models by name: a folder is a kind of them, a file in it an architecture.

A kind says in its folder

- STAGE: the stage that makes its models, and PREDICTED_BY: the module that loads them to predict;
- TRAINED: whether they are networks, trained fold by fold; ENCODES: the modalities of which they read what encoders
  make, or "any"; COMBINES: whether they combine the scores of other models.

Beside its code an architecture declares

- REQUIRED: the modalities that it always reads; OPTIONAL: those that it reads too where a study says so, or "any";
- MIN_INPUTS: how many it reads at least (as many as it needs, where it is not said);
- FUSION: the keys of the study's `fusion` that it reads, of networks;
- LEARNS: some of "classes", "grades" and "numbers", for which tasks ask (all of them, where it is not said);
- GROUPED: of an estimator, whether its `fit` takes the groups of the pairs that it learns from, such as patients, for
  inner folds; of a search the best estimator is kept;
- ROLES: the networks that it needs besides those that read its modalities, such as the teacher of a distillation; a
  model names them under `parts`. The scores that they give to pairs they have not learned from are given to its `loss`;
- PAIRED: the modalities whose encoder it has besides those of a case: to read the `prompts` of its settings and, where
  it has a setting with the name of the modality, what training reads of each pair;
- PARTS: "any" of a late fusion that combines any models of its inputs, by whatever names `parts` has for them; else
  there is one for each modality;
- ENCODES: where that is not what its kind says;
- SETTINGS: what a study may set for it under `settings`, as properties of a JSON schema with defaults; a list that is
  `ascending` has its values in order.
A network may have a loss of its own, `loss(logits, targets, task, class_weights, label_smoothing, part_scores)`: logits
are (B, output), targets (B, label column), NaN where a label is not known, and scores of each role (B, score column).
It is given those of its SETTINGS too that it has parameters for. One that learns without labels has a method
`contrast(inputs)`, the loss of a batch of tokens of all that it reads, in place of a loss of logits. One that has
`texts` is given their tokens by `read_prompts`.
One whose tokens attend to each other, or that takes one mean of several modalities, says so in `attended()`, in the
order in which it is computed: `Readings` of `lungfuse.layers.blocks`. Relevancy reads that; of others it expects the
mean of each modality, in order.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any, Literal

import jsonschema

from lungfuse import registry
from lungfuse.errors import UserError
from lungfuse.modalities import encoded, in_order
from lungfuse.tasks import TARGETS
from lungfuse.words import joined

KINDS = ["baseline", "probe", "classical", "unimodal", "fusion", "late"]


def _ascending(_: Any, wanted: bool, values: Any, __: Any) -> Iterator[jsonschema.ValidationError]:
    numbers = isinstance(values, list) and all(isinstance(value, int) for value in values)
    if wanted and numbers and values != sorted(values):
        yield jsonschema.ValidationError(f"{values} is not [shortest, longest]")


SettingsValidator = jsonschema.validators.extend(jsonschema.Draft202012Validator, {"ascending": _ascending})


@dataclass(frozen=True)
class KindSpec:
    """What a kind of architectures declares: see this package."""

    name: str
    stage: str
    predicted_by: str
    trained: bool
    encodes: list[str] | Literal["any"]
    combines: bool

    def encoded(self, inputs: Iterable[str]) -> list[str]:
        """Those of some modalities that models of this kind read as encoders make them, in order."""
        return [name for name in encoded(inputs) if self.encodes == "any" or name in self.encodes]


@dataclass(frozen=True)
class ModelSpec:
    """What an architecture declares: see this package."""

    required: frozenset[str]
    optional: frozenset[str] | None
    min_inputs: int
    fusion: frozenset[str]
    grouped: bool
    roles: tuple[str, ...]
    any_parts: bool
    paired: tuple[str, ...]
    settings: dict[str, dict]
    learns: tuple[str, ...]

    def takes(self, modalities: set[str]) -> bool:
        """Whether it reads these."""
        allowed = self.optional is None or modalities <= self.required | self.optional
        return self.required <= modalities and allowed and len(modalities) >= self.min_inputs

    def in_words(self) -> str:
        """What it reads, in words."""
        required = joined(self.required) or "no inputs"
        others = "any inputs" if self.optional is None else joined(self.optional)
        if self.min_inputs > len(self.required):
            first = f"{required} and " if self.required else ""
            return f"{first}{self.min_inputs - len(self.required)} or more of {others}"
        return f"{required}, and may take {others}" if others else required

    def problem(self, settings: dict[str, Any]) -> str:
        """What is wrong with settings of a study for it, or nothing."""
        schema = {"type": "object", "properties": self.settings, "additionalProperties": False}
        found = next(iter(SettingsValidator(schema).iter_errors(settings)), None)
        if found is None:
            return ""
        place = ".".join(["settings", *map(str, found.path)])
        return f"{place}: {found.message}; it has {', '.join(self.settings) or 'none'}"

    def completed(self, settings: dict[str, Any]) -> dict[str, Any]:
        """Some settings with the defaults of those that are not given."""
        return {name: schema["default"] for name, schema in self.settings.items()} | settings


def model_names(*kinds: str) -> list[str]:
    """The names of the architectures of these kinds, or of all."""
    return [name for kind in kinds or KINDS for name in registry.names(f"{__name__}.{kind}")]


@cache
def kind_of(name: str) -> str:
    """The kind of the architecture called `name`.

    Raises:
        UserError: there is none.
    """
    for kind in KINDS:
        if name in registry.names(f"{__name__}.{kind}"):
            return kind
    raise UserError(f"architecture: found {name!r}, expected one of {', '.join(model_names())}.")


@cache
def kind_spec(name: str) -> KindSpec:
    """What the kind of the architecture called `name` declares, and it itself of what it encodes."""
    kind, own = kind_of(name), registry.declared_by(module_of(name))
    found = registry.declared_by(f"{__name__}.{kind}") | {key: own[key] for key in ["ENCODES"] if key in own}
    return KindSpec(kind, **{key.lower(): value for key, value in found.items()})


@cache
def model_spec(name: str) -> ModelSpec:
    """What the architecture called `name` declares, without importing it."""
    found = registry.declared_by(module_of(name))
    required, optional = frozenset(found["REQUIRED"]), found.get("OPTIONAL", [])
    return ModelSpec(
        required,
        None if optional == "any" else frozenset(optional),
        found.get("MIN_INPUTS", len(required)),
        frozenset(found.get("FUSION", [])),
        found.get("GROUPED", False),
        tuple(found.get("ROLES", ())),
        found.get("PARTS") == "any",
        tuple(found.get("PAIRED", ())),
        found.get("SETTINGS", {}),
        tuple(found.get("LEARNS", TARGETS)),
    )


def encoded_for(name: str, inputs: Iterable[str]) -> list[str]:
    """The modalities whose encoders a model of the architecture called `name` has, in order: see PAIRED."""
    return in_order({*kind_spec(name).encoded(inputs), *model_spec(name).paired})


def module_of(name: str) -> str:
    """The module of the architecture called `name`."""
    return registry.module_of(f"{__name__}.{kind_of(name)}", name)


def load_model(name: str) -> ModuleType:
    """The module of the architecture called `name`, imported."""
    return registry.load(f"{__name__}.{kind_of(name)}", name)
