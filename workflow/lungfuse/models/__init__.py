"""The models by name, one module each: tokens of one or both modalities to two logits, normal and lung."""

import importlib
from typing import TYPE_CHECKING

from lungfuse.settings.training import FusionSettings

if TYPE_CHECKING:
    from torch import nn


def build_model(name: str, image_width: int, text_width: int, settings: FusionSettings) -> "nn.Module":
    """The model called `name` with random weights; widths are those of the encoders' tokens."""
    return importlib.import_module(module_of(name)).build(image_width, text_width, settings)


def module_of(name: str) -> str:
    """The module of the model called `name`."""
    return f"{__name__}.{name.replace('-', '_')}"
