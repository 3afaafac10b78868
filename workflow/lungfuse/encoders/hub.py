"""Repositories of the Hugging Face hub as encoders, by the `model_type` of their configuration."""

from collections.abc import Mapping
from types import ModuleType
from typing import Any

from lungfuse.encoders import Hub, ImageSpec, TextSpec
from lungfuse.errors import UserError


def network(config: Mapping[str, Any]) -> ModuleType:
    """The module of networks that builds what a configuration describes.

    Raises:
        UserError: there is none.
    """
    from lungfuse.encoders.networks import bert, clip_image_tower, clip_text_tower, resnet, vit

    known = {"bert": bert, "resnet": resnet, "vit": vit}
    known |= {"clip_text_model": clip_text_tower, "clip_vision_model": clip_image_tower}
    found = config.get("model_type")
    if found not in known:
        raise UserError(
            f"config.json of a repository of the hub: model_type: found {found!r}, expected one of {', '.join(known)}. "
            "Name another repository in params.yaml."
        )
    return known[found]


def spec(source: Hub, config: Mapping[str, Any]) -> ImageSpec | TextSpec:
    """What the encoder of this configuration is.

    Raises:
        UserError: no network is known for it.
    """
    return network(config).hub_spec(source, config)


def of_tower(source: Hub, config: Mapping[str, Any]) -> Mapping[str, Any]:
    """The configuration of the tower that is asked for, of that of a CLIP; the whole where none is.

    Raises:
        UserError: it has no towers.
    """
    if source.tower is None:
        return config
    part = {"image": "vision", "text": "text"}[source.tower]
    if config.get("model_type") != "clip" or f"{part}_config" not in config:
        raise UserError(
            f"{source.repository}: found a {config.get('model_type')}, expected a clip, which has an image tower and a "
            f"text tower. Leave out :{source.tower}, or name another repository in params.yaml."
        )
    shared = {"projection_dim": config.get("projection_dim", 512)}
    return config[f"{part}_config"] | shared | {"model_type": f"clip_{part}_model"}
