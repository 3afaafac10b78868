"""The models by name: tokens of one or both modalities to two logits, normal and lung."""

from torch import nn

from lungfuse.models.early import Early
from lungfuse.models.irene import Irene
from lungfuse.models.joint import Joint
from lungfuse.models.kv_exchange import KVExchange
from lungfuse.models.unimodal import Unimodal
from lungfuse.settings import FusionSettings


def build_model(name: str, image_width: int, text_width: int, settings: FusionSettings) -> nn.Module:
    """The model called `name` with random weights; widths are those of the encoders' tokens."""
    widths = (image_width, text_width)
    small = {"hidden": settings.hidden, "dropout": settings.dropout}
    attention = {"width": settings.width, "heads": settings.heads} | small
    match name:
        case "image":
            return Unimodal(image_width, **small)
        case "text":
            return Unimodal(text_width, **small)
        case "early":
            return Early(*widths, **small)
        case "joint":
            return Joint(*widths, **attention)
        case "kv-exchange":
            return KVExchange(*widths, blocks=settings.blocks, **attention)
        case "irene":
            return Irene(*widths, blocks=settings.blocks, **attention)
    raise ValueError(f"no model is called {name!r}")
