"""The space of a search: the settings of a model that it may name, and the model at a point of it."""

from collections.abc import Iterator
from itertools import product
from typing import Any, Literal

from lungfuse.models import kind_spec, model_spec
from lungfuse.plan.resolve import config_of, encoders_read, fusion_keys
from lungfuse.settings.base import overlay
from lungfuse.settings.model import ModelConfig, ModelSettings
from lungfuse.settings.search import Interval, Range, SearchConfig, SearchSettings, Variant
from lungfuse.settings.study import Study
from lungfuse.settings.training import AugmentSettings, FusionSettings, TrainSettings

Kind = Literal["whole", "number", "choice"]
Point = dict[str, Any]
"""Values by the dotted names of settings."""

READS = ["encoders.", "train.layers", "train.init_from"]  # settings that decide what a training reads
NOT_SEARCHED = {"train.devices", "train.precision"}  # which decide where and how fast, not what is learned
JSON_KINDS: dict[str, Kind] = {"integer": "whole", "number": "number"}
SECTIONS = ["settings", "train", "encoders"]  # of a model's entry


def searchable(study: Study, model: ModelSettings) -> dict[str, Kind]:
    """The settings that a search of a model may name, with what they are."""
    spec, kind = model_spec(model.architecture), kind_spec(model.architecture)
    found = {
        f"settings.{name}": JSON_KINDS.get(str(schema.get("type")), "choice") for name, schema in spec.settings.items()
    }
    read = encoders_read(study, model)
    found |= {f"encoders.{modality}": "choice" for modality in read}
    found |= {"encoders.pooling": "choice"} if read else {}
    found |= {"encoders.max_tokens": "choice"} if "text" in read else {}
    if kind.trained:
        found |= _kinds("train", TrainSettings) | _kinds("train.augment", AugmentSettings)
        keys = fusion_keys(model.architecture, model.inputs)
        found |= {name: each for name, each in _kinds("fusion", FusionSettings).items() if name.split(".")[1] in keys}
    return {name: each for name, each in found.items() if name not in NOT_SEARCHED | {"train.augment"}}


def _kinds(section: str, settings: type) -> dict[str, Kind]:
    kinds: dict[type, Kind] = {int: "whole", float: "number"}
    return {f"{section}.{key}": kinds.get(field.annotation, "choice") for key, field in settings.model_fields.items()}


def nested(point: Point) -> dict[str, Any]:
    """A point as mappings in each other."""
    found: dict[str, Any] = {}
    for name, value in point.items():
        for key in reversed(name.split(".")):
            value = {key: value}
        found = overlay(found, value)
    return found


def at_point(study: Study, name: str, point: Point) -> Study:
    """A study whose model has the settings of a point, and searches for none."""
    changes, model = nested(point), study.models[name]
    own = {key: overlay(getattr(model, key), changes[key]) for key in SECTIONS if key in changes}
    changed = model.model_copy(update=own | {"search": None})
    fusion = FusionSettings.model_validate(study.fusion.model_dump() | changes.get("fusion", {}), strict=True)
    return study.model_copy(update={"models": study.models | {name: changed}, "fusion": fusion})


def decides_reading(name: str) -> bool:
    """Whether a setting decides what a training reads."""
    return name.startswith(tuple(READS))


def searched_config(title: str, study: Study, name: str) -> ModelConfig:
    """All settings of a model of the study called `title`, with its search, if it has one."""
    config, search = config_of(title, study, name), study.models[name].search
    return config.model_copy(update={"search": search and _search_config(config, study, search)})


def _search_config(config: ModelConfig, study: Study, search: SearchSettings) -> SearchConfig:
    known, variants, plain = searchable(study, study.models[config.name]), [], config.model_dump(mode="json")
    choices = {name: found for name, found in search.space.items() if decides_reading(name)}
    for values in product(*choices.values()) if choices else []:
        chosen = dict(zip(choices, values, strict=True))
        other = config_of(config.study, at_point(study, config.name, chosen), config.name).model_dump(mode="json")
        changes = {key: value for key, value in other.items() if value != plain[key]}
        variants.append(Variant(chosen=chosen, changes=changes))
    space = {
        name: Interval(**found.model_dump(), whole=known[name] == "whole") if isinstance(found, Range) else found
        for name, found in search.space.items()
    }
    own = search.model_dump(include={"rounds", "width", "sampler", "prune"})
    return SearchConfig(space=space, variants=variants, metric=study.comparison.primary, **own)


def variants_of(config: ModelConfig) -> list[ModelConfig]:
    """A model with each choice of its search that decides what a training reads; or as it is."""
    return [_with(config, variant.changes) for variant in config.search.variants] if has_variants(config) else [config]


def has_variants(config: ModelConfig) -> bool:
    return bool(config.search and config.search.variants)


def _with(config: ModelConfig, changes: dict[str, Any]) -> ModelConfig:
    return ModelConfig.model_validate(config.model_dump(exclude={"search"}) | changes)


def config_at(config: ModelConfig, point: Point) -> ModelConfig:
    """A model, whose file says how it is searched, at a point of the space.

    Raises:
        ValueError: no model can have these settings together.
    """
    changes = next((each.changes for each in config.search.variants if _is_at(each, point)), {})
    found = _with(config, changes).model_dump(exclude={"search"})
    found = overlay(found, nested({name: value for name, value in point.items() if not decides_reading(name)}))
    return ModelConfig.model_validate(found | {"point": point})


def _is_at(variant: Variant, point: Point) -> bool:
    return all(point[name] == variant.chosen.get(name) for name in point if decides_reading(name))


def values_of(dimension: Range | list, kind: Kind) -> Iterator[Any]:
    """The values of a dimension that are tried before a search begins: all choices, or whole numbers, else the ends."""
    if isinstance(dimension, list):
        yield from dimension
    elif kind == "whole":
        yield from sorted({int(dimension.low), int(dimension.high), *_between(dimension)})
    else:
        yield from [dimension.low, dimension.high]


def _between(dimension: Range) -> range:
    found = range(int(dimension.low), int(dimension.high) + 1, int(dimension.step or 1))
    return found if len(found) <= 100 else found[:0]


def trials_of(search: SearchConfig, rounds: int) -> list[tuple[int, int]]:
    """The numbers of the proposals of the first rounds: that of the round, and that in it."""
    return [(number, trial) for number in range(rounds) for trial in range(search.width)]
