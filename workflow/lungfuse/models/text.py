"""The text alone."""

from lungfuse.models.unimodal import Unimodal
from lungfuse.settings.training import FusionSettings


def build(image_width: int, text_width: int, settings: FusionSettings) -> Unimodal:
    return Unimodal(text_width, settings.hidden, settings.dropout)
