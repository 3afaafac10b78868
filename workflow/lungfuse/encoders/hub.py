"""Repositories of the Hugging Face hub as encoders, by the `model_type` of their configuration.

A module of `lungfuse.encoders.networks` declares the MODEL_TYPES that it builds, and TOWERS where its network is a part
of a larger one: by the `model_type` of that, the entry of the configuration that describes the part.
"""

from collections.abc import Mapping
from types import ModuleType
from typing import Any

from lungfuse import registry
from lungfuse.encoders import Hub, ImageSpec, TextSpec, network_modules
from lungfuse.errors import UserError

LEVELS = 255  # of an image


def network(config: Mapping[str, Any]) -> ModuleType:
    """The module of networks that builds what a configuration describes.

    Raises:
        UserError: there is none.
    """
    found = config.get("model_type")
    known = {each: module for module in network_modules() for each in registry.declared_by(module)["MODEL_TYPES"]}
    if found not in known:
        raise UserError(
            f"config.json of a repository of the hub: model_type: found {found!r}, expected one of "
            f"{', '.join(sorted([*known, *_parted()]))}. Name another repository in params.yaml."
        )
    return registry.imported(known[found])


def spec(source: Hub, config: Mapping[str, Any]) -> ImageSpec | TextSpec:
    """What the encoder of this configuration is.

    Raises:
        UserError: no network is known for it.
    """
    return network(config).hub_spec(source, config)


def tower(source: Hub, config: dict[str, Any]) -> dict[str, Any]:
    """The configuration of that part of a repository that is read: the whole one where it has no towers.

    Raises:
        UserError: the repository has towers and none is named, or has none.
    """
    towers = _parted().get(config.get("model_type"), {})
    name = f"hub:{source.repository}@{source.revision}"
    if towers and source.tower not in towers:
        parts = " and ".join(sorted(towers))
        names = " or ".join(f"{name}:{each}" for each in sorted(towers))
        raise UserError(f"{name}: has a tower each for {parts}. Name one in params.yaml: {names}.")
    if source.tower and not towers:
        raise UserError(f"{name}:{source.tower}: has no towers. Name it in params.yaml as {name}.")
    if not towers:
        return config
    entry, model_type = towers[source.tower]
    shared = {"projection_dim": config["projection_dim"]} if "projection_dim" in config else {}
    return config.get(entry, {}) | shared | {"model_type": model_type}


def preprocessing(source: Hub, found: Mapping[str, Any]) -> dict[str, Any]:
    """Side, mean and std of images, of intensities in [0, 1], from the content of `preprocessor_config.json`.

    Raises:
        UserError: it does not say them.
    """
    found = found.get("image_processor", found)
    scale = LEVELS * found.get("rescale_factor", 1 / LEVELS) if found.get("do_rescale", True) else LEVELS
    size = found.get("crop_size") if found.get("do_center_crop") else None
    sides = _sides(size or found.get("size"))
    named = {name: found.get(name) for name in ["image_mean", "image_std"]}
    if not found.get("do_normalize", True):
        named = {"image_mean": [0.0], "image_std": [1.0]}
    if len(sides) > 1 or not all(isinstance(each, list) and each for each in named.values()):
        raise UserError(
            f"{source.repository}: preprocessor_config.json: found size {found.get('size')}, image_mean "
            f"{found.get('image_mean')} and image_std {found.get('image_std')}; expected a square, a mean and a "
            "deviation of each colour. Name another repository in params.yaml."
        )
    return {name: [value / scale for value in each] for name, each in named.items()} | {
        "input_size": max(sides, default=0)
    }


def _sides(size: Any) -> set[int]:
    """The lengths of the sides of an image, of which a square has one."""
    sides = [size.get(name) for name in ["height", "width", "shortest_edge"]] if isinstance(size, dict) else [size]
    return {side for side in sides if side}


def _parted() -> dict[str, dict[str, tuple[str, str]]]:
    """Kinds of networks with several towers: of each, by what it reads, its entry in the configuration and its kind."""
    found: dict[str, dict[str, tuple[str, str]]] = {}
    for module in network_modules():
        declared = registry.declared_by(module)
        for whole, entry in declared.get("TOWERS", {}).items():
            found.setdefault(whole, {})[declared["READS"]] = entry, declared["MODEL_TYPES"][0]
    return found
