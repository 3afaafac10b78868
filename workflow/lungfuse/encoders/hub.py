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
    from lungfuse.encoders.networks import bert, resnet, vit

    known = {"bert": bert, "resnet": resnet, "vit": vit}
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
