"""The models by name: a folder says how they are made of pairs, a file in it is one of them.

`baseline` and `probe` are estimators of scikit-learn, `unimodal` and `fusion` networks on the tokens of encoders,
`late` combines the scores of other rows. Beside its code a model declares what it reads:

- REQUIRED: the modalities that it always reads; OPTIONAL: those that it reads too where a row says so, or "any";
- MIN_INPUTS: how many it reads at least (as many as it needs, where it is not said);
- FUSION: the keys of the study's `fusion` that it reads, of networks;
- SETTINGS: what a row may set for it under `settings`, as properties of a JSON schema with defaults; a list that is
  `ascending` has its values in order.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jsonschema

from lungfuse import registry
from lungfuse.errors import UserError

if TYPE_CHECKING:
    from torch import nn

    from lungfuse.settings.training import FusionSettings

KINDS = ["baseline", "probe", "unimodal", "fusion", "late"]


def _ascending(_: Any, wanted: bool, values: Any, __: Any) -> Iterator[jsonschema.ValidationError]:
    numbers = isinstance(values, list) and all(isinstance(value, int) for value in values)
    if wanted and numbers and values != sorted(values):
        yield jsonschema.ValidationError(f"{values} is not [shortest, longest]")


SettingsValidator = jsonschema.validators.extend(jsonschema.Draft202012Validator, {"ascending": _ascending})


@dataclass(frozen=True)
class ModelSpec:
    """What a model declares, and its `kind`."""

    kind: str
    required: frozenset[str]
    optional: frozenset[str] | None
    min_inputs: int
    fusion: frozenset[str]
    settings: dict[str, dict]

    def takes(self, modalities: set[str]) -> bool:
        """Whether it reads these."""
        allowed = self.optional is None or modalities <= self.required | self.optional
        return self.required <= modalities and allowed and len(modalities) >= self.min_inputs

    def in_words(self) -> str:
        """What it reads, in words."""
        required = " and ".join(sorted(self.required)) or "no inputs"
        others = "any inputs" if self.optional is None else " and ".join(sorted(self.optional))
        if self.min_inputs > len(self.required):
            first = f"{required} and " if self.required else ""
            return f"{first}{self.min_inputs - len(self.required)} or more of {others}"
        return f"{required}, and may take {others}" if others else required

    def check(self, settings: dict[str, Any]) -> None:
        """See that settings of a row are some that the model has.

        Raises:
            ValueError: one is unknown or of another kind.
        """
        schema = {"type": "object", "properties": self.settings, "additionalProperties": False}
        problem = next(iter(SettingsValidator(schema).iter_errors(settings)), None)
        if problem is not None:
            place = ".".join(["settings", *map(str, problem.path)])
            raise ValueError(f"{place}: {problem.message}; it has {', '.join(self.settings) or 'none'}")

    def completed(self, settings: dict[str, Any]) -> dict[str, Any]:
        """The settings of a row with the defaults of those that it does not say."""
        return {name: schema["default"] for name, schema in self.settings.items()} | settings


def model_names(*kinds: str) -> list[str]:
    """The names of the models of these kinds, or of all."""
    return [name for kind in kinds or KINDS for name in registry.names(f"{__name__}.{kind}")]


def kind_of(name: str) -> str:
    """The kind of the model called `name`.

    Raises:
        UserError: there is none.
    """
    for kind in KINDS:
        if name in registry.names(f"{__name__}.{kind}"):
            return kind
    raise UserError(f"model: found {name!r}, expected one of {', '.join(model_names())}.")


def declared(name: str) -> ModelSpec:
    """What the model called `name` declares, without importing it."""
    kind = kind_of(name)
    found = registry.declared(f"{__name__}.{kind}", name)
    required, optional = frozenset(found["REQUIRED"]), found.get("OPTIONAL", [])
    return ModelSpec(
        kind,
        required,
        None if optional == "any" else frozenset(optional),
        found.get("MIN_INPUTS", len(required)),
        frozenset(found.get("FUSION", [])),
        found.get("SETTINGS", {}),
    )


def module_of(name: str) -> str:
    """The module of the model called `name`."""
    return registry.module_of(f"{__name__}.{kind_of(name)}", name)


def build_model(
    name: str, widths: dict[str, int], outputs: int, fusion: "FusionSettings", settings: dict[str, Any]
) -> "nn.Module":
    """The network called `name` with random weights.

    `widths` are those of the tokens of each modality that it reads, in the order of the modalities; `outputs` is the
    number of logits.
    """
    chosen = {key: value for key, value in fusion.model_dump().items() if key in declared(name).fusion}
    build = registry.load(f"{__name__}.{kind_of(name)}", name).build
    return build(widths, outputs, **chosen, **declared(name).completed(settings))
